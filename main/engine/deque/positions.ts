import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Finding } from '../../../protocol/results.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { DEQUE_STATEMENTS } from '../sqlite/deque-statements.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { isLimited } from '../values/read-budget.ts';

/** Where the items of a deque are. Invariant: their positions are `first`, …, `first + length - 1`. */
export interface Positions {
  readonly first: number;
  readonly length: number;
  /** The greatest length; `Infinity` when none was chosen. */
  readonly maxLength: number;
}

/*
 * An empty deque begins again at position 0. Positions are whole numbers in doubles, exact below 2^53: a queue that takes a
 * million items a second from one end to the other gets there after 285 years.
 */

/** @throws {DiskCacheError} `CORRUPT` when the position of the first or the last item is damaged. */
export function readPositions({ sql, directory }: Core): Positions {
  const [first, last, storedMaxLength, isEmpty] = DEQUE_STATEMENTS.bounds(sql).first() ?? [null, null, null, 1];
  const maxLength = storedMaxLength ?? Number.POSITIVE_INFINITY;
  if (isEmpty === 1) return { first: 0, length: 0, maxLength };
  if (first === null || last === null) throw damagedPositionError(directory);
  return { first, length: last - first + 1, maxLength };
}

/** An item whose row says two positions of itself, or one that is missing between two others. */
export const damagedPositionError = (directory: string): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `A position in ${directory} is damaged; check({ repair: true }) numbers the items anew`,
  );

/** Farther away than any position; twice as far is still exact. */
const PARKING_OFFSET = 2 ** 52;

/** Values that a page may have moved in one call, and their bytes: each row is written again, for all of them the store waits. */
const MAX_MOVED_ITEMS = 20_000;
const MAX_MOVED_BYTES = 16 * 2 ** 20;

/** @throws {DiskCacheError} `TOO_LARGE` for a page that would hold up the main process. */
export function assertMovable({ sql }: Core, from: number, to: number): void {
  if (!isLimited() || from > to) return;
  const [bytes] = (to - from < MAX_MOVED_ITEMS && DEQUE_STATEMENTS.inlineBytes(sql).first(from, to)) || [
    Number.POSITIVE_INFINITY,
  ];
  if (bytes <= MAX_MOVED_BYTES) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `The call moves ${to - from + 1} values, and a page may move ${MAX_MOVED_ITEMS} of them, or ${MAX_MOVED_BYTES} bytes; do it in the main process`,
  );
}

/** Moves the items of a stretch of positions by some. Inside a write transaction. */
export function shiftPositions(core: Core, from: number, to: number, by: number): void {
  if (from > to) return;
  assertMovable(core, from, to);
  const { sql } = core;
  // By way of positions that nobody has: on the straight way they would meet each other.
  movePositions(sql, PARKING_OFFSET, from, to);
  movePositions(sql, by - PARKING_OFFSET, from + PARKING_OFFSET, to + PARKING_OFFSET);
}

const movePositions = (sql: Statements, by: number, from: number, to: number) =>
  DEQUE_STATEMENTS.move(sql).run(by, by, from, to);

/** Takes the last items to the front, for a positive count, or the first to the back, whichever are fewer. */
export function rotate(core: Core, count: number): void {
  if (!Number.isSafeInteger(count)) {
    throw new DiskCacheError('BAD_OPTION', `rotate takes a whole number, not ${formatValue(count)}`);
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

/** Turns the order around. */
export function reverse(core: Core): void {
  inWriteTransaction(core, () => {
    const { first, length } = readPositions(core);
    if (length < 2) return;
    assertMovable(core, first, first + length - 1);
    // They come to lie right beside where they were, on the side of 0: so positions stay small, and no two meet.
    const sum = first > 0 ? 2 * first - 1 : 2 * (first + length) - 1;
    DEQUE_STATEMENTS.mirror(core.sql).run(sum, sum);
    recordMove(core);
  });
}

/** Returns what is wrong with the positions: rows that say two of themselves, and gaps. O(n). */
export function checkPositions({ sql, directory }: Core): Finding[] {
  const findings: Finding[] = [];
  const [strays] = DEQUE_STATEMENTS.countMismatched(sql).first() ?? [0];
  if (strays > 0) findings.push({ code: 'key', message: `${strays} items of ${directory} have damaged positions` });
  const [count, first, last] = DEQUE_STATEMENTS.countAndBounds(sql).first() ?? [0, null, null];
  const missing = strays > 0 || first === null || last === null ? 0 : last - first + 1 - count;
  if (missing > 0)
    findings.push({ code: 'count', message: `${missing} items of ${directory} are missing between others` });
  return findings;
}

/**
 * Puts items with damaged positions where they belong and closes the gaps. Inside a write transaction. A row holds its position
 * twice: where the second one is free and within the others, or right beside them, the first one is what was damaged.
 */
export function repairPositions(core: Core): void {
  const { sql } = core;
  const [strays] = DEQUE_STATEMENTS.countMismatched(sql).first() ?? [0];
  if (strays > 0) {
    const [first, last] = DEQUE_STATEMENTS.matchedBounds(sql).first() ?? [null, null];
    DEQUE_STATEMENTS.moveMismatched(sql).run((first ?? 0) - strays, (last ?? 0) + strays);
    DEQUE_STATEMENTS.acceptMismatched(sql).run();
  }
  const [count, first, last] = DEQUE_STATEMENTS.countAndBounds(sql).first() ?? [0, null, null];
  const isWhole = first === null || last === null || last - first + 1 === count;
  if (isWhole && strays === 0) return;
  if (!isWhole) DEQUE_STATEMENTS.renumber(sql).run();
  recordMove(core);
}

/** When a deque is opened: a damaged position at an end would make its length a wrong one. O(1) where nothing is damaged. */
export function repairEnds(core: Core): void {
  // Who can't read them now learns so from every verb.
  unlessCorrupt(() => {
    const [first, last, , isEmpty] = DEQUE_STATEMENTS.bounds(core.sql).first() ?? [null, null, null, 1];
    if (isEmpty !== 1 && (first === null || last === null)) inWriteTransaction(core, () => repairPositions(core));
  });
}

/** Items have other places than before: walks look again, listeners are told. */
function recordMove(core: Core): void {
  core.rowStats.recordUpdate(null);
  DEQUE_STATEMENTS.logMove(core.sql).run();
}
