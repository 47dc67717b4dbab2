import type { Key } from '../key.ts';
import type { Configuration, CountOptions, QueueOptions, Range, SetOptions } from '../options.ts';
import type { CheckOptions, Cursor, Entry, Finding, Projection, ResultPage, Stats } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/** The methods of a cache, in one directory or in shards, that a page may call. */
export interface CacheContract<K = Key, V = unknown> {
  /** The value, or undefined when there is none or it has expired. */
  get(key: K): V | undefined;
  /** The value with its times, tag, reads and size. */
  getEntry(key: K): Entry<K, V> | undefined;
  /** Values in the order of the keys, `undefined` where there is none. */
  getMany(keys: Iterable<K>): (V | undefined)[];
  has(key: K): boolean;
  /** Looks at the item at an end of a queue (the front). */
  peek(options?: QueueOptions): [K, V] | undefined;
  /** The last item in stored order, or the first. */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined;
  page(of: Projection | 'items', range?: Range<K>, after?: Cursor): ResultPage;
  /** How many items there are that have not expired. */
  size(): number;
  /** Bytes on disk. */
  volume(): number;
  /** What `get` has found and not found; `reset`, a write, begins to count anew. */
  stats(options?: { readonly reset?: boolean }): Stats;
  set(key: K, value: V, options?: SetOptions): void;
  /** All or none. */
  setMany(entries: Iterable<readonly [K, V]>, options?: SetOptions): void;
  /** Sets what is not there yet; true when it was set. */
  add(key: K, value: V, options?: SetOptions): boolean;
  /** Gives an item a new time to live; true when there was one. */
  touch(key: K, options?: Pick<SetOptions, 'ttl'>): boolean;
  /** Adds to a number, atomically; answers the sum. */
  incr(key: K, delta?: number, options?: CountOptions): number;
  decr(key: K, delta?: number, options?: CountOptions): number;
  /** True when there was an item to delete. */
  delete(key: K): boolean;
  /** Answers the number of items there were. */
  deleteMany(keys: Iterable<K>): number;
  /** Deletes an item and answers its value. */
  pop(key: K): V | undefined;
  /** Puts a value at an end of a queue (the back); answers its key. */
  push(value: V, options?: QueueOptions & SetOptions): K;
  /** Takes the item at an end of a queue (the front). */
  pull(options?: QueueOptions): [K, V] | undefined;
  /** Removes what has expired; answers how many items. */
  expire(): number;
  /** Removes what carries the tag; answers how many items. */
  evict(tag: string | number): number;
  /** Removes what has expired, then what the size limit demands; answers how many items. */
  cull(): number;
  /** Deletes everything; answers the number of items there were. */
  clear(): number;
  /** Looks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Finding[];
  /** Changes settings for good. */
  configure(options: Configuration): void;
}

export const CACHE_SIGNATURES: Signatures<CacheContract> = /* @__PURE__ */ (() => ({
  get: reads('key'),
  getEntry: reads('key'),
  getMany: reads('keys'),
  has: reads('key'),
  peek: reads('queue'),
  peekItem: reads('plain'),
  page: reads('plain', 'range', 'plain'),
  size: reads(),
  volume: reads(),
  stats: { access: ([options]) => (Object(options)['reset'] === true ? 'write' : 'read'), takes: ['plain'] },
  set: writes('key', 'value', 'plain'),
  setMany: writes('entries', 'plain'),
  add: writes('key', 'value', 'plain'),
  touch: writes('key', 'plain'),
  incr: writes('key', 'plain', 'plain'),
  decr: writes('key', 'plain', 'plain'),
  delete: writes('key'),
  deleteMany: writes('keys'),
  pop: writes('key'),
  push: writes('value', 'queue'),
  pull: writes('queue'),
  expire: writes(),
  evict: writes('tag'),
  cull: writes(),
  clear: administers(),
  check: administersAlone('plain'),
  configure: administersAlone('plain'),
}))();
