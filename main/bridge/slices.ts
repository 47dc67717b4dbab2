import type { Cursor, Kind } from '../../protocol/contract.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Cache, Deque, FanoutCache, Index } from '../engine/index.ts';
import { type Allowance, isEqual, OutOfTime, transiently } from '../engine/internal.ts';
import type { Store } from './verbs.ts';

/** A call in steps, between which others may have a turn. Each step runs within the allowance. */
export type Slices = Generator<void, unknown, void>;

type Sliced = (store: never, args: readonly unknown[], allowance: Allowance) => Slices;

type Equal = (found: unknown, place: number) => boolean;

/**
 * Looks at the values of a deque until `isFound`, page by page; the place of that value, or −1. As with an array that is walked
 * over, what changes meanwhile may be met or not.
 */
function* find(deque: Deque, from: number, isFound: Equal): Generator<void, number, void> {
  let place = from;
  for (let after: Cursor | undefined = { index: from, seen: 0 }; after !== undefined; ) {
    const { items, next } = transiently(() => deque.page({}, after));
    for (const item of items) {
      if (isFound(item, place)) return place;
      place++;
    }
    after = next;
    yield;
  }
  return -1;
}

/** Milliseconds after which what can be done in steps is. */
const SLICE_MS = 20;

/** At once where that is quick, which is exact; else in steps. */
function* quicklyOr(allowance: Allowance, quickly: () => unknown, slowly: () => Slices): Slices {
  allowance.deadline = performance.now() + SLICE_MS;
  try {
    return quickly();
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
  }
  allowance.deadline = undefined;
  yield;
  return yield* slowly();
}

function* indexOf(deque: Deque, [value, from]: readonly unknown[], allowance: Allowance): Slices {
  const start = Math.trunc(Number(from ?? 0)) || 0;
  const search = () =>
    find(deque, start < 0 ? Math.max(0, start + deque.length) : start, (found) => isEqual(found, value));
  return yield* quicklyOr(allowance, () => deque.indexOf(value, from as number | undefined), search);
}

function* count(deque: Deque, [value]: readonly unknown[], allowance: Allowance): Slices {
  return yield* quicklyOr(
    allowance,
    () => deque.count(value),
    function* () {
      let times = 0;
      yield* find(deque, 0, (found) => {
        if (isEqual(found, value)) times++;
        return false;
      });
      return times;
    },
  );
}

function* isDequeEqual(deque: Deque, [values]: readonly unknown[], allowance: Allowance): Slices {
  return yield* quicklyOr(
    allowance,
    () => deque.equals(values as Iterable<unknown>),
    function* () {
      const others = [...(values as Iterable<unknown>)];
      if (others.length !== deque.length) return false;
      return (yield* find(deque, 0, (found, place) => !isEqual(found, others[place]))) === -1;
    },
  );
}

/** So often what was found may be somewhere else when it is to be removed. */
const MAX_ATTEMPTS = 10;

function* remove(deque: Deque, [value]: readonly unknown[], allowance: Allowance): Slices {
  return yield* quicklyOr(
    allowance,
    () => deque.remove(value),
    function* () {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const place = yield* find(deque, 0, (found) => isEqual(found, value));
        if (place < 0) return false;
        if (deque.transact(() => isEqual(deque.at(place), value) && deque.delete(place))) return true;
      }
      throw new DiskCacheError(
        'BUSY',
        'The deque changed again and again while a value was looked for; try again later',
      );
    },
  );
}

/** Deletes in transactions of their own, until nothing more is to be done. */
function* inSteps(allowance: Allowance, step: () => number): Slices {
  for (let total = 0; ; ) {
    allowance.isPaused = false;
    allowance.pauseAt = performance.now() + SLICE_MS;
    total += step();
    if (!allowance.isPaused) return total;
    yield;
  }
}

/** A page for which much is passed by has no items at first, and leads on. */
function* page(
  store: Cache | FanoutCache | Index,
  [of, range, after]: readonly unknown[],
  allowance: Allowance,
): Slices {
  allowance.pauseAt = performance.now();
  for (let at = after as Cursor | undefined; ; yield) {
    const found = store.page((of === 'items' ? 'entries' : of) as 'keys', range as object, at);
    if (found.items.length > 0 || found.next === undefined) return found;
    at = found.next;
  }
}

const SLICED: Readonly<Record<string, Sliced>> = {
  'deque.indexOf': indexOf,
  'deque.includes': function* (deque: Deque, [value]: readonly unknown[], allowance: Allowance): Slices {
    return Number(yield* indexOf(deque, [value], allowance)) >= 0;
  },
  'deque.count': count,
  'deque.equals': isDequeEqual,
  'deque.remove': remove,
  'cache.page': page,
  'index.page': page,
  'cache.evict': (cache: Cache, [tag], allowance) => inSteps(allowance, () => cache.evict(tag as string)),
  'cache.expire': (cache: Cache, _, allowance) => inSteps(allowance, () => cache.expire()),
  'cache.cull': (cache: Cache, _, allowance) => inSteps(allowance, () => cache.cull()),
};

/** How a method is done in steps; undefined for what is done at once. */
export function getSlices(
  kind: Kind,
  method: string,
  store: Store,
  args: readonly unknown[],
): ((allowance: Allowance) => Slices) | undefined {
  if (!LONG_METHODS.has(method)) return undefined;
  const sliced = SLICED[`${kind}.${method}`];
  return sliced && ((allowance) => sliced(store as never, args, allowance));
}

/** What takes longer the more there is. The others of a contract cost O(log n) and what they read. */
const LONG: ReadonlySet<string> = new Set([
  ...Object.keys(SLICED),
  'cache.volume',
  'cache.clear',
  'index.volume',
  'index.equals',
  'index.clear',
  'deque.volume',
  'deque.delete',
  'deque.splice',
  'deque.rotate',
  'deque.reverse',
  'deque.clear',
]);

/** Asked for each call: most methods are long in no kind of store, and no name has to be put together for them. */
const LONG_METHODS: ReadonlySet<string> = new Set([...LONG].map((name) => name.slice(name.indexOf('.') + 1)));

export const isLong = (kind: Kind, method: string): boolean =>
  LONG_METHODS.has(method) && LONG.has(`${kind}.${method}`);
