import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Finding } from '../../../protocol/results.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { isChangeLogged } from '../space/delete-row.ts';
import { DEQUE_STATEMENTS } from '../sqlite/deque-statements.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { isLimited } from '../values/read-budget.ts';
import { findEnds } from './pending-ends.ts';

/** The positions of a deque's items. Invariant: they are `first`, …, `first + length - 1`. */
export interface Positions {
  readonly first: number;
  readonly length: number;
  /** Maximum length; `Infinity` if unlimited. */
  readonly maxLength: number;
}

/*
 * An empty deque starts at position 0 again. Positions are integers in doubles, exact below 2^53: a queue that passes a million items
 * per second reaches that after 285 years.
 */

/** Returns the positions. @throws {DiskCacheError} `CORRUPT` if the position of the first or last item is damaged. */
export function readPositions(core: Core): Positions {
  const known = findEnds(core);
  // A copy: what is known goes on with the deque.
  if (known !== undefined) return { first: known.first, length: known.length, maxLength: known.maxLength };
  const { sql, directory } = core;
  const [first, last, storedMaxLength, isEmpty] = DEQUE_STATEMENTS.bounds(sql).first() ?? [null, null, null, 1];
  const maxLength = storedMaxLength ?? Number.POSITIVE_INFINITY;
  if (isEmpty === 1) return { first: 0, length: 0, maxLength };
  if (first === null || last === null) throw damagedPositionError(directory);
  return { first, length: last - first + 1, maxLength };
}

/** The error for an item whose two positions differ, or that is missing between two others. */
export const damagedPositionError = (directory: string): DiskCacheError =>
  new DiskCacheError('CORRUPT', `A position in ${directory} is damaged; check({ repair: true }) renumbers the items`);

/** Larger than any position; twice as much is still exact. */
const PARKING_OFFSET = 2 ** 52;

/** Values and bytes that one call of a page may move: every row is rewritten, and all other calls wait for it. */
const MAX_MOVED_ITEMS = 20_000;
const MAX_MOVED_BYTES = 16 * 2 ** 20;

/** Asserts that a call of a page doesn't move too much at once. @throws {DiskCacheError} `TOO_LARGE` */
export function assertMovable({ sql }: Core, from: number, to: number): void {
  if (!isLimited() || from > to) return;
  const [bytes] = (to - from < MAX_MOVED_ITEMS && DEQUE_STATEMENTS.inlineBytes(sql).first(from, to)) || [
    Number.POSITIVE_INFINITY,
  ];
  if (bytes <= MAX_MOVED_BYTES) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `The call moves ${to - from + 1} values; a page may move at most ${MAX_MOVED_ITEMS} values and ${MAX_MOVED_BYTES} bytes, so call it in the main process`,
  );
}

/** Moves the items from one position to another by an offset. Inside a write transaction. @throws {DiskCacheError} `TOO_LARGE` */
export function shiftPositions(core: Core, from: number, to: number, by: number): void {
  if (from > to) return;
  assertMovable(core, from, to);
  const { sql } = core;
  // In two steps, through unused positions: moved directly, the ranges could overlap.
  movePositions(sql, PARKING_OFFSET, from, to);
  movePositions(sql, by - PARKING_OFFSET, from + PARKING_OFFSET, to + PARKING_OFFSET);
}

/** Rows that one statement moves: SQLite holds them in memory until it is done. */
const MAX_MOVED_ROWS = 2000;

/**
 * Moves the values from one position to another by an offset, over what is there. Positions stay, which costs a quarter of moving them.
 * Inside a write transaction. Returns false, and has moved nothing, if positions between the first and the last target are damaged: a
 * value without a target would be lost. @throws {DiskCacheError} `TOO_LARGE`
 */
export function moveValues(core: Core, from: number, to: number, by: number): boolean {
  assertMovable(core, from, to);
  const { sql } = core;
  const lowest = Math.min(from, from + by);
  const highest = Math.max(to, to + by);
  if (DEQUE_STATEMENTS.countWhole(sql).first(lowest, highest)?.[0] !== highest - lowest + 1) return false;
  const copy = DEQUE_STATEMENTS.copyValues(sql);
  // In the direction in which no value is overwritten before it was copied.
  if (by < 0)
    for (let low = from; low <= to; low += MAX_MOVED_ROWS) copy.run(low, Math.min(to, low + MAX_MOVED_ROWS - 1), by);
  else
    for (let high = to; high >= from; high -= MAX_MOVED_ROWS)
      copy.run(Math.max(from, high - MAX_MOVED_ROWS + 1), high, by);
  return true;
}

const movePositions = (sql: Statements, by: number, from: number, to: number) =>
  DEQUE_STATEMENTS.move(sql).run(by, by, from, to);

