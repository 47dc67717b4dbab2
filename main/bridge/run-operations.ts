import { estimateBytes } from '../../protocol/clone.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import {
  MAX_CALL,
  MAX_RESPONSE_BYTES,
  type Operation,
  type OperationFailure,
  type OperationResults,
} from '../../protocol/wire.ts';
import { OutOfTime, type ReadBudget, withBriefWait, withReadBudget } from '../engine/internal.ts';
import { type AuthorizedStore, authorize, resolveStore, type SessionContext } from './authorize.ts';
import type { AuthorizedCall } from './authorize-batch.ts';
import type { BridgeStore } from './handlers.ts';

/** Results, of which some may come later. */
export interface RunResults extends OperationResults {
  /** Resolves when all results are there. */
  readonly settled?: Promise<unknown> | undefined;
  /** The stores that any operation may have written to. */
  readonly written?: ReadonlySet<BridgeStore> | undefined;
  /** About how many bytes the values are. */
  readonly bytes?: number;
}

/** What becomes of the operations of a turn. A failure holds, whatever value there was before it. */
class TurnResults implements RunResults {
  readonly values: unknown[];
  readonly failures: OperationFailure[] = [];
  settled: Promise<unknown> | undefined;
  written: Set<BridgeStore> | undefined;
  #bytes = 0;
  #bytesAtYield = 0;
  #yieldedAt = performance.now();
  /** What the values weighed when the clock was last read, and the calls since then. */
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

