import type { Column, Connection, Statement } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';

/** The largest absolute value of an id. */
const MAX_ABSOLUTE_ID = 2 ** 53;

/**
 * Calls `take` with all readable rows of the table of items, in the order of their ids as far as that is undamaged. Unreadable rows and
 * pages are skipped; `onSkipped` gets the id of a skipped row if the id can be read. The id is the first column. Returns true if
 * nothing was skipped.
 *
 * Invariant: it ends. Each step goes to a greater id, whatever SQLite finds in a damaged tree.
 */
export function readSkippingDamage(
  connection: Connection,
  columns: readonly string[],
  take: (row: Column[]) => void,
  onSkipped: (id: number) => void = () => {},
): boolean {
  // `>=`, not `>`: to find the id after the last one of a page, SQLite would read that page again.
  const rows = connection.prepare<[number]>(
    `SELECT ${['id', ...columns].join(', ')} FROM entry NOT INDEXED WHERE id >= ? ORDER BY id`,
  );
  const next = connection.prepare<[number], [number]>(
    'SELECT id FROM entry NOT INDEXED WHERE id >= ? ORDER BY id LIMIT 1',
  );
  let isWhole = true;
  for (let from: number | undefined = -MAX_ABSOLUTE_ID; from !== undefined && from <= MAX_ABSOLUTE_ID; ) {
    const seen = scan(rows, from, take);
    if (seen.ended) return isWhole;
    isWhole = false;
    from = findNextReadable(next, seen.at + 1, onSkipped);
  }
  return isWhole;
}

/** Reads from an id to the end or to the first damage. Returns whether it reached the end, and the greatest id read. */
function scan(rows: Statement<[number]>, from: number, take: (row: Column[]) => void): { ended: boolean; at: number } {
  let at = from - 1;
  const ended = unlessCorrupt(() => {
    rows.each((row) => {
      at = Math.max(at, Number(row[0]));
      take(row);
      return true;
    }, from);
    return true;
  });
  return { ended: ended === true, at };
}

/** Returns the id from which reading can continue after a failure; undefined if there are no more rows. */
function findNextReadable(
  next: Statement<[number], [number]>,
  from: number,
  onSkipped: (id: number) => void,
): number | undefined {
  const probe = (start: number): number | 'end' | undefined => {
    const found = unlessCorrupt(() => next.first(start) ?? 'end');
    if (found === undefined || found === 'end') return found;
    return found[0] >= start ? found[0] : undefined;
  };
  // Only the row is damaged, not its neighbours on the page.
  const there = probe(from);
  if (there === 'end') return undefined;
  if (there !== undefined) {
    onSkipped(there);
    return there + 1;
  }
  let low = from;
  let high = low;
  for (let step = 1; ; step *= 2) {
    high = low + step;
    if (high > MAX_ABSOLUTE_ID) return undefined;
    if (probe(high) !== undefined) break;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (probe(middle) === undefined) low = middle;
    else high = middle;
  }
  return high;
}

/** Calls `take` with the rows of a small table, from the front to the first damage, then from the back. Returns true if all were read. */
export function readSmallTable(
  connection: Connection,
  table: string,
  columns: readonly string[],
  order: string,
  take: (row: Column[]) => void,
): boolean {
  const read = (direction: 'ASC' | 'DESC') =>
    unlessCorrupt(() => {
      const text = `SELECT ${columns.join(', ')} FROM ${table} ORDER BY ${order} ${direction}`;
      connection.prepare<[]>(text).each((row) => {
        take(row);
        return true;
      });
      return true;
    }) === true;
  if (read('ASC')) return true;
  read('DESC');
  return false;
}