/** Moves the last `count` items to the front by moving them, or the other items to the back if these are fewer. */
export function rotate(core: Core, count: number): void {
  if (!Number.isSafeInteger(count)) {
    throw new DiskCacheError('BAD_OPTION', `count of rotate is ${formatValue(count)}; give a whole number`);
  }
  inWriteTransaction(core, () => {
    const { first, length } = readPositions(core);
    const fromBack = length === 0 ? 0 : ((count % length) + length) % length;
    if (fromBack === 0) return;
    const fromFront = length - fromBack;
    const isFromBack = fromBack <= fromFront;
    const from = isFromBack ? first + fromFront : first;
    const to = isFromBack ? first + length - 1 : first + fromFront - 1;
    assertMovable(core, from, to);
    movePositions(core.sql, isFromBack ? -length : length, from, to);
    recordMove(core);
  });
}

/** Reverses the order. */
export function reverse(core: Core): void {
  inWriteTransaction(core, () => {
    const { first, length } = readPositions(core);
    if (length < 2) return;
    assertMovable(core, first, first + length - 1);
    const last = first + length - 1;
    // Mirrored to the range next to the present one, on the side of 0: positions stay small, and the ranges don't overlap.
    const sum = first > 0 ? 2 * first - 1 : 2 * last + 1;
    if (isChangeLogged(core)) DEQUE_STATEMENTS.mirror(core.sql).run(sum, sum);
    else copyMirrored(core, first, last, sum);
    recordMove(core);
  });
}

/**
 * Copies the items to their mirrored positions and deletes them where they were, a part at a time, so that the database doesn't grow by
 * all of them. Triggers of the change log would log each. Inside a write transaction.
 */
function copyMirrored({ sql }: Core, first: number, last: number, sum: number): void {
  // The last item first: the copies are in ascending order, as SQLite appends rows fastest.
  for (let high = last; high >= first; high -= MAX_MOVED_ROWS) {
    const low = Math.max(first, high - MAX_MOVED_ROWS + 1);
    DEQUE_STATEMENTS.insertMirrored(sql).run(sum, sum, low, high);
    DEQUE_STATEMENTS.deleteBetween(sql).run(low, high);
  }
}

/** Returns findings about positions: rows whose two positions differ, and gaps. O(n). */
export function checkPositions({ sql, directory }: Core): Finding[] {
  const findings: Finding[] = [];
  const [mismatched] = DEQUE_STATEMENTS.countMismatched(sql).first() ?? [0];
  if (mismatched > 0)
    findings.push({ code: 'key', message: `${mismatched} items of ${directory} have damaged positions` });
  const [count, first, last] = DEQUE_STATEMENTS.countAndBounds(sql).first() ?? [0, null, null];
  const missing = mismatched > 0 || first === null || last === null ? 0 : last - first + 1 - count;
  if (missing > 0)
    findings.push({ code: 'count', message: `${missing} items of ${directory} are missing between others` });
  return findings;
}

/**
 * Moves items with damaged positions where they belong and closes the gaps. Inside a write transaction. A row holds its position
 * twice: if the second one is free and within the range of the others, or adjacent to it, the first one is the damaged one.
 */
export function repairPositions(core: Core): void {
  const { sql } = core;
  const [mismatched] = DEQUE_STATEMENTS.countMismatched(sql).first() ?? [0];
  if (mismatched > 0) {
    const [first, last] = DEQUE_STATEMENTS.matchedBounds(sql).first() ?? [null, null];
    DEQUE_STATEMENTS.moveMismatched(sql).run((first ?? 0) - mismatched, (last ?? 0) + mismatched);
    DEQUE_STATEMENTS.acceptMismatched(sql).run();
  }
  const [count, first, last] = DEQUE_STATEMENTS.countAndBounds(sql).first() ?? [0, null, null];
  const isContiguous = first === null || last === null || last - first + 1 === count;
  if (isContiguous && mismatched === 0) return;
  if (!isContiguous) DEQUE_STATEMENTS.renumber(sql).run();
  recordMove(core);
}

/** Repairs damaged positions at the ends when a deque is opened: its length would be wrong. O(log n) if nothing is damaged. */
export function repairEnds(core: Core): void {
  // If they can't be read now, every method will say so.
  unlessCorrupt(() => {
    const [first, last, , isEmpty] = DEQUE_STATEMENTS.bounds(core.sql).first() ?? [null, null, null, 1];
    if (isEmpty !== 1 && (first === null || last === null)) inWriteTransaction(core, () => repairPositions(core));
  });
}

/** Records that items have moved: iterators read again, listeners are notified. */
function recordMove(core: Core): void {
  core.rowStats.recordUpdate(null);
  DEQUE_STATEMENTS.logMove(core.sql).run();
}
