import type { ReadableStream } from 'node:stream/web';
import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import type { Key } from '../../../protocol/key.ts';
import type {
  CacheOptions,
  Change,
  ClearOptions,
  CountOptions,
  DeleteManyOptions,
  EntryWithOptions,
  ExpiryOptions,
  QueueOptions,
  Range,
  SetOptions,
  SubscribeOptions,
  WatchOptions,
} from '../../../protocol/options.ts';
import type { PlainValues, StoredItems, StoredValue } from '../../../protocol/plain-values.ts';
import type { Entry, Stats } from '../../../protocol/results.ts';
import { type BackupOptions, type BackupResult, backUpStores } from '../backup/backup.ts';
import { type ByteRange, openBytes, openReadStream, type StoredBytes, writeStream } from '../cache/byte-streams.ts';
import { Cache, wrapCore } from '../cache/cache.ts';
import { type CheckOptions, check, type Finding } from '../cache/check.ts';
import type { Configuration } from '../cache/configure.ts';
import * as remove from '../cache/delete.ts';
import { type MemoizeOptions, memoize } from '../cache/memoize.ts';
import { getCodecName, type StoreHandle } from '../cache/open.ts';
import * as queue from '../cache/push-pull.ts';
import { parseEnd } from '../cache/range.ts';
import * as read from '../cache/read.ts';
import type { PlainResult } from '../cache/transaction.ts';
import { type WatchableStore, watchKey, watchRange } from '../cache/watch.ts';
import * as write from '../cache/write.ts';
import { Deque, type DequeOptions } from '../deque/deque.ts';
import * as portable from '../export/export-verbs.ts';
import { Index, type IndexOptions } from '../index-map/index-map.ts';
import type { ChangeListener } from '../state/core.ts';
import { OpenHandle } from '../state/core.ts';
import { registerStore } from '../state/open-cores.ts';
import { assertFunction, assertNoDefault, assertSetOptions, mergeSetOptions, storeEach } from '../validate.ts';
import * as many from './multi-shard-verbs.ts';
import { ShardSubscriptions } from './multi-shard-verbs.ts';
import type { NamedKind } from './named-stores.ts';
import type { FanoutCore, FanoutOptions } from './open-fanout.ts';
import {
  closeFanout,
  closeIfCountedOnly,
  describeFanout,
  enlistAll,
  openAllShards,
  openFanout,
  openNamedShard,
  routeKey,
  routeQueue,
} from './open-fanout.ts';
import * as merge from './shard-merge.ts';

/** The methods that Cache and FanoutCache share: all except `describe`. */
export type CacheMethods<K extends Key = Key, V = unknown> = Omit<Cache<K, V>, 'describe'>;

const NO_OPTIONS = {};

/**
 * A Cache in several databases, so that several processes write at the same time: keys are spread over shards, and all shards
 * share one `sizeLimit`, under which items are evicted in the order of the policy, in whichever shard they are. Methods for one key work
 * as in Cache; the differences of others are described here.
 *
 * @throws {DiskCacheError} from every method, as `Cache`.
 */
export class FanoutCache<K extends Key = Key, V = unknown> implements CacheMethods<K, V> {
  readonly directory: string;
  /** The number of shards. */
  readonly shards: number;
  readonly #subscriptions: ShardSubscriptions;
  readonly #store: OpenHandle<FanoutCore>;