  /** Lets others have a turn when much was read, or time has gone by, since they last had one. */
  *yieldIfDue(): Generator<number | undefined, void, void> {
    if (!this.#hasReadMuch() && !this.#isLate()) return;
    yield undefined;
    this.#bytesAtYield = this.#bytes;
    this.#yieldedAt = performance.now();
  }

  /** Whether others should have a turn; asked after each call. The clock is read only after a few small ones, for that costs as much as they do. */
  needsRest(): boolean {
    if (this.#hasReadMuch()) return true;
    this.#callsSinceClock++;
    if (this.#callsSinceClock < SMALL_CALLS && this.#bytes - this.#weightAtClock < SMALL_BYTES) return false;
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

  /** @throws {OutOfTime} after the deadline, for what reads value after value. */
  run(place: number, call: AuthorizedCall, deadline?: number): void {
    try {
      // Who listens to a stream may read as much as they like.
      const value = call.alone ? call.run(UNLIMITED) : this.#runWithin(call, this.#getBudget(call, deadline));
      if (value instanceof Promise) this.#await(place, value);
      else this.values[place] = value;
    } catch (error) {
      if (deadline !== undefined && error instanceof OutOfTime) throw error;
      this.fail([place], error);
    }
  }

  /** As `run`, outside of a transaction and in steps, for what takes long. */
  *runInSteps(
    place: number,
    call: AuthorizedCall,
    begin: NonNullable<AuthorizedCall['openSlices']>,
  ): Generator<number | undefined, void, void> {
    try {
      const allowance = this.#getBudget(call, undefined);
      const slices = begin(allowance);
      const step = () => this.#charge(allowance, () => slices.next());
      let result = step();
      for (; result.done !== true; result = step()) yield* this.yieldIfDue();
      this.values[place] = result.value;
    } catch (error) {
      this.fail([place], error);
    }
  }

  #runWithin(call: AuthorizedCall, allowance: ReadBudget): unknown {
    return this.#charge(allowance, () => call.run(allowance));
  }

  #getBudget({ maxValueBytes }: AuthorizedCall, deadline: number | undefined): ReadBudget {
    const bytes = Math.min(this.#maxWeight - this.#bytes, MAX_CALL);
    return { bytes, isUntouched: this.#bytes === 0, maxValueBytes, deadline };
  }

  /** Counts what is read, unless it failed and is gone; where nothing was decoded, the result itself. */
  #charge<T>(allowance: ReadBudget, work: () => T): T {
    const { bytes } = allowance;
    const value = withReadBudget(allowance, work);
    const spent = bytes - allowance.bytes;
    this.#bytes += spent === 0 ? estimateBytes(value) : spent;
    return value;
  }

  #await(place: number, value: Promise<unknown>): void {
    const put = value.then(
      (later) => {
        this.values[place] = later;
        this.#bytes += estimateBytes(later);
      },
      (error: unknown) => this.fail([place], error),
    );
    this.settled = this.settled === undefined ? put : Promise.all([this.settled, put]);
  }

  /** Takes back the failures after the first `kept`, if one of them is `BUSY`, a lock held elsewhere. Returns whether it did. */
  dropBusyFailures(kept: number): boolean {
    if (!this.failures.slice(kept).some(([, { code }]) => code === 'BUSY')) return false;
    this.failures.length = kept;
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

/** Bytes that are read, a fraction of a millisecond, and time that goes by, before others may have a turn. */
const YIELD_AFTER_BYTES = 64 * 1024;
const YIELD_AFTER_MS = 2;
/** What may be done before the clock is read: calls, and bytes that they bring. */
const SMALL_CALLS = 4;
const SMALL_BYTES = 1024;
/** Milliseconds after which a transaction is committed, and what is left makes another one. */
const MAX_TRANSACTION_MS = 40;

const UNLIMITED: ReadBudget = Object.freeze({ bytes: Number.POSITIVE_INFINITY });

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself. What can't be part of a transaction (`checkQueue`, `configure`) parts it in two. Yields
 * where others may have a turn: between reads that bring much, and belong to no transaction. `maxWeight`: of all values together.
 *
 * Invariant: each operation has its value or a failure; never throws.
 */
export function* runOperations(
  operations: readonly unknown[],
  page: SessionContext,
  maxWeight: number = MAX_RESPONSE_BYTES,
): Generator<number | undefined, RunResults, void> {
  const results = new TurnResults(operations.length, maxWeight);
  for (const [name, places] of groupByStore(operations)) {
    try {
      yield* runOnStore(resolveStore(name, page), places, operations, results);
    } catch (error) {
      results.fail(places, error);
    }
  }
  return results;
}

function groupByStore(operations: readonly unknown[]): Map<unknown, number[]> {
  const places = new Map<unknown, number[]>();
  for (let place = 0; place < operations.length; place++) {
    const operation = operations[place];
    const store: unknown = Array.isArray(operation) ? operation[0] : undefined;
    const there = places.get(store);
    if (there) there.push(place);
    else places.set(store, [place]);
  }
  return places;
}

function* runOnStore(
  opened: AuthorizedStore,
  places: readonly number[],
  operations: readonly unknown[],
  results: TurnResults,
): Generator<number | undefined, void, void> {
  let batched: AuthorizedCall[] = [];
  let batchedPlaces: number[] = [];
  for (const place of places) {
    try {
      const call = authorize(opened, operations[place] as Operation);
      if (call.access !== 'read') results.markWritten(opened.store);
      if (call.alone !== true) {
        batched.push(call);
        batchedPlaces.push(place);
      } else {
        yield* runInTransaction(opened.store, batched, batchedPlaces, results);
        batched = [];
        batchedPlaces = [];
        results.run(place, call);
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
  // A verb alone is a transaction of its own, and a cheaper one.
  const isTransaction = calls.length > 1 && calls.some(({ access }) => access !== 'read');
  for (let at = 0; at < calls.length; ) {
    if (isTransaction && at < calls.length - 1) {
      let done = 0;
      yield* retryWhileBusy(results, () => {
        done = transact(store, calls.slice(at), places.slice(at), results);
      });
      at += done;
    }
    const call = calls[at];
    if (call === undefined) break;
    if (call.openSlices === undefined) at = yield* runUntilRest(calls, places, at, results);
    else yield* results.runInSteps(places[at++]!, call, call.openSlices);
    yield* results.yieldIfDue();
  }
}

/**
 * Runs calls one by one until others should have a turn, or one can't be done at once. Returns the place of the next one. Nearly no
 * call meets a lock: what is needed for that is made once for all of them.
 */
function* runUntilRest(
  calls: readonly AuthorizedCall[],
  places: readonly number[],
  from: number,
  outcomes: TurnResults,
): Generator<number | undefined, number, void> {
  let at = from;
  let kept = 0;
  const runNext = () => {
    kept = outcomes.failures.length;
    outcomes.run(places[at]!, calls[at]!);
  };
  const began = performance.now();
  const timeout = withBriefWait(FIRST_LOCK_WAIT_MS, 0, () => {
    for (runNext(); outcomes.failures.length === kept && !outcomes.needsRest(); runNext()) {
      if (calls[at + 1] === undefined || calls[at + 1]!.openSlices !== undefined) return;
      at++;
    }
  });
  // It is the last one that has failed, if any.
  if (isForLater(outcomes, kept, timeout, began)) {
    yield LOCK_RETRY_MS;
    yield* retryWhileBusy(outcomes, runNext, began, LOCK_WAIT_MS);
  }
  return at + 1;
}

/** How long a lock that somebody else holds blocks this thread at first, and in later attempts; and between two of them. */
const FIRST_LOCK_WAIT_MS = 50;
const LOCK_WAIT_MS = 10;
const LOCK_RETRY_MS = 25;

/**
 * Does what may meet a lock that somebody else holds: the thread is blocked for a moment only, then everything else has a turn, and it
 * is tried again until the time of the store is up. The page's later calls wait behind it.
 */
function* retryWhileBusy(
  results: TurnResults,
  work: () => void,
  began = performance.now(),
  firstWait = FIRST_LOCK_WAIT_MS,
): Generator<number | undefined, void, void> {
  for (let waitMs = firstWait; ; waitMs = LOCK_WAIT_MS) {
    const failuresBefore = results.failures.length;
    const timeout = withBriefWait(waitMs, performance.now() - began, work);
    if (!isForLater(results, failuresBefore, timeout, began)) return;
    yield LOCK_RETRY_MS;
  }
}

/** Whether a lock was met, and the store still has time for it: then what has failed for it is taken back. */
const isForLater = (outcomes: TurnResults, kept: number, timeout: number, began: number): boolean =>
  timeout > 0 && performance.now() - began < timeout && outcomes.dropBusyFailures(kept);

/** Runs calls in one transaction until that has taken long. Returns how many are done; the next one has to be run alone. */
function transact(
  store: BridgeStore,
  calls: readonly AuthorizedCall[],
  places: readonly number[],
  results: TurnResults,
): number {
  const deadline = performance.now() + MAX_TRANSACTION_MS;
  let done = 0;
  try {
    store.transact(() => {
      for (; done < calls.length; done++) {
        if (done > 0 && performance.now() > deadline) return;
        try {
          results.run(places[done]!, toUndoable(store, calls[done]!), deadline);
        } catch (error) {
          if (error instanceof OutOfTime) return;
          throw error;
        }
      }
    });
  } catch (error) {
    results.fail(places, error);
    return calls.length;
  }
  return done;
}

/** What deletes in several steps undoes all of them when its time is up. */
function toUndoable(store: BridgeStore, call: AuthorizedCall): AuthorizedCall {
  if (call.isLong !== true || call.access === 'read') return call;
  return { ...call, run: (allowance) => store.transact(() => call.run(allowance)) };
}
