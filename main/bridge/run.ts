import { DiskCacheError } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/hidden-paths.ts';
import { weightOf } from '../../protocol/weight.ts';
import { type Failure, MAX_ANSWER, type Operation, type Results } from '../../protocol/wire.ts';
import { allowing, waitBriefly } from '../engine/index.ts';
import { admit, type Opened, open, type Page } from './admit.ts';
import type { Call } from './batch.ts';
import type { Store } from './verbs.ts';

/** Results, of which some may come later. */
export interface Ran extends Results {
  /** Resolves when all results are there. */
  readonly settled?: Promise<unknown> | undefined;
}

/** What becomes of the operations of a turn. A failure holds, whatever value there was before it. */
class Outcomes implements Ran {
  readonly values: unknown[];
  readonly failures: Failure[] = [];
  settled: Promise<unknown> | undefined;
  #weight = 0;
  #weightAtRest = 0;

  constructor(operations: number) {
    this.values = new Array(operations).fill(undefined);
  }

  /** Whether much was read since it last was so. */
  needsRest(): boolean {
    if (this.#weight - this.#weightAtRest < WEIGHT_OF_A_STEP) return false;
    this.#weightAtRest = this.#weight;
    return true;
  }

  run(place: number, call: Call): void {
    try {
      const value = this.#valueOf(call);
      if (value instanceof Promise) this.#await(place, value);
      else this.values[place] = value;
    } catch (error) {
      this.fail([place], error);
    }
  }

  #valueOf(call: Call): unknown {
    // What a write gives can't be refused after it was done; and who listens to it may read as much as they like.
    const isBounded = call.access === 'read' && call.alone !== true;
    const left = MAX_ANSWER - this.#weight;
    const value = isBounded ? allowing(left, call.bytesOfOne ?? left, call.run) : call.run();
    const weight = weightOf(value);
    if (isBounded && weight > left) throw tooMuch();
    this.#weight += weight;
    return value;
  }

  #await(place: number, value: Promise<unknown>): void {
    const put = value.then(
      (later) => {
        this.values[place] = later;
      },
      (error: unknown) => this.fail([place], error),
    );
    this.settled = this.settled === undefined ? put : Promise.all([this.settled, put]);
  }

  /** Takes back the failures after the first so many, if one of them is that somebody else held a lock; else returns false. */
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

/** So many bytes are read, a fraction of a millisecond, before others may have a turn. */
const WEIGHT_OF_A_STEP = 64 * 1024;

const tooMuch = () =>
  new DiskCacheError(
    'TOO_LARGE',
    `What was asked for in one turn is more than ${MAX_ANSWER} bytes; read less at a time, or a large value as a stream`,
  );

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself. What can't be part of a transaction (`check`, `configure`) parts it in two. Yields
 * where others may have a turn: between reads that bring much, and belong to no transaction.
 *
 * Invariant: each operation has its value or a failure; never throws.
 */
export function* runOperations(operations: readonly unknown[], page: Page): Generator<number | undefined, Ran, void> {
  const outcomes = new Outcomes(operations.length);
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
      if (call.alone !== true) {
        together.push(call);
        theirs.push(place);
      } else {
        yield* runTogether(opened.store, together, theirs, outcomes);
        together = [];
        theirs = [];
        outcomes.run(place, call);
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
  if (calls.length > 1 && calls.some(({ access }) => access !== 'read')) {
    yield* despiteLocks(outcomes, () => transact(store, calls, places, outcomes));
    return;
  }
  for (const [nth, call] of calls.entries()) {
    yield* despiteLocks(outcomes, () => outcomes.run(places[nth]!, call));
    if (outcomes.needsRest()) yield undefined;
  }
}

/** How long a lock that somebody else holds blocks this thread at first, and in later attempts; and between two of them. */
const FIRST_WAIT_MS = 50;
const NEXT_WAIT_MS = 10;
const PAUSE_MS = 25;

/**
 * Does what may meet a lock that somebody else holds: the thread is blocked for a moment only, then everything else has a turn, and it
 * is tried again until the time of the store is up. The page's later calls wait behind it.
 */
function* despiteLocks(outcomes: Outcomes, work: () => void): Generator<number | undefined, void, void> {
  const began = performance.now();
  for (let most = FIRST_WAIT_MS; ; most = NEXT_WAIT_MS) {
    const kept = outcomes.failures.length;
    const timeout = waitBriefly(most, performance.now() - began, work);
    if (performance.now() - began >= timeout || !outcomes.takeBackBusy(kept)) return;
    yield PAUSE_MS;
  }
}

function transact(store: Store, calls: readonly Call[], places: readonly number[], outcomes: Outcomes): void {
  try {
    store.transact(() => {
      for (const [nth, call] of calls.entries()) outcomes.run(places[nth]!, call);
    });
  } catch (error) {
    outcomes.fail(places, error);
  }
}
