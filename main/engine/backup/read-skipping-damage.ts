import type { Column, Connection, Statement } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';

/** The largest absolute value of an id. */
const MAX_ABSOLUTE_ID = 2 ** 53;

/** After a skipped row, the next one is searched at distances up to this power of 2. */
const MAX_SEARCH_EXPONENT = 20;

export interface DamagedTableReader {
  /** Takes a row that can be read; the first column is its id. */
  readonly take: (row: Column[]) => void;
  /** Gets the id of a row of which some columns can't be read. */
  readonly skip?: (id: number) => void;
  /** Whether the id of a row is its own. Asked for the last row before a failure: a damaged id would lead past others. */
  readonly isIdTrusted?: (row: readonly Column[]) => boolean;
}

/**
 * Reads all readable rows of the table of items, in the order of their ids as far as that is undamaged. Unreadable rows and pages are
 * skipped. A row may come twice. Returns true if nothing was skipped.
 *
 * Invariant: it ends. Each step starts from a greater id, whatever SQLite finds in a damaged tree.
 */
export function readSkippingDamage(
  connection: Connection,
  columns: readonly string[],
  { take, skip = () => {}, isIdTrusted = () => true }: DamagedTableReader,
): boolean {
  const select = `SELECT ${['id', ...columns].join(', ')} FROM entry NOT INDEXED WHERE`;
  // `>=`, not `>`: to find the id after the last one of a page, SQLite would read that page again.
  const rows = connection.prepare<[number]>(`${select} id >= ? ORDER BY id`);
  const rowsBackwards = connection.prepare<[number]>(`${select} id < ? ORDER BY id DESC`);
  const next = connection.prepare<[number], [number]>(
    'SELECT id FROM entry NOT INDEXED WHERE id >= ? ORDER BY id LIMIT 1',
  );
  let isWhole = true;
  for (let from: number | undefined = -MAX_ABSOLUTE_ID; from !== undefined && from <= MAX_ABSOLUTE_ID; ) {
    const lastId = scan(rows, from, take, isIdTrusted);
    if (lastId === undefined) return isWhole;
    isWhole = false;
    from = findNextReadable(next, lastId + 1, skip);
    if (from !== undefined && from > lastId + 1) scanBackwards(rowsBackwards, from, lastId, take);
  }
  return isWhole;
}

/** Reads from an id to the end or to the first damage. Returns the id up to which it has read if there was damage. */
function scan(
  rows: Statement<[number]>,
  from: number,
  take: (row: Column[]) => void,
  isIdTrusted: (row: readonly Column[]) => boolean,
): number | undefined {
  let last: { readonly id: number; readonly row: readonly Column[] } | undefined;
  let before = from - 1;
  const isEnded = unlessCorrupt(() => {
    rows.each((row) => {
      const id = Number(row[0]);
      // A row with a smaller id than the last one, but a greater one than those before: the last id was damaged.
      if (last !== undefined && id > last.id) before = last.id;
      if (id > before) last = { id, row };
      take(row);
      return true;
    }, from);
    return true;
  });
  if (isEnded) return undefined;
  return last !== undefined && isIdTrusted(last.row) ? last.id : before;
}

/** Reads from an id down to another one, or to the first damage. It may find rows that a search from the root doesn't. */
function scanBackwards(rows: Statement<[number]>, from: number, end: number, take: (row: Column[]) => void): void {
  unlessCorrupt(() => {
    rows.each((row) => {
      if (Number(row[0]) <= end) return false;
      take(row);
      return true;
    }, from);
  });
}

/** Returns the id from which reading can continue after a failure; undefined if there are no more rows. */
function findNextReadable(
  next: Statement<[number], [number]>,
  from: number,
  skip: (id: number) => void,
): number | undefined {
  const probe = (start: number): number | 'end' | undefined => {
    const found = unlessCorrupt(() => next.first(start) ?? 'end');
    if (found === undefined || found === 'end') return found;
    return found[0] >= start ? found[0] : undefined;
  };
  const there = probe(from);
  if (there === 'end') return undefined;
  if (there !== undefined) {
    // That row alone is damaged: its neighbours on the page are not.
    skip(there);
    return findNearest(probe, from, there + 1);
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

/** Where a search has led to a row whose id is damaged, others lie in between. Returns the nearest one that is found, or `end`. */
function findNearest(probe: (start: number) => number | 'end' | undefined, from: number, end: number): number {
  for (let exponent = 0; exponent <= MAX_SEARCH_EXPONENT && from + 2 ** exponent < end; exponent++) {
    const found = probe(from + 2 ** exponent);
    if (typeof found === 'number' && found < end - 1) return found;
  }
  return end;
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
