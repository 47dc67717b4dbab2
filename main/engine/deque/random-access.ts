import type { DequeRange } from '../../../protocol/contract/deque.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Cursor, ResultPage } from '../../../protocol/results.ts';
import { getResultBytes, retryIfReplaced } from '../cache/read.ts';
import { inReadTransaction, inWriteTransaction } from '../cache/transaction.ts';
import { attachFile, commitWrite } from '../cache/write.ts';
import { deleteFileAfterCommit } from '../space/delete-row.ts';
import { DEQUE_STATEMENTS, type DequeRow } from '../sqlite/deque-statements.ts';
import type { Core } from '../state/core.ts';
import { assertOptions } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import { withoutByteLimit } from '../values/read-budget.ts';
import { assertMovable, damagedPositionError, type Positions, readPositions, shiftPositions } from './positions.ts';
import { deletePositions, prepareDequeItem, readRowValue, toPosition } from './push-pop.ts';

/** A page ends at so many values or, after the first, at so many bytes. */
export const MAX_DEQUE_PAGE_ITEMS = 512;
const MAX_PAGE_BYTES = 512 * 1024;
/** A walk begins with small pages: most loops end early. */
const FIRST_PAGE_ITEMS = 16;

/** As the methods of an array take an index, but what can't be a number (a bigint, a symbol, an object) is 0. */
const toWhole = (index: unknown): number =>
  typeof index === 'number' || typeof index === 'string' ? Math.trunc(Number(index)) || 0 : 0;

export function at(core: Core, index: number): unknown {
  const whole = toWhole(index);
  const { sql } = core;
  return retryIfReplaced(core, () => {
    const row =
      whole < 0 ? DEQUE_STATEMENTS.fromBack(sql).first(-whole - 1) : DEQUE_STATEMENTS.fromFront(sql).first(whole);
    if (row !== undefined) return readRowValue(core, row);
    assertNothingAt(core, whole);
    return undefined;
  });
}

/** @throws {DiskCacheError} `CORRUPT` when an item at this index should be there. */
function assertNothingAt(core: Core, index: number): void {
  const { length } = readPositions(core);
  if (index < length && index >= -length) throw damagedPositionError(core.directory);
}

/** @throws {DiskCacheError} `BAD_OPTION` where nothing is. */
export function replace(core: Core, index: number, value: unknown): void {
  const { sql } = core;
  const item = prepareDequeItem(core, value);
  commitWrite(core, item, () => {
    const extent = readPositions(core);
    const position = toPosition(extent, index);
    if (position === undefined) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `There is no index ${formatValue(index)} in ${core.directory}, which has ${extent.length} items; push adds one`,
      );
    }
    const { mode, bytes, check, data } = item;
    const stamp = core.timestamps.from(core.clock());
    const old = DEQUE_STATEMENTS.rowRefs(sql).first(position, position);
    const file = attachFile(core, item);
    const { changes } = sql.update.run(position, stamp, stamp, null, null, mode, bytes, check, file, data, position);
    if (changes === 0) throw damagedPositionError(core.directory);
    if (old !== undefined) deleteFileAfterCommit(core, old[2], old[3]);
    core.rowStats.recordUpdate(null);
    core.maintenance.bytesSinceCheck += item.cost;
  });
}

/** Takes a stretch out, as `Array.prototype.splice` counts it; the shorter side closes the gap. */
export function splice(core: Core, start: number, count: number): unknown[] {
  return inWriteTransaction(core, () => {
    const { first, length } = readPositions(core);
    const from = toWhole(start);
    const index = from < 0 ? Math.max(0, from + length) : Math.min(from, length);
    const taken = Math.min(Math.max(0, toWhole(count)), length - index);
    assertMovable(core, first + index, first + index + taken - 1);
    const found: unknown[] = [];
    const take = (row: DequeRow) => found.push(readRowValue(core, row)) > 0;
    DEQUE_STATEMENTS.rowsBetween(core.sql).each(take, first + index, first + index + taken - 1);
    if (found.length !== taken) throw damagedPositionError(core.directory);
    removeRange(core, { first, length }, index, taken);
    return found;
  });
}

/** Takes out what is at an index; answers whether there was something. */
export function removeAt(core: Core, index: number): boolean {
  return inWriteTransaction(core, () => {
    const extent = readPositions(core);
    const position = toPosition(extent, index);
    if (position === undefined) return false;
    removeRange(core, extent, position - extent.first, 1);
    return true;
  });
}

/** Deletes a stretch and lets the shorter side close up. Inside a write transaction. */
function removeRange(
  core: Core,
  { first, length }: Pick<Positions, 'first' | 'length'>,
  index: number,
  count: number,
): void {
  if (count === 0) return;
  const start = first + index;
  const end = start + count;
  deletePositions(core, start, count);
  const last = first + length - 1;
  if (index <= last - end) shiftPositions(core, first, start - 1, count);
  else shiftPositions(core, end, last, -count);
}

/** Removes the first value that is deeply equal. */
export const removeFirstEqual = (core: Core, value: unknown): boolean =>
  inWriteTransaction(core, () => {
    const index = indexOf(core, value);
    return index >= 0 && removeAt(core, index);
  });

/** Reads values one after the other on one snapshot, and keeps none. */
const scanSnapshot = <T>(core: Core, work: () => T): T => inReadTransaction(core, () => withoutByteLimit(work));

/** The index of the first value from `from` on that is deeply equal, or −1. */
export function indexOf(core: Core, value: unknown, from = 0): number {
  return scanSnapshot(core, () => {
    const start = toWhole(from);
    let index = start < 0 ? Math.max(0, start + readPositions(core).length) : start;
    for (const found of iterateValues(() => core, index)) {
      if (isEqual(found, value)) return index;
      index++;
    }
    return -1;
  });
}

