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
import { type BackupOptions, type BackupResult, backUpStore } from '../backup/backup.ts';
import * as portable from '../export/export-verbs.ts';
import { getVolume } from '../space/store-files.ts';
import { type ChangeListener, type Core, OpenHandle } from '../state/core.ts';
import { registerStore } from '../state/open-cores.ts';
import { assertNoDefault } from '../validate.ts';
import { type ByteRange, openBytes, openReadStream, type StoredBytes, writeStream } from './byte-streams.ts';
import { subscribe } from './change-feed.ts';
import { type CheckOptions, check, type Finding } from './check.ts';
import { type Configuration, configure } from './configure.ts';
import * as remove from './delete.ts';
import { type MemoizeOptions, memoize } from './memoize.ts';
import { closeCore, describe, getCodecName, openCore, type StoreHandle } from './open.ts';
import * as queue from './push-pull.ts';
import * as read from './read.ts';
import * as readMany from './read-many.ts';
import * as iterate from './scan.ts';
import { getStats } from './stats.ts';
import { type PlainResult, transact } from './transaction.ts';
import { type WatchableStore, watchKey, watchRange } from './watch.ts';
import * as write from './write.ts';

/** Set while `wrapCore` runs the constructor, which then opens nothing. */
let adopted: Core | undefined;

/**
 * A persistent map with a size limit: keys and values in one directory, shared by as many processes and threads as open it.
 * Every call is synchronous, and its effect is on disk when it returns.
 *
 * @throws {DiskCacheError} from every method: `CLOSED` after `close`, `BUSY` when another process holds the write lock for
 * longer than `timeout`, `CORRUPT` if the disk returns something other than was written, `IO` if it can't be read or written
 * now, `DISK_FULL`, `READ_ONLY`.
 */
export class Cache<K extends Key = Key, V = unknown> {
  readonly directory: string;
  readonly #store: OpenHandle<Core>;

