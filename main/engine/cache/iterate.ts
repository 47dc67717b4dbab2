import type { Cursor, Page, PageOf } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Range } from '../../../protocol/options.ts';
import { isLive } from '../policy/expiry.ts';
import type { Column } from '../sqlite/connection.ts';
import { countText, rangeText, windowText } from '../sqlite/range.ts';
import { VALUE_COLUMNS, type ValueRow } from '../sqlite/statements.ts';
import { canPause, spendKey } from '../values/allowance.ts';
import { compareColumns, decodeKey, type KeyColumn, keyBounds } from '../values/key.ts';
import { optionsOf, tagColumn } from './arguments.ts';
import type { Core } from './core.ts';
import { despiteReplacement, readValue, sizeIn } from './read.ts';
import { onSnapshot } from './transaction.ts';

/** A page ends at so many items or, after the first, at so many bytes of values. */
export const PAGE_ITEMS = 512;
export const PAGE_BYTES = 512 * 1024;
/** A walk begins with small pages: most loops end early. */
export const FIRST_PAGE_ITEMS = 16;
/** So many values tell how large they are. */
const FEW_ITEMS = 4;
/** Up to so many items between two keys are sorted into stored order; more are met by walking the whole table. */
const SORTED_ITEMS = 4096;

const RANGE_NAMES: ReadonlySet<string> = new Set(['order', 'reverse', 'from', 'to', 'prefix', 'tag', 'limit']);

/** Where a walk stands: behind an item, having seen so many. Plain data. */
export interface Position {
  readonly at: KeyColumn;
  readonly seen: number;
}

