import { toPageErrorData } from '../../protocol/hidden-paths.ts';
import { weightOf } from '../../protocol/weight.ts';
import { type Failure, MAX_ANSWER, MAX_CALL, type Operation, type Results } from '../../protocol/wire.ts';
import { type Allowance, allowing, OutOfTime, waitBriefly } from '../engine/internal.ts';
import { admit, type Opened, open, type Page } from './admit.ts';
import type { Call } from './batch.ts';
import type { Store } from './verbs.ts';

/** Results, of which some may come later. */
export interface Ran extends Results {
  /** Resolves when all results are there. */
  readonly settled?: Promise<unknown> | undefined;
  /** The stores that any operation may have written to. */
  readonly written?: ReadonlySet<Store> | undefined;
  /** About how many bytes the values are. */
  readonly weight?: number;
}

/** What becomes of the operations of a turn. A failure holds, whatever value there was before it. */
class Outcomes implements Ran {
  readonly values: unknown[];
  readonly failures: Failure[] = [];
  settled: Promise<unknown> | undefined;
  written: Set<Store> | undefined;
  #weight = 0;
  #weightAtRest = 0;
  #restedAt = performance.now();
  /** What the values weighed when the clock was last read, and the calls since then. */
  #weightAtClock = 0;
  #callsSinceClock = 0;

  readonly #maxWeight: number;

  constructor(operations: number, maxWeight: number) {
    this.#maxWeight = maxWeight;
    this.values = new Array(operations).fill(undefined);
  }

  get weight(): number {
    return this.#weight;
  }

  noteWrite(store: Store): void {
    this.written ??= new Set();
    this.written.add(store);
  }

  /** Lets others have a turn when much was read, or time has gone by, since they last had one. */
  *rest(): Generator<number | undefined, void, void> {
    if (!this.#hasReadMuch() && !this.#isLate()) return;
    yield undefined;
    this.#weightAtRest = this.#weight;
    this.#restedAt = performance.now();
  }

  /** Whether others should have a turn; asked after each call. The clock is read only after a few small ones, for that costs as much as they do. */
  needsRest(): boolean {
    if (this.#hasReadMuch()) return true;
    this.#callsSinceClock++;
    if (this.#callsSinceClock < SMALL_CALLS && this.#weight - this.#weightAtClock < SMALL_BYTES) return false;
    return this.#isLate();
  }

  #hasReadMuch(): boolean {
    return this.#weight - this.#weightAtRest >= STEP_BYTES;
  }

  #isLate(): boolean {
    this.#callsSinceClock = 0;
    this.#weightAtClock = this.#weight;
    return performance.now() - this.#restedAt >= STEP_MS;
  }

  /** @throws {OutOfTime} after the deadline, for what reads value after value. */
  run(place: number, call: Call, deadline?: number): void {
    try {
      // Who listens to a stream may read as much as they like.
      const value = call.alone ? call.run(UNLIMITED) : this.#runWithin(call, this.#allowanceFor(call, deadline));
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
    call: Call,
    begin: NonNullable<Call['slices']>,
  ): Generator<number | undefined, void, void> {
    try {
      const allowance = this.#allowanceFor(call, undefined);
      const slices = begin(allowance);
      const step = () => this.#spending(allowance, () => slices.next());
      let result = step();
      for (; result.done !== true; result = step()) yield* this.rest();
      this.values[place] = result.value;
    } catch (error) {
      this.fail([place], error);
    }
  }

  #runWithin(call: Call, allowance: Allowance): unknown {
    return this.#spending(allowance, () => call.run(allowance));
  }

  #allowanceFor({ bytesOfOne }: Call, deadline: number | undefined): Allowance {
    const bytes = Math.min(this.#maxWeight - this.#weight, MAX_CALL);
    return { bytes, isWhole: this.#weight === 0, bytesOfOne, deadline };
  }

  /** Counts what is read, unless it failed and is gone; where nothing was decoded, the result itself. */
  #spending<T>(allowance: Allowance, work: () => T): T {
    const { bytes } = allowance;
    const value = allowing(allowance, work);
    const spent = bytes - allowance.bytes;
    this.#weight += spent === 0 ? weightOf(value) : spent;
    return value;
  }

  #await(place: number, value: Promise<unknown>): void {
    const put = value.then(
      (later) => {
        this.values[place] = later;
        this.#weight += weightOf(later);
      },
      (error: unknown) => this.fail([place], error),
    );
    this.settled = this.settled === undefined ? put : Promise.all([this.settled, put]);
  }