export function count(core: Core, value: unknown): number {
  return scanSnapshot(core, () => {
    let times = 0;
    for (const found of iterateValues(() => core)) if (isEqual(found, value)) times++;
    return times;
  });
}

/** Whether another sequence has equal values in the same order. */
export function equals(core: Core, other: Iterable<unknown>): boolean {
  const others = other[Symbol.iterator]();
  try {
    return scanSnapshot(core, () => {
      for (const value of iterateValues(() => core)) {
        const next = others.next();
        if (next.done || !isEqual(value, next.value)) return false;
      }
      return others.next().done === true;
    });
  } finally {
    others.return?.();
  }
}

/** The values from an index on, as an array's iterator meets them: index by index, whatever happens meanwhile; `open` is asked before each. */
export function* iterateValues(open: () => Core, from = 0): Generator<unknown, void, undefined> {
  let batchSize = FIRST_PAGE_ITEMS;
  for (let index = from; ; ) {
    const core = open();
    const values = retryIfReplaced(core, () => readDequeBatch(core, 'upwards', index, batchSize));
    if (values.length === 0) return;
    const { changeCount } = core.rowStats;
    const before = index;
    for (; index - before < values.length && core.rowStats.changeCount === changeCount; index++) {
      yield values[index - before];
      open();
    }
    batchSize =
      core.rowStats.changeCount === changeCount ? Math.min(batchSize * 2, MAX_DEQUE_PAGE_ITEMS) : FIRST_PAGE_ITEMS;
  }
}

/** The same from the last one to the first. */
export function* iterateValuesBackwards(open: () => Core): Generator<unknown, void, undefined> {
  let batchSize = FIRST_PAGE_ITEMS;
  for (let index = readPositions(open()).length - 1; index >= 0; ) {
    const core = open();
    index = Math.min(index, readPositions(core).length - 1);
    const values = retryIfReplaced(core, () => readDequeBatch(core, 'downwards', index, batchSize));
    if (values.length === 0) return;
    const { changeCount } = core.rowStats;
    const before = index;
    for (; before - index < values.length && core.rowStats.changeCount === changeCount; index--) {
      yield values[before - index];
      open();
    }
    batchSize =
      core.rowStats.changeCount === changeCount ? Math.min(batchSize * 2, MAX_DEQUE_PAGE_ITEMS) : FIRST_PAGE_ITEMS;
  }
}

/** The values from an index on, at most so many and, after the first, so many bytes. */
export function readDequeBatch(
  core: Core,
  direction: 'upwards' | 'downwards',
  index: number,
  maxItems: number,
): unknown[] {
  const values: unknown[] = [];
  const step = direction === 'upwards' ? 1 : -1;
  let bytes = 0;
  let next: number | undefined;
  DEQUE_STATEMENTS[direction](core.sql).each(
    (row) => {
      next ??= getStartPosition(core, direction, index);
      if (row[0] !== next) throw damagedPositionError(core.directory);
      const value = readRowValue(core, row);
      values.push(value);
      next += step;
      bytes += getResultBytes(row, value);
      return bytes < MAX_PAGE_BYTES;
    },
    index,
    maxItems,
  );
  if (values.length === 0) assertNothingAt(core, index);
  return values;
}

/** Where a stretch begins. Backwards from an index that was the last one, until another process took something out, at the end. */
function getStartPosition(core: Core, direction: 'upwards' | 'downwards', index: number): number {
  const { first, length } = readPositions(core);
  return first + (direction === 'upwards' ? index : Math.min(index, length - 1));
}

const PAGE_OPTIONS: ReadonlySet<string> = new Set(['reverse', 'limit']);

/** Where a walk stands: before an index, having seen so many. Plain data. */
interface PageCursor {
  readonly index: number;
  readonly seen: number;
}

/**
 * One page of a deque, index by index: what is taken from the front between two pages moves the others up. O(log n + page).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a range or a cursor that is none.
 */
export function getDequePage(core: Core, range: DequeRange = {}, after?: Cursor): ResultPage {
  const { reverse = false, limit = Number.POSITIVE_INFINITY } = assertOptions(range, PAGE_OPTIONS);
  if (typeof reverse !== 'boolean') throw badRangeError('reverse has to be true or false');
  if (typeof limit !== 'number' || !(limit >= 0)) throw badRangeError('limit has to be a number from 0');
  const last = readPositions(core).length - 1;
  const start = after === undefined ? { index: reverse ? last : 0, seen: 0 } : parseCursor(after);
  const { seen } = start;
  const from = reverse ? Math.min(start.index, last) : start.index;
  const maxItems = Math.min(MAX_DEQUE_PAGE_ITEMS, Math.floor(limit) - seen);
  if (maxItems <= 0 || from < 0 || from > last) return { items: [] };
  const items = retryIfReplaced(core, () => readDequeBatch(core, reverse ? 'downwards' : 'upwards', from, maxItems));
  const next: PageCursor = { index: reverse ? from - items.length : from + items.length, seen: seen + items.length };
  const more = items.length > 0 && next.seen < limit && next.index >= 0 && next.index <= last;
  return more ? { items, next } : { items };
}

/** A cursor may come from a page of an application, so it is looked at before it is believed. */
function parseCursor(cursor: Cursor): PageCursor {
  const { index, seen } = Object(cursor) as Partial<PageCursor>;
  if (Number.isSafeInteger(index) && Number.isSafeInteger(seen) && Number(index) >= 0 && Number(seen) >= 0)
    return { index: Number(index), seen: Number(seen) };
  throw badRangeError('the cursor is none of this range; begin again without one');
}

const badRangeError = (message: string) => new DiskCacheError('BAD_OPTION', message);