/** A range, checked and encoded. */
export interface Course {
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
export interface Stretch {
  readonly items: unknown[];
  readonly places: KeyColumn[];
  readonly more: boolean;
}

/**
 * One page of a range, read at one moment; nothing stays open behind it. O(log n + page); a tag without `tagIndex`, or key
 * bounds in stored order that hold many items, also walk over what they pass by.
 *
 * @throws {DiskCacheError} `BAD_KEY` or `BAD_OPTION` for a range or a cursor that is none.
 */
export function page(core: Core, of: PageOf, range: Range = {}, after?: Cursor): Page {
  if (of !== 'keys' && of !== 'values' && of !== 'entries') {
    throw new DiskCacheError('BAD_OPTION', 'a page is of "keys", "values" or "entries"');
  }
  const course = courseOf(range);
  const start = after === undefined ? undefined : positionOf(after, course);
  const until = canPause() ? windowEnd(core, course, start) : undefined;
  const { items, places, more } = despiteReplacement(core, () =>
    stretch(core, of, { ...course, until }, start, PAGE_ITEMS),
  );
  const at = more ? places.at(-1) : until;
  const next = { at, seen: (start?.seen ?? 0) + items.length };
  return at === undefined || next.seen >= course.limit ? { items } : { items, next };
}

/** Rows that a page for a page of an application passes by; it may then have no items, and leads on. */
const WINDOW_ROWS = 4096;

/** Returns where a page ends that may have to pass by many rows; undefined where there are fewer, or none are passed by. */
function windowEnd(core: Core, course: Course, start: Position | undefined): KeyColumn | undefined {
  const { order, tag, lower, upper } = course;
  const passesBy = tag !== undefined || (order === 'stored' && (lower !== undefined || upper !== undefined));
  if (!passesBy) return undefined;
  const bind = start === undefined ? [WINDOW_ROWS] : [start.at, WINDOW_ROWS];
  return core.sql.composed<[KeyColumn]>(windowText(course, start !== undefined)).first(...bind)?.[0];
}

const LAST_OPTIONS: ReadonlySet<string> = new Set(['last']);

/** The last or the first item in stored order. */
export function peekItem(core: Core, options?: { readonly last?: boolean }): unknown {
  const { last = true } = optionsOf(options, LAST_OPTIONS);
  return page(core, 'entries', { reverse: last, limit: 1 }).items[0];
}

/**
 * The items of a range, page by page. As with `Map`, what is deleted before its turn is not met, and what is added in front
 * of the walk is. `open` is asked before each item, so that a walk ends with the store.
 */
export function* walk(open: () => Core, of: PageOf, range: Range = {}): Generator<unknown, void, undefined> {
  const course = courseOf(range);
  let start: Position | undefined;
  let most = FIRST_PAGE_ITEMS;
  for (;;) {
    const core = open();
    const { items, places, more } = despiteReplacement(core, () => stretch(core, of, course, start, most));
    const { changes } = core.ledger;
    if (course.order === 'stored') core.ledger.saw(Number(places.at(course.reverse ? 0 : -1) ?? 0));
    const seen: number = start?.seen ?? 0;
    let taken = 0;
    while (taken < items.length && core.ledger.changes === changes) {
      yield items[taken++];
      open();
    }
    const last = places[taken - 1];
    const undisturbed = core.ledger.changes === changes;
    if (last === undefined || (undisturbed && !more)) return;
    start = { at: course.order === 'key' ? last : onward(core, course, Number(last), changes), seen: seen + taken };
    most = undisturbed ? Math.min(most * 2, PAGE_ITEMS) : FIRST_PAGE_ITEMS;
  }
}

/** Behind which id a walk goes on that has come to `id`: items whose ids were given anew meanwhile are new, those in front of them not. */
function onward({ ledger }: Core, { reverse }: Course, id: number, changes: number): number {
  const fresh = ledger.firstReused(changes);
  return Math.min(id, reverse ? fresh : fresh - 1);
}

/** The next items of a range, at most so many and, after the first, so many bytes of values. */
export function stretch(
  core: Core,
  of: PageOf,
  course: Course,
  start: Position | undefined,
  most: number,
  mostBytes = PAGE_BYTES,
): Stretch {
  const left = course.limit - (start?.seen ?? 0);
  const wanted = Math.min(most, left);
  if (wanted <= 0) return { items: [], places: [], more: false };
  const sorted = course.order === 'stored' && holdsFew(core, course);
  const found =
    of === 'keys'
      ? keyStretch(core, course, sorted, start, wanted, left)
      : onSnapshot(core, () => valueStretch(core, of, course, sorted, start, wanted, left, mostBytes));
  assertOnward(core, course, start, found.places.at(-1));
  return found;
}

/** Invariant: a walk ends, also where damage has put items out of order: it never goes back. */
function assertOnward(core: Core, { reverse }: Course, start: Position | undefined, last: KeyColumn | undefined): void {
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
function valueStretch(
  core: Core,
  of: PageOf,
  course: Course,
  sorted: boolean,
  start: Position | undefined,
  wanted: number,
  left: number,
  mostBytes: number,
): Stretch {
  const now = core.clock();
  const items: unknown[] = [];
  const places: KeyColumn[] = [];
  let bytes = 0;
  let more = true;
  for (let behind = start, expected = FEW_ITEMS; more && items.length < wanted && bytes < mostBytes; ) {
    const asked = Math.min(expected, wanted - items.length);
    const text = textOf(course, behind, sorted, `key, ${VALUE_COLUMNS}`);
    const rows = core.sql.composed<[KeyColumn, ...ValueRow]>(text).all(...bindingsOf(course, behind, asked, now));
    more = rows.length > asked;
    if (more) rows.pop();
    for (const [key, ...value] of rows) {
      if (bytes >= mostBytes) {
        more = true;
        break;
      }
      const found = readValue(core, key, value);
      spendKey(key);
      items.push(of === 'values' ? found : [decodeKey(key), found]);
      places.push(course.order === 'stored' ? value[0] : key);
      bytes += sizeIn(value, found);
    }
    behind = { at: places.at(-1) ?? 0, seen: 0 };
    expected = Math.ceil((mostBytes - bytes) / Math.max(1, bytes / items.length));
  }
  return { items, places, more: more && items.length < left };
}

/** A page of keys. In key order their index alone tells them, as long as nothing in the store has expired. */
function keyStretch(
  core: Core,
  course: Course,
  sorted: boolean,
  start: Position | undefined,
  wanted: number,
  left: number,
): Stretch {
  const now = core.clock();
  const stored = course.order === 'stored';
  const rowsOf = (expiring: boolean): [key: KeyColumn, id: number][] => {
    const text = textOf(course, start, sorted, 'key, id', expiring);
    return core.sql
      .composed<[KeyColumn, number]>(text)
      .all(...bindingsOf(course, start, wanted, expiring ? now : undefined));
  };
  const rows = stored ? rowsOf(true) : onSnapshot(core, () => rowsOf(anyExpired(core, now)));
  const more = rows.length > wanted && wanted < left;
  if (rows.length > wanted) rows.pop();
  for (const [key] of rows) spendKey(key);
  return {
    items: rows.map(([key]) => decodeKey(key)),
    places: rows.map(([key, id]) => (stored ? id : key)),
    more,
  };
}

/** One look at the front of an index that holds only what can expire. */
const anyExpired = (core: Core, now: number): boolean => !isLive(core.sql.nextExpiry.first()?.[0] ?? null, now);

function textOf(
  { order, reverse, lower, upper, tag, until }: Course,
  start: Position | undefined,
  sorted: boolean,
  columns: string,
  now = true,
): string {
  return rangeText({
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
const bindingsOf = (
  { lower, upper, tag, until }: Course,
  start: Position | undefined,
  wanted: number,
  now: number | undefined,
): Column[] => [now, lower, upper, tag, start?.at, until, wanted + 1].filter((part) => part !== undefined);

function holdsFew(core: Core, { lower, upper }: Course): boolean {
  if (lower === undefined && upper === undefined) return false;
  const bind = [lower, upper, SORTED_ITEMS + 1].filter((part) => part !== undefined);
  const found = core.sql.composed<[number]>(countText(lower !== undefined, upper !== undefined)).first(...bind);
  return (found?.[0] ?? 0) <= SORTED_ITEMS;
}

/** @throws {DiskCacheError} `BAD_KEY` or `BAD_OPTION` for what is no range. */
export function courseOf(range: Range): Course {
  optionsOf(range, RANGE_NAMES);
  const { order = 'stored', reverse = false, limit = Number.POSITIVE_INFINITY } = range;
  if (order !== 'stored' && order !== 'key')
    throw badRange(`order is ${shownValue(order)}; it has to be "stored" or "key"`);
  if (typeof reverse !== 'boolean') throw badRange('reverse has to be true or false');
  if (typeof limit !== 'number' || !(limit >= 0)) throw badRange('limit has to be a number from 0');
  const tag = range.tag === undefined ? undefined : tagColumn(range.tag);
  return { order, reverse, tag, limit: Math.floor(limit), ...keyBounds(range) };
}

/** A cursor may come from a page of an application, so it is looked at before it is believed. */
function positionOf(cursor: Cursor, course: Course): Position {
  const { at, seen } = Object(cursor) as Partial<Position>;
  const placed = course.order === 'stored' ? Number.isInteger(at) : isColumn(at);
  if (placed && typeof seen === 'number' && Number.isSafeInteger(seen) && seen >= 0)
    return { at: at as KeyColumn, seen };
  throw badRange('the cursor is none of this range; begin again without one');
}

export const isColumn = (at: unknown): at is KeyColumn =>
  typeof at === 'string' || (typeof at === 'number' && !Number.isNaN(at)) || at instanceof Uint8Array;

const badRange = (message: string) => new DiskCacheError('BAD_OPTION', message);
