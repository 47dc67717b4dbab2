import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { Change, Range } from '../../../protocol/options.ts';
import { NO_OPTIONS_HINT } from '../../../protocol/options.ts';
import type { PlainValues } from '../../../protocol/plain-values.ts';
import type { SubscribeOptions } from '../cache/change-feed.ts';
import { subscribe } from '../cache/change-feed.ts';
import { type CheckOptions, CONSISTENCY, type ConsistencyOptions, check, type Finding } from '../cache/check.ts';
import * as remove from '../cache/delete.ts';
import { closeCore, describe, type StoreHandle } from '../cache/open.ts';
import { assertCollectionOptions, type CollectionOptions, openCollection } from '../cache/open-collection.ts';
import { parseEnd } from '../cache/range.ts';
import * as read from '../cache/read.ts';
import { getSize } from '../cache/read.ts';
import * as iterate from '../cache/scan.ts';
import { inReadTransaction, inWriteTransaction, type PlainResult, transact } from '../cache/transaction.ts';
import * as write from '../cache/write.ts';
import { retryWithBallast } from '../space/disk-full.ts';
import { getVolume } from '../space/store-files.ts';
import type { ChangeListener, Core } from '../state/core.ts';
import { OpenStore } from '../state/open-store.ts';
import { assertFunction, assertIterable, assertNoDefault, storeEach } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import { withoutByteLimit } from '../values/read-budget.ts';
import { assertVersion, migrateTo } from './migrate.ts';
import { SchemaValidator, type StandardSchema } from './schema-validator.ts';

export interface IndexOptions<K extends Key = Key, V = unknown> extends CollectionOptions {
  /** The version of what the application keeps here, a whole number from 1. Default 1. */
  readonly version?: number;
  /**
   * Carries everything over from an older version: called once, while the index is opened, in one transaction. It reads
   * values as they are, whatever the schema. When it throws nothing is changed and opening fails.
   */
  readonly migrate?: (index: Index<K, unknown>, from: number) => void;
  /**
   * Any synchronous validator of the Standard Schema family. Values are validated when they are written and when they are
   * read; what it makes of a value is stored and given back, so it has to accept that too.
   */
  readonly schema?: StandardSchema<V>;
}

/** Which entries, and in which order. */
export type IndexRange<K extends Key = Key> = Omit<Range<K>, 'tag'>;

/** What `Map` gives to walk over it. */
type IndexIterator<T> = Generator<T, undefined, unknown>;

/**
 * `Map` without what only newer libs of TypeScript declare (ES2026), and without what mentions the whole `Map` (its `this`): an application with such a
 * lib compiles this declaration as well.
 */
type BaselineMap<K, V> = Omit<Map<K, V>, 'forEach' | 'set' | 'getOrInsert' | 'getOrInsertComputed'>;

/**
 * A persistent `Map` in one directory, in the order of first insertion, shared by as many processes and threads as open it.
 * Nothing expires and nothing is evicted. Every call is whole or not at all, and survives a power cut when it returns
 * (`durability: 'power'`, unless chosen otherwise).
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, `READ_ONLY`, as `Cache`; with a schema
 * `BAD_VALUE` for a value that does not fit it.
 */
export class Index<K extends Key = Key, V = unknown> implements BaselineMap<K, V> {
  readonly directory: string;
  readonly #writeValidator: SchemaValidator | undefined;
  #readValidator: SchemaValidator | undefined;
  readonly #version: number;
  readonly #store: OpenStore<Core>;

