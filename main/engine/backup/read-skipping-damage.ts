import type { Column, Connection, Statement } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';

/** No id is farther away from 0. */
const MAX_ABSOLUTE_ID = 2 ** 53;

/**
 * Hands all rows of the table of items that can be read to `take`, in the order of their ids as far as that is whole: what
 * can't be read is passed by, a row or a page at a time; a row whose id can be read is told to `passedBy`. The id is the first
 * column. True when nothing was passed by.
 *
 * Invariant: it ends. Each step goes to a greater id, whatever SQLite finds in a damaged tree.
 */
export function readSkippingDamage(
  connection: Connection,
  columns: readonly string[],
  take: (row: Column[]) => void,
  onSkipped: (id: number) => void = () => {},
): boolean {
  // From an id on, not behind one: behind the last id of a page SQLite looks for the next one on that page.
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

/** Reads on from an id until the end, or until something is damaged; `at` is the greatest id that was met. */
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

/** Returns the id from which on reading can go on after a failure; undefined when there is nothing more. */
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
  // The row alone is damaged: its neighbours on the page are not.
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

/** Hands the rows of a small table to `take`, from the front until something is damaged, then from the back. True when all were read. */
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
