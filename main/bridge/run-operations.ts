import { estimateBytes } from '../../protocol/clone.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import {
  MAX_CALL_BYTES,
  MAX_RESPONSE_BYTES,
  type Operation,
  type OperationFailure,
  type OperationResults,
} from '../../protocol/wire.ts';
import { isDeferred, OutOfTime, type ReadBudget, withBriefWait, withReadBudget } from '../engine/internal.ts';
import { type AuthorizedStore, authorize, resolveStore, type SessionContext } from './authorize.ts';
import type { AuthorizedCall } from './authorize-batch.ts';
import { CallTimer } from './diagnostics.ts';
import type { BridgeStore } from './handlers.ts';

/** Results, some of which may still be pending. */
export interface RunResults extends OperationResults {
  /** Resolves when all results are available. */
  readonly settled?: Promise<unknown> | undefined;
  /** The stores that operations may have written to. */
  readonly written?: ReadonlySet<BridgeStore> | undefined;
  /** Approximate bytes of the values. */
  readonly bytes?: number;
}

/** Collects the results of a request's operations. A failure replaces any value that the operation had. */
class TurnResults implements RunResults {
  readonly values: unknown[];
  readonly failures: OperationFailure[] = [];
  settled: Promise<unknown> | undefined;
  written: Set<BridgeStore> | undefined;
  #bytes = 0;
  #bytesAtYield = 0;
  #yieldedAt = performance.now();
  /** Bytes of values when the clock was last read, and calls since then. */
  #weightAtClock = 0;
  #callsSinceClock = 0;

  readonly #maxWeight: number;

  constructor(operations: number, maxWeight: number) {
    this.#maxWeight = maxWeight;
    this.values = new Array(operations).fill(undefined);
  }

  get bytes(): number {
    return this.#bytes;
  }

  markWritten(store: BridgeStore): void {
    this.written ??= new Set();
    this.written.add(store);
  }

  /** Lets others have a turn if many bytes were read, or much time has passed, since they last had one. */
  *yieldIfDue(): Generator<number | undefined, void, void> {
    if (!this.#hasReadMuch() && !this.#isLate()) return;
    yield undefined;
    this.#bytesAtYield = this.#bytes;
    this.#yieldedAt = performance.now();
  }

  /**
   * Returns whether others should have a turn; called after each call. The clock is only read after a few small calls, because reading it
   * costs as much as they do.
   */
  shouldYield(): boolean {
    if (this.#hasReadMuch()) return true;
    this.#callsSinceClock++;
    if (this.#callsSinceClock < MAX_UNTIMED_CALLS && this.#bytes - this.#weightAtClock < MAX_UNTIMED_BYTES)
      return false;
    return this.#isLate();
  }

  #hasReadMuch(): boolean {
    return this.#bytes - this.#bytesAtYield >= YIELD_AFTER_BYTES;
  }

  #isLate(): boolean {
    this.#callsSinceClock = 0;
    this.#weightAtClock = this.#bytes;
    return performance.now() - this.#yieldedAt >= YIELD_AFTER_MS;
  }

  /** @throws {OutOfTime} after the deadline, for calls that read many values. */
  run(place: number, call: AuthorizedCall, deadline?: number): void {
    try {
      // Reading a stream isn't bounded here.
      const value = call.alone ? call.run(UNLIMITED) : this.#runWithin(call, this.#getBudget(call, deadline));
      if (value instanceof Promise) this.#await(place, value);
      else this.values[place] = value;
    } catch (error) {
      if (deadline !== undefined && error instanceof OutOfTime) throw error;
      this.fail([place], error);
    }
  }

  /** Like `run`, for long calls: in slices and outside of a transaction. */
  *runInSteps(
    place: number,
    call: AuthorizedCall,
    openSlices: NonNullable<AuthorizedCall['openSlices']>,
  ): Generator<number | undefined, void, void> {
    try {
      const budget = this.#getBudget(call, undefined);
      const slices = openSlices(budget);
      const step = () => this.#charge(budget, () => slices.next());
      let result = step();
      for (; result.done !== true; result = step()) yield* this.yieldIfDue();
      this.values[place] = result.value;
    } catch (error) {
      this.fail([place], error);
    }
  }

  #runWithin(call: AuthorizedCall, budget: ReadBudget): unknown {
    return this.#charge(budget, () => call.run(budget));
  }

