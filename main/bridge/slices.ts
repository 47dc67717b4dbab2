import type { Cursor, Kind } from '../../protocol/contract.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { ClearOptions } from '../../protocol/options.ts';
import type { CheckOptions, Finding } from '../../protocol/results.ts';
import type { Cache, Deque, FanoutCache, Index } from '../engine/index.ts';
import { isEqual, OutOfTime, type ReadBudget, withoutByteLimit } from '../engine/internal.ts';
import type { BridgeStore } from './handlers.ts';
import { toPageFinding } from './page-findings.ts';

/** A call split into steps, between which others may have a turn. Each step runs within the read budget. */
export type Slices = Generator<void, unknown, void>;

type SlicedMethod = (store: never, args: readonly unknown[], budget: ReadBudget) => Slices;

type ValueMatcher = (found: unknown, place: number) => boolean;

/**
 * Searches a deque page by page for a value that `isFound` accepts; returns its index, or −1. As when iterating over an array, changes made
 * in the meantime may be seen or not.
 */
function* findInSlices(deque: Deque, from: number, isFound: ValueMatcher): Generator<void, number, void> {
  let place = from;
  for (let after: Cursor | undefined = { index: from, seen: 0 }; after !== undefined; ) {
    const { items, next } = withoutByteLimit(() => deque.page({}, after));
    for (const item of items) {
      if (isFound(item, place)) return place;
      place++;
    }
    after = next;
    yield;
  }
  return -1;
}

/** Milliseconds after which work continues in slices, if it can: the main process has other things to do within a frame. */
const SLICE_MS = 5;

/** Runs the work in one go if that is quick, which gives an exact result; otherwise in slices. */
function* tryAtOnce(budget: ReadBudget, atOnce: () => unknown, inSlices: () => Slices): Slices {
  budget.deadline = performance.now() + SLICE_MS;
  try {
    return atOnce();
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
  }
  budget.deadline = undefined;
  yield;
  return yield* inSlices();
}

function* indexOfInSlices(deque: Deque, [value, from]: readonly unknown[], budget: ReadBudget): Slices {
  const start = Math.trunc(Number(from ?? 0)) || 0;
  const search = () =>
    findInSlices(deque, start < 0 ? Math.max(0, start + deque.length) : start, (found) => isEqual(found, value));
  return yield* tryAtOnce(budget, () => deque.indexOf(value, from as number | undefined), search);
}

function* countInSlices(deque: Deque, [value]: readonly unknown[], budget: ReadBudget): Slices {
  return yield* tryAtOnce(
    budget,
    () => deque.count(value),
    function* () {
      let count = 0;
      yield* findInSlices(deque, 0, (found) => {
        if (isEqual(found, value)) count++;
        return false;
      });
      return count;
    },
  );
}

function* equalsInSlices(deque: Deque, [values]: readonly unknown[], budget: ReadBudget): Slices {
  return yield* tryAtOnce(
    budget,
    () => deque.equals(values as Iterable<unknown>),
    function* () {
      const others = [...(values as Iterable<unknown>)];
      if (others.length !== deque.length) return false;
      return (yield* findInSlices(deque, 0, (found, place) => !isEqual(found, others[place]))) === -1;
    },
  );
}

/** Maximum attempts to remove a value that moved between being found and being removed. */
const MAX_REMOVE_ATTEMPTS = 10;

function* removeInSlices(deque: Deque, [value]: readonly unknown[], budget: ReadBudget): Slices {
  return yield* tryAtOnce(
    budget,
    () => deque.remove(value),
    function* () {
      for (let attempt = 0; attempt < MAX_REMOVE_ATTEMPTS; attempt++) {
        const place = yield* findInSlices(deque, 0, (found) => isEqual(found, value));
        if (place < 0) return false;
        if (deque.transact(() => isEqual(deque.at(place), value) && deque.delete(place))) return true;
      }
      throw new DiskCacheError('BUSY', 'The deque kept changing while it was searched; try again later');
    },
  );
}

/** Milliseconds after which a deletion lets others have a turn. */
const DELETION_SLICE_MS = 2;

/** Deletes in separate transactions until nothing is left to delete. */
function* deleteInSlices(budget: ReadBudget, step: () => number): Slices {
  let total = 0;
  yield* repeatInSlices(budget, DELETION_SLICE_MS, () => {
    total += step();
  });
  return total;
}

