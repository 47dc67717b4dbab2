import type { DequeRange } from '../../../protocol/contract/deque.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Cursor, ResultPage } from '../../../protocol/results.ts';
import {
  isCount,
  iterateCursor,
  MAX_PAGE_BYTES,
  MAX_PAGE_ITEMS,
  parseCursor,
  parseExtent,
  ReadAhead,
} from '../cache/range.ts';
import { getResultBytes, retryIfReplaced } from '../cache/read.ts';
import { inReadTransaction, inWriteTransaction } from '../cache/transaction.ts';
import { attachFile, commitWrite } from '../cache/write.ts';
import { deleteFileAfterCommit } from '../space/delete-row.ts';
import { DEQUE_STATEMENTS, type DequeRow } from '../sqlite/deque-statements.ts';
import type { Core } from '../state/core.ts';
import { assertOptions } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import { withoutByteLimit } from '../values/read-budget.ts';
import { findEnds } from './pending-ends.ts';
import {
  assertMovable,
  damagedPositionError,
  moveValues,
  type Positions,
  readPositions,
  shiftPositions,
} from './positions.ts';
import { deletePositions, prepareDequeItem, readPosition, readRowValue, toPosition } from './push-pop.ts';

/** Indexes are taken as an array's methods take them, except that a bigint, a symbol or an object counts as 0. */
const toInteger = (index: unknown): number =>
  typeof index === 'number' || typeof index === 'string' ? Math.trunc(Number(index)) || 0 : 0;

export function at(core: Core, index: number): unknown {
  const integerIndex = toInteger(index);
  const { sql } = core;
  return retryIfReplaced(core, () => {
    const ends = findEnds(core);
    if (ends !== undefined) {
      const position = toPosition(ends, integerIndex);
      return position === undefined ? undefined : readPosition(core, position);
    }
    const row =
      integerIndex < 0
        ? DEQUE_STATEMENTS.fromBack(sql).first(-integerIndex - 1)
        : DEQUE_STATEMENTS.fromFront(sql).first(integerIndex);
    if (row !== undefined) return readRowValue(core, row);
    assertOutside(core, integerIndex);
    return undefined;
  });
}

/** Asserts that an index without a row is outside the deque. @throws {DiskCacheError} `CORRUPT` */
function assertOutside(core: Core, index: number): void {
  const { length } = readPositions(core);
  if (index < length && index >= -length) throw damagedPositionError(core.directory);
}

/** Replaces the value at an index. @throws {DiskCacheError} `BAD_OPTION` outside the deque. */
export function replace(core: Core, index: number, value: unknown): void {
  const { sql } = core;
  const item = prepareDequeItem(core, value);
  commitWrite(core, item, () => {
    const positions = readPositions(core);
    const position = toPosition(positions, index);
    if (position === undefined) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `index ${formatValue(index)} is outside the deque at ${core.directory}, which has ${positions.length} items; add items with push`,
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
    core.space.charge(core, item.cost);
  });
}

/** Removes and returns a range, with the arguments of `Array.prototype.splice`; the shorter side closes the gap. */
export function splice(core: Core, start: number, count: number): unknown[] {
  return inWriteTransaction(core, () => {
    const { first, length } = readPositions(core);
    const from = toInteger(start);
    const index = from < 0 ? Math.max(0, from + length) : Math.min(from, length);
    const removed = Math.min(Math.max(0, toInteger(count)), length - index);
    assertMovable(core, first + index, first + index + removed - 1);
    const found: unknown[] = [];
    const take = (row: DequeRow) => found.push(readRowValue(core, row)) > 0;
    DEQUE_STATEMENTS.rowsBetween(core.sql).each(take, first + index, first + index + removed - 1);
    if (found.length !== removed) throw damagedPositionError(core.directory);
    removeRange(core, { first, length }, index, removed);
    return found;
  });
}

/** Removes the value at an index. Returns false outside the deque. */
export function removeAt(core: Core, index: number): boolean {
  return inWriteTransaction(core, () => {
    const positions = readPositions(core);
    const position = toPosition(positions, index);
    if (position === undefined) return false;
    removeRange(core, positions, position - positions.first, 1);
    return true;
  });
}

/** Positions, both included. */
type Range = readonly [from: number, to: number];

/** Deletes a range; the shorter side closes the gap. Inside a write transaction. */
function removeRange(
  core: Core,
  { first, length }: Pick<Positions, 'first' | 'length'>,
  index: number,
  count: number,
): void {
  if (count === 0) return;
  const start = first + index;
  const end = start + count;
  const last = first + length - 1;
  const isLeft = index <= last - end;
  const moved: Range = isLeft ? [first, start - 1] : [end, last];
  if (moved[0] <= moved[1] && overwriteRange(core, [start, end - 1], moved)) return;
  deletePositions(core, start, count);
  if (isLeft) shiftPositions(core, first, start - 1, count);
  else shiftPositions(core, end, last, -count);
}

