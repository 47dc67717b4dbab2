import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Cache, Deque, DiskCacheError, FanoutCache, type Finding, Index } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';

const ITEMS = 240;
const DELETED_ITEMS = 20;
const DELETED_VALUE = 'x'.repeat(3000);

/** The value for a number: text, numbers, objects, values of some pages, and some in files of their own. */
const createValue = (n: number): unknown => {
  if (n % 40 === 7) return `file ${n} `.repeat(5000);
  if (n % 23 === 5) return new Uint8Array(6000).fill(n);
  return [`text ${n} ${'x'.repeat(n % 90)}`, n * 1.5, { n, list: [n, `${n}`] }, new Map([[n, new Date(n)]])][n % 4];
};

/** The outcome of one read of a damaged store. */
type ReadResult = 'whole' | 'missing' | 'refused' | 'wrong';

/** An open store, as the torture sees it. */
export interface OpenedStore {
  /** Reads everything that was stored, every way there is: the best outcome for each item, and what was wrong. */
  read(repaired?: boolean): { readonly best: ReadonlyMap<number, ReadResult>; readonly wrong: readonly string[] };
  check(repair?: boolean): readonly Finding[];
  clear(): void;
  /** Stores something and reads it back; throws when that fails. */
  use(): void;
  close(): void;
}

export interface StoreKind {
  readonly name: string;
  /** `beforeClose` is called while the store is open, with its directory. */
  fill(directory: string, beforeClose?: (directory: string) => void): void;
  open(directory: string): OpenedStore;
}

/** Fixed, so that a damage of a seed meets the same bytes each time, but for the names of files. */
const clock = (): number => 1_700_000_000_000;

type Map_ = Cache<string, unknown> | FanoutCache<string, unknown> | Index<string, unknown>;
const createKey = (n: number): string => `key ${n}`;

/** `undefined` for a refusal by a DiskCacheError; anything else is a fault of its own. */
export function attempt<T>(work: () => T): { readonly value: T } | undefined {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof DiskCacheError) return undefined;
    throw error;
  }
}

function readMap(store: Map_): ReturnType<OpenedStore['read']> {
  const best = new Map<number, ReadResult>();
  const wrong: string[] = [];
  for (let n = 0; n < ITEMS; n++) {
    const found = attempt(() => store.get(createKey(n)));
    const reading = classifyRead(found, n);
    best.set(n, reading);
    if (reading === 'wrong') wrong.push(`get(${createKey(n)}) gave another value`);
  }
  for (const order of ['stored', 'key'] as const) {
    attempt(() => {
      for (const [key, value] of store.entries({ order })) {
        const n = Number(key.slice(4));
        // Where a free page got a place again, what was deleted from it comes back.
        if (n >= ITEMS && n < ITEMS + DELETED_ITEMS && value === DELETED_VALUE) continue;
        if (key !== createKey(n) || !isDeepStrictEqual(value, createValue(n)))
          wrong.push(`entries gave ${key} another value`);
        else best.set(n, 'whole');
      }
    });
  }
  return { best, wrong };
}

function classifyRead(found: { readonly value: unknown } | undefined, n: number): ReadResult {
  if (found === undefined) return 'refused';
  if (isDeepStrictEqual(found.value, createValue(n))) return 'whole';
  return found.value === undefined ? 'missing' : 'wrong';
}

const mapKind = (
  name: string,
  open: (directory: string, options?: { readonly clock?: () => number }) => Map_,
): StoreKind => ({
  name,
  fill(directory, beforeClose) {
    const store = open(directory, { clock });
    for (let n = 0; n < ITEMS; n++) store.set(createKey(n), createValue(n));
    // Leaves free pages.
    for (let n = 0; n < DELETED_ITEMS; n++) store.set(createKey(ITEMS + n), DELETED_VALUE);
    for (let n = 0; n < DELETED_ITEMS; n++) store.delete(createKey(ITEMS + n));
    beforeClose?.(directory);
    store.close();
  },
  open(directory) {
    const store = open(directory);
    return {
      read: () => readMap(store),
      check: (repair) => store.check({ repair: repair ?? false }),
      clear: () => {
        store.clear();
        if (store.size !== 0) throw new Error('clear has left something');
      },
      use() {
        store.set('used', 'afterwards');
        if (store.get('used') !== 'afterwards') throw new Error('what was set is not there');
        store.delete('used');
      },
      close: () => store.close(),
    };
  },
});

/**
 * What is lost at the front moves all others by as much; nothing tells that, so it counts as missing. After a repair those behind
 * what was lost have moved up. Any other order is wrong.
 */
