import type { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';

/* Hints in errors about arguments that a method of the same name accepts elsewhere, and that would otherwise be ignored. */

/** For a default given to `get`. */
export const NO_DEFAULT_HINT = 'there is no default value: write get(key) ?? value';

/** For options given to `set` of an index. */
export const NO_OPTIONS_HINT = 'nothing expires from an index and nothing in it has a tag; a cache has { ttl, tag }';

/** The longest delay of a timer in Node and in browsers, in milliseconds; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const EVICTION_POLICY_NAMES = [
  'none',
  'least-recently-stored',
  'least-recently-used',
  'least-frequently-used',
  'sieve',
] as const;

/** Which items are evicted first when the size limit is reached. */
export type EvictionPolicyName = (typeof EVICTION_POLICY_NAMES)[number];

/** A custom serialisation. `name` is recorded in the directory; reopening with another codec is refused. */
export interface Codec<V = unknown> {
  readonly name: string;
  encode(value: V): Uint8Array | string;
  decode(data: Uint8Array | string): V;
}

export interface CacheOptions {
  /**
   * Bytes on disk: database, write-ahead log, write journal and value files. Default 1 GiB per cache; `Infinity` means no limit. At the
   * limit items are evicted by `evictionPolicy`; under `'none'` a set fails with `DISK_FULL`.
   */
  readonly sizeLimit?: number;
  /** Default `'least-recently-stored'`. */
  readonly evictionPolicy?: EvictionPolicyName;
  /** Default time to live of an item in milliseconds. Without it items live until they are evicted. */
  readonly ttl?: number;
  /** Encoded values of at least this many bytes are stored in a file each; values above 512 MiB always are. Default 32 KiB. */
  readonly fileThreshold?: number;
  /** What a resolved write survives: a process crash (default), or also a power cut (one fsync per transaction). */
  readonly durability?: 'process' | 'power';
  /** Default `'none'`. */
  readonly compression?: 'none' | 'zstd';
  /**
   * 32 random bytes. Values and value files are sealed with it: encrypted with AES-256-GCM, and bound to the store and their key. Keys, tags,
   * times and sizes stay readable. A sealed store is opened with its key only, and one with unsealed values without one, see `encryptExisting`.
   */
  readonly encryptionKey?: Uint8Array;
  /** The key, or keys, before `encryptionKey`: values that they have sealed can be read until `reseal` has sealed all with the new one. */
  readonly previousEncryptionKey?: Uint8Array | readonly Uint8Array[];
  /** Whether a store with values that aren't sealed may be opened with `encryptionKey`; `reseal` then seals them. Default false. */
  readonly encryptExisting?: boolean;
  /** `'structured'` (default) keeps every type that structured clone keeps; `'json'` is readable with any SQLite tool. */
  readonly codec?: 'structured' | 'json' | Codec;
  /**
   * Bytes of recently used values kept in memory. Default 8 MiB; 0 turns the memory cache off. Objects that are read again and again are
   * also kept decoded while there is room, for three to five times their text; each read gets a copy of its own.
   */
  readonly memory?: number;
  /**
   * Bytes of database pages that SQLite keeps in memory at most, for a FanoutCache in all shards together; with a small number, or 0, a
   * few pages. Default 16,000 KiB per database. More helps random reads and writes of a large store if the index of its keys fits: about
   * 11 bytes and the key for each item. Belongs to this opening, not to the directory.
   */
  readonly pageCache?: number;
  /**
   * Whether the directory belongs to this process and thread alone: opening it in another one fails with `BUSY`, also with `readOnly`.
   * That is faster: a read doesn't look for changes of others, and small writes are appended to a journal, with the same `durability`, and
   * applied to the database later; after a crash the next opening does that. Default false; for stores of `openDiskCache` true if the
   * application holds the single-instance lock (see its option `exclusive`).
   */
  readonly exclusive?: boolean;
  /** Count hits and misses. Default false. */
  readonly statistics?: boolean;
  /** Keep an index on tags, which makes `evict(tag)` and tag ranges fast. Default false. */
  readonly tagIndex?: boolean;
  /**
   * Milliseconds a call waits for another process's write before it fails with `BUSY`; `Infinity` waits without limit. Default 5000.
   * Waiting blocks the thread, so in an application's main process calls on stores without a `timeout` wait at most 250 ms. Calls from
   * pages wait the whole time in either case, without blocking.
   */
  readonly timeout?: number;
  /** Refuse every write. The directory must exist. Default false. */
  readonly readOnly?: boolean;
  /**
   * Whether checkpoints, in which SQLite copies its log into the database, may run in a worker thread that all stores of a process share.
   * Without it, or where it can't be started, a call waits for them, for tens of milliseconds from time to time. The checkpoints of a
   * store with `exclusive` never run there. Default true.
   */
  readonly workerThread?: boolean;
  /** Returns the current time in epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
}

/** The keys of a sealed store. */
export type EncryptionKeys = Required<Pick<CacheOptions, 'encryptionKey' | 'previousEncryptionKey'>>;

/** The options that can be changed while a directory is in use. */
export type Configuration = Pick<
  CacheOptions,
  'sizeLimit' | 'evictionPolicy' | 'ttl' | 'fileThreshold' | 'durability' | 'compression' | 'statistics' | 'tagIndex'
>;

/** The options of a cache that also apply to a store that keeps everything permanently. */
export type CollectionOptions = Pick<
  CacheOptions,
  | 'clock'
  | 'codec'
  | 'compression'
  | 'durability'
  | 'encryptExisting'
  | 'encryptionKey'
  | 'exclusive'
  | 'fileThreshold'
  | 'memory'
  | 'pageCache'
  | 'previousEncryptionKey'
  | 'readOnly'
  | 'timeout'
  | 'workerThread'
>;

/** When an item expires: `ttl` after now, or at `expiresAt`. Giving both throws `BAD_OPTION`. */
export interface ExpiryOptions {
  /** Milliseconds until the item expires; overrides the store's default. 0 or less stores an item that has already expired. */
  readonly ttl?: number;
  /**
   * The time at which the item expires, in epoch milliseconds by the store's clock; overrides the store's `ttl`. With a time in the past the
   * item is stored as already expired; `Infinity` means never.
   */
  readonly expiresAt?: number;
}

export interface SetOptions extends ExpiryOptions {
  /** A label shared by several items, for `evict(tag)`. */
  readonly tag?: string | number;
}

/** An entry of `setMany`. Its own options take precedence over those of the call, separately for expiry and tag. */
export type EntryWithOptions<K, V> = readonly [key: K, value: V, options?: SetOptions];

/** Options of `deleteMany`. */
export interface DeleteManyOptions {
  /** Return for each key whether there was a live item, instead of their number. Default false. */
  readonly each?: boolean;
}

/** Options of `clear`. */
export interface ClearOptions {
  /** Delete only the items whose key begins with this prefix, as `deletePrefix` does. */
  readonly prefix: Key;
}

export interface CountOptions {
  /** The value to count from if the item is missing. Default 0. */
  readonly default?: number;
}

export interface QueueOptions {
  /** Which queue. Default: the unnamed one. */
  readonly prefix?: Key;
  readonly side?: 'front' | 'back';
}

/** Which items, and in which order. Default `order`: `'stored'`, the order in which keys were first set. */
export interface Range<K = Key> {
  readonly order?: 'stored' | 'key';
  readonly reverse?: boolean;
  /** Smallest key, inclusive. */
  readonly from?: K;
  /** Largest key, exclusive. */
  readonly to?: K;
  /** The leading elements of array keys, or the leading characters of string keys. */
  readonly prefix?: Key;
  readonly tag?: string | number;
  /** At most this many items. */
  readonly limit?: number;
}

export type ChangeKind = 'set' | 'delete' | 'expire' | 'evict' | 'clear';

/**
 * A change of an item. `clear` has no key and concerns all items. With `values: true` a change also has the new value. Plain objects and
 * arrays in it are frozen, because all listeners get the same ones.
 */
export interface Change<K = Key, V = unknown> {
  readonly kind: ChangeKind;
  readonly key?: K;
  /** With `values: true`, for `set`: the value that is stored when the change is delivered. */
  readonly value?: V;
  /** With `values: true` and `key` or `keys`: the value that this subscription received last, or that was stored when it began. */
  readonly before?: V;
  /** With `values: true`, for `set`, in place of `value`: why the value can't be read, such as `CORRUPT`. */
  readonly error?: DiskCacheError;
}

/** Which changes a subscription receives: those of one key, of several keys, or of a range. Default: all. More than one is `BAD_OPTION`. */
export type SubscribeOptions<K = Key> = {
  /** Whether changes have `value` and, with `key` or `keys`, `before`. Default false. */
  readonly values?: boolean;
} & (KeySelection<K> | KeysSelection<K> | RangeSelection<K>);

interface KeySelection<K> {
  /** Only changes of exactly this key. */
  readonly key?: K;
  readonly keys?: never;
  readonly prefix?: never;
  readonly from?: never;
  readonly to?: never;
}

interface KeysSelection<K> {
  /** Only changes of these keys. */
  readonly keys?: Iterable<K>;
  readonly key?: never;
  readonly prefix?: never;
  readonly from?: never;
  readonly to?: never;
}

interface RangeSelection<K> {
  /** Only changes of keys that begin with these elements of an array, or characters of a string. */
  readonly prefix?: Key;
  /** Only changes of keys from this one on. */
  readonly from?: K;
  /** Only changes of keys before this one. */
  readonly to?: K;
  readonly key?: never;
  readonly keys?: never;
}

/** The part of an `AbortSignal` that is used. Its own type is not known to every program that compiles this. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Options of `watch` and `watchMany`. */
export interface WatchOptions {
  /** Ends the iteration when it is aborted; a waiting `next` resolves with `done`. */
  readonly signal?: AbortSignalLike;
}
