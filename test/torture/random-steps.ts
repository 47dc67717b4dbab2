import { crc32 } from 'node:zlib';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { createRandom } from '../crash/random-writes.ts';
import { ModelStore } from '../model/model-store.ts';
import { ModelDeque } from './model-deque.ts';
import { ModelIndex } from './model-index.ts';

/*
 * What a tormented process does, step by step, known beforehand from a seed: a step is taken by the store and by the plain model of
 * it, so a test knows what has to be there after any number of steps. Values tell which step wrote them.
 */

export type Durability = 'process' | 'power';

/** How often, how large, which: each call draws the next number below `limit`. */
type RandomInt = (limit: number) => number;

/** A kind of store: the store itself, its model, and one step that either of them can take. */
export interface StoreUnderTest<Store extends object = object> {
  open(
    directory: string,
    durability: Durability,
  ): Store & { close(): void; check(options?: { repair: boolean }): readonly Finding[] };
  createModel(): Store;
  step(store: Store, draw: RandomInt, index: number): void | Promise<void>;
  /** Everything that is in it: the keys in order, and how to read the value of each. */
  items(store: Store): Iterable<readonly [unknown, () => unknown]>;
}

interface Finding {
  readonly code: string;
}

type CacheVerbs = Pick<
  Cache,
  | 'set'
  | 'setMany'
  | 'add'
  | 'touch'
  | 'update'
  | 'incr'
  | 'decr'
  | 'delete'
  | 'deleteMany'
  | 'pop'
  | 'push'
  | 'pull'
  | 'evict'
  | 'clear'
  | 'transact'
  | 'keys'
  | 'get'
> & { writeStream?(key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> };
type IndexVerbs = Pick<
  Index,
  'set' | 'setMany' | 'setDefault' | 'update' | 'delete' | 'pop' | 'popItem' | 'transact' | 'keys' | 'get'
> & { clear(): void };
type DequeVerbs = Pick<
  Deque,
  | 'push'
  | 'unshift'
  | 'pop'
  | 'shift'
  | 'set'
  | 'delete'
  | 'rotate'
  | 'reverse'
  | 'splice'
  | 'transact'
  | 'at'
  | 'length'
> & { clear(): unknown };

/** Of a FanoutCache. */
export const SHARDS = 3;
const KiB = 1024;
const NOW_MS = Date.UTC(2026, 0, 1);
const UNLIMITED_OPTIONS = { sizeLimit: Number.POSITIVE_INFINITY, clock: () => NOW_MS } as const;

/** Thrown to undo a transaction. */
class Rollback extends Error {}

/** Most are small and inside the row, some are files, a few are large. */
function createContent(draw: RandomInt, index: number): Uint8Array {
  const dice = draw(20);
  const bytes = dice < 11 ? draw(2000) : dice < 19 ? 33 * KiB + draw(120 * KiB) : 1024 * KiB;
  return new Uint8Array(Buffer.alloc(bytes, `${index}.${draw(1000)};`));
}

const toFingerprint = (value: unknown): string =>
  value instanceof Uint8Array ? `${value.length} bytes, ${crc32(value)}` : JSON.stringify(value);

/** Everything that is in a store, a line for each item, its value read and verified. */
export function describeStore(name: StoreName, store: object): readonly string[] {
  return Array.from(
    STORES_UNDER_TEST[name].items(store),
    ([key, read]) => `${JSON.stringify(key)}: ${readOutcome(read)}`,
  );
}

/** Represents a value that is reported as damaged. */
export const DAMAGED = 'damaged';

function readOutcome(read: () => unknown): string {
  try {
    return toFingerprint(read());
  } catch (error) {
    if (error instanceof DiskCacheError && error.code === 'CORRUPT') return DAMAGED;
    throw error;
  }
}

/** Several writes that are one, and perhaps none. */
function runInTransaction(store: { transact<T>(work: () => T): T }, draw: RandomInt, write: () => void): void {
  const count = draw(10) < 7 ? 1 : 2 + draw(4);
  if (count === 1) {
    write();
    return;
  }
  const fails = draw(5) === 0;
  try {
    store.transact(() => {
      for (let n = 0; n < count; n++) write();
      if (fails) throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback)) throw error;
  }
}

/** A write of a single item, which is in one shard. */
function writeItem(cache: CacheVerbs, draw: RandomInt, index: number): void {
  const key = `key ${draw(30)}`;
  const dice = draw(20);
  if (dice < 10) cache.set(key, createContent(draw, index));
  else if (dice < 11) cache.add(key, createContent(draw, index));
  else if (dice < 12) cache.touch(key, { ttl: 3_600_000 });
  else if (dice < 14) cache.update(key, () => createContent(draw, index));
  else if (dice < 16) cache.incr(`count ${draw(3)}`, 1 + draw(5));
  else if (dice < 18) cache.delete(key);
  else cache.pop(key);
}

function writeCache(cache: CacheVerbs, draw: RandomInt, index: number): void {
  const key = () => `key ${draw(30)}`;
  const options = () => (draw(4) === 0 ? { tag: `tag ${draw(3)}` } : {});
  const dice = draw(40);
  if (dice < 14) cache.set(key(), createContent(draw, index), options());
  else if (dice < 16)
    cache.setMany(
      [
        [key(), createContent(draw, index)],
        [key(), index],
      ],
      options(),
    );
  else if (dice < 18) cache.add(key(), createContent(draw, index), options());
  else if (dice < 20) cache.touch(key(), { ttl: 3_600_000 });
  else if (dice < 22) cache.update(key(), () => createContent(draw, index));
  else if (dice < 24) cache.incr(`count ${draw(3)}`, 1 + draw(5));
  else if (dice < 25) cache.decr(`count ${draw(3)}`);
  else if (dice < 28) cache.delete(key());
  else if (dice < 29) cache.deleteMany([key(), key(), key()]);
  else if (dice < 31) cache.pop(key());
  else if (dice < 34) cache.push(createContent(draw, index), draw(3) === 0 ? { side: 'front' } : {});
  else if (dice < 38) cache.pull(draw(3) === 0 ? { side: 'back' } : {});
  else if (dice < 39) cache.evict(`tag ${draw(3)}`);
  else if (draw(10) === 0) cache.clear();
}

async function* splitBytes(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 32 * KiB) yield bytes.subarray(at, at + 32 * KiB);
}