  #getBudget({ maxValueBytes }: AuthorizedCall, deadline: number | undefined): ReadBudget {
    const bytes = Math.min(this.#maxWeight - this.#bytes, MAX_CALL_BYTES);
    return { bytes, isUntouched: this.#bytes === 0, maxValueBytes, deadline };
  }

  /** Counts what is read, unless the read failed and its values are gone; if nothing was decoded, the size of the result itself. */
  #charge<T>(budget: ReadBudget, work: () => T): T {
    const { bytes } = budget;
    const value = withReadBudget(budget, work);
    const spent = bytes - budget.bytes;
    this.#bytes += spent === 0 ? estimateBytes(value) : spent;
    return value;
  }

  #await(place: number, value: Promise<unknown>): void {
    const pending = value.then(
      (result) => {
        this.values[place] = result;
        this.#bytes += estimateBytes(result);
      },
      (error: unknown) => this.fail([place], error),
    );
    this.settled = this.settled === undefined ? pending : Promise.all([this.settled, pending]);
  }

  /** Removes the failures after the first `failuresBefore` if one of them is `BUSY`, caused by a lock held elsewhere. Returns whether it did. */
  dropBusyFailures(failuresBefore: number): boolean {
    if (!this.failures.slice(failuresBefore).some(([, { code }]) => code === 'BUSY')) return false;
    this.failures.length = failuresBefore;
    return true;
  }

  fail(places: readonly number[], error: unknown): void {
    const data = toPageErrorData(error);
    for (const place of places) {
      this.values[place] = undefined;
      this.failures.push([place, data]);
    }
  }
}

/** Bytes read, which take a fraction of a millisecond, and milliseconds passed, after which others may have a turn. */
const YIELD_AFTER_BYTES = 64 * 1024;
const YIELD_AFTER_MS = 2;
/** Calls, and bytes they return, before the clock is read. */
const MAX_UNTIMED_CALLS = 4;
const MAX_UNTIMED_BYTES = 1024;
/**
 * Milliseconds after which a transaction is committed; the remaining calls run in another one. Where a commit is only a record of a journal,
 * that is soon (docs/decisions/0040).
 */
const MAX_TRANSACTION_MS = 40;
const MAX_DEFERRED_MS = 2;

const UNLIMITED: ReadBudget = Object.freeze({ bytes: Number.POSITIVE_INFINITY });

/**
 * Runs the operations of a request. Those on one store run in their order, and in one transaction if any of them writes; a failed operation
 * rolls back only itself. A method that can't be part of a transaction (`check`, `configure`) splits it in two. Yields where others may
 * have a turn: between large reads outside of transactions. `maxWeight`: of all values together.
 *
 * Invariant: each operation gets a value or a failure; never throws.
 */
export function* runOperations(
  operations: readonly unknown[],
  context: SessionContext,
  maxWeight: number = MAX_RESPONSE_BYTES,
): Generator<number | undefined, RunResults, void> {
  const results = new TurnResults(operations.length, maxWeight);
  const timer = CallTimer.create();
  for (const [name, places] of groupByStore(operations)) {
    try {
      yield* runOnStore(resolveStore(name, context), places, operations, results, timer);
    } catch (error) {
      results.fail(places, error);
    }
  }
  timer?.publish(operations, results);
  return results;
}

function groupByStore(operations: readonly unknown[]): Map<unknown, number[]> {
  const places = new Map<unknown, number[]>();
  for (let place = 0; place < operations.length; place++) {
    const operation = operations[place];
    const store: unknown = Array.isArray(operation) ? operation[0] : undefined;
    const known = places.get(store);
    if (known) known.push(place);
    else places.set(store, [place]);
  }
  return places;
}

function* runOnStore(
  opened: AuthorizedStore,
  places: readonly number[],
  operations: readonly unknown[],
  results: TurnResults,
  timer: CallTimer | undefined,
): Generator<number | undefined, void, void> {
  let batched: AuthorizedCall[] = [];
  let batchedPlaces: number[] = [];
  for (const place of places) {
    try {
      const authorized = authorize(opened, operations[place] as Operation);
      const call = timer?.wrap(place, authorized) ?? authorized;
      if (call.access !== 'read') results.markWritten(opened.store);
      if (call.alone !== true) {
        batched.push(call);
        batchedPlaces.push(place);
      } else {
        yield* runInTransaction(opened.store, batched, batchedPlaces, results);
        batched = [];
        batchedPlaces = [];
        if (call.openSlices === undefined) results.run(place, call);
        else yield* results.runInSteps(place, call, call.openSlices);
        yield* results.yieldIfDue();
      }
    } catch (error) {
      results.fail([place], error);
    }
  }
  yield* runInTransaction(opened.store, batched, batchedPlaces, results);
}