  /** Takes back the failures after the first `kept`, if one of them is `BUSY`, a lock held elsewhere. Returns whether it did. */
  takeBackBusy(kept: number): boolean {
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
const STEP_BYTES = 64 * 1024;
const STEP_MS = 2;
/** What may be done before the clock is read: calls, and bytes that they bring. */
const SMALL_CALLS = 4;
const SMALL_BYTES = 1024;
/** Milliseconds after which a transaction is committed, and what is left makes another one. */
const TRANSACTION_MS = 40;

const UNLIMITED: Allowance = Object.freeze({ bytes: Number.POSITIVE_INFINITY });

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself. What can't be part of a transaction (`check`, `configure`) parts it in two. Yields
 * where others may have a turn: between reads that bring much, and belong to no transaction. `maxWeight`: of all values together.
 *
 * Invariant: each operation has its value or a failure; never throws.
 */
export function* runOperations(
  operations: readonly unknown[],
  page: Page,
  maxWeight: number = MAX_ANSWER,
): Generator<number | undefined, Ran, void> {
  const outcomes = new Outcomes(operations.length, maxWeight);
  for (const [name, places] of byStore(operations)) {
    try {
      yield* runOnStore(open(name, page), places, operations, outcomes);
    } catch (error) {
      outcomes.fail(places, error);
    }
  }
  return outcomes;
}

function byStore(operations: readonly unknown[]): Map<unknown, number[]> {
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
  opened: Opened,
  places: readonly number[],
  operations: readonly unknown[],
  outcomes: Outcomes,
): Generator<number | undefined, void, void> {
  let together: Call[] = [];
  let theirs: number[] = [];
  for (const place of places) {
    try {
      const call = admit(opened, operations[place] as Operation);
      if (call.access !== 'read') outcomes.noteWrite(opened.store);
      if (call.alone !== true) {
        together.push(call);
        theirs.push(place);
      } else {
        yield* runTogether(opened.store, together, theirs, outcomes);
        together = [];
        theirs = [];
        outcomes.run(place, call);
        yield* outcomes.rest();
      }
    } catch (error) {
      outcomes.fail([place], error);
    }
  }
  yield* runTogether(opened.store, together, theirs, outcomes);
}

function* runTogether(
  store: Store,
  calls: readonly Call[],
  places: readonly number[],
  outcomes: Outcomes,
): Generator<number | undefined, void, void> {
  // A verb alone is a transaction of its own, and a cheaper one.
  const isTransaction = calls.length > 1 && calls.some(({ access }) => access !== 'read');
  for (let at = 0; at < calls.length; ) {
    if (isTransaction && at < calls.length - 1) {
      let done = 0;
      yield* despiteLocks(outcomes, () => {
        done = transact(store, calls.slice(at), places.slice(at), outcomes);
      });
      at += done;
    }
    const call = calls[at];
    if (call === undefined) break;
    if (call.slices === undefined) at = yield* runUntilRest(calls, places, at, outcomes);
    else yield* outcomes.runInSteps(places[at++]!, call, call.slices);
    yield* outcomes.rest();
  }
}

/**
 * Runs calls one by one until others should have a turn, or one can't be done at once. Returns the place of the next one. Nearly no
 * call meets a lock: what is needed for that is made once for all of them.
 */
function* runUntilRest(
  calls: readonly Call[],
  places: readonly number[],
  from: number,
  outcomes: Outcomes,
): Generator<number | undefined, number, void> {
  let at = from;
  let kept = 0;
  const runNext = () => {
    kept = outcomes.failures.length;
    outcomes.run(places[at]!, calls[at]!);
  };
  const began = performance.now();
  const timeout = waitBriefly(FIRST_WAIT_MS, 0, () => {
    for (runNext(); outcomes.failures.length === kept && !outcomes.needsRest(); runNext()) {
      if (calls[at + 1] === undefined || calls[at + 1]!.slices !== undefined) return;
      at++;
    }
  });
  // It is the last one that has failed, if any.
  if (isForLater(outcomes, kept, timeout, began)) {
    yield PAUSE_MS;
    yield* despiteLocks(outcomes, runNext, began, NEXT_WAIT_MS);
  }
  return at + 1;
}

/** How long a lock that somebody else holds blocks this thread at first, and in later attempts; and between two of them. */
const FIRST_WAIT_MS = 50;
const NEXT_WAIT_MS = 10;
const PAUSE_MS = 25;

/**
 * Does what may meet a lock that somebody else holds: the thread is blocked for a moment only, then everything else has a turn, and it
 * is tried again until the time of the store is up. The page's later calls wait behind it.
 */
function* despiteLocks(
  outcomes: Outcomes,
  work: () => void,
  began = performance.now(),
  firstWait = FIRST_WAIT_MS,
): Generator<number | undefined, void, void> {
  for (let most = firstWait; ; most = NEXT_WAIT_MS) {
    const kept = outcomes.failures.length;
    const timeout = waitBriefly(most, performance.now() - began, work);
    if (!isForLater(outcomes, kept, timeout, began)) return;
    yield PAUSE_MS;
  }
}

/** Whether a lock was met, and the store still has time for it: then what has failed for it is taken back. */
const isForLater = (outcomes: Outcomes, kept: number, timeout: number, began: number): boolean =>
  timeout > 0 && performance.now() - began < timeout && outcomes.takeBackBusy(kept);

/** Runs calls in one transaction until that has taken long. Returns how many are done; the next one has to be run alone. */
function transact(store: Store, calls: readonly Call[], places: readonly number[], outcomes: Outcomes): number {
  const deadline = performance.now() + TRANSACTION_MS;
  let done = 0;
  try {
    store.transact(() => {
      for (; done < calls.length; done++) {
        if (done > 0 && performance.now() > deadline) return;
        try {
          outcomes.run(places[done]!, undoable(store, calls[done]!), deadline);
        } catch (error) {
          if (error instanceof OutOfTime) return;
          throw error;
        }
      }
    });
  } catch (error) {
    outcomes.fail(places, error);
    return calls.length;
  }
  return done;
}

/** What deletes in several steps undoes all of them when its time is up. */
function undoable(store: Store, call: Call): Call {
  if (call.isLong !== true || call.access === 'read') return call;
  return { ...call, run: (allowance) => store.transact(() => call.run(allowance)) };
}
