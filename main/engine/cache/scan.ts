import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Range } from '../../../protocol/options.ts';
import { isLive } from '../space/policy.ts';
import type { Column } from '../sqlite/connection.ts';
import { toCountQuery, toRangeQuery, toWindowQuery, VALUE_COLUMNS, type ValueRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { assertOptions, toTagColumn } from '../validate.ts';
import { compareColumns, decodeKey, type KeyColumn, parseKeyBounds } from '../values/key.ts';
import { canPause, chargeKey } from '../values/read-budget.ts';
import { getResultBytes, readValue, retryIfReplaced } from './read.ts';
import { inReadTransaction } from './transaction.ts';

/** A page ends at so many items or, after the first, at so many bytes of values. */
export const MAX_PAGE_ITEMS = 512;
export const MAX_PAGE_BYTES = 512 * 1024;
/** A walk begins with small pages: most loops end early. */
export const FIRST_PAGE_ITEMS = 16;
/** So many values tell how large they are. */
const SAMPLE_ITEMS = 4;
/** Up to so many items between two keys are sorted into stored order; more are met by walking the whole table. */
const MAX_SORTED_ITEMS = 4096;

const RANGE_OPTIONS: ReadonlySet<string> = new Set(['order', 'reverse', 'from', 'to', 'prefix', 'tag', 'limit']);

/** Where a walk stands: behind an item, having seen so many. Plain data. */
export interface ScanPosition {
  readonly at: KeyColumn;
  readonly seen: number;
}

/** A range, checked and encoded. */
export interface Scan {
  readonly order: 'stored' | 'key';
  readonly reverse: boolean;
  readonly lower: KeyColumn | undefined;
  readonly upper: KeyColumn | undefined;
  readonly tag: string | number | undefined;
  readonly limit: number;
  /** The last id or key, inclusive. */
  readonly until?: KeyColumn | undefined;
}

/** Items with the place of each, to continue behind it. */
export interface Batch {
  readonly items: unknown[];
  readonly positions: KeyColumn[];
  readonly hasMore: boolean;
}

/**
 * One page of a range, read at one moment; nothing stays open behind it. O(log n + page); a tag without `tagIndex`, or key
 * bounds in stored order that hold many items, also walk over what they pass by.
 *
 * @throws {DiskCacheError} `BAD_KEY` or `BAD_OPTION` for a range or a cursor that is none.
 */
export function page(core: Core, projection: Projection, range: Range = {}, after?: Cursor): ResultPage {
  if (projection !== 'keys' && projection !== 'values' && projection !== 'entries') {
    throw new DiskCacheError('BAD_OPTION', 'a page is of "keys", "values" or "entries"');
  }
  const scan = parseRange(range);
  const start = after === undefined ? undefined : parseCursor(after, scan);
  const until = canPause() ? findWindowEnd(core, scan, start) : undefined;
  const { items, positions, hasMore } = retryIfReplaced(core, () =>
    readBatch(core, projection, { ...scan, until }, start, MAX_PAGE_ITEMS),
  );
  const at = hasMore ? positions.at(-1) : until;
  const next = { at, seen: (start?.seen ?? 0) + items.length };
  return at === undefined || next.seen >= scan.limit ? { items } : { items, next };
}

/** Rows that a page for a page of an application passes by; it may then have no items, and leads on. */
const WINDOW_ROWS = 4096;

/** Returns where a page ends that may have to pass by many rows; undefined where there are fewer, or none are passed by. */
function findWindowEnd(core: Core, scan: Scan, start: ScanPosition | undefined): KeyColumn | undefined {
  const { order, tag, lower, upper } = scan;
  const passesBy = tag !== undefined || (order === 'stored' && (lower !== undefined || upper !== undefined));
  if (!passesBy) return undefined;
  const bind = start === undefined ? [WINDOW_ROWS] : [start.at, WINDOW_ROWS];
  return core.sql.dynamic<[KeyColumn]>(toWindowQuery(scan, start !== undefined)).first(...bind)?.[0];
}

const LAST_OPTIONS: ReadonlySet<string> = new Set(['last']);

/** The last or the first item in stored order. */
export function peekItem(core: Core, options?: { readonly last?: boolean }): unknown {
  const { last = true } = assertOptions(options, LAST_OPTIONS);
  return page(core, 'entries', { reverse: last, limit: 1 }).items[0];
}

/**
 * The items of a range, page by page. As with `Map`, what is deleted before its turn is not met, and what is added in front
 * of the walk is. `open` is asked before each item, so that a walk ends with the store.
 */
export function* iterate(
  open: () => Core,
  projection: Projection,
  range: Range = {},
): Generator<unknown, void, undefined> {
  const scan = parseRange(range);
  let start: ScanPosition | undefined;
  let batchSize = FIRST_PAGE_ITEMS;
  for (;;) {
    const core = open();
    const { items, positions, hasMore } = retryIfReplaced(core, () =>
      readBatch(core, projection, scan, start, batchSize),
    );
    const { changeCount } = core.rowStats;
    if (scan.order === 'stored') core.rowStats.observed(Number(positions.at(scan.reverse ? 0 : -1) ?? 0));
    const seen: number = start?.seen ?? 0;
    let taken = 0;
    while (taken < items.length && core.rowStats.changeCount === changeCount) {
      yield items[taken++];
      open();
    }
    const last = positions[taken - 1];
    const undisturbed = core.rowStats.changeCount === changeCount;
    if (last === undefined || (undisturbed && !hasMore)) return;
    start = { at: scan.order === 'key' ? last : resumeId(core, scan, Number(last), changeCount), seen: seen + taken };
    batchSize = undisturbed ? Math.min(batchSize * 2, MAX_PAGE_ITEMS) : FIRST_PAGE_ITEMS;
  }
}

/** Behind which id a walk goes on that has come to `id`: items whose ids were given anew meanwhile are new, those in front of them not. */
function resumeId({ rowStats }: Core, { reverse }: Scan, id: number, changes: number): number {
  const firstReusedId = rowStats.firstReusedId(changes);
  return Math.min(id, reverse ? firstReusedId : firstReusedId - 1);
}

/** The next items of a range, at most so many and, after the first, so many bytes of values. */
export function readBatch(
  core: Core,
  projection: Projection,
  scan: Scan,
  start: ScanPosition | undefined,
  maxItems: number,
  maxBytes = MAX_PAGE_BYTES,
): Batch {
  const remaining = scan.limit - (start?.seen ?? 0);
  const wanted = Math.min(maxItems, remaining);
  if (wanted <= 0) return { items: [], positions: [], hasMore: false };
  const sorted = scan.order === 'stored' && isSmallRange(core, scan);
  const found =
    projection === 'keys'
      ? readKeyBatch(core, scan, sorted, start, wanted, remaining)
      : inReadTransaction(core, () =>
          readValueBatch(core, projection, scan, sorted, start, wanted, remaining, maxBytes),
        );
  assertAscending(core, scan, start, found.positions.at(-1));
  return found;
}

/** Invariant: a walk ends, also where damage has put items out of order: it never goes back. */
function assertAscending(
  core: Core,
  { reverse }: Scan,
  start: ScanPosition | undefined,
  last: KeyColumn | undefined,
): void {
  if (start === undefined || last === undefined) return;
  const order = compareColumns(last, start.at);
  if (reverse ? order < 0 : order > 0) return;
  throw new DiskCacheError(
    'CORRUPT',
    `${core.connection.path} holds items that are out of order; run check({ repair: true })`,
  );
}

/**
 * A page of values or entries. Rows that are fetched together cost up to a third less than one by one, but what turns out to be
 * too much was fetched in vain: so a few tell how large the values are here, and the rest follows at once.
 */
function readValueBatch(
  core: Core,
  projection: Projection,
  scan: Scan,
  sorted: boolean,
  start: ScanPosition | undefined,
  wanted: number,
  remaining: number,
  maxBytes: number,
): Batch {
  const now = core.clock();
  const items: unknown[] = [];
  const positions: KeyColumn[] = [];
  let bytes = 0;
  let more = true;
  for (let after = start, expected = SAMPLE_ITEMS; more && items.length < wanted && bytes < maxBytes; ) {
    const batchSize = Math.min(expected, wanted - items.length);
    const text = toRangeSql(scan, after, sorted, `key, ${VALUE_COLUMNS}`);
    const rows = core.sql.dynamic<[KeyColumn, ...ValueRow]>(text).all(...toRangeBindings(scan, after, batchSize, now));
    more = rows.length > batchSize;
    if (more) rows.pop();
    for (const [key, ...value] of rows) {
      if (bytes >= maxBytes) {
        more = true;
        break;
      }
      const found = readValue(core, key, value);
      chargeKey(key);
      items.push(projection === 'values' ? found : [decodeKey(key), found]);
      positions.push(scan.order === 'stored' ? value[0] : key);
      bytes += getResultBytes(value, found);
    }
    after = { at: positions.at(-1) ?? 0, seen: 0 };
    expected = Math.ceil((maxBytes - bytes) / Math.max(1, bytes / items.length));
  }
  return { items, positions, hasMore: more && items.length < remaining };
}

/** A page of keys. In key order their index alone tells them, as long as nothing in the store has expired. */
function readKeyBatch(
  core: Core,
  scan: Scan,
  sorted: boolean,
  start: ScanPosition | undefined,
  wanted: number,
  remaining: number,
): Batch {
  const now = core.clock();
  const stored = scan.order === 'stored';
  const readRows = (expiring: boolean): [key: KeyColumn, id: number][] => {
    const text = toRangeSql(scan, start, sorted, 'key, id', expiring);
    return core.sql
      .dynamic<[KeyColumn, number]>(text)
      .all(...toRangeBindings(scan, start, wanted, expiring ? now : undefined));
  };
  const rows = stored ? readRows(true) : inReadTransaction(core, () => readRows(hasExpired(core, now)));
  const hasMore = rows.length > wanted && wanted < remaining;
  if (rows.length > wanted) rows.pop();
  for (const [key] of rows) chargeKey(key);
  return {
    items: rows.map(([key]) => decodeKey(key)),
    positions: rows.map(([key, id]) => (stored ? id : key)),
    hasMore,
  };
}

/** One look at the front of an index that holds only what can expire. */
const hasExpired = (core: Core, now: number): boolean => !isLive(core.sql.nextExpiry.first()?.[0] ?? null, now);

function toRangeSql(
  { order, reverse, lower, upper, tag, until }: Scan,
  start: ScanPosition | undefined,
  sorted: boolean,
  columns: string,
  now = true,
): string {
  return toRangeQuery({
    now,
    order,
    reverse,
    lower: lower !== undefined,
    upper: upper !== undefined,
    tag: tag !== undefined,
    after: start !== undefined,
    until: until !== undefined,
    sorted,
    columns,
  });
}

/** In the order of `RangeShape`. One item more than is wanted tells whether there are more. */
const toRangeBindings = (
  { lower, upper, tag, until }: Scan,
  start: ScanPosition | undefined,
  wanted: number,
  now: number | undefined,
): Column[] => [now, lower, upper, tag, start?.at, until, wanted + 1].filter((part) => part !== undefined);

function isSmallRange(core: Core, { lower, upper }: Scan): boolean {
  if (lower === undefined && upper === undefined) return false;
  const bind = [lower, upper, MAX_SORTED_ITEMS + 1].filter((part) => part !== undefined);
  const found = core.sql.dynamic<[number]>(toCountQuery(lower !== undefined, upper !== undefined)).first(...bind);
  return (found?.[0] ?? 0) <= MAX_SORTED_ITEMS;
}

/** @throws {DiskCacheError} `BAD_KEY` or `BAD_OPTION` for what is no range. */
export function parseRange(range: Range): Scan {
  assertOptions(range, RANGE_OPTIONS);
  const { order = 'stored', reverse = false, limit = Number.POSITIVE_INFINITY } = range;
  if (order !== 'stored' && order !== 'key')
    throw badRangeError(`order is ${formatValue(order)}; it has to be "stored" or "key"`);
  if (typeof reverse !== 'boolean') throw badRangeError('reverse has to be true or false');
  if (typeof limit !== 'number' || !(limit >= 0)) throw badRangeError('limit has to be a number from 0');
  const tag = range.tag === undefined ? undefined : toTagColumn(range.tag);
  return { order, reverse, tag, limit: Math.floor(limit), ...parseKeyBounds(range) };
}

/** A cursor may come from a page of an application, so it is looked at before it is believed. */
function parseCursor(cursor: Cursor, scan: Scan): ScanPosition {
  const { at, seen } = Object(cursor) as Partial<ScanPosition>;
  const placed = scan.order === 'stored' ? Number.isInteger(at) : isKeyColumn(at);
  if (placed && typeof seen === 'number' && Number.isSafeInteger(seen) && seen >= 0)
    return { at: at as KeyColumn, seen };
  throw badRangeError('the cursor is none of this range; begin again without one');
}

export const isKeyColumn = (at: unknown): at is KeyColumn =>
  typeof at === 'string' || (typeof at === 'number' && !Number.isNaN(at)) || at instanceof Uint8Array;

const badRangeError = (message: string) => new DiskCacheError('BAD_OPTION', message);