function* runInTransaction(
  store: BridgeStore,
  calls: readonly AuthorizedCall[],
  places: readonly number[],
  results: TurnResults,
): Generator<number | undefined, void, void> {
  // A single method runs its own transaction, which is cheaper.
  const isTransaction = calls.length > 1 && calls.some(({ access }) => access !== 'read');
  for (let at = 0; at < calls.length; ) {
    if (isTransaction && at < calls.length - 1) {
      let ran: RanCalls = { done: 0, needsAlone: false };
      yield* retryWhileBusy(results, () => {
        ran = transact(store, calls.slice(at), places.slice(at), results);
      });
      at += ran.done;
      if (!ran.needsAlone) {
        yield* results.yieldIfDue();
        continue;
      }
    }
    const call = calls[at]!;
    if (call.openSlices === undefined) at = yield* runUntilYield(calls, places, at, results);
    else yield* results.runInSteps(places[at++]!, call, call.openSlices);
    yield* results.yieldIfDue();
  }
}

/**
 * Runs calls one by one until others should have a turn, or until one can't run immediately. Returns the index of the next one. Almost no
 * call meets a lock, so the retry state is created once for all of them.
 */
function* runUntilYield(
  calls: readonly AuthorizedCall[],
  places: readonly number[],
  from: number,
  results: TurnResults,
): Generator<number | undefined, number, void> {
  let at = from;
  let failuresBefore = 0;
  const runNext = () => {
    failuresBefore = results.failures.length;
    results.run(places[at]!, calls[at]!);
  };
  const startedAt = performance.now();
  const timeout = withBriefWait(FIRST_LOCK_WAIT_MS, 0, () => {
    for (runNext(); results.failures.length === failuresBefore && !results.shouldYield(); runNext()) {
      if (calls[at + 1] === undefined || calls[at + 1]!.openSlices !== undefined) return;
      at++;
    }
  });
  // Only the last call can have failed.
  if (shouldRetry(results, failuresBefore, timeout, startedAt)) {
    yield LOCK_RETRY_MS;
    yield* retryWhileBusy(results, runNext, startedAt, LOCK_WAIT_MS);
  }
  return at + 1;
}

/** Milliseconds for which another process's lock blocks this thread, at the first attempt and at later ones; and between two attempts. */
const FIRST_LOCK_WAIT_MS = 50;
const LOCK_WAIT_MS = 10;
const LOCK_RETRY_MS = 25;

/**
 * Runs work that may meet another process's lock: blocks the thread only briefly, then lets everything else have a turn, and retries until
 * the store's timeout. The page's later calls wait behind it.
 */
function* retryWhileBusy(
  results: TurnResults,
  work: () => void,
  startedAt = performance.now(),
  firstWait = FIRST_LOCK_WAIT_MS,
): Generator<number | undefined, void, void> {
  for (let waitMs = firstWait; ; waitMs = LOCK_WAIT_MS) {
    const failuresBefore = results.failures.length;
    const timeout = withBriefWait(waitMs, performance.now() - startedAt, work);
    if (!shouldRetry(results, failuresBefore, timeout, startedAt)) return;
    yield LOCK_RETRY_MS;
  }
}

/** Returns whether a lock was met within the store's timeout, after removing the failures it caused. */
const shouldRetry = (results: TurnResults, failuresBefore: number, timeout: number, startedAt: number): boolean =>
  timeout > 0 && performance.now() - startedAt < timeout && results.dropBusyFailures(failuresBefore);

interface RanCalls {
  readonly done: number;
  /** The next call takes too long for a transaction with others. */
  readonly needsAlone: boolean;
}

/** Runs calls in one transaction until it has taken too long. */
function transact(
  store: BridgeStore,
  calls: readonly AuthorizedCall[],
  places: readonly number[],
  results: TurnResults,
): RanCalls {
  const startedAt = performance.now();
  const deadline = startedAt + MAX_TRANSACTION_MS;
  let done = 0;
  let needsAlone = false;
  try {
    store.transact(() => {
      for (; done < calls.length; done++) {
        if (done > 0 && isOver(performance.now() - startedAt)) return;
        try {
          results.run(places[done]!, toUndoable(store, calls[done]!), deadline);
        } catch (error) {
          if (!(error instanceof OutOfTime)) throw error;
          needsAlone = true;
          return;
        }
      }
    });
  } catch (error) {
    results.fail(places, error);
    return { done: calls.length, needsAlone: false };
  }
  return { done, needsAlone };
}

const isOver = (elapsedMs: number): boolean =>
  elapsedMs > MAX_DEFERRED_MS && (elapsedMs > MAX_TRANSACTION_MS || isDeferred());

/** Makes a delete in several steps roll back completely when its time is up. */
function toUndoable(store: BridgeStore, call: AuthorizedCall): AuthorizedCall {
  if (call.isLong !== true || call.access === 'read') return call;
  return { ...call, run: (budget) => store.transact(() => call.run(budget)) };
}