/** Closes the gap of a deleted range by moving the values of a side; returns false if they have to be moved with their positions. */
function overwriteRange(core: Core, [start, end]: Range, [from, to]: Range): boolean {
  const count = end - start + 1;
  const files = DEQUE_STATEMENTS.filesBetween(core.sql).all(start, end);
  const isLeft = to < start;
  if (!moveValues(core, from, to, isLeft ? count : -count)) return false;
  for (const [file, size] of files) deleteFileAfterCommit(core, file, size);
  if (isLeft) DEQUE_STATEMENTS.deleteBetween(core.sql).run(from, from + count - 1);
  else DEQUE_STATEMENTS.deleteBetween(core.sql).run(to - count + 1, to);
  core.rowStats.recordDelete(count);
  return true;
}

/** Removes the first deeply equal value. Returns false if there is none. */
export const removeFirstEqual = (core: Core, value: unknown): boolean =>
  inWriteTransaction(core, () => {
    const index = indexOf(core, value);
    return index >= 0 && removeAt(core, index);
  });

/** Runs work that reads all values on one snapshot without keeping them. */
const scanSnapshot = <T>(core: Core, work: () => T): T => inReadTransaction(core, () => withoutByteLimit(work));

/** Returns the index of the first deeply equal value at or after `from`, or −1. */
export function indexOf(core: Core, value: unknown, from = 0): number {
  return scanSnapshot(core, () => {
    const start = toInteger(from);
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

/** Yields the values from an index on; like an array's iterator it continues by index if the deque changes. Calls `open` before each. */
export function iterateValues(open: () => Core, from = 0): Generator<unknown, void, undefined> {
  return iterateCursor(open, (core) => {
    let index = from;
    return new ReadAhead(core, (maxItems, { consumed }) => {
      index += consumed;
      return { items: retryIfReplaced(core, () => readDequeBatch(core, 'upwards', index, maxItems)), hasMore: true };
    });
  });
}

/** Yields the values from the last to the first, in the same way. */
export function iterateValuesBackwards(open: () => Core): Generator<unknown, void, undefined> {
  return iterateCursor(open, (core) => {
    let index = Number.POSITIVE_INFINITY;
    return new ReadAhead(core, (maxItems, { consumed }) => {
      index = Math.min(index - consumed, readPositions(core).length - 1);
      if (index < 0) return { items: [], hasMore: false };
      return { items: retryIfReplaced(core, () => readDequeBatch(core, 'downwards', index, maxItems)), hasMore: true };
    });
  });
}

/** Returns the values from an index on: at most `maxItems` and, after the first, `MAX_PAGE_BYTES`. @throws {DiskCacheError} `CORRUPT` */
function readDequeBatch(core: Core, direction: 'upwards' | 'downwards', index: number, maxItems: number): unknown[] {
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
  if (values.length === 0) assertOutside(core, index);
  return values;
}

/** Returns the position of the first row of a batch. Backwards that is the last item, if another process has removed items since. */
function getStartPosition(core: Core, direction: 'upwards' | 'downwards', index: number): number {
  const { first, length } = readPositions(core);
  return first + (direction === 'upwards' ? index : Math.min(index, length - 1));
}

const PAGE_OPTIONS: ReadonlySet<string> = new Set(['reverse', 'limit']);

/** Where the next page starts, and how many values were returned so far. Plain data. */
interface PageCursor {
  readonly index: number;
  readonly seen: number;
}

/**
 * Returns one page of a deque, by index: values removed from the front between two pages shift the others. O(log n + page).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a malformed range or cursor.
 */
export function getDequePage(core: Core, range: DequeRange = {}, after?: Cursor): ResultPage {
  const { reverse, limit } = parseExtent(assertOptions(range, PAGE_OPTIONS));
  const last = readPositions(core).length - 1;
  const start = after === undefined ? { index: reverse ? last : 0, seen: 0 } : parseCursor(after, parsePosition);
  const { seen } = start;
  const from = reverse ? Math.min(start.index, last) : start.index;
  const maxItems = Math.min(MAX_PAGE_ITEMS, limit - seen);
  if (maxItems <= 0 || from < 0 || from > last) return { items: [] };
  const items = retryIfReplaced(core, () => readDequeBatch(core, reverse ? 'downwards' : 'upwards', from, maxItems));
  const next: PageCursor = { index: reverse ? from - items.length : from + items.length, seen: seen + items.length };
  const more = items.length > 0 && next.seen < limit && next.index >= 0 && next.index <= last;
  return more ? { items, next } : { items };
}

function parsePosition({ index, seen }: Readonly<Record<string, unknown>>): PageCursor | undefined {
  return isCount(index) && isCount(seen) ? { index, seen } : undefined;
}