  /**
   * Opens a directory, or creates it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL`, `BUSY`; `CORRUPT` for a file that is not a
   * database, `UNSUPPORTED_VERSION` for a database of another program or of a newer deskcache. Such a file stays untouched.
   */
  constructor(directory: string & PlainValues<V>, options: CacheOptions = {}) {
    const core = adopted ?? openCore(directory, options);
    adopted = undefined;
    this.directory = core.directory;
    this.#store = new OpenHandle(core, `The store at ${core.directory}`, closeCore);
    registerStore(this, () => [this.#store.core]);
  }

  /** Returns the value; undefined if it is missing or has expired. O(log n + size of the value). */
  get(key: K): V | undefined {
    // biome-ignore lint/complexity/noArguments: a rest parameter would cost every call an array
    if (arguments.length > 1) assertNoDefault(arguments);
    return read.get(this.#store.core, key) as V | undefined;
  }

  /** `get` for many keys, all from one snapshot. */
  getMany(keys: readonly K[]): (V | undefined)[] {
    return readMany.getMany(this.#store.core, keys) as (V | undefined)[];
  }

  /** Returns the value with its times, tag and size. */
  getEntry(key: K): Entry<K, V> | undefined {
    return read.getEntry(this.#store.core, key) as Entry<K, V> | undefined;
  }

  /** Returns whether there is a live item. O(log n). */
  has(key: K): boolean {
    return read.has(this.#store.core, key);
  }

  /** `has` for many keys, all from one snapshot, in their order. */
  hasMany(keys: Iterable<K>): boolean[] {
    return readMany.hasMany(this.#store.core, keys);
  }

  /**
   * Stores a value. An existing key keeps its position in stored order. O(log n + size of the value).
   *
   * @throws {DiskCacheError} `BAD_KEY` or `BAD_VALUE` with the path of the part that can't be stored; `BAD_OPTION`.
   */
  set<W>(key: K, value: StoredValue<V, W>, options?: SetOptions): void {
    write.set(this.#store.core, key, value, options);
  }

  /** `set` for many, all or none, in one transaction. An entry may have options of its own: `[key, value, { ttl }]`. */
  setMany<W extends EntryWithOptions<K, V>>(
    entries: StoredItems<V, EntryWithOptions<K, V>, W>,
    options?: SetOptions,
  ): void {
    write.setMany(this.#store.core, entries, options);
  }

  /** Stores a value unless there is a live item; returns whether it did. */
  add<W>(key: K, value: StoredValue<V, W>, options?: SetOptions): boolean {
    return write.add(this.#store.core, key, value, options);
  }

  /** Sets a new expiry of a live item, by default from the store's `ttl`; returns whether the item exists. */
  touch(key: K, options?: ExpiryOptions): boolean {
    return write.touch(this.#store.core, key, options);
  }

  /** Stores what `next` returns for the value (undefined if it is missing), in one transaction; expiry and tag stay. */
  update<W>(key: K, next: (current: V | undefined) => StoredValue<V, W>, options?: SetOptions): V {
    return write.update(this.#store.core, key, next as (current: unknown) => unknown, options) as V;
  }

  /**
   * Adds to a number, exactly, also from several processes; returns the sum.
   *
   * @throws {DiskCacheError} `BAD_VALUE` if the value is not a number, or the sum would not be exact.
   */
  incr(key: K, delta?: number, options?: CountOptions): number {
    return write.incr(this.#store.core, key, delta, options);
  }

  /** `incr` with the negative delta. */
  decr(key: K, delta?: number, options?: CountOptions): number {
    return write.decr(this.#store.core, key, delta, options);
  }

  /** Deletes an item; returns whether there was a live one. O(log n). */
  delete(key: K): boolean {
    return remove.deleteKey(this.#store.core, key);
  }

  /** Deletes many items in one transaction; returns how many live ones there were or, with `each`, whether each was one. */
  deleteMany(keys: Iterable<K>, options: { readonly each: true }): boolean[];
  deleteMany(keys: Iterable<K>, options?: { readonly each?: false }): number;
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[];
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[] {
    return remove.deleteMany(this.#store.core, keys, options);
  }

  /** Deletes an item and returns its value; undefined if it is missing. */
  pop(key: K): V | undefined {
    return remove.pop(this.#store.core, key) as V | undefined;
  }

  /** Stores a value at one end of a queue (by default the back); returns its key. */
  push<W>(value: StoredValue<V, W>, options?: QueueOptions & SetOptions): K {
    return queue.push(this.#store.core, value, options) as K;
  }

  /** Deletes the item at one end of a queue (by default the front) and returns it; undefined if the queue is empty. */
  pull(options?: QueueOptions): [K, V] | undefined {
    return queue.pull(this.#store.core, options) as [K, V] | undefined;
  }

  /** Returns the item at one end of a queue (by default the front). */
  peek(options?: QueueOptions): [K, V] | undefined {
    return queue.peek(this.#store.core, options) as [K, V] | undefined;
  }

  /** Returns the last or the first item in stored order. */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined {
    return iterate.peekItem(this.#store.core, options) as [K, V] | undefined;
  }

  /** Deletes expired items; returns how many. Writes delete a few of them, too. */
  expire(): number {
    return remove.expire(this.#store.core);
  }

  /** Deletes all items with a tag; returns how many live ones there were. O(items with the tag) with `tagIndex`, else O(n). */
  evict(tag: string | number): number {
    return remove.deleteTagged(this.#store.core, tag);
  }

  /**
   * Deletes all items whose key begins with `prefix`: the first characters of a string, or the first elements of an array, as in
   * `keys({ prefix })`. Returns how many live ones there were. A few are deleted in small transactions, many in one, as by `expire`, `evict`
   * and `cull`; a process that is killed may have deleted a part. O(log n + items deleted).
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a prefix that is neither a string nor an array; `BAD_KEY`.
   */
  deletePrefix(prefix: Key): number {
    return remove.deletePrefix(this.#store.core, prefix);
  }

  /** Deletes expired items and evicts what is over the limit; returns how many items. Writes do so, too. */
  cull(): number {
    return remove.cull(this.#store.core);
  }

  /**
   * Deletes everything, also from a damaged database; with a prefix what `deletePrefix` deletes. Returns how many live items there were,
   * or could still be read. O(n).
   */
  clear(options?: ClearOptions): number {
    return remove.clear(this.#store.core, options);
  }

  /**
   * Looks for damage: pages, indexes, keys, values against their checksums, missing and orphaned files, counts. `repair` deletes damaged items and files without an item, but nothing of a writer at work, and rebuilds a database with damaged pages
   * from the items that can be read, in one transaction. Reads everything: O(bytes).
   *
   * @throws {DiskCacheError} `READ_ONLY` for a repair of a store that was opened with `readOnly`; `DISK_FULL`, `BUSY`: the rest stays as it is.
   */
  check(options?: CheckOptions): Finding[] {
    return check(this.#store.core, options);
  }

  /** Backs the store up into a new directory, checked, which opens like this one; in slices, while it is used. Throws as `backUpTree`. O(bytes). */
  backup(path: string, options?: BackupOptions): Promise<BackupResult> {
    return backUpStore(this.#store.core, path, options);
  }

  /** Returns the bytes on disk: database, write-ahead log, and every value file. O(value files). */
  volume(): number {
    return getVolume(this.#store.core);
  }

  /** Returns the hits and misses of `get` and of opened streams, counted while `statistics` is on. */
  stats(options?: { readonly reset?: boolean }): Stats {
    return getStats(this.#store.core, options);
  }

  /**
   * Returns a function that caches the results of `fn` on disk. Of equal calls at the same time, in all processes, one runs.
   *
   * @throws {DiskCacheError} `BAD_OPTION`; the returned function throws `BAD_KEY` for an argument that can't be in a key.
   */
  memoize<A extends readonly unknown[], R>(
    fn: ((...args: A) => R) & PlainValues<Awaited<R>>,
    options: MemoizeOptions<A>,
  ): (...args: A) => R {
    this.#store.assertOpen();
    return memoize(() => this.#store.core, fn, options);
  }

  /** Returns a value of bytes or text, or a part of it, as a stream of bytes; undefined without a live item. */
  openReadStream(key: K, range?: ByteRange): ReadableStream<Uint8Array> | undefined {
    return openReadStream(this.#store.core, key, range);
  }

  /** Returns size and version of a value of bytes or text, and methods to read it; undefined without a live item. */
  openBytes(key: K): StoredBytes | undefined {
    return openBytes(this.#store.core, key);
  }

  /** Stores the bytes of a stream; the item appears whole when the stream has ended, or not at all. */
  writeStream(key: K, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void> {
    return writeStream(() => this.#store.core, key, chunks, options);
  }

  /**
   * The number of live items. O(expired items); O(n) once after opening and after another process has written, 15 ms for a million items.
   * An `exclusive` store is not counted again after it was closed.
   */
  get size(): number {
    return read.getSize(this.#store.core);
  }

  /** Iterates over the keys of a range, lazily; the store may change between two of them. */
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

  /** Returns one bounded page of a range, for callers that can't hold an iterator: pass `next` of the last page to get the next one. */
  page(of: Projection, range?: Range<K>, after?: Cursor): ResultPage {
    return iterate.page(this.#store.core, of, range, after);
  }

  /**
   * Calls `listener` with every change from now on: own changes right after their commit, those of other processes about 25 ms later,
   * all in the order of their commits, with the reason. Returns an unsubscribe function.
   */
  subscribe(listener: (change: Change<K, V>) => void, options?: SubscribeOptions<K>): () => void {
    return subscribe(this.#store.core, listener as ChangeListener, options);
  }

  /**
   * Iterates over the values of a key: first the present one (undefined if the key is missing), then one after each change. A slow reader gets
   * only the latest one. The iteration ends by `break` or `return`, by `signal`, and when the store is closed; a value that can't be read rejects.
   * The values are frozen. Reading them doesn't count as a use of the item.
   *
   * @throws {DiskCacheError} `BAD_KEY`, `BAD_OPTION`; the iteration rejects with what reading throws.
   */
  watch(key: K, options?: WatchOptions): AsyncIterableIterator<V | undefined> {
    return watchKey(this.#getWatchable(), key, options) as AsyncIterableIterator<V | undefined>;
  }

  /**
   * Iterates over the states of a range, like `watch`: each state is a frozen array of all entries. O(entries) per state. Only changed items are
   * read, unless `order: 'key'`, `tag` or `limit` is given: then the range is read again.
   *
   * @throws {DiskCacheError} `BAD_KEY`, `BAD_OPTION`; the iteration rejects with what reading throws.
   */
  watchMany(range?: Range<K>, options?: WatchOptions): AsyncIterableIterator<readonly (readonly [K, V])[]> {
    return watchRange(this.#getWatchable(), range, options) as AsyncIterableIterator<readonly (readonly [K, V])[]>;
  }

  /** Yields everything as lines of JSON (docs/export-format.md), in slices of 8 ms; items written meanwhile are or aren't in it. O(bytes). */
  export(options?: portable.ExportOptions): AsyncIterable<string> {
    return portable.exportCache('cache', () => [this.#store.core], options);
  }

  /** Imports the lines of an export. Can be repeated. @throws {DiskCacheError} as a rejection: `CORRUPT`, `UNSUPPORTED_VERSION`, `BAD_OPTION`. */
  import(lines: portable.ExportLines, options?: portable.ImportLinesOptions): Promise<portable.ImportLinesResult> {
    return portable.importCache(this, () => this.#store.core, lines, options);
  }

  /**
   * Changes settings permanently: for this process at once, for others when they next check for changes.
   *
   * @throws {DiskCacheError} `BAD_OPTION`; nothing is changed.
   */
  configure(options: Configuration): void {
    configure(this.#store.core, options);
  }

  /**
   * Runs a plain function as one transaction: all of its writes or, if it throws, none. Nested calls can fail alone.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a function that returns a promise or a generator.
   */
  transact<T>(work: (() => T) & PlainResult<T>): T {
    return transact(this.#store.core, work);
  }

  /** How values are stored: `'structured'`, `'json'`, or the name of a custom codec. */
  get codec(): string {
    return getCodecName(this.#store.core);
  }

  /** True while a function given to `transact` is running. */
  get inTransaction(): boolean {
    return this.#store.core.transaction.depth > 0;
  }

  /** This store as plain data, for `reopen` in a worker or another process. */
  describe(): StoreHandle<Cache<K, V>> {
    return describe('cache', this.#store.core);
  }

  /** Closes the store. Every later call fails with `CLOSED`; closing again does nothing. */
  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #getWatchable(): WatchableStore {
    const { core } = this.#store;
    return {
      subscribe: (listener, options, onEnd) => subscribe(core, listener, options, undefined, onEnd),
      read: (key) => read.readLive(core, key),
      entries: (range) => iterate.iterate(() => core, 'entries', range) as Iterable<[Key, unknown]>,
    };
  }

  #iterate(of: Projection, range: Range<K> | undefined): Generator<unknown, void, undefined> {
    this.#store.assertOpen();
    return iterate.iterate(() => this.#store.core, of, range);
  }
}

/** Returns a core that is open as a Cache: a FanoutCache opens the cores of its named shards itself. */
export function wrapCore<K extends Key, V>(core: Core): Cache<K, V> {
  adopted = core;
  return new Cache<K, V>(core.directory as string & PlainValues<V>);
}
