import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Range } from '../../../protocol/options.ts';
import type { Column } from '../sqlite/connection.ts';
import { toCountQuery, toRangeQuery, toWindowQuery } from '../sqlite/range-queries.ts';
import { VALUE_COLUMNS, type ValueRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { compareColumns, decodeKey, type KeyColumn } from '../values/key.ts';
import { canPause, chargeKey } from '../values/read-budget.ts';
import {
  assertProjection,
  isCount,
  isKeyColumn,
  iterateCursor,
  MAX_PAGE_BYTES,
  MAX_PAGE_ITEMS,
  parseCursor,
  parseEnd,
  parseRange,
  ReadAhead,
  type ScanRange,
} from './range.ts';
import { getResultBytes, readValue, retryIfReplaced } from './read.ts';
import { inReadTransaction } from './transaction.ts';

/** The first values of a batch, which show how large values are here. */
const SAMPLE_ITEMS = 4;
/** Up to this many items between two keys are sorted into stored order; for more, the whole table is walked. */
const MAX_SORTED_ITEMS = 4096;

/** The last item that was read, and how many were read up to it. Plain data: it is the cursor of a page. */
export interface ScanPosition {
  readonly at: KeyColumn;
  readonly seen: number;
}

/** Items with the position of each, to continue behind it. */
export interface Batch {
  readonly items: unknown[];
  readonly positions: KeyColumn[];
  readonly hasMore: boolean;
}

/** Which items of a range to read next. */
export interface BatchRequest {
  readonly projection: Projection;
  readonly range: ScanRange;
  readonly start: ScanPosition | undefined;
  readonly maxItems: number;
  /** A batch of values ends here, after its first item. */
  readonly maxBytes: number;
}

/**
 * Returns one page of a range, read at one moment; nothing stays open after it. O(log n + page); a tag without `tagIndex`, and key
 * bounds in stored order that hold many items, also walk over the rows they skip.
 *
 * @throws {DiskCacheError} `BAD_KEY` or `BAD_OPTION` for an invalid range or cursor.
 */
export function page(core: Core, projection: Projection, options: Range = {}, after?: Cursor): ResultPage {
  assertProjection(projection);
  const range = parseRange(options);
  const start = after === undefined ? undefined : parseCursor(after, (parts) => parsePosition(parts, range));
  const until = canPause() ? findWindowEnd(core, range, start) : undefined;
  const request = { projection, range: { ...range, until }, start, maxItems: MAX_PAGE_ITEMS, maxBytes: MAX_PAGE_BYTES };
  const { items, positions, hasMore } = retryIfReplaced(core, () => readBatch(core, request));
  const at = hasMore ? positions.at(-1) : until;
  const next = { at, seen: (start?.seen ?? 0) + items.length };
  return at === undefined || next.seen >= range.limit ? { items } : { items, next };
}

function parsePosition(
  { at, seen }: Readonly<Record<string, unknown>>,
  { order }: ScanRange,
): ScanPosition | undefined {
  const isPosition = order === 'stored' ? Number.isInteger(at) : isKeyColumn(at);
  return isPosition && isCount(seen) ? { at: at as KeyColumn, seen } : undefined;
}

/** Rows that one page for a web page may skip; the page may then have no items and still have a next one. */
const WINDOW_ROWS = 4096;

/** Returns where a page ends that may skip many rows; undefined if it skips none or there are fewer. */
function findWindowEnd(core: Core, range: ScanRange, start: ScanPosition | undefined): KeyColumn | undefined {
  const { order, tag, lower, upper } = range;
  const skipsRows = tag !== undefined || (order === 'stored' && (lower !== undefined || upper !== undefined));
  if (!skipsRows) return undefined;
  const bind = start === undefined ? [WINDOW_ROWS] : [start.at, WINDOW_ROWS];
  return core.sql.dynamic<[KeyColumn]>(toWindowQuery(range, start !== undefined)).first(...bind)?.[0];
}

/** Returns the last or the first item in stored order. */
export const peekItem = (core: Core, options?: { readonly last?: boolean }): unknown =>
  page(core, 'entries', parseEnd(options)).items[0];

/**
 * Iterates over the items of a range. As with `Map`, items that are deleted before they are reached are not visited, and items that
 * are added further on are. `open` is called before each item, so the iteration ends with the store.
 */
export const iterate = (
  open: () => Core,
  projection: Projection,
  range: Range = {},
): Generator<unknown, void, undefined> =>
  iterateCursor(open, (core) => createReadAhead(core, projection, parseRange(range)));

function createReadAhead(core: Core, projection: Projection, range: ScanRange): ReadAhead<Batch> {
  let start: ScanPosition | undefined;
  return new ReadAhead<Batch>(core, (maxItems, { batch, consumed, changeCount }) => {
    const last = batch?.positions[consumed - 1];
    // Only when the changes in a journal are applied it is known which ids were reused.
    if (last !== undefined && core.connection.pending.hasAny) core.connection.pending.apply();
    if (last !== undefined) {
      const at = range.order === 'key' ? last : getResumeId(core, range, Number(last), changeCount);
      start = { at, seen: (start?.seen ?? 0) + consumed };
    }
    const request = { projection, range, start, maxItems, maxBytes: MAX_PAGE_BYTES };
    const found = retryIfReplaced(core, () => readBatch(core, request));
    if (range.order === 'stored') core.rowStats.observed(Number(found.positions.at(range.reverse ? 0 : -1) ?? 0));
    return found;
  });
}

/** Returns the id behind which an iteration continues after `id`: items whose ids were reused since `changes` are new, others are not. */
function getResumeId({ rowStats }: Core, { reverse }: ScanRange, id: number, changes: number): number {
  const firstReusedId = rowStats.firstReusedId(changes);
  return Math.min(id, reverse ? firstReusedId : firstReusedId - 1);
}

/** What `readBatch` has found out about a request. */
interface PlannedRequest extends BatchRequest {
  /** True if the range is small enough to be sorted. */
  readonly isSorted: boolean;
  /** Items that the limit of the range still allows. */
  readonly remaining: number;
}

/** Reads the next items of a range. */
export function readBatch(core: Core, request: BatchRequest): Batch {
  const { projection, range, start } = request;
  const remaining = range.limit - (start?.seen ?? 0);
  const maxItems = Math.min(request.maxItems, remaining);
  if (maxItems <= 0) return { items: [], positions: [], hasMore: false };
  const isSorted = range.order === 'stored' && isSmallRange(core, range);
  const planned = { ...request, maxItems, isSorted, remaining };
  const found =
    projection === 'keys' ? readKeyBatch(core, planned) : inReadTransaction(core, () => readValueBatch(core, planned));
  assertAscending(core, range, start, found.positions.at(-1));
  return found;
}

/** Invariant: an iteration never goes back, so it ends even if damage has put items out of order. */
function assertAscending(
  core: Core,
  { reverse }: ScanRange,
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
 * Reads values or entries. Rows fetched together cost up to a third less than one by one, but rows beyond `maxBytes` are fetched in
 * vain: so a few rows show how large the values are, and the rest follows in one read.
 */
function readValueBatch(core: Core, request: PlannedRequest): Batch {
  const { projection, range, maxItems, maxBytes, remaining } = request;
  const now = core.clock();
  const items: unknown[] = [];
  const positions: KeyColumn[] = [];
  let bytes = 0;
  let more = true;
  for (let { start } = request, expected = SAMPLE_ITEMS; more && items.length < maxItems && bytes < maxBytes; ) {
    const wanted = Math.min(expected, maxItems - items.length);
    const text = toRangeSql(range, start, request.isSorted, `key, ${VALUE_COLUMNS}`);
    const rows = core.sql.dynamic<[KeyColumn, ...ValueRow]>(text).all(...toRangeBindings(range, start, wanted, now));
    more = rows.length > wanted;
    if (more) rows.pop();
    for (const [key, ...value] of rows) {
      if (bytes >= maxBytes) {
        more = true;
        break;
      }
      const found = readValue(core, key, value);
      chargeKey(key);
      items.push(projection === 'values' ? found : [decodeKey(key), found]);
      positions.push(range.order === 'stored' ? value[0] : key);
      bytes += getResultBytes(value, found);
    }
    start = { at: positions.at(-1) ?? 0, seen: 0 };
    expected = Math.ceil((maxBytes - bytes) / Math.max(1, bytes / items.length));
  }
  return { items, positions, hasMore: more && items.length < remaining };
}

/** Reads keys. In key order the index of keys is enough, as long as nothing in the store has expired. */
function readKeyBatch(core: Core, { range, start, maxItems, remaining, isSorted }: PlannedRequest): Batch {
  const now = core.clock();
  const isStoredOrder = range.order === 'stored';
  const readRows = (expiring: boolean): [key: KeyColumn, id: number][] => {
    const text = toRangeSql(range, start, isSorted, 'key, id', expiring);
    return core.sql
      .dynamic<[KeyColumn, number]>(text)
      .all(...toRangeBindings(range, start, maxItems, expiring ? now : undefined));
  };
  const rows = isStoredOrder ? readRows(true) : inReadTransaction(core, () => readRows(hasExpired(core, now)));
  const hasMore = rows.length > maxItems && maxItems < remaining;
  if (rows.length > maxItems) rows.pop();
  for (const [key] of rows) chargeKey(key);
  return {
    items: rows.map(([key]) => decodeKey(key)),
    positions: rows.map(([key, id]) => (isStoredOrder ? id : key)),
    hasMore,
  };
}

/** True if an item has expired. O(log n): the index holds only items that can expire. */
const hasExpired = (core: Core, now: number): boolean => core.sql.anyInvisible.first(now) !== undefined;

function toRangeSql(
  { order, reverse, lower, upper, tag, until }: ScanRange,
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

/** Values in the order of `RangeShape`. One row more than wanted shows whether there are more. */
const toRangeBindings = (
  { lower, upper, tag, until }: ScanRange,
  start: ScanPosition | undefined,
  wanted: number,
  now: number | undefined,
): Column[] => [now, lower, upper, tag, start?.at, until, wanted + 1].filter((part) => part !== undefined);

function isSmallRange(core: Core, { lower, upper }: ScanRange): boolean {
  if (lower === undefined && upper === undefined) return false;
  const bind = [lower, upper, MAX_SORTED_ITEMS + 1].filter((part) => part !== undefined);
  const found = core.sql.dynamic<[number]>(toCountQuery(lower !== undefined, upper !== undefined)).first(...bind);
  return (found?.[0] ?? 0) <= MAX_SORTED_ITEMS;
}