function readDeque(deque: Deque, repaired: boolean): ReturnType<OpenedStore['read']> {
  const best = new Map<number, ReadResult>();
  const wrong: string[] = [];
  const shifts = new Set<number>();
  const see = (index: number, value: unknown) => {
    const n = Array.from({ length: ITEMS }, (_, place) => place).find((place) =>
      isDeepStrictEqual(createValue(place), value),
    );
    if (n === undefined) wrong.push(`index ${index} gave a value that was never there`);
    else {
      best.set(n, 'whole');
      shifts.add(n - index);
    }
  };
  for (let index = 0; index < ITEMS; index++) {
    const found = attempt(() => deque.at(index));
    if (found !== undefined && found.value !== undefined) see(index, found.value);
  }
  attempt(() => {
    let index = 0;
    for (const value of deque) see(index++, value);
  });
  const inOrder = [...shifts].every((shift, at, all) => at === 0 || shift > all[at - 1]!);
  if (repaired ? !inOrder : shifts.size > 1) wrong.push(`the order has changed: ${[...shifts].join(', ')}`);
  for (let n = 0; n < ITEMS; n++) if (!best.has(n)) best.set(n, 'missing');
  return { best, wrong };
}

const dequeKind: StoreKind = {
  name: 'Deque',
  fill(directory, beforeClose) {
    const deque = new Deque(directory, { durability: 'process', clock });
    for (let n = 0; n < ITEMS; n++) deque.push(createValue(n));
    beforeClose?.(directory);
    deque.close();
  },
  open(directory) {
    const deque = new Deque(directory, { durability: 'process' });
    return {
      read: (repaired = false) => readDeque(deque, repaired),
      check: (repair) => deque.check({ repair: repair ?? false }),
      clear() {
        deque.clear();
        if (deque.length !== 0) throw new Error('clear has left something');
      },
      use() {
        const length = deque.push('afterwards');
        if (deque.at(length - 1) !== 'afterwards' || deque.pop() !== 'afterwards') throw new Error('push was lost');
      },
      close: () => deque.close(),
    };
  },
};

const queueKind: StoreKind = {
  name: 'Queue',
  fill(directory, beforeClose) {
    const queue = new Queue(directory, { durability: 'process', clock: () => 1000 });
    for (let n = 0; n < ITEMS; n++) {
      queue.enqueue(createValue(n), {
        delay: n % 3 === 0 ? 500 : 0,
        ...(n % 5 === 0 && { group: n % 4, dedupeKey: n }),
      });
    }
    beforeClose?.(directory);
    queue.close();
  },
  open(directory) {
    const queue = new Queue(directory, { durability: 'process', clock: () => 1000 });
    return {
      read() {
        const best = new Map<number, ReadResult>();
        const wrong: string[] = [];
        for (let n = 0; n < ITEMS; n++) {
          const found = attempt(() => queue.get(n + 1));
          const reading = classifyRead(found && { value: found.value?.payload }, n);
          // Of a job that can't be found nothing is said; its payload can't be undefined.
          best.set(n, found?.value === undefined && reading !== 'refused' ? 'missing' : reading);
          if (reading === 'wrong') wrong.push(`job ${n + 1} has another payload`);
        }
        return { best, wrong };
      },
      check: (repair) => queue.check({ repair: repair ?? false }),
      clear() {},
      use() {
        const { id } = queue.enqueue('afterwards');
        if (queue.get(id)?.payload !== 'afterwards') throw new Error('a job was lost');
        if (id <= ITEMS && queue.counts().ready + queue.counts().delayed > ITEMS)
          throw new Error('an id was given twice');
        queue.remove(id);
      },
      close: () => queue.close(),
    };
  },
};

export const STORE_KINDS: readonly StoreKind[] = [
  mapKind('Cache', (directory, options) => new Cache(directory, { ...options, memory: 0 })),
  mapKind(
    'Cache with small pages',
    (directory, options) => new Cache(directory, { ...options, sizeLimit: 1024 * 1023, fileThreshold: 2048 }),
  ),
  mapKind(
    'a sealed Cache',
    (directory, options) => new Cache(directory, { ...options, memory: 0, encryptionKey: new Uint8Array(32).fill(1) }),
  ),
  mapKind('Index', (directory, options) => new Index(directory, { ...options, durability: 'process' })),
  mapKind('FanoutCache', (directory, options) => new FanoutCache(directory, { ...options, shards: 2 })),
  dequeKind,
  queueKind,
];

/** The databases below a directory. */
export const findDatabases = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((file) => file.name === 'cache.db')
    .map((file) => join(file.parentPath, file.name))
    .sort();
