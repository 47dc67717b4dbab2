import { DEQUE_STATEMENTS, type DequeRow } from '../sqlite/deque-statements.ts';
import type { Core } from '../state/core.ts';
import type { DequeEnds, DequeSide } from '../state/write-journal.ts';

/** Rows that are read at once, at most: beyond that the read itself is a small part of what a row costs. */
const MAX_ROWS = 64;
/** Bytes of values that are read at once, about. */
const MAX_BYTES = 256 * 1024;
/** A consumer that takes one value after another gets this many times as many rows as before. */
const GROWTH = 4;

/**
 * Returns the row at a position, which is the end of the deque on that side and has no pending change; undefined if it is missing because of
 * damage. Rows behind it are read ahead, for the next calls. To be deleted by the journal, or not used again: its bytes may become the value.
 *
 * Invariant: rows that were read ahead are as in the database. What is written directly forgets them with the ends; a pending change is only
 * made at an end, and `takeRow` and `forgetRows` see to the rows that lie there.
 */
export function takeRow(core: Core, ends: DequeEnds, side: DequeSide, position: number): DequeRow | undefined {
  const { ahead } = ends;
  if (ahead?.rows.at(-1)?.[0] === position) return ahead.rows.pop();
  const count = Math.min(ahead?.side === side && ahead.rows.length === 0 ? ahead.nextCount : 1, ends.length);
  const rows = count === 1 ? readRow(core, position) : readRows(core, side, position, count);
  ends.ahead = { side, rows, nextCount: getNextCount(rows, count) };
  return rows.at(-1)?.[0] === position ? rows.pop() : undefined;
}

/** Forgets the rows that were read ahead, before a change at an end that is not made with a row from `takeRow`. */
export function forgetRows(ends: DequeEnds): void {
  ends.ahead = undefined;
}

function readRow({ sql }: Core, position: number): DequeRow[] {
  const row = DEQUE_STATEMENTS.atPosition(sql).firstStored(position);
  return row === undefined ? [] : [row];
}

/** Returns rows from an end inwards, the outermost last, up to the first one with a pending change, which is another value. */
function readRows({ sql, journal }: Core, side: DequeSide, position: number, count: number): DequeRow[] {
  const between = DEQUE_STATEMENTS.rowsBetween(sql);
  const rows =
    side === 'front'
      ? between.allStored(position, position + count - 1).reverse()
      : between.allStored(position - count + 1, position);
  const changed = rows.findLastIndex(([at]) => journal!.find(at) !== undefined);
  return changed === -1 ? rows : rows.slice(changed + 1);
}

function getNextCount(rows: readonly DequeRow[], count: number): number {
  let maxBytes = 1;
  for (const [, , , , bytes] of rows) maxBytes = Math.max(maxBytes, bytes);
  return Math.max(1, Math.min(count * GROWTH, MAX_ROWS, Math.floor(MAX_BYTES / maxBytes)));
}