  /**
   * Opens a directory, or creates it.
   *
   * @throws {DiskCacheError} `UNSUPPORTED_VERSION` when its version is newer; what `migrate` throws, as the cause;
   * `BAD_OPTION`, also for a directory that holds something else; else what `Cache` throws.
   */
  constructor(directory: string & PlainValues<V>, options: IndexOptions<K, V> = {}) {
    assertCollectionOptions(options);
    const { version = 1, migrate, schema, ...shared } = options;
    assertVersion(version);
    if (migrate !== undefined) assertFunction(migrate, 'migrate');
    const validation = schema === undefined ? undefined : new SchemaValidator(schema, directory);
    const core = openCollection('index', directory, shared, { version });
    this.directory = core.directory;
    this.#store = new OpenStore(core, `The index at ${core.directory}`, closeCore);
    this.#version = version;
    this.#writeValidator = validation;
    try {
      migrateTo(version, core, migrate && ((from) => migrate(this as unknown as Index<K, unknown>, from)));
    } catch (error) {
      this.close();
      throw error;
    }
    this.#readValidator = validation;
  }

  /** The value, or undefined when there is none. O(log n + size of the value). */
  get(key: K): V | undefined {
    // biome-ignore lint/complexity/noArguments: a rest parameter would cost every call an array
    if (arguments.length > 1) assertNoDefault(arguments);
    const core = this.#store.core;
    const value = read.get(core, key);
    if (this.#readValidator === undefined || (value === undefined && !read.has(core, key)))
      return value as V | undefined;
    return this.#readValidator.validateRead(key, value) as V;
  }

  /** `get` for many keys, all from one moment. */
  getMany(keys: readonly K[]): (V | undefined)[] {
    const core = this.#store.core;
    if (this.#readValidator === undefined) return read.getMany(core, keys) as (V | undefined)[];
    return inReadTransaction(core, () => keys.map((key) => this.get(key)));
  }

  /** O(log n); the value is not read. */
  has(key: K): boolean {
    return read.has(this.#store.core, key);
  }

  /**
   * Stores a value. A key that is there keeps its place. O(log n + size of the value).
   *
   * @throws {DiskCacheError} `BAD_KEY` or `BAD_VALUE` with the path of the part that can't be stored.
   */
  set(key: K, value: V): this {
    // biome-ignore lint/complexity/noArguments: a rest parameter would cost every call an array
    if (arguments.length > 2 && arguments[2] !== undefined) {
      throw new DiskCacheError('BAD_OPTION', `set takes a key and a value, and was given more; ${NO_OPTIONS_HINT}`);
    }
    write.set(this.#store.core, key, this.#validateWrite(key, value));
    return this;
  }

  /** `set` for many, all or none, in one transaction. */
  setMany(entries: Iterable<readonly [K, V]>): void {
    inWriteTransaction(this.#store.core, () => storeEach(entries, (key, value) => void this.set(key as K, value as V)));
  }

  /** The value of a key; where there is none, `value` is stored first. */
  setDefault(key: K, value: V): V {
    const present = (): { readonly value: V } | undefined =>
      this.has(key) ? { value: this.get(key) as V } : undefined;
    const found = inReadTransaction(this.#store.core, present);
    if (found !== undefined) return found.value;
    return inWriteTransaction(this.#store.core, () => {
      const meanwhile = present();
      if (meanwhile !== undefined) return meanwhile.value;
      return this.set(key, value).get(key) as V;
    });
  }

  /** Stores what `next` makes of the value (undefined when there is none), in one transaction; answers what is stored. */
  update(key: K, next: (current: V | undefined) => V): V {
    assertFunction(next, 'what makes the next value');
    return inWriteTransaction(this.#store.core, () => this.set(key, next(this.get(key))).get(key) as V);
  }

  /** Whether there was an entry to delete. O(log n). */
  delete(key: K): boolean {
    return remove.deleteKey(this.#store.core, key);
  }

  /** Takes an entry out: its value, or undefined when there is none. */
  pop(key: K): V | undefined {
    return this.#takeOut(() => {
      const value = this.get(key);
      this.delete(key);
      return value;
    });
  }

  /** The entry that was first set last, or first; undefined when there is none. O(log n). */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined {
    return this.page('entries', parseEnd(options)).items[0] as [K, V] | undefined;
  }

  /** Takes out the entry that was first set last, or first. */
  popItem(options?: { readonly last?: boolean }): [K, V] | undefined {
    return this.#takeOut(() => {
      const entry = this.peekItem(options);
      if (entry !== undefined) this.delete(entry[0]);
      return entry;
    });
  }

  /** Deletes everything. O(n). */
  clear(): void {
    remove.clear(this.#store.core);
  }

  /** The number of entries. O(1) while this process alone writes, else one walk over an index. */
  get size(): number {
    return getSize(this.#store.core);
  }

  /** The keys of a range, lazily; safe to change the index meanwhile, as with `Map`. */
  keys(range?: IndexRange<K>): IndexIterator<K> {
    return this.#walk('keys', range) as IndexIterator<K>;
  }

  values(range?: IndexRange<K>): IndexIterator<V> {
    return this.#readValidator === undefined
      ? (this.#walk('values', range) as IndexIterator<V>)
      : toValues(this.entries(range));
  }

  entries(range?: IndexRange<K>): IndexIterator<[K, V]> {
    const walk = this.#walk('entries', range) as IndexIterator<[K, V]>;
    return this.#readValidator === undefined ? walk : this.#validateEntries(walk);
  }

  [Symbol.iterator](): IndexIterator<[K, V]> {
    return this.entries();
  }

  forEach(callback: (value: V, key: K, index: Index<K, V>) => void, thisArgument?: unknown): void {
    for (const [key, value] of this) callback.call(thisArgument, value, key, this);
  }

  /** One bounded page of a range, for who can't keep an iterator: `next` of the last page leads to the next one. */
  page(of: Projection, range?: IndexRange<K>, after?: Cursor): ResultPage {
    const core = this.#store.core;
    const validation = this.#readValidator;
    if (validation === undefined || of === 'keys') return iterate.page(core, of, range, after);
    const { items, ...rest } = iterate.page(core, 'entries', range, after);
    const validated = (items as [K, V][]).map(([key, value]) => [key, validation.validateRead(key, value)] as const);
    return { items: of === 'entries' ? validated : validated.map(([, value]) => value), ...rest };
  }

  /** Whether others, a `Map` or an index or pairs, are the same entries in the same order, deeply equal. O(n). */
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
   * Runs a plain function whose reads and writes are one: whole or, when it throws, not at all. Nested calls can fail alone.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a function that returns a promise or a generator.
   */
  transact<T>(work: (() => T) & PlainResult<T>): T {
    return transact(this.#store.core, work);
  }

  /** Tells `listener` of every change from now on, by whoever, in the order of the commits. Answers the way out. */
  subscribe(listener: (change: Change<K>) => void, options?: SubscribeOptions): () => void {
    return subscribe(this.#store.core, listener as ChangeListener, options);
  }

  /** Bytes on disk: database, write-ahead log, and every value file. */
  volume(): number {
    return getVolume(this.#store.core);
  }

  /** Looks for damage of every kind; `repair` deletes what is damaged. O(bytes). */
  check(options?: CheckOptions): Finding[] {
    return check(this.#store.core, options, (options as ConsistencyOptions | undefined)?.[CONSISTENCY]);
  }

  /** This index as plain data, for `reopen` in a worker or another process; a schema has to be handed in again there. */
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

  /** What `take` reads and deletes, in one transaction, also on a full disk. */
  #takeOut<T>(take: () => T): T {
    const core = this.#store.core;
    return retryWithBallast([core], () => inWriteTransaction(core, take));
  }

  #validateWrite(key: K, value: V): unknown {
    return this.#writeValidator === undefined ? value : this.#writeValidator.validateWrite(key, value);
  }

  #walk(of: Projection, range: IndexRange<K> | undefined): IndexIterator<unknown> {
    this.#store.assertOpen();
    return iterate.iterate(() => this.#store.core, of, range) as IndexIterator<unknown>;
  }

  *#validateEntries(entries: IndexIterator<[K, V]>): IndexIterator<[K, V]> {
    for (const [key, value] of entries) yield [key, this.#readValidator!.validateRead(key, value) as V];
    return undefined;
  }
}

function* toValues<V>(entries: Iterable<readonly [unknown, V]>): IndexIterator<V> {
  for (const [, value] of entries) yield value;
  return undefined;
}
