import type { Key } from './key.ts';

/*
 * Hints in errors about arguments that a method of the same name takes elsewhere, and that would otherwise be ignored.
 */

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

/** Which item leaves first when the size limit is reached. */
export type EvictionPolicyName = (typeof EVICTION_POLICY_NAMES)[number];

/** A serialisation of the caller's own. `name` is recorded in the directory: another codec is refused at reopen. */
export interface Codec<V = unknown> {
  readonly name: string;
  encode(value: V): Uint8Array | string;
  decode(data: Uint8Array | string): V;
}

export interface CacheOptions {
  /**
   * Bytes on disk: database, write-ahead log and value files. Default 1 GiB, of each cache; `Infinity` means no limit. At the limit items
   * leave by `evictionPolicy`; under `'none'` a set fails with `DISK_FULL`.
   */
  readonly sizeLimit?: number;
  /** Default `'least-recently-stored'`. */
  readonly evictionPolicy?: EvictionPolicyName;
  /** Default time to live of an item, milliseconds. Without it items live until they are evicted. */
  readonly ttl?: number;
  /** Encoded values of at least this many bytes live in a file of their own, those of more than 512 MiB always. Default 32 KiB. */
  readonly fileThreshold?: number;
  /** What a resolved write survives: a crash of the process (default) or also a power cut (an fsync per transaction). */
  readonly durability?: 'process' | 'power';
  /** Default `'none'`. */
  readonly compression?: 'none' | 'zstd';
  /** 32 bytes; values and files are sealed with AES-256-GCM. */
  readonly encryptionKey?: Uint8Array;
  /** `'structured'` (default) keeps what structured clone keeps; `'json'` is readable with any SQLite tool. */
  readonly codec?: 'structured' | 'json' | Codec;
  /** Bytes of recently used values kept in memory. Default 8 MiB; 0 switches the memory tier off. */
  readonly memory?: number;
  /** This process alone opens the directory: faster; others get `BUSY`. Default false. */
  readonly exclusive?: boolean;
  /** Count hits and misses. Default false. */
  readonly statistics?: boolean;
  /** Keep an index on tags, which makes `evict(tag)` and tag ranges fast. Default false. */
  readonly tagIndex?: boolean;
  /**
   * Milliseconds a call waits for another process's write before it fails with `BUSY`; `Infinity`: without end. Default 5000. It blocks
   * the thread: in the main process of an application, calls on stores without a `timeout` wait 250 ms at most. Pages wait for the
   * whole time in either case, and block nothing.
   */
  readonly timeout?: number;
  /** Refuse every write; the directory must exist. Default false. */
  readonly readOnly?: boolean;
  /** Now, in epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
}

/** What can be changed while a directory is in use. */
export type Configuration = Pick<
  CacheOptions,
  'sizeLimit' | 'evictionPolicy' | 'ttl' | 'fileThreshold' | 'durability' | 'compression' | 'statistics' | 'tagIndex'
>;

/** What of a cache's options means something to a store that keeps everything for good. */
export type CollectionOptions = Pick<
  CacheOptions,
  'clock' | 'codec' | 'compression' | 'durability' | 'exclusive' | 'fileThreshold' | 'memory' | 'readOnly' | 'timeout'
>;

export interface SetOptions {
  /** Milliseconds until the item expires; overrides the store's default. 0 or less stores an item that is expired already. */
  readonly ttl?: number;
  /** A label shared by many items, for `evict(tag)`. */
  readonly tag?: string | number;
}

export interface CountOptions {
  /** What a missing item counts as. Default 0. */
  readonly default?: number;
}

export interface QueueOptions {
  /** Which queue. Without it: the one without a name. */
  readonly prefix?: Key;
  readonly side?: 'front' | 'back';
}

/** Which items, and in which order. Without `order`: `'stored'`, the order in which keys were first set. */
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

/** What happened to an item. `clearAndUse` has no key. */
export interface Change<K = Key> {
  readonly kind: ChangeKind;
  readonly key?: K;
}
