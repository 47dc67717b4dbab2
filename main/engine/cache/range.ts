import type { Cursor, Projection } from '../../../protocol/contract.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Range } from '../../../protocol/options.ts';
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
  typeof at === 'string' || (typeof at === 'number' && !Number.isNaN(at)) || at instanceof Uint8Array;

const badRangeError = (message: string): DiskCacheError => new DiskCacheError('BAD_OPTION', message);
