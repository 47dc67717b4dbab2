import { isUint8Array } from 'node:util/types';
import type { Cursor, Projection } from '../../../protocol/contract.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Range } from '../../../protocol/options.ts';
import type { Core } from '../state/core.ts';
import { assertOptions, toTagColumn } from '../validate.ts';
import { type KeyColumn, parseKeyBounds } from '../values/key.ts';

/** A range, checked and encoded. */
export interface ScanRange {
  readonly order: 'stored' | 'key';
  readonly reverse: boolean;
  readonly lower: KeyColumn | undefined;
  readonly upper: KeyColumn | undefined;
  readonly tag: string | number | undefined;
  readonly limit: number;
  /** The last id or key, inclusive. */
  readonly until?: KeyColumn | undefined;
}

const RANGE_OPTIONS: ReadonlySet<string> = new Set(['order', 'reverse', 'from', 'to', 'prefix', 'tag', 'limit']);

/** @throws {DiskCacheError} `BAD_KEY` or `BAD_OPTION` for an invalid range. */
export function parseRange(range: Range): ScanRange {
  assertOptions(range, RANGE_OPTIONS);
  const { order = 'stored' } = range;
  if (order !== 'stored' && order !== 'key')
    throw badRangeError(`order is ${formatValue(order)}; it has to be "stored" or "key"`);
  const tag = range.tag === undefined ? undefined : toTagColumn(range.tag);
  return { order, tag, ...parseExtent(range), ...parseKeyBounds(range) };
}

/** Parses what ranges of every kind of store have. @throws {DiskCacheError} `BAD_OPTION` */
export function parseExtent({ reverse = false, limit = Number.POSITIVE_INFINITY }: Pick<Range, 'reverse' | 'limit'>): {
  readonly reverse: boolean;
  readonly limit: number;
} {
  if (typeof reverse !== 'boolean') throw badRangeError('reverse has to be true or false');
  if (typeof limit !== 'number' || !(limit >= 0)) throw badRangeError('limit has to be a number from 0');
  return { reverse, limit: Math.floor(limit) };
}

const LAST_OPTIONS: ReadonlySet<string> = new Set(['last']);

/** Returns the range of the one item that `peekItem` reads. @throws {DiskCacheError} `BAD_OPTION` */
export function parseEnd(options?: { readonly last?: boolean }): Pick<Range, 'reverse' | 'limit'> {
  const { last = true } = assertOptions(options, LAST_OPTIONS);
  return { reverse: last, limit: 1 };
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertProjection(projection: Projection): void {
  if (projection === 'keys' || projection === 'values' || projection === 'entries') return;
  throw badRangeError('page takes "keys", "values" or "entries"');
}

/**
 * Parses the cursor of an earlier page. It may come from a web page, so `parse` checks every part and returns undefined for an
 * invalid one.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function parseCursor<C>(cursor: Cursor, parse: (parts: Readonly<Record<string, unknown>>) => C | undefined): C {
  const parsed = parse(Object(cursor));
  if (parsed !== undefined) return parsed;
  throw badRangeError('the cursor does not belong to this range; start again without one');
}

/** True for a whole number from 0. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

export const isKeyColumn = (at: unknown): at is KeyColumn =>
  typeof at === 'string' || (typeof at === 'number' && !Number.isNaN(at)) || isUint8Array(at);

const badRangeError = (message: string): DiskCacheError => new DiskCacheError('BAD_OPTION', message);

/** A page ends at this many items or, after the first one, at this many bytes of values. */
export const MAX_PAGE_ITEMS = 512;
export const MAX_PAGE_BYTES = 512 * 1024;
/** An iteration starts with small batches: most loops end early. */
const FIRST_PAGE_ITEMS = 16;

/** Visits items one by one. */
export interface ItemCursor {
  /** Moves to the next item; false at the end. */
  advance(): boolean;
  /** The item it stands at. */
  readonly item: unknown;
}

/**
 * Iterates lazily: `open` is called before the first item and after each one, so an iteration ends with its store, and `start` sees
 * the store as it is when the first item is asked for.
 */
export function* iterateCursor<S>(open: () => S, start: (store: S) => ItemCursor): Generator<unknown, void, undefined> {
  const cursor = start(open());
  while (cursor.advance()) {
    yield cursor.item;
    open();
  }
}

export interface ItemBatch {
  readonly items: readonly unknown[];
  readonly hasMore: boolean;
}

/** Reads the batch behind what has been consumed of `previous`; its batch is undefined before the first one. */
export type BatchReader<B extends ItemBatch> = (maxItems: number, previous: ReadAhead<B>) => B;

/**
 * Reads items in batches, each twice as long as the one before while nothing changes. As soon as this connection sees a change, the
 * items read ahead are dropped and read again, as with a `Map` that changes while it is iterated.
 */
export class ReadAhead<B extends ItemBatch> implements ItemCursor {
  readonly core: Core;
  readonly #read: BatchReader<B>;
  #maxItems: number;
  batch: B | undefined;
  /** Items of the batch that have been visited. */
  consumed = 0;
  /** The store's changes when the batch was read. */
  changeCount = -1;
  item: unknown;

  constructor(core: Core, read: BatchReader<B>, maxItems = FIRST_PAGE_ITEMS) {
    this.core = core;
    this.#read = read;
    this.#maxItems = maxItems;
  }

  /** True if the batch has an item that was not visited. */
  get hasNext(): boolean {
    return this.batch !== undefined && this.consumed < this.batch.items.length;
  }

  /** True if the next item has to be read from disk. */
  get needsRead(): boolean {
    if (this.batch === undefined || this.changeCount !== this.core.rowStats.changeCount) return true;
    return this.consumed === this.batch.items.length && this.batch.hasMore;
  }

  read(): void {
    const { rowStats } = this.core;
    if (this.batch !== undefined && this.changeCount !== rowStats.changeCount) this.#maxItems = FIRST_PAGE_ITEMS;
    this.batch = this.#read(this.#maxItems, this);
    this.changeCount = rowStats.changeCount;
    this.consumed = 0;
    this.#maxItems = Math.min(this.#maxItems * 2, MAX_PAGE_ITEMS);
  }

  advance(): boolean {
    if (this.needsRead) this.read();
    if (!this.hasNext) return false;
    this.item = this.batch?.items[this.consumed++];
    return true;
  }
}