  /**
   * Opens a directory, or creates it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, also for another number of shards than the directory has; else what `Cache` throws.
   */
  constructor(directory: string & PlainValues<V>, options: FanoutOptions = {}) {
    const fanout = openFanout(directory, options);
    this.#store = new OpenHandle(fanout, `The store at ${fanout.directory}`, closeFanout);
    registerStore(
      this,
      () => openAllShards(this.#store.core),
      (key) => routeKey(this.#store.core, key),
    );
    this.directory = fanout.directory;
    this.shards = fanout.shards.length;
    this.#subscriptions = new ShardSubscriptions(fanout);
  }

  get(key: K): V | undefined {
    // biome-ignore lint/complexity/noArguments: a rest parameter would cost every call an array
    if (arguments.length > 1) assertNoDefault(arguments);
    return read.get(routeKey(this.#store.core, key), key) as V | undefined;
  }

  /** `get` for many keys; those of one shard from one snapshot, inside `transact` all of them. */
  getMany(keys: readonly K[]): (V | undefined)[] {
    return many.getMany(this.#store.core, keys) as (V | undefined)[];
  }

  getEntry(key: K): Entry<K, V> | undefined {
    return read.getEntry(routeKey(this.#store.core, key), key) as Entry<K, V> | undefined;
  }

  has(key: K): boolean {
    return read.has(routeKey(this.#store.core, key), key);
  }

  /** `has` for many keys; those of one shard from one snapshot, inside `transact` all of them. */
  hasMany(keys: Iterable<K>): boolean[] {
    return many.hasMany(this.#store.core, keys);
  }

  set<W>(key: K, value: StoredValue<V, W>, options?: SetOptions): void {
    write.set(routeKey(this.#store.core, key), key, value, options);
  }

  /** `set` for many, all or none, as `transact`; entries may have options of their own. */
  setMany<W extends EntryWithOptions<K, V>>(
    entries: StoredItems<V, EntryWithOptions<K, V>, W>,
    options?: SetOptions,
  ): void {
    assertSetOptions(options);
    this.transact(() =>
      storeEach(entries, (key, value, own) => this.set(key as K, value as never, mergeSetOptions(options, own))),
    );
  }

  add<W>(key: K, value: StoredValue<V, W>, options?: SetOptions): boolean {
    return write.add(routeKey(this.#store.core, key), key, value, options);
  }

  touch(key: K, options?: ExpiryOptions): boolean {
    return write.touch(routeKey(this.#store.core, key), key, options);
  }

  /** As `Cache`; what `next` does to other items belongs to the same transaction. */
  update<W>(key: K, next: (current: V | undefined) => StoredValue<V, W>, options?: SetOptions): V {
    const change = () => write.update(routeKey(this.#store.core, key), key, next as (now: unknown) => unknown, options);
    return this.transact<unknown>(change) as V;
  }

  incr(key: K, delta?: number, options?: CountOptions): number {
    return write.incr(routeKey(this.#store.core, key), key, delta, options);
  }

  decr(key: K, delta?: number, options?: CountOptions): number {
    return write.decr(routeKey(this.#store.core, key), key, delta, options);
  }

  delete(key: K): boolean {
    return remove.deleteKey(routeKey(this.#store.core, key), key);
  }

  /** Deletes many, all or none, as `transact`; returns how many live ones there were or, with `each`, whether each was one. */
  deleteMany(keys: Iterable<K>, options: { readonly each: true }): boolean[];
  deleteMany(keys: Iterable<K>, options?: { readonly each?: false }): number;
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[];
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[] {
    return many.deleteMany(this.#store.core, keys, options);
  }

  pop(key: K): V | undefined {
    return remove.pop(routeKey(this.#store.core, key), key) as V | undefined;
  }

  /** A queue lives in one shard, so its order is that of a Cache; different prefixes are spread. */
  push<W>(value: StoredValue<V, W>, options?: QueueOptions & SetOptions): K {
    return queue.push(routeQueue(this.#store.core, options?.prefix), value, options) as K;
  }

  pull(options?: QueueOptions): [K, V] | undefined {
    return queue.pull(routeQueue(this.#store.core, options?.prefix), options) as [K, V] | undefined;
  }

  peek(options?: QueueOptions): [K, V] | undefined {
    return queue.peek(routeQueue(this.#store.core, options?.prefix), options) as [K, V] | undefined;
  }

  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined {
    return this.page('entries', parseEnd(options)).items[0] as [K, V] | undefined;
  }

  expire(): number {
    return many.expire(this.#store.core);
  }

  evict(tag: string | number): number {
    return many.deleteTagged(this.#store.core, tag);
  }

  /** As `Cache`, in all numbered shards. */
  deletePrefix(prefix: Key): number {
    return many.deletePrefix(this.#store.core, prefix);
  }

  /** Deletes expired items, and evicts what is over the limit of all shards together; named shards included. */
  cull(): number {
    return many.cull(this.#store.core);
  }

  /**
   * Deletes everything in the numbered shards, whole or not at all, unless one is damaged, which is rebuilt; with a prefix what
   * `deletePrefix` deletes. Named stores stay.
   */
  clear(options?: ClearOptions): number {
    return many.clear(this.#store.core, options);
  }

  /** `check` of every shard, named ones included. */
  check(options?: CheckOptions): Finding[] {
    return [...this.#store.core.sharedLimit.members].flatMap((shard) => check(shard, options));
  }

  /** Backs the cache with all its named stores up into a new directory, while it is used; see `Cache.backup`. */
  backup(path: string, options?: BackupOptions): Promise<BackupResult> {
    return backUpStores(this.directory, [...this.#store.core.sharedLimit.members], path, options);
  }

  /** As `Cache`, of the numbered shards, in the order in which items were stored. Named stores have an export of their own. */
  export(options?: portable.ExportOptions): AsyncIterable<string> {
    return portable.exportCache('fanout', () => this.#store.core.shards, options);
  }

  import(lines: portable.ExportLines, options?: portable.ImportLinesOptions): Promise<portable.ImportLinesResult> {
    return portable.importCache(this, (key) => routeKey(this.#store.core, key), lines, options);
  }

  /** Returns the bytes on disk of the numbered and the named shards, which share the limit. */
  volume(): number {
    return many.getTotalVolume(this.#store.core);
  }

  stats(options?: { readonly reset?: boolean }): Stats {
    return many.getTotalStats(this.#store.core, options);
  }

  memoize<A extends readonly unknown[], R>(
    fn: ((...args: A) => R) & PlainValues<Awaited<R>>,
    options: MemoizeOptions<A>,
  ): (...args: A) => R {
    this.#store.assertOpen();
    return memoize((key) => routeKey(this.#store.core, key), fn, options);
  }

  openReadStream(key: K, range?: ByteRange): ReadableStream<Uint8Array> | undefined {
    return openReadStream(routeKey(this.#store.core, key), key, range);
  }

  openBytes(key: K): StoredBytes | undefined {
    return openBytes(routeKey(this.#store.core, key), key);
  }

  writeStream(key: K, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void> {
    return writeStream(() => routeKey(this.#store.core, key), key, chunks, options);
  }

  /** The number of live items in the numbered shards. As `Cache.size`. */
  get size(): number {
    return many.getSize(this.#store.core);
  }

  /** Iterates over the keys of a range, lazily, merged in order: key order, or stored order by the clocks of the writers. */
  keys(range?: Range<K>): Generator<K, void, undefined> {
    return this.#iterate('keys', range) as Generator<K, void, undefined>;
  }

  values(range?: Range<K>): Generator<V, void, undefined> {
    return this.#iterate('values', range) as Generator<V, void, undefined>;
  }

  entries(range?: Range<K>): Generator<[K, V], void, undefined> {
    return this.#iterate('entries', range) as Generator<[K, V], void, undefined>;
  }

  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return this.entries();
  }

  /** Returns one bounded page of a range over all shards, for callers that can't hold an iterator; pass `next` to get the next one. */
  page(of: Projection, range?: Range<K>, after?: Cursor): ResultPage {
    return merge.getMergedPage(enlistAll(this.#store.core), of, range, after);
  }

  /** Calls `listener` with every change in the numbered shards: those of one shard in order, of different shards within about 25 ms. */
  subscribe(listener: (change: Change<K, V>) => void, options?: SubscribeOptions<K>): () => void {
    this.#store.assertOpen();
    return this.#subscriptions.add(listener as ChangeListener, options);
  }

  /** Iterates over the values of a key, as `Cache.watch`. */
  watch(key: K, options?: WatchOptions): AsyncIterableIterator<V | undefined> {
    return watchKey(this.#getWatchable(), key, options) as AsyncIterableIterator<V | undefined>;
  }

  /** Iterates over the entries of a range, as `Cache.watchMany`. */
  watchMany(range?: Range<K>, options?: WatchOptions): AsyncIterableIterator<readonly (readonly [K, V])[]> {
    return watchRange(this.#getWatchable(), range, options) as AsyncIterableIterator<readonly (readonly [K, V])[]>;
  }

  /** Changes settings of all shards permanently, named ones included. */
  configure(options: Configuration): void {
    many.configureAll(this.#store.core, options);
  }

  /**
   * Runs a plain function as one transaction over all shards that it uses: all of its writes or, if it throws, none. Shards commit one
   * after the other: a crash or a full disk between two commits keeps what was committed before it.
   */
  transact<T>(work: (() => T) & PlainResult<T>): T {
    const { transaction } = this.#store.core;
    assertFunction(work, 'transact');
    return transaction.transact(work);
  }

  get codec(): string {
    return getCodecName(this.#store.core.shards[0]!);
  }

  get inTransaction(): boolean {
    return this.#store.core.transaction.isOpen;
  }

  /**
   * Returns a separate Cache under a name, for a window or a user, counted in the same limit: its items are evicted with all others, in
   * the order of the policy. It has the settings of the FanoutCache and is closed with it.
   */
  shard<K2 extends Key = Key, V2 = unknown>(name: string): Cache<K2, V2> {
    const fanout = this.#store.core;
    const open = (path: string) => wrapCore(openNamedShard(fanout, path));
    return fanout.named.open('shard', name, NO_OPTIONS, open) as Cache<K2, V2>;
  }

  /** Returns a Cache under a name with its own options and limit, closed with the FanoutCache. */
  cache<K2 extends Key = Key, V2 = unknown>(name: string, options: CacheOptions = NO_OPTIONS): Cache<K2, V2> {
    return this.#store.core.named.open('cache', name, options, (path) => new Cache<K2>(path, options)) as Cache<K2, V2>;
  }

  /** Returns an Index under a name, closed with the FanoutCache; it does not count against the limit. */
  index<K2 extends Key = Key, V2 = unknown>(name: string, options: IndexOptions<K2, V2> = NO_OPTIONS): Index<K2, V2> {
    const open = (path: string) => new Index<K2, V2>(path as never, options);
    return this.#store.core.named.open('index', name, options, open) as Index<K2, V2>;
  }

  /** Returns a Deque under a name, closed with the FanoutCache; it does not count against the limit. */
  deque<V2 = unknown>(name: string, options: DequeOptions = NO_OPTIONS): Deque<V2> {
    const open = (path: string) => new Deque<unknown>(path, options);
    return this.#store.core.named.open('deque', name, options, open) as Deque<V2>;
  }

  /** Returns the names of all named stores of a kind on disk, sorted. */
  names(kind: NamedKind): string[] {
    return this.#store.core.named.listNames(kind);
  }

  /**
   * Deletes a named store and its files; returns whether there was one. No other process may use it.
   *
   * @throws {DiskCacheError} `BUSY` when a named cache, index or deque is open elsewhere; for a shard that can't be detected.
   */
  remove(kind: NamedKind, name: string): boolean {
    const fanout = this.#store.core;
    if (kind === 'shard') closeIfCountedOnly(fanout, fanout.named.getPath(kind, name));
    return fanout.named.remove(kind, name);
  }

  /** This store as plain data, for `reopen` in a worker or another process. */
  describe(): StoreHandle<FanoutCache<K, V>> {
    return describeFanout(this.#store.core);
  }

  /** Closes the store and all named stores. */
  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #getWatchable(): WatchableStore {
    this.#store.assertOpen();
    return {
      subscribe: (listener, options, onEnd) => this.#subscriptions.add(listener, options, onEnd),
      read: this.#subscriptions.readLive,
      entries: (range) => this.entries(range as Range<K>),
    };
  }

  #iterate(of: Projection, range: Range<K> | undefined): Generator<unknown, void, undefined> {
    this.#store.assertOpen();
    return merge.iterateMerged(() => enlistAll(this.#store.core), of, range);
  }
}
