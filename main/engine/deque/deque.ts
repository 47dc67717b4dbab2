import type { DequeRange } from '../../../protocol/contract/deque.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Change } from '../../../protocol/options.ts';
import type { PlainValues } from '../../../protocol/plain-values.ts';
import type { Cursor, ResultPage } from '../../../protocol/results.ts';
import { subscribe } from '../cache/change-feed.ts';
import { type CheckOptions, check, type Finding } from '../cache/check.ts';
import { clear } from '../cache/delete.ts';
import { closeCore, describe, type StoreHandle } from '../cache/open.ts';
import { assertCollectionOptions, type CollectionOptions, openCollection } from '../cache/open-collection.ts';
import { inWriteTransaction, type PlainResult, transact } from '../cache/transaction.ts';
import { getVolume } from '../space/store-files.ts';
import type { Core } from '../state/core.ts';
import { OpenStore } from '../state/open-store.ts';
import { assertFunction, assertIterable, assertOptions, parseSide } from '../validate.ts';
import { checkPositions, readPositions, repairEnds, repairPositions, reverse, rotate } from './positions.ts';
import { peekValue, popValue, pushValues, type Side, trim } from './push-pop.ts';
import * as places from './random-access.ts';
import { getDequePage } from './random-access.ts';

export interface DequeOptions extends CollectionOptions {
  /**
   * The greatest length, kept in the directory: what is too much leaves by the other end. Default `Infinity`, or what was
   * chosen before.
   */
  readonly maxLength?: number;
}

/** What happened to a deque. An index would be old when it arrives, so there is none: look again at what you show. */
export interface DequeChange {
  /** `set`: a value came, was replaced or has another place; `delete`: one left; `clearAndUse`: all left, or more than can be told. */
  readonly kind: Change['kind'];
}

const PEEK_OPTIONS: ReadonlySet<string> = new Set(['side']);

/**
 * A persistent sequence in one directory, shared by as many processes and threads as open it: an array whose ends and whose
 * middle cost O(log n). Every call is whole or not at all, and survives a power cut when it returns (`durability: 'power'`,
 * unless chosen otherwise); several values in one call are one fsync. Values are equal when they are deeply equal
 * (as `util.isDeepStrictEqual` has it).
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, `READ_ONLY`, as `Cache`.
 */
