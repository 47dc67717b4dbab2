import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { MoveSource } from '../../../protocol/move-source.ts';
import type {
  Change,
  ClearOptions,
  DeleteManyOptions,
  EntryWithOptions,
  SubscribeOptions,
  WatchOptions,
} from '../../../protocol/options.ts';
import { NO_OPTIONS_HINT } from '../../../protocol/options.ts';
import type { PlainValues, StoredItems, StoredValue } from '../../../protocol/plain-values.ts';
import { type BackupOptions, type BackupResult, backUpStore } from '../backup/backup.ts';
import { subscribe } from '../cache/change-feed.ts';
import { type CheckOptions, CONSISTENCY, type ConsistencyOptions, check, type Finding } from '../cache/check.ts';
import * as remove from '../cache/delete.ts';
import {
  assertCollectionOptions,
  type CollectionOptions,
  closeCore,
  describe,
  openCollection,
  type StoreHandle,
} from '../cache/open.ts';
import { parseEnd } from '../cache/range.ts';
import * as read from '../cache/read.ts';
import * as readMany from '../cache/read-many.ts';
import * as iterate from '../cache/scan.ts';
import { inReadTransaction, inWriteTransaction, type PlainResult, transact } from '../cache/transaction.ts';
import { type WatchableStore, watchKey, watchRange } from '../cache/watch.ts';
import * as write from '../cache/write.ts';
import type { ExportLines, ExportOptions, ImportLinesOptions, ImportLinesResult } from '../export/export-verbs.ts';
import { exportIndex, importIndex } from '../export/export-verbs.ts';
import { parseSources } from '../moving/move-in.ts';
import { retryWithBallast } from '../space/maintenance.ts';
import { getVolume } from '../space/store-files.ts';
import type { ChangeListener, Core, ReadLive } from '../state/core.ts';
import { OpenHandle } from '../state/core.ts';
import { registerStore } from '../state/open-cores.ts';
import { assertFunction, assertIterable, assertNoDefault, storeEach } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import { withoutByteLimit } from '../values/read-budget.ts';
import { toValues, validateEntries } from './entry-walks.ts';
import type { BaselineMap, IndexIterator, IndexRange } from './map-types.ts';
import { moveIntoIndex } from './moved-entries.ts';
import { assertVersion, migrateTo, SchemaValidator, type StandardSchema } from './schema.ts';

export type { IndexRange } from './map-types.ts';

export interface IndexOptions<K extends Key = Key, V = unknown> extends CollectionOptions {
  /** The application's version of this data, a whole number from 1. Default 1. */
  readonly version?: number;
  /**
   * Migrates data of an older version: called once, in one transaction, while the index is opened. It reads values without
   * validation. If it throws, nothing is changed and opening fails.
   */
  readonly migrate?: (index: Index<K, unknown>, from: number) => void;
  /**
   * Any synchronous Standard Schema validator. Values are validated when they are written and when they are read; the validator's
   * output is stored and returned, so it must accept its own output.
   */
  readonly schema?: StandardSchema<V>;
  /**
   * Files of another library to move in, such as `lowdb(path)` with an absolute path. Each top-level member becomes an entry, once, in one
   * transaction, while the index is opened. Existing entries are kept, and so are the files. What can't be moved is reported as a process
   * warning.
   */
  readonly from?: MoveSource | readonly MoveSource[];
}

/**
 * A persistent `Map` in one directory, in the order of first insertion, shared by any number of processes and threads. Entries never
 * expire and are never evicted. Every call is atomic and survives a power cut when it returns (`durability: 'power'`, the default).
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, `READ_ONLY`, as `Cache`; with a schema
 * `BAD_VALUE` for a value that does not match it.
 */
export class Index<K extends Key = Key, V = unknown> implements BaselineMap<K, V> {
  readonly directory: string;
  readonly #writeValidator: SchemaValidator | undefined;
  #readValidator: SchemaValidator | undefined;
  readonly #version: number;
  readonly #store: OpenHandle<Core>;

