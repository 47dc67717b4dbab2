import type { BatchResult, BatchStep } from '../protocol/batch.ts';
import type { CacheContract } from '../protocol/contract/cache.ts';
import type { DequeContract } from '../protocol/contract/deque.ts';
import type { IndexContract, IndexRange } from '../protocol/contract/index-map.ts';
import type { Key } from '../protocol/key.ts';
import type {
  ClearOptions,
  DeleteManyOptions,
  EntryWithOptions,
  QueueOptions,
  Range,
  SetOptions,
  SubscribeOptions,
  WatchOptions,
} from '../protocol/options.ts';
import type { StoredItems, StoredValue, StoredValues } from '../protocol/plain-values.ts';
import type {
  CacheDeclaration,
  DequeDeclaration,
  FanoutDeclaration,
  IndexDeclaration,
  SettingsDeclaration,
  StoreDeclarations,
} from '../protocol/stores.ts';
import type { ByteRange } from '../protocol/value-stream.ts';
import type { ChangeOrReset } from '../protocol/wire.ts';
import { loadFaults } from './on-demand.ts';
import type { RemoteRange } from './remote-range.ts';
import type { RemoteSettings } from './remote-settings.ts';
import { toArgumentError, UnsendableArgumentError } from './wire-arguments.ts';

/** Properties of a store, which are promises in a page. */
const PROPERTY_NAMES = ['size', 'length', 'maxLength', 'paused'] as const;

/**
 * Defines the methods of a contract on a class. Called with its first instance, not when this file is loaded, so that the bundle of a page
 * that only imports the error class contains none of it.
 */
export function defineMethods<T extends object>(
  { prototype }: { readonly prototype: T },
  names: readonly string[],
  call: (instance: T, method: string, args: readonly unknown[]) => unknown,
): void {
  if (Object.hasOwn(prototype, names[0]!)) return;
  for (const name of names) {
    function method(this: T, ...args: readonly unknown[]): unknown {
      return call(this, name, args);
    }
    const isProperty = PROPERTY_NAMES.includes(name as (typeof PROPERTY_NAMES)[number]);
    Object.defineProperty(
      prototype,
      name,
      isProperty ? { get: method } : { value: method, writable: true, configurable: true },
    );
  }
}

/** Returns the result of a call. An error thrown before there is a promise rejects it, and names the part of an argument at fault. */
export function rejectOnThrow<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return rejectWith(error);
  }
}

async function rejectWith(thrown: unknown): Promise<never> {
  const error = toArgumentError(thrown);
  if (!(error instanceof UnsendableArgumentError)) throw error;
  // If that code can’t be loaded, the message is less precise.
  const faults = await loadFaults().catch(() => undefined);
  throw faults?.locateFault(error) ?? error;
}

type PropertyName = (typeof PROPERTY_NAMES)[number];

/** A contract as a page sees it: the engine's methods as promises. */
export type Remote<C> = {
  readonly [M in keyof C as Exclude<M, 'page' | PropertyName>]: C[M] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<R>
    : never;
} & { readonly [M in keyof C & PropertyName]: C[M] extends () => infer R ? Promise<R> : never };

/** Which changes a subscription receives, and who receives its end. */
export type RemoteSubscribeOptions<K = Key> = SubscribeOptions<K> & {
  /** Receives the reason when the subscription ends by itself. Without it that is an uncaught error. */
  readonly onError?: (error: unknown) => void;
};

/** Methods that every store has in a page. */
interface RemoteStoreMethods<Contract, K, V> {
  /**
   * Runs steps on this store as one transaction, all or none: methods with their arguments, and conditions. The first condition that
   * doesn't hold rolls back the steps before it, and the result names it. A step that fails rolls back everything and rejects.
   */
  batch(steps: Iterable<BatchStep<Contract, K, V>>): Promise<BatchResult>;
  /**
   * Calls `listener` with every change from now on, from any window or process, in commit order; `reset` means that some were lost: read
   * again. With `values: true` a change carries the value. A value over 64 KiB is reported as `reset`. Returns an unsubscribe function.
   */
  subscribe(listener: (change: ChangeOrReset<K, V>) => void, options?: RemoteSubscribeOptions<K>): () => void;
}

/** Methods that caches and indexes have in a page. */
interface RemoteWatchMethods<K, V, R> {
  /**
   * Iterates over the values of a key: first the present one (undefined if the key is missing), then one after each change from any window or
   * process. A slow reader gets only the latest one. The iteration ends by `break` or `return`, and by `signal`. It continues after a reconnect; if
   * a value can't be read, or the connection is given up, it rejects. The values are frozen.
   */
  watch(key: K, options?: WatchOptions): AsyncIterableIterator<V | undefined>;
  /**
   * Iterates over the states of a range, like `watch`: each state is a frozen array of all entries, in which unchanged entries stay the same
   * objects. Only changed entries are sent, unless `order: 'key'`, `tag` or `limit` is given: then the range is read again.
   */
  watchMany(range?: R, options?: WatchOptions): AsyncIterableIterator<readonly (readonly [K, V])[]>;
}

/**
 * A cache of the main process, used from a page, in one directory or in shards. A resolved write is on disk. Calls made in one turn, up to
 * 512 of them or 1 MiB, are sent as one message and committed as one transaction. Every method rejects with a `DiskCacheError`:
 * `NOT_ALLOWED`, `NO_SUCH_STORE`, `DISCONNECTED`, `TIMEOUT`, or the engine's own error.
 */
