import type { BatchResult, BatchStep } from '../protocol/batch.ts';
import type { CacheContract } from '../protocol/contract/cache.ts';
import type { DequeContract } from '../protocol/contract/deque.ts';
import type { IndexContract, IndexRange } from '../protocol/contract/index-map.ts';
import type { Key } from '../protocol/key.ts';
import type { Range, SetOptions } from '../protocol/options.ts';
import type {
  CacheDeclaration,
  DequeDeclaration,
  FanoutDeclaration,
  IndexDeclaration,
  StoreDeclarations,
} from '../protocol/stores.ts';
import type { ByteRange } from '../protocol/value-stream.ts';
import type { ChangeOrReset, SubscriptionRange } from '../protocol/wire.ts';
import type { RemoteRange } from './remote-range.ts';

/** What a store has as a property, where a page has a promise of it. */
export const PROPERTY_NAMES = ['size', 'length', 'maxLength', 'paused'] as const;

/**
 * Gives a class the methods of a contract. Done with its first instance, not when this is loaded: a page that wants only the error class
 * has none of it in its bundle.
 */
export function defineMethods<T extends object>(
  { prototype }: { readonly prototype: T },
  names: readonly string[],
  call: (instance: T, method: string, args: readonly unknown[]) => Promise<unknown>,
): void {
  if (Object.hasOwn(prototype, names[0]!)) return;
  for (const name of names) {
    function method(this: T, ...args: readonly unknown[]): Promise<unknown> {
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

type PropertyName = (typeof PROPERTY_NAMES)[number];

/** A contract as a page sees it: the engine's methods as promises. */
export type Remote<C> = {
  readonly [M in keyof C as Exclude<M, 'page' | PropertyName>]: C[M] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<R>
    : never;
} & { readonly [M in keyof C & PropertyName]: C[M] extends () => infer R ? Promise<R> : never };

/** Of which keys changes are told; and who hears why there are no more, when that is so. */
export interface RemoteSubscribeOptions<K = Key> extends SubscriptionRange<K> {
  readonly onError?: (error: unknown) => void;
}

/** What every store has in a page. */
interface RemoteStoreMethods<Contract, K, V> {
  /**
   * Runs steps on this store as one transaction, all or none: methods with their arguments, and conditions. The first condition
   * that doesn't hold undoes what was done before it, and the result says which it is. A step that fails undoes everything and
   * rejects.
   */
  batch(steps: Iterable<BatchStep<Contract, K, V>>): Promise<BatchResult>;
  /**
   * Tells `listener` of every change from now on, from any window or process, in commit order; `reset` if there were too many
   * to deliver: read again. Returns an unsubscribe function.
   */
  subscribe(listener: (change: ChangeOrReset<K>) => void, options?: RemoteSubscribeOptions<K>): () => void;
}

/**
 * A cache of the main process, seen from a page, in one directory or in shards. A resolved write is on disk. Calls made in one
 * turn, up to 512 of them or 1 MiB, travel as one message and commit as one transaction. Every method rejects with a
 * `DiskCacheError`: `NOT_ALLOWED`, `NO_SUCH_STORE`, `DISCONNECTED`, `TIMEOUT`, or what the engine threw.
 */
export interface RemoteCache<K extends Key = Key, V = unknown>
  extends Remote<CacheContract<K, V>>,
    RemoteStoreMethods<CacheContract<K, V>, K, V>,
    AsyncIterable<[K, V]> {
  keys(range?: Range<K>): RemoteRange<K>;
  values(range?: Range<K>): RemoteRange<V>;
  entries(range?: Range<K>): RemoteRange<[K, V]>;
  /**
   * A value of bytes or text, or a part of it, as a stream; no copy of the whole is ever in memory. Undefined when there is no live
   * item. A page has at most 64 streams (`BUSY`): cancel one that isn't read to its end; one that is forgotten goes with the garbage.
   */
  openReadStream(key: K, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Stores what a stream brings as bytes; the item appears whole when it has ended, or not at all. As `openValueStream`. */
  writeStream(key: K, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void>;
}

/** An index of the main process, seen from a page: the face of `Map` as promises. Else as `RemoteCache`. */
export interface RemoteIndex<K extends Key = Key, V = unknown>
  extends Remote<IndexContract<K, V>>,
    RemoteStoreMethods<IndexContract<K, V>, K, V>,
    AsyncIterable<[K, V]> {
  keys(range?: IndexRange<K>): RemoteRange<K>;
  values(range?: IndexRange<K>): RemoteRange<V>;
  entries(range?: IndexRange<K>): RemoteRange<[K, V]>;
}

/** A deque of the main process, seen from a page: the face of an array as promises. Else as `RemoteCache`. */
export interface RemoteDeque<V = unknown>
  extends Remote<DequeContract<V>>,
    RemoteStoreMethods<DequeContract<V>, number, V>,
    AsyncIterable<V> {
  /** From the first to the last. */
  values(): RemoteRange<V>;
  /** From the last to the first. */
  reversed(): RemoteRange<V>;
}

/** A declared store as a page sees it. */
export type RemoteStoreOf<D> = D extends CacheDeclaration<infer K, infer V> | FanoutDeclaration<infer K, infer V>
  ? RemoteCache<K, V>
  : D extends IndexDeclaration<infer K, infer V>
    ? RemoteIndex<K, V>
    : D extends DequeDeclaration<infer V>
      ? RemoteDeque<V>
      : never;
export type RemoteStores<S extends StoreDeclarations> = { readonly [N in keyof S]: RemoteStoreOf<S[N]> };