/**
 * `writes`: the writes of one step. A transaction over several shards is several commits, between which a process can die.
 */
const cacheSubject = (
  Kind: new (directory: string, options: object) => object,
  more: object,
  writes: (cache: CacheVerbs, draw: RandomInt, index: number) => void,
): StoreUnderTest<CacheVerbs> => ({
  open: (directory, durability) => new Kind(directory, { ...UNLIMITED_OPTIONS, ...more, durability }) as never,
  createModel: () => new ModelStore(() => NOW_MS) as unknown as CacheVerbs,
  step(cache, draw, index) {
    if (draw(25) > 0) return writes(cache, draw, index);
    const [key, bytes] = [`key ${draw(30)}`, createContent(draw, index)];
    if (cache.writeStream === undefined) cache.set(key, bytes);
    else return cache.writeStream(key, splitBytes(bytes));
  },
  items: (cache) => [...cache.keys({ order: 'key' })].map((key) => [key, () => cache.get(key)] as const),
});

const indexSubject: StoreUnderTest<IndexVerbs> = {
  open: (directory, durability) => new Index(directory, { durability }) as never,
  createModel: () => new ModelIndex() as unknown as IndexVerbs,
  step: (it, draw, index) =>
    runInTransaction(it, draw, () => {
      const key = () => `key ${draw(30)}`;
      const dice = draw(20);
      if (dice < 9) it.set(key(), createContent(draw, index));
      else if (dice < 11)
        it.setMany([
          [key(), createContent(draw, index)],
          [key(), index],
        ]);
      else if (dice < 12) it.setDefault(key(), createContent(draw, index));
      else if (dice < 14) it.update(key(), () => createContent(draw, index));
      else if (dice < 16) it.delete(key());
      else if (dice < 18) it.pop(key());
      else if (dice < 19) it.popItem({ last: draw(2) === 0 });
      else if (draw(20) === 0) it.clear();
    }),
  items: (it) => [...it.keys()].map((key) => [key, () => it.get(key)] as const),
};

const dequeSubject: StoreUnderTest<DequeVerbs> = {
  open: (directory, durability) => new Deque(directory, { durability }) as never,
  createModel: () => new ModelDeque() as unknown as DequeVerbs,
  step: (it, draw, index) =>
    runInTransaction(it, draw, () => {
      const dice = draw(24);
      const place = () => draw(Math.max(1, it.length));
      if (dice < 7) it.push(createContent(draw, index));
      else if (dice < 11) it.unshift(createContent(draw, index), index);
      else if (dice < 13) it.pop();
      else if (dice < 16) it.shift();
      else if (dice < 18) {
        if (it.length > 0) it.set(place(), createContent(draw, index));
      } else if (dice < 20) it.delete(place());
      else if (dice < 21) it.rotate(draw(5) - 2);
      else if (dice < 22) it.reverse();
      else if (dice < 23) it.splice(place(), 2);
      else if (draw(20) === 0) it.clear();
    }),
  items: (it) => Array.from({ length: it.length }, (_, index) => [index, () => it.at(index)] as const),
};

export const STORES_UNDER_TEST = {
  cache: cacheSubject(Cache, {}, (cache, draw, index) =>
    runInTransaction(cache, draw, () => writeCache(cache, draw, index)),
  ),
  fanout: cacheSubject(FanoutCache, { shards: SHARDS }, writeItem),
  index: indexSubject,
  deque: dequeSubject,
} as unknown as Readonly<Record<StoreName, StoreUnderTest>>;
export type StoreName = 'cache' | 'fanout' | 'index' | 'deque';
export const STORE_NAMES = Object.keys(STORES_UNDER_TEST) as readonly StoreName[];

/** Takes a step of a plan. */
export function takeStep(name: StoreName, store: object, seed: number, index: number): void | Promise<void> {
  const random = createRandom(Math.imul(seed, 7919) + index);
  return STORES_UNDER_TEST[name].step(store, (limit) => Math.floor(random() * limit), index);
}

/** What a store has to hold, step by step. */
export class ExpectedState {
  readonly #name: StoreName;
  readonly #seed: number;
  readonly #plain: object;
  steps = 0;

  constructor(name: StoreName, seed: number) {
    this.#name = name;
    this.#seed = seed;
    this.#plain = STORES_UNDER_TEST[name].createModel();
  }

  advance(): void {
    void takeStep(this.#name, this.#plain, this.#seed, this.steps++);
  }

  show(): readonly string[] {
    return describeStore(this.#name, this.#plain);
  }
}