export class Deque<V = unknown> {
  readonly directory: string;
  readonly #store: OpenStore<Core>;

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
    this.#store = new OpenStore(core, `The deque at ${core.directory}`, closeCore);
    try {
      if (!core.openOptions.readOnly) repairEnds(core);
      if (maxLength !== undefined && !core.openOptions.readOnly) this.maxLength = maxLength;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The number of values. O(log n). */
  get length(): number {
    return readPositions(this.#store.core).length;
  }

  /** The greatest length, for every process that has the deque open. */
  get maxLength(): number {
    return readPositions(this.#store.core).maxLength;
  }

  /** Sets the greatest length; what is too much leaves by the front. O(values that leave · log n). */
  set maxLength(length: number) {
    assertMaxLength(length);
    const core = this.#store.core;
    const { maxLength: most, length: present } = readPositions(core);
    if (most === length && present <= most) return;
    inWriteTransaction(core, () => {
      core.sql.keepSetting.run('maxLength', length);
      trim(core);
    });
  }

  /** Adds values at the back, in one transaction; answers the new length. O(values · log n). */
  push(...values: readonly V[]): number {
    return pushValues(this.#store.core, values, 'back');
  }

  /** `push` for as many as an iterable gives, all or none, in one transaction. */
  extend(values: Iterable<V>): number {
    // Read to its end first: nobody waits for a lock while somebody's generator thinks.
    return pushValues(this.#store.core, Array.from(assertIterable(values, 'values')), 'back');
  }

  /** Adds values at the front, the first one frontmost, in one transaction; answers the new length. */
  unshift(...values: readonly V[]): number {
    return pushValues(this.#store.core, values.toReversed(), 'front');
  }

  /** Takes the last value; undefined when there is none. */
  pop(): V | undefined {
    return popValue(this.#store.core, 'back') as V | undefined;
  }

  /** Takes the first value; undefined when there is none. */
  shift(): V | undefined {
    return popValue(this.#store.core, 'front') as V | undefined;
  }

  /** Looks at the value at one end (the front). */
  peek(options?: { readonly side?: Side }): V | undefined {
    const side = parseSide(assertOptions(options, PEEK_OPTIONS).side, 'front');
    return peekValue(this.#store.core, side) as V | undefined;
  }

  /** The value at an index, counted from the end when it is negative; undefined where nothing is. O(log n). */
  at(index: number): V | undefined {
    return places.at(this.#store.core, index) as V | undefined;
  }

  /**
   * Replaces the value at an index, counted from the end when it is negative. O(log n).
   *
   * @throws {DiskCacheError} `BAD_OPTION` where nothing is.
   */
  set(index: number, value: V): void {
    places.replace(this.#store.core, index, value);
  }

  /** Takes out what is at an index; answers whether there was something. O(n of the shorter side). */
  delete(index: number): boolean {
    return places.removeAt(this.#store.core, index);
  }

  /**
   * Takes out a stretch, as `Array.prototype.splice` without new values, in one transaction: `splice(0, 100)` is a hundred
   * `shift`s at a fraction of the cost. O(values taken + n of the shorter side).
   */
  splice(start: number, count = Number.POSITIVE_INFINITY): V[] {
    return places.splice(this.#store.core, start, count) as V[];
  }

  /** Takes out the first value that is equal; answers whether there was one. O(n). */
  remove(value: V): boolean {
    return places.removeFirstEqual(this.#store.core, value);
  }

  /** The index of the first equal value, from an index on; −1 when there is none. O(n). */
  indexOf(value: V, from?: number): number {
    return places.indexOf(this.#store.core, value, from);
  }

  /** Whether a value is equal. O(n). */
  includes(value: V): boolean {
    return this.indexOf(value) >= 0;
  }

  /** How many values are equal. O(n). */
  count(value: V): number {
    return places.count(this.#store.core, value);
  }

  /** Whether another sequence has equal values in the same order. O(n). */
  equals(other: Iterable<unknown>): boolean {
    return places.equals(this.#store.core, assertIterable(other, 'values'));
  }

  /** Takes `count` values from the back to the front, or from the front to the back when it is negative. O(min(count, n − count)). */
  rotate(count = 1): void {
    rotate(this.#store.core, count);
  }

  /** Turns the order around. O(n log n). */
  reverse(): void {
    reverse(this.#store.core);
  }

  /** Deletes everything; answers how many values there were. O(n). */
  clear(): number {
    return clear(this.#store.core);
  }

  /** The values from the first to the last, lazily: index by index, as an array's, when the deque changes meanwhile. */
  values(): Generator<V, void, undefined> {
    this.#store.assertOpen();
    return places.iterateValues(() => this.#store.core) as Generator<V, void, undefined>;
  }

  /** The values from the last to the first, lazily. */
  reversed(): Generator<V, void, undefined> {
    this.#store.assertOpen();
    return places.iterateValuesBackwards(() => this.#store.core) as Generator<V, void, undefined>;
  }

  /** One bounded page of the values, for who can't keep an iterator: `next` of the last page leads to the next one. */
  page(range?: DequeRange, after?: Cursor): ResultPage<V> {
    return getDequePage(this.#store.core, range, after) as ResultPage<V>;
  }

  [Symbol.iterator](): Generator<V, void, undefined> {
    return this.values();
  }

  /**
   * Runs a plain function whose calls are one: whole or, when it throws, not at all. Nested calls can fail alone.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a function that returns a promise or a generator.
   */
  transact<T>(work: (() => T) & PlainResult<T>): T {
    return transact(this.#store.core, work);
  }

  /** Tells `listener` of every change from now on, by whoever, in the order of the commits. Answers the way out. */
  subscribe(listener: (change: DequeChange) => void): () => void {
    const core = this.#store.core;
    assertFunction(listener, 'what subscribe is given');
    return subscribe(core, ({ kind }) => listener({ kind }));
  }

  /** Bytes on disk: database, write-ahead log, and every value file. */
  volume(): number {
    return getVolume(this.#store.core);
  }

  /** Looks for damage; `repair` deletes what is damaged, and the others close ranks, in one transaction. O(bytes). */
  check(options?: CheckOptions): Finding[] {
    const core = this.#store.core;
    return check(core, options, { check: () => checkPositions(core), repair: () => repairPositions(core) });
  }

  /** This deque as plain data, for `reopen` in a worker or another process. */
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
