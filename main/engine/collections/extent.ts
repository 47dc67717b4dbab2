import type { Finding } from '../../../protocol/check.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Core } from '../cache/core.ts';
import { atomically } from '../cache/transaction.ts';
import { unlessCorrupt } from '../damage.ts';
import { POSITIONS } from '../sqlite/positions.ts';
import type { Statements } from '../sqlite/statements.ts';
import { isLimited } from '../values/allowance.ts';

/** Where the items of a deque are. Invariant: their positions are `first`, …, `first + length - 1`. */
export interface Extent {
  readonly first: number;
  readonly length: number;
  /** The greatest length; `Infinity` when none was chosen. */
  readonly most: number;
}

/*
 * An empty deque begins again at position 0. Positions are whole numbers in doubles, exact below 2^53: a queue that takes a
 * million items a second from one end to the other gets there after 285 years.
 */

/** @throws {DiskCacheError} `CORRUPT` when the position of the first or the last item is damaged. */
export function extentOf({ sql, directory }: Core): Extent {
  const [first, last, maxLength, isEmpty] = POSITIONS.extent(sql).first() ?? [null, null, null, 1];
  const most = maxLength ?? Number.POSITIVE_INFINITY;
  if (isEmpty === 1) return { first: 0, length: 0, most };
  if (first === null || last === null) throw damagedPosition(directory);
  return { first, length: last - first + 1, most };
}

/** An item whose row says two positions of itself, or one that is missing between two others. */
export const damagedPosition = (directory: string): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `A position in ${directory} is damaged; check({ repair: true }) numbers the items anew`,
  );

/** Farther away than any position; twice as far is still exact. */
const AWAY = 2 ** 52;

/** Values that a page may have moved in one call, and their bytes: each row is written again, for all of them the store waits. */
const MAX_MOVED = 20_000;
const MAX_MOVED_BYTES = 16 * 2 ** 20;

/** @throws {DiskCacheError} `TOO_LARGE` for a page that would hold up the main process. */
export function assertMovable({ sql }: Core, from: number, to: number): void {
  if (!isLimited() || from > to) return;
  const [bytes] = (to - from < MAX_MOVED && POSITIONS.inlineBytes(sql).first(from, to)) || [Number.POSITIVE_INFINITY];
  if (bytes <= MAX_MOVED_BYTES) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `The call moves ${to - from + 1} values, and a page may move ${MAX_MOVED} of them, or ${MAX_MOVED_BYTES} bytes; do it in the main process`,
  );
}

/** Moves the items of a stretch of positions by some. Inside a write transaction. */
export function shiftBy(core: Core, from: number, to: number, by: number): void {
  if (from > to) return;
  assertMovable(core, from, to);
  const { sql } = core;
  // By way of positions that nobody has: on the straight way they would meet each other.
  moveBy(sql, AWAY, from, to);
  moveBy(sql, by - AWAY, from + AWAY, to + AWAY);
}

const moveBy = (sql: Statements, by: number, from: number, to: number) => POSITIONS.move(sql).run(by, by, from, to);

/** Takes the last items to the front, for a positive count, or the first to the back, whichever are fewer. */
export function rotate(core: Core, count: number): void {
  if (!Number.isSafeInteger(count)) {
    throw new DiskCacheError('BAD_OPTION', `rotate takes a whole number, not ${shownValue(count)}`);
  }
  atomically(core, () => {
    const { first, length } = extentOf(core);
    const fromBack = length === 0 ? 0 : ((count % length) + length) % length;
    if (fromBack === 0) return;
    const fromFront = length - fromBack;
    const isFromBack = fromBack <= fromFront;
    const from = isFromBack ? first + fromFront : first;
    const to = isFromBack ? first + length - 1 : first + fromFront - 1;
    assertMovable(core, from, to);
    moveBy(core.sql, isFromBack ? -length : length, from, to);
    moved(core);
  });
}

/** Turns the order around. */
export function reverse(core: Core): void {
  atomically(core, () => {
    const { first, length } = extentOf(core);
    if (length < 2) return;
    assertMovable(core, first, first + length - 1);
    // They come to lie right beside where they were, on the side of 0: so positions stay small, and no two meet.
    const sum = first > 0 ? 2 * first - 1 : 2 * (first + length) - 1;
    POSITIONS.mirror(core.sql).run(sum, sum);
    moved(core);
  });
}

/** Returns what is wrong with the positions: rows that say two of themselves, and gaps. O(n). */
export function checkPositions({ sql, directory }: Core): Finding[] {
  const findings: Finding[] = [];
  const [strays] = POSITIONS.strays(sql).first() ?? [0];
  if (strays > 0) findings.push({ code: 'key', message: `${strays} items of ${directory} have damaged positions` });
  const [count, first, last] = POSITIONS.spread(sql).first() ?? [0, null, null];
  const missing = strays > 0 || first === null || last === null ? 0 : last - first + 1 - count;
  if (missing > 0)
    findings.push({ code: 'count', message: `${missing} items of ${directory} are missing between others` });
  return findings;
}

/**
 * Puts items with damaged positions where they belong and closes the gaps. Inside a write transaction. A row holds its position
 * twice: where the second one is free and within the others, or right beside them, the first one is what was damaged.
 */
export function mendPositions(core: Core): void {
  const { sql } = core;
  const [strays] = POSITIONS.strays(sql).first() ?? [0];
  if (strays > 0) {
    const [first, last] = POSITIONS.settled(sql).first() ?? [null, null];
    POSITIONS.moveStrays(sql).run((first ?? 0) - strays, (last ?? 0) + strays);
    POSITIONS.settleStrays(sql).run();
  }
  const [count, first, last] = POSITIONS.spread(sql).first() ?? [0, null, null];
  const isWhole = first === null || last === null || last - first + 1 === count;
  if (isWhole && strays === 0) return;
  if (!isWhole) POSITIONS.renumber(sql).run();
  moved(core);
}

/** When a deque is opened: a damaged position at an end would make its length a wrong one. O(1) where nothing is damaged. */
export function mendEnds(core: Core): void {
  // Who can't read them now learns so from every verb.
  unlessCorrupt(() => {
    const [first, last, , isEmpty] = POSITIONS.extent(core.sql).first() ?? [null, null, null, 1];
    if (isEmpty !== 1 && (first === null || last === null)) atomically(core, () => mendPositions(core));
  });
}

/** Items have other places than before: walks look again, listeners are told. */
function moved(core: Core): void {
  core.ledger.updated(null);
  POSITIONS.logMove(core.sql).run();
}