  /**
   * Opens a directory, or creates it.
   *
   * @throws {DiskCacheError} `UNSUPPORTED_VERSION` when its version is newer; what `migrate` throws, as the cause;
   * `BAD_OPTION`, also for a directory that holds something else; else what `Cache` throws.
   */
  constructor(directory: string & PlainValues<V>, options: IndexOptions<K, V> = {}) {
    assertCollectionOptions(options);
    const { version = 1, migrate, schema, from, ...shared } = options;
    assertVersion(version);
    if (migrate !== undefined) assertFunction(migrate, 'migrate');
    const validator = schema === undefined ? undefined : new SchemaValidator(schema, directory);
    const sources = shared.readOnly ? [] : parseSources(from);
    const core = openCollection('index', directory, shared, { version });
    this.directory = core.directory;
    this.#store = new OpenHandle(core, `The index at ${core.directory}`, closeCore);
    registerStore(this, () => [this.#store.core]);
    this.#version = version;
    this.#writeValidator = validator;
    try {
      migrateTo(version, core, migrate && ((from) => migrate(this as unknown as Index<K, unknown>, from)));
      if (sources.length > 0) moveIntoIndex(core, sources, this as unknown as Index);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#readValidator = validator;
  }

  /** Returns the value, or undefined if there is none. O(log n + size of the value). */
  get(key: K): V | undefined {
    // biome-ignore lint/complexity/noArguments: a rest parameter would cost every call an array
    if (arguments.length > 1) assertNoDefault(arguments);
    const core = this.#store.core;
    const value = read.get(core, key);
    if (this.#readValidator === undefined || (value === undefined && !read.has(core, key)))
      return value as V | undefined;
    return this.#readValidator.validateRead(key, value) as V;
  }

  /** Returns the values of many keys, all from one snapshot. */
  getMany(keys: readonly K[]): (V | undefined)[] {
    const core = this.#store.core;
    if (this.#readValidator === undefined) return readMany.getMany(core, keys) as (V | undefined)[];
    return inReadTransaction(core, () => keys.map((key) => this.get(key)));
  }

  /** Whether there is an entry. O(log n); the value is not read. */
  has(key: K): boolean {
    return read.has(this.#store.core, key);
  }

  /** `has` for many keys, all from one snapshot, in their order. */
  hasMany(keys: Iterable<K>): boolean[] {
    return readMany.hasMany(this.#store.core, keys);
  }

  /**
   * Stores a value. An existing key keeps its place in the order. O(log n + size of the value).
   *
   * @throws {DiskCacheError} `BAD_KEY` or `BAD_VALUE` with the path of the part that can't be stored.
   */
  set<W>(key: K, value: StoredValue<V, W>): this {
    // biome-ignore lint/complexity/noArguments: a rest parameter would cost every call an array
    if (arguments.length > 2 && arguments[2] !== undefined) {
      throw new DiskCacheError('BAD_OPTION', `set takes a key and a value, and was given more; ${NO_OPTIONS_HINT}`);
    }
    write.set(this.#store.core, key, this.#validateWrite(key, value));
    return this;
  }

  /** Stores many entries, all or none, in one transaction. */
  setMany<W extends EntryWithOptions<K, V>>(entries: StoredItems<V, readonly [K, V], W>): void {
    const store = this.set as unknown as (key: Key, value: unknown, options: unknown) => void;
    inWriteTransaction(this.#store.core, () =>
      storeEach(entries, (key, value, options) => store.call(this, key, value, options)),
    );
  }

  /** Returns the value of a key. If there is none, stores `value` first. */
  setDefault<W>(key: K, value: StoredValue<V, W>): V {
    const find = (): { readonly value: V } | undefined => (this.has(key) ? { value: this.get(key) as V } : undefined);
    const found = inReadTransaction(this.#store.core, find);
    if (found !== undefined) return found.value;
    return inWriteTransaction(this.#store.core, () => {
      const added = find();
      if (added !== undefined) return added.value;
      return this.set(key, value).get(key) as V;
    });
  }

  /** Stores what `next` returns for the current value (undefined if there is none), in one transaction. Returns the stored value. */
  update<W>(key: K, next: (current: V | undefined) => StoredValue<V, W>): V {
    assertFunction(next, 'the updater');
    return inWriteTransaction(this.#store.core, () => this.set(key, next(this.get(key))).get(key) as V);
  }

  /** Deletes an entry. Returns whether there was one. O(log n). */
  delete(key: K): boolean {
    return remove.deleteKey(this.#store.core, key);
  }

  /** Deletes many entries in one transaction; returns how many there were or, with `each`, whether each was there. */
  deleteMany(keys: Iterable<K>, options: { readonly each: true }): boolean[];
  deleteMany(keys: Iterable<K>, options?: { readonly each?: false }): number;
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[];
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[] {
    return remove.deleteMany(this.#store.core, keys, options);
  }

  /**
   * Deletes all entries whose key begins with `prefix`, in one transaction: the first characters of a string, or the first elements of an array,
   * as in `keys({ prefix })`. Returns how many. O(log n + entries deleted).
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a prefix that is neither a string nor an array; `BAD_KEY`.
   */
  deletePrefix(prefix: Key): number {
    return remove.deletePrefixAtOnce(this.#store.core, prefix);
  }

  /** Deletes an entry and returns its value; undefined if there is none. */
  pop(key: K): V | undefined {
    return this.#readAndDelete(() => {
      const value = this.get(key);
      this.delete(key);
      return value;
    });
  }

  /** Returns the last entry in insertion order, or the first with `last: false`; undefined if the index is empty. O(log n). */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined {
    return this.page('entries', parseEnd(options)).items[0] as [K, V] | undefined;
  }

  /** Deletes and returns the last entry in insertion order, or the first with `last: false`. */
  popItem(options?: { readonly last?: boolean }): [K, V] | undefined {
    return this.#readAndDelete(() => {
      const entry = this.peekItem(options);
      if (entry !== undefined) this.delete(entry[0]);
      return entry;
    });
  }

  /** Deletes everything; with a prefix what `deletePrefix` deletes, and returns how many entries. O(n). */
  clear(): void;
  clear(options: ClearOptions): number;
  // biome-ignore lint/suspicious/noConfusingVoidType: `Map.clear` returns nothing
  clear(options?: ClearOptions): number | void;
  clear(options?: ClearOptions): number | undefined {
    const prefix = remove.parseClearPrefix(options);
    if (prefix !== undefined) return this.deletePrefix(prefix);
    remove.clearAll(this.#store.core);
    return undefined;
  }

  /** Number of entries. As `Cache.size`. */
  get size(): number {
    return read.getSize(this.#store.core);
  }

  /** Iterates lazily over the keys of a range. As with `Map`, the index may be changed during the iteration. */
  keys(range?: IndexRange<K>): IndexIterator<K> {
    return this.#iterate('keys', range) as IndexIterator<K>;
  }

  values(range?: IndexRange<K>): IndexIterator<V> {
    return this.#readValidator === undefined
      ? (this.#iterate('values', range) as IndexIterator<V>)
      : toValues(this.entries(range));
  }

  entries(range?: IndexRange<K>): IndexIterator<[K, V]> {
    const walk = this.#iterate('entries', range) as IndexIterator<[K, V]>;
    return this.#readValidator === undefined ? walk : validateEntries(walk, this.#readValidator);
  }

  [Symbol.iterator](): IndexIterator<[K, V]> {
    return this.entries();
  }

  forEach(callback: (value: V, key: K, index: Index<K, V>) => void, thisArgument?: unknown): void {
    for (const [key, value] of this) callback.call(thisArgument, value, key, this);
  }

  /** Returns one bounded page of a range, for callers that can't hold an iterator: pass `next` of a page as `after` for the next one. */
  page(of: Projection, range?: IndexRange<K>, after?: Cursor): ResultPage {
    const core = this.#store.core;
    const validator = this.#readValidator;
    if (validator === undefined || of === 'keys') return iterate.page(core, of, range, after);
    const { items, ...rest } = iterate.page(core, 'entries', range, after);
    const validated = (items as [K, V][]).map(([key, value]) => [key, validator.validateRead(key, value)] as const);
    return { items: of === 'entries' ? validated : validated.map(([, value]) => value), ...rest };
  }

  /** Whether a `Map`, index or other iterable of pairs has deeply equal entries in the same order. O(n). */
  equals(other: Iterable<readonly [unknown, unknown]>): boolean {
    const others = assertIterable(other, 'pairs [key, value]')[Symbol.iterator]();
    try {
      const compare = () => {
        for (const entry of this) {
          const next = others.next();
          if (next.done || !isEqual(entry, [next.value[0], next.value[1]])) return false;
        }
        return others.next().done === true;
      };
      return inReadTransaction(this.#store.core, () => withoutByteLimit(compare));
    } finally {
      others.return?.();
    }
  }

  /**
   * Runs a synchronous function in one transaction, which is rolled back if it throws. Nested calls are savepoints.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a function that returns a promise or a generator.
   */
  transact<T>(work: (() => T) & PlainResult<T>): T {
    return transact(this.#store.core, work);
  }

  /** Calls `listener` for every change from now on, of any process, in commit order. Returns an unsubscribe function. */
  subscribe(listener: (change: Change<K, V>) => void, options?: SubscribeOptions<K>): () => void {
    return subscribe(this.#store.core, listener as ChangeListener, options, this.#readLive);
  }

  /** Iterates over the values of a key, as `Cache.watch`. */
  watch(key: K, options?: WatchOptions): AsyncIterableIterator<V | undefined> {
    return watchKey(this.#getWatchable(), key, options) as AsyncIterableIterator<V | undefined>;
  }

  /** Iterates over the entries of a range, as `Cache.watchMany`. */
  watchMany(range?: IndexRange<K>, options?: WatchOptions): AsyncIterableIterator<readonly (readonly [K, V])[]> {
    return watchRange(this.#getWatchable(), range, options) as AsyncIterableIterator<readonly (readonly [K, V])[]>;
  }

  /** Yields everything as lines of JSON, as `Cache.export`. */
  export(options?: ExportOptions): AsyncIterable<string> {
    return exportIndex(() => this.#store.core, this.#version, options);
  }

  /** Imports the lines of an export, as `Cache.import`. */
  import(lines: ExportLines, options?: ImportLinesOptions): Promise<ImportLinesResult> {
    const validate = this.#writeValidator && ((key: Key, value: unknown) => this.#validateWrite(key as K, value as V));
    return importIndex(() => this.#store.core, this.#version, validate, lines, options);
  }

  /** Returns the bytes on disk: database, write-ahead log, and all value files. */
  volume(): number {
    return getVolume(this.#store.core);
  }

  /** Finds damage of every kind. `repair` deletes damaged entries. O(bytes). */
  check(options?: CheckOptions): Finding[] {
    return check(this.#store.core, options, (options as ConsistencyOptions | undefined)?.[CONSISTENCY]);
  }

  /** Backs the index up into a new directory, while it is used; see `Cache.backup`. */
  backup(path: string, options?: BackupOptions): Promise<BackupResult> {
    return backUpStore(this.#store.core, path, options);
  }

  /** Returns this index as plain data, for `reopen` in a worker or another process, where a schema must be given again. */
  describe(): StoreHandle<Index<K, V>> {
    const description = describe<Index<K, V>>('index', this.#store.core, { version: this.#version });
    return this.#writeValidator === undefined
      ? description
      : { ...description, required: [...description.required, 'schema'] };
  }

  /** Lets go of the directory. Every later call fails with `CLOSED`; closing again does nothing. */
  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get [Symbol.toStringTag](): string {
    return 'Index';
  }

  /** Runs `take`, which reads and deletes, in one transaction, even on a full disk. */
  #readAndDelete<T>(take: () => T): T {
    const core = this.#store.core;
    return retryWithBallast([core], () => inWriteTransaction(core, take));
  }

  #validateWrite(key: K, value: V): unknown {
    return this.#writeValidator === undefined ? value : this.#writeValidator.validateWrite(key, value);
  }

  #getWatchable(): WatchableStore {
    const { core } = this.#store;
    return {
      subscribe: (listener, options, onEnd) => subscribe(core, listener, options, this.#readLive, onEnd),
      read: this.#readLive,
      entries: (range) => this.entries(range as IndexRange<K>),
    };
  }

  readonly #readLive: ReadLive = (key) => {
    const found = read.readLive(this.#store.core, key);
    return found && this.#readValidator ? { value: this.#readValidator.validateRead(key, found.value) } : found;
  };

  #iterate(of: Projection, range: IndexRange<K> | undefined): IndexIterator<unknown> {
    this.#store.assertOpen();
    return iterate.iterate(() => this.#store.core, of, range) as IndexIterator<unknown>;
  }
}
