import type { Key } from '../key.ts';
import type {
  ClearOptions,
  Configuration,
  CountOptions,
  DeleteManyOptions,
  EntryWithOptions,
  ExpiryOptions,
  QueueOptions,
  Range,
  SetOptions,
} from '../options.ts';
import type { CheckOptions, Cursor, Entry, Finding, Projection, ResultPage, Stats } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/** The methods of a cache, in one directory or in shards, that a page may call. */
export interface CacheContract<K = Key, V = unknown> {
  /** Returns the value; undefined if it is missing or expired. */
  get(key: K): V | undefined;
  /** Returns the value with its times, tag, number of reads and size. */
  getEntry(key: K): Entry<K, V> | undefined;
  /** Returns values in the order of the keys; `undefined` for each missing one. */
  getMany(keys: Iterable<K>): (V | undefined)[];
  has(key: K): boolean;
  /** Returns for each key, in order, whether there is a live item. */
  hasMany(keys: Iterable<K>): boolean[];
  /** Returns the item at an end of a queue (default the front) without removing it. */
  peek(options?: QueueOptions): [K, V] | undefined;
  /** Returns the last item in stored order (the default), or the first. */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined;
  page(of: Projection | 'items', range?: Range<K>, after?: Cursor): ResultPage;
  /** Returns the number of items that have not expired. */
  size(): number;
  /** Returns the bytes used on disk. */
  volume(): number;
  /** Returns how many reads by `get` hit and missed; `reset`, which is a write, sets the counters to 0. */
  stats(options?: { readonly reset?: boolean }): Stats;
  set(key: K, value: V, options?: SetOptions): void;
  /** Sets all entries or none. An entry may have options of its own: `[key, value, { ttl }]`. */
  setMany(entries: Iterable<EntryWithOptions<K, V>>, options?: SetOptions): void;
  /** Sets the item only if the key is missing; returns true if it was set. */
  add(key: K, value: V, options?: SetOptions): boolean;
  /** Sets a new expiry; returns true if the item exists. */
  touch(key: K, options?: ExpiryOptions): boolean;
  /** Adds to a number atomically; returns the sum. */
  incr(key: K, delta?: number, options?: CountOptions): number;
  decr(key: K, delta?: number, options?: CountOptions): number;
  /** Returns true if there was an item to delete. */
  delete(key: K): boolean;
  /** Returns the number of items deleted or, with `each`, whether each key had one. */
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[];
  /** Deletes an item and returns its value. */
  pop(key: K): V | undefined;
  /** Adds a value at an end of a queue (default the back); returns its key. */
  push(value: V, options?: QueueOptions & SetOptions): K;
  /** Removes and returns the item at an end of a queue (default the front). */
  pull(options?: QueueOptions): [K, V] | undefined;
  /** Deletes expired items; returns how many. */
  expire(): number;
  /** Deletes items with the tag; returns how many. */
  evict(tag: string | number): number;
  /** Deletes items whose key begins with a prefix (characters of a string, elements of an array); returns how many. */
  deletePrefix(prefix: Key): number;
  /** Deletes expired items, then evicts down to the size limit; returns how many items were removed. */
  cull(): number;
  /** Deletes all items, or those with a prefix; returns how many there were. */
  clear(options?: ClearOptions): number;
  /** Checks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Finding[];
  /** Changes settings permanently. */
  configure(options: Configuration): void;
}

export const CACHE_SIGNATURES: Signatures<CacheContract> = /* @__PURE__ */ (() => ({
  // In groups of equal signatures, which compress better: every page loads this table.
  get: reads('key'),
  getEntry: reads('key'),
  has: reads('key'),
  getMany: reads('keys'),
  hasMany: reads('keys'),
  peek: reads('queue'),
  peekItem: reads('plain'),
  page: reads('plain', 'range', 'plain'),
  size: reads(),
  volume: reads(),
  stats: { access: ([options]) => (Object(options)['reset'] === true ? 'write' : 'read'), takes: ['plain'] },
  expire: writes(),
  cull: writes(),
  pull: writes('queue'),
  push: writes('value', 'queue'),
  evict: writes('tag'),
  deletePrefix: writes('tag'),
  deleteMany: writes('keys', 'plain'),
  delete: writes('key'),
  pop: writes('key'),
  touch: writes('key', 'plain'),
  incr: writes('key', 'plain', 'plain'),
  decr: writes('key', 'plain', 'plain'),
  set: writes('key', 'value', 'plain'),
  add: writes('key', 'value', 'plain'),
  setMany: writes('entries', 'plain'),
  clear: administers('range'),
  check: administersAlone('plain'),
  configure: administersAlone('plain'),
}))();
