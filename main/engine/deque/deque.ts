import type { DequeRange } from '../../../protocol/contract/deque.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Change, WatchOptions } from '../../../protocol/options.ts';
import type { PlainValues, StoredItems, StoredValue, StoredValues } from '../../../protocol/plain-values.ts';
import type { Cursor, ResultPage } from '../../../protocol/results.ts';
import { type BackupOptions, type BackupResult, backUpStore } from '../backup/backup.ts';
import { subscribe } from '../cache/change-feed.ts';
import { type CheckOptions, check, type Finding } from '../cache/check.ts';
import { clear } from '../cache/delete.ts';
import {
  assertCollectionOptions,
  type CollectionOptions,
  closeCore,
  describe,
  openCollection,
  type StoreHandle,
  writeMetadata,
} from '../cache/open.ts';
import { inWriteTransaction, type PlainResult, transact } from '../cache/transaction.ts';
import { watchAll } from '../cache/watch.ts';
import type { ExportLines, ExportOptions, ImportLinesOptions, ImportLinesResult } from '../export/export-verbs.ts';
import { exportDeque, importDeque } from '../export/export-verbs.ts';
import { getVolume } from '../space/store-files.ts';
import type { Core } from '../state/core.ts';
import { OpenHandle } from '../state/core.ts';
import { registerStore } from '../state/open-cores.ts';
import { assertFunction, assertIterable, assertOptions, parseSide } from '../validate.ts';
import type { Side } from './pending-ends.ts';
import { checkPositions, readPositions, repairEnds, repairPositions, reverse, rotate } from './positions.ts';
import { peekValue, popValue, pushValues, trim } from './push-pop.ts';
import * as places from './random-access.ts';
import { getDequePage } from './random-access.ts';

export interface DequeOptions extends CollectionOptions {
  /**
   * Maximum length, stored in the directory: values beyond it are dropped from the other end. Default `Infinity`, or the stored one.
   */
  readonly maxLength?: number;
}

/** A change of a deque. It carries no index, which would be outdated on arrival: read again what you show. */
export interface DequeChange {
  /** `set`: a value was added, replaced or moved; `delete`: one was removed; `clear`: all were removed, or changes were missed. */
  readonly kind: Change['kind'];
}

const PEEK_OPTIONS: ReadonlySet<string> = new Set(['side']);

/**
 * A persistent sequence in one directory, shared by any number of processes and threads: an array with access in O(log n) at the ends
 * and in the middle. Every call is atomic and survives a power cut when it returns (`durability: 'power'`, the default); several
 * values in one call are one fsync. Values are compared by deep equality (as in `util.isDeepStrictEqual`).
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, `READ_ONLY`, as `Cache`.
 */
export class Deque<V = unknown> {
  readonly directory: string;
  readonly #store: OpenHandle<Core>;