/** Repeats work until it has not paused. Between the slices the budget keeps how far it has got. */
function* repeatInSlices(budget: ReadBudget, sliceMs: number, work: () => void): Generator<void, void, void> {
  budget.progress = new Map();
  for (;;) {
    budget.isPaused = false;
    budget.pauseAt = performance.now() + sliceMs;
    work();
    if (!budget.isPaused) return;
    yield;
  }
}

/** Measures the value files of a store folder by folder. */
function* volumeInSlices(store: BridgeStore, budget: ReadBudget): Slices {
  let bytes = 0;
  yield* repeatInSlices(budget, SLICE_MS, () => {
    bytes = store.volume();
  });
  return bytes;
}

/** Checks a store row by row, as far as it is undamaged. */
function* checkInSlices(store: BridgeStore, [options]: readonly unknown[], budget: ReadBudget): Slices {
  let findings: Finding[] = [];
  yield* repeatInSlices(budget, SLICE_MS, () => {
    findings = withoutByteLimit(() => store.check(options as CheckOptions));
  });
  return findings.map(toPageFinding);
}

/** Returns a page of results; if the scan had to skip many items, a page without items but with a cursor. */
function* pageInSlices(
  store: Cache | FanoutCache | Index,
  [of, range, after]: readonly unknown[],
  budget: ReadBudget,
): Slices {
  budget.pauseAt = performance.now();
  for (let at = after as Cursor | undefined; ; yield) {
    const found = store.page((of === 'items' ? 'entries' : of) as 'keys', range as object, at);
    if (found.items.length > 0 || found.next === undefined) return found;
    at = found.next;
  }
}

const SLICED_METHODS: Readonly<Record<string, SlicedMethod>> = {
  'deque.indexOf': indexOfInSlices,
  'deque.includes': function* (deque: Deque, [value]: readonly unknown[], budget: ReadBudget): Slices {
    return Number(yield* indexOfInSlices(deque, [value], budget)) >= 0;
  },
  'deque.count': countInSlices,
  'deque.equals': equalsInSlices,
  'deque.remove': removeInSlices,
  'cache.page': pageInSlices,
  'index.page': pageInSlices,
  'cache.evict': (cache: Cache, [tag], budget) => deleteInSlices(budget, () => cache.evict(tag as string)),
  'cache.expire': (cache: Cache, _, budget) => deleteInSlices(budget, () => cache.expire()),
  'cache.deletePrefix': (cache: Cache, [prefix], budget) =>
    deleteInSlices(budget, () => cache.deletePrefix(prefix as string)),
  'cache.clear': (cache: Cache, [options], budget) =>
    deleteInSlices(budget, () => cache.clear(options as ClearOptions)),
  'cache.cull': (cache: Cache, _, budget) => deleteInSlices(budget, () => cache.cull()),
};

/** Returns how a method runs in slices; undefined for one that runs in one go. */
export function getSlices(
  kind: Kind,
  method: string,
  store: BridgeStore,
  args: readonly unknown[],
): ((budget: ReadBudget) => Slices) | undefined {
  // Without a prefix, `clear` is one statement.
  if (!LONG_METHODS.has(method) || (method === 'clear' && args[0] === undefined)) return undefined;
  if (method === 'volume') return (budget) => volumeInSlices(store, budget);
  if (method === 'check') return (budget) => checkInSlices(store, args, budget);
  const sliced = SLICED_METHODS[`${kind}.${method}`];
  return sliced && ((budget) => sliced(store as never, args, budget));
}

/** Operations whose time grows with the store. The others of a contract cost O(log n) plus what they read. */
const LONG_OPERATIONS: ReadonlySet<string> = new Set([
  'cache.check',
  'index.check',
  'deque.check',
  'queue.check',
  'settings.check',
  ...Object.keys(SLICED_METHODS),
  'cache.volume',
  'index.volume',
  'index.equals',
  'index.clear',
  'index.deletePrefix',
  'deque.volume',
  'queue.volume',
  'settings.volume',
  'deque.delete',
  'deque.splice',
  'deque.rotate',
  'deque.reverse',
  'deque.clear',
]);

/**
 * Checked for each call by the method's name alone: most methods aren't long in any kind of store, and the full name need not be built for
 * them.
 */
const LONG_METHODS: ReadonlySet<string> = new Set(
  [...LONG_OPERATIONS].map((name) => name.slice(name.indexOf('.') + 1)),
);

export const isLong = (kind: Kind, method: string): boolean =>
  LONG_METHODS.has(method) && LONG_OPERATIONS.has(`${kind}.${method}`);