export interface RemoteCache<K extends Key = Key, V = unknown>
  extends Remote<Omit<CacheContract<K, V>, 'set' | 'setMany' | 'add' | 'push' | 'deleteMany'>>,
    RemoteStoreMethods<CacheContract<K, V>, K, V>,
    RemoteWatchMethods<K, V, Range<K>>,
    AsyncIterable<[K, V]> {
  set<W>(key: K, value: StoredValue<V, W>, options?: SetOptions): Promise<void>;
  /** Sets all entries or none. An entry may have options of its own: `[key, value, { ttl }]`. */
  setMany<W extends EntryWithOptions<K, V>>(
    entries: StoredItems<V, EntryWithOptions<K, V>, W>,
    options?: SetOptions,
  ): Promise<void>;
  /** Sets the item only if the key is missing; resolves to true if it was set. */
  add<W>(key: K, value: StoredValue<V, W>, options?: SetOptions): Promise<boolean>;
  /** Adds a value at an end of a queue (default the back); resolves to its key. */
  push<W>(value: StoredValue<V, W>, options?: QueueOptions & SetOptions): Promise<K>;
  /** Deletes many items, all or none; resolves to the number of live ones or, with `each`, to whether each was one. */
  deleteMany(keys: Iterable<K>, options: { readonly each: true }): Promise<boolean[]>;
  deleteMany(keys: Iterable<K>, options?: { readonly each?: false }): Promise<number>;
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): Promise<number | boolean[]>;
  keys(range?: Range<K>): RemoteRange<K>;
  values(range?: Range<K>): RemoteRange<V>;
  entries(range?: Range<K>): RemoteRange<[K, V]>;
  /**
   * Returns a value of bytes or text, or a part of it, as a stream; the whole is never in memory. Undefined if there is no live item. A page
   * has at most 64 streams (`BUSY`): cancel one that isn't read to its end. A forgotten one is cancelled when it is garbage-collected.
   */
  openReadStream(key: K, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Stores the bytes of a stream; the item appears whole when the stream has ended, or not at all. Counts as a stream of the page. */
  writeStream(key: K, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void>;
}

/** An index of the main process, used from a page: the methods of `Map` with promises. Otherwise like `RemoteCache`. */
export interface RemoteIndex<K extends Key = Key, V = unknown>
  extends Remote<Omit<IndexContract<K, V>, 'set' | 'setMany' | 'setDefault' | 'deleteMany' | 'clear'>>,
    RemoteStoreMethods<IndexContract<K, V>, K, V>,
    RemoteWatchMethods<K, V, IndexRange<K>>,
    AsyncIterable<[K, V]> {
  /** Sets an entry; an existing key keeps its position. */
  set<W>(key: K, value: StoredValue<V, W>): Promise<void>;
  /** Sets all entries or none. */
  setMany<W extends EntryWithOptions<K, V>>(entries: StoredItems<V, readonly [K, V], W>): Promise<void>;
  /** Resolves to the value of a key, after storing `value` if the key is missing. */
  setDefault<W>(key: K, value: StoredValue<V, W>): Promise<V>;
  /** Deletes many entries, all or none; resolves to the number deleted or, with `each`, to whether each was there. */
  deleteMany(keys: Iterable<K>, options: { readonly each: true }): Promise<boolean[]>;
  deleteMany(keys: Iterable<K>, options?: { readonly each?: false }): Promise<number>;
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): Promise<number | boolean[]>;
  /** Deletes everything; with a prefix, only the entries whose key begins with it, and resolves to their number. */
  clear(): Promise<void>;
  clear(options: ClearOptions): Promise<number>;
  // biome-ignore lint/suspicious/noConfusingVoidType: `Map.clear` returns nothing
  clear(options?: ClearOptions): Promise<number | void>;
  keys(range?: IndexRange<K>): RemoteRange<K>;
  values(range?: IndexRange<K>): RemoteRange<V>;
  entries(range?: IndexRange<K>): RemoteRange<[K, V]>;
}

/** A deque of the main process, used from a page: the methods of an array with promises. Otherwise like `RemoteCache`. */
export interface RemoteDeque<V = unknown>
  extends Remote<Omit<DequeContract<V>, 'set' | 'push' | 'unshift' | 'extend'>>,
    RemoteStoreMethods<DequeContract<V>, number, V>,
    AsyncIterable<V> {
  /** Replaces the value at an index (negative: counted from the end). */
  set<W>(index: number, value: StoredValue<V, W>): Promise<void>;
  /** Adds values at the back; resolves to the new length. */
  push<W extends readonly V[]>(...values: StoredValues<V, W>): Promise<number>;
  /** Adds values at the front, keeping their order; resolves to the new length. */
  unshift<W extends readonly V[]>(...values: StoredValues<V, W>): Promise<number>;
  /** Adds all values of an iterable at the back, or none; resolves to the new length. */
  extend<W>(values: StoredItems<V, V, W>): Promise<number>;
  /** From the first to the last. */
  values(): RemoteRange<V>;
  /** From the last to the first. */
  reversed(): RemoteRange<V>;
  /** Iterates over all values of the deque, which are read again after each change; otherwise like `watch` of a cache. */
  watch(options?: WatchOptions): AsyncIterableIterator<readonly V[]>;
}

/** A declared store as a page sees it. */
export type RemoteStoreOf<D> = D extends CacheDeclaration<infer K, infer V> | FanoutDeclaration<infer K, infer V>
  ? RemoteCache<K, V>
  : D extends IndexDeclaration<infer K, infer V>
    ? RemoteIndex<K, V>
    : D extends DequeDeclaration<infer V>
      ? RemoteDeque<V>
      : D extends SettingsDeclaration<infer T>
        ? RemoteSettings<T>
        : never;
export type RemoteStores<S extends StoreDeclarations> = { readonly [N in keyof S]: RemoteStoreOf<S[N]> };