  /**
   * Opens a directory, or creates it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, also for a directory that holds something else; else what `Cache` throws.
   */
  constructor(directory: string & PlainValues<V>, options: DequeOptions = {}) {
    assertCollectionOptions(options);
    const { maxLength, ...shared } = options;
    if (maxLength !== undefined) assertMaxLength(maxLength);
    const core = openCollection('deque', directory, shared, {});
    this.directory = core.directory;
    this.#store = new OpenHandle(core, `The deque at ${core.directory}`, closeCore);
    registerStore(this, () => [this.#store.core]);
    try {
      if (!core.openOptions.readOnly) repairEnds(core);
      if (maxLength !== undefined && !core.openOptions.readOnly) this.maxLength = maxLength;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Number of values. O(log n). */
  get length(): number {
    return readPositions(this.#store.core).length;
  }

  /** Maximum length, for every process that has the deque open. */
  get maxLength(): number {
    return readPositions(this.#store.core).maxLength;
  }

  /** Sets the maximum length; values beyond it are dropped from the front. O(dropped values · log n). */
  set maxLength(length: number) {
    assertMaxLength(length);
    const core = this.#store.core;
    const { maxLength: storedMaxLength, length: currentLength } = readPositions(core);
    if (storedMaxLength === length && currentLength <= storedMaxLength) return;
    inWriteTransaction(core, () => {
      writeMetadata(core, 'maxLength', length);
      trim(core);
    });
  }

  /** Adds values at the back, in one transaction. Returns the new length. O(values · log n). @throws {DiskCacheError} `BAD_VALUE` */
  push<W extends readonly V[]>(...values: StoredValues<V, W>): number {
    return pushValues(this.#store.core, values, 'back');
  }

  /** Adds all values of an iterable at the back, or none, in one transaction. Returns the new length. */
  extend<W>(values: StoredItems<V, V, W>): number {
    // Read to the end first, so that no lock is held while the caller's generator runs.
    return pushValues(this.#store.core, Array.from(assertIterable(values, 'values')), 'back');
  }

  /** Adds values at the front, in their order, in one transaction. Returns the new length. O(values · log n). */
  unshift<W extends readonly V[]>(...values: StoredValues<V, W>): number {
    return pushValues(this.#store.core, values.toReversed(), 'front');
  }

  /** Removes and returns the last value; undefined if the deque is empty. O(log n). */
  pop(): V | undefined {
    return popValue(this.#store.core, 'back') as V | undefined;
  }

  /** Removes and returns the first value; undefined if the deque is empty. O(log n). */
  shift(): V | undefined {
    return popValue(this.#store.core, 'front') as V | undefined;
  }

  /** Returns the value at one end, by default the front, without removing it; undefined if the deque is empty. O(log n). */
  peek(options?: { readonly side?: Side }): V | undefined {
    const side = parseSide(assertOptions(options, PEEK_OPTIONS).side, 'front');
    return peekValue(this.#store.core, side) as V | undefined;
  }

  /** Returns the value at an index, negative from the end; undefined outside the deque. O(log n). */
  at(index: number): V | undefined {
    return places.at(this.#store.core, index) as V | undefined;
  }

  /**
   * Replaces the value at an index, negative from the end. O(log n).
   *
   * @throws {DiskCacheError} `BAD_OPTION` outside the deque; `BAD_VALUE`.
   */
  set<W>(index: number, value: StoredValue<V, W>): void {
    places.replace(this.#store.core, index, value);
  }

  /** Removes the value at an index. Returns false outside the deque. O(length of the shorter side). */
  delete(index: number): boolean {
    return places.removeAt(this.#store.core, index);
  }

  /**
   * Removes and returns a range of values, as `Array.prototype.splice` does, in one transaction: `splice(0, 100)` costs a fraction of
   * a hundred `shift`s. O(removed values + length of the shorter side).
   */
  splice(start: number, count = Number.POSITIVE_INFINITY): V[] {
    return places.splice(this.#store.core, start, count) as V[];
  }

  /** Removes the first equal value. Returns false if there is none. O(n). */
  remove(value: V): boolean {
    return places.removeFirstEqual(this.#store.core, value);
  }

  /** Returns the index of the first equal value at or after `from`; −1 if there is none. O(n). */
  indexOf(value: V, from?: number): number {
    return places.indexOf(this.#store.core, value, from);
  }

  /** Whether the deque contains an equal value. O(n). */
  includes(value: V): boolean {
    return this.indexOf(value) >= 0;
  }

  /** Returns the number of equal values. O(n). */
  count(value: V): number {
    return places.count(this.#store.core, value);
  }

  /** Whether another sequence has equal values in the same order. O(n). */
  equals(other: Iterable<unknown>): boolean {
    return places.equals(this.#store.core, assertIterable(other, 'values'));
  }

  /** Moves `count` values from the back to the front; if negative, from the front to the back. O(min(count, n − count)). */
  rotate(count = 1): void {
    rotate(this.#store.core, count);
  }

  /** Reverses the order. O(n log n). */
  reverse(): void {
    reverse(this.#store.core);
  }

  /** Deletes everything. Returns the number of deleted values. O(n). */
  clear(): number {
    return clear(this.#store.core);
  }

  /** Iterates lazily from the first value to the last. If the deque changes meanwhile, it continues by index, like an array's iterator. */
  values(): Generator<V, void, undefined> {
    this.#store.assertOpen();
    return places.iterateValues(() => this.#store.core) as Generator<V, void, undefined>;
  }

  /** Iterates lazily from the last value to the first. */
  reversed(): Generator<V, void, undefined> {
    this.#store.assertOpen();
    return places.iterateValuesBackwards(() => this.#store.core) as Generator<V, void, undefined>;
  }

  /** Returns one bounded page of values, for callers that can't hold an iterator: pass `next` of a page as `after` for the next one. */
  page(range?: DequeRange, after?: Cursor): ResultPage<V> {
    return getDequePage(this.#store.core, range, after) as ResultPage<V>;
  }

  [Symbol.iterator](): Generator<V, void, undefined> {
    return this.values();
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
  subscribe(listener: (change: DequeChange) => void): () => void {
    const core = this.#store.core;
    assertFunction(listener, 'the listener');
    return subscribe(core, ({ kind }) => listener({ kind }));
  }

  /**
   * Iterates over the states of the deque: first the present one, then one after each change. Each is a frozen array of all values, read in
   * O(length). A slow reader gets only the latest one. The iteration ends by `break` or `return`, by `signal`, and when the deque is closed.
   *
   * @throws {DiskCacheError} `BAD_OPTION`; the iteration rejects with what reading throws.
   */
  watch(options?: WatchOptions): AsyncIterableIterator<readonly V[]> {
    const core = this.#store.core;
    return watchAll(
      (listener, onEnd) => subscribe(core, listener, undefined, undefined, onEnd),
      () => [...this.values()],
      options,
    ) as AsyncIterableIterator<readonly V[]>;
  }

  /** Yields everything as lines of JSON, as `Cache.export`. */
  export(options?: ExportOptions): AsyncIterable<string> {
    return exportDeque(() => this.#store.core, options);
  }

  /** Imports the lines of an export, as `Cache.import`. Values that are there already must be the first ones of the export. */
  import(lines: ExportLines, options?: ImportLinesOptions): Promise<ImportLinesResult> {
    return importDeque(
      () => this.#store.core,
      (work) => this.transact(work),
      lines,
      options,
    );
  }

  /** Returns the bytes on disk: database, write-ahead log, and all value files. */
  volume(): number {
    return getVolume(this.#store.core);
  }

  /** Finds damage. `repair` deletes damaged values and closes the gaps, in one transaction. O(bytes). */
  check(options?: CheckOptions): Finding[] {
    const core = this.#store.core;
    return check(core, options, { check: () => checkPositions(core), repair: () => repairPositions(core) });
  }

  /** Backs the deque up into a new directory, while it is used; see `Cache.backup`. */
  backup(path: string, options?: BackupOptions): Promise<BackupResult> {
    return backUpStore(this.#store.core, path, options);
  }

  /** Returns this deque as plain data, for `reopen` in a worker or another process. */
  describe(): StoreHandle<Deque<V>> {
    return describe('deque', this.#store.core);
  }

  /** Lets go of the directory. Every later call fails with `CLOSED`; closing again does nothing. */
  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function assertMaxLength(length: number): void {
  if (length === Number.POSITIVE_INFINITY || (Number.isSafeInteger(length) && length >= 0)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `maxLength is ${formatValue(length)}; give a whole number from 0, or Infinity`,
  );
}
