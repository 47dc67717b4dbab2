import { PLAIN_MODES } from '../values/mode.ts';
import type { Column, Statement } from './connection.ts';
import { DOOMED_COLUMNS, type DoomedRow, type Statements, VALUE_COLUMNS, type ValueRow } from './statements.ts';

/** A row of a deque: its position stands in it twice, so a position that is damaged is noticed. */
export type PlacedRow = [...ValueRow, key: Column];
const PLACED_COLUMNS = `${VALUE_COLUMNS}, key`;

/** The positions at both ends; NULL in an empty deque, and when the row there says another position of itself. */
const FIRST = '(SELECT CASE WHEN id = key THEN id END FROM entry ORDER BY id LIMIT 1)';
const LAST = '(SELECT CASE WHEN id = key THEN id END FROM entry ORDER BY id DESC LIMIT 1)';
const IS_EMPTY = 'NOT EXISTS (SELECT 1 FROM entry)';
const MOST = "(SELECT value FROM setting WHERE name = 'maxLength')";
const ITEM = `SELECT ${PLACED_COLUMNS} FROM entry`;

/** What of a new item is written; the position stands in both of the first two. */
const NEW_COLUMNS = ['id', 'key', 'stored_at', 'used_at', 'mode', 'size', 'checksum', 'file', 'value'];
export type NewColumns = readonly [
  position: number,
  key: number,
  storedAt: number,
  usedAt: number,
  mode: number,
  size: number,
  checksum: number,
  file: string | null,
  value: Column,
];
const ONE_ROW = `(${NEW_COLUMNS.map(() => '?').join(', ')})`;

/**
 * Adds an item at a position, if there is room and neither end is damaged, and answers the length then. One statement, so that it needs no
 * transaction. What a subquery in RETURNING sees of the new row is SQLite's choice; the length is right either way.
 */
const add = (position: string): string =>
  `INSERT INTO entry (id, key, stored_at, used_at, mode, size, checksum, value)
   SELECT position, position, at, at, ?, ?, ?, ? FROM (SELECT ${position} AS position, ? AS at)
   WHERE coalesce(${MOST} > coalesce(${LAST} - ${FIRST} + 1, 0), true) AND (${FIRST} + ${LAST} IS NOT NULL OR ${IS_EMPTY})
   RETURNING max(coalesce(${LAST}, id), id) - min(coalesce(${FIRST}, id), id) + 1`;

/**
 * Takes out the row at an end and returns it, if its value is one that every version reads: neither in a file, nor compressed, nor
 * made by V8 or a codec. One statement, so that it needs no transaction.
 */
const take = (end: string): string =>
  `DELETE FROM entry WHERE id = ${end} AND file IS NULL AND mode IN (${PLAIN_MODES.join(', ')}) RETURNING ${PLACED_COLUMNS}`;

/** Parameters: position, mode, checksum, value. Takes out the row at an end, if it is the one that was read. */
const remove = (end: string): string =>
  `DELETE FROM entry WHERE id = ${end} AND id = ? AND mode = ? AND checksum = ? AND value IS ? AND file IS NULL`;

const of =
  <Row extends readonly unknown[] = Column[]>(text: string) =>
  (sql: Statements): Statement<readonly Column[], Row> =>
    sql.composed<Row>(text);

/** So many rows in one statement cost half of what they cost one by one. */
export const ROWS_AT_ONCE = 16;

/**
 * The statements of a deque. Its ids are positions, whole numbers without a gap: the first one and an index give the id, so
 * every place is one search in the table, and a push at either end writes one page. Keys repeat them and have no index.
 */
export const POSITIONS = {
  /** When an empty store becomes a deque. */
  dropKeyIndex: of('DROP INDEX entry_key'),
  /** The first and the last position, the greatest length, null when none was chosen, and whether there is nothing. */
  extent: of<[first: number | null, last: number | null, most: number | null, isEmpty: number]>(
    `SELECT ${FIRST}, ${LAST}, ${MOST}, ${IS_EMPTY}`,
  ),
  /** Parameters: mode, size, checksum, value, time. No row: there is no room, or an end is damaged. */
  addBack: of<[length: number]>(add(`coalesce(${LAST} + 1, 0)`)),
  addFront: of<[length: number]>(add(`coalesce(${FIRST} - 1, 0)`)),
  /** Parameters: `NewColumns`; the same as often as the name says. */
  insert: of(`INSERT INTO entry (${NEW_COLUMNS.join(', ')}) VALUES ${ONE_ROW}`),
  insertSeveral: of(
    `INSERT INTO entry (${NEW_COLUMNS.join(', ')}) VALUES ${Array(ROWS_AT_ONCE).fill(ONE_ROW).join(', ')}`,
  ),
  front: of<PlacedRow>(`${ITEM} ORDER BY id LIMIT 1`),
  back: of<PlacedRow>(`${ITEM} ORDER BY id DESC LIMIT 1`),
  takeFront: of<PlacedRow>(take(FIRST)),
  takeBack: of<PlacedRow>(take(LAST)),
  removeFront: of(remove(FIRST)),
  removeBack: of(remove(LAST)),
  /** Parameter: how many are before it; after it. */
  fromFront: of<PlacedRow>(`${ITEM} WHERE id = ${FIRST} + ?`),
  fromBack: of<PlacedRow>(`${ITEM} WHERE id = ${LAST} - ?`),
  /** Parameters: the index to begin at, how many at most. */
  upwards: of<PlacedRow>(`${ITEM} WHERE id >= ${FIRST} + ? ORDER BY id LIMIT ?`),
  downwards: of<PlacedRow>(`${ITEM} WHERE id <= ${FIRST} + ? ORDER BY id DESC LIMIT ?`),
  /** Parameters: from, to. */
  doomed: of<DoomedRow>(`SELECT ${DOOMED_COLUMNS} FROM entry WHERE id >= ? AND id <= ?`),
  stretch: of<PlacedRow>(`${ITEM} WHERE id >= ? AND id <= ? ORDER BY id`),
  /** Bytes of values that stand in their rows. Parameters: from, to. */
  inlineBytes: of<[number]>('SELECT coalesce(sum(size), 0) FROM entry WHERE id >= ? AND id <= ? AND file IS NULL'),
  /** What of a stretch has no file. Parameters: from, to. */
  deleteInline: of('DELETE FROM entry WHERE id >= ? AND id <= ? AND file IS NULL'),
  /** Parameters: by how much, twice, from, to. Uniqueness is looked at row by row, so none may come where another one still is. */
  move: of('UPDATE entry SET id = id + ?, key = key + ? WHERE id >= ? AND id <= ?'),
  /** Turns all positions around one point. The parameter, twice, is first plus last of what they become and were. */
  mirror: of('UPDATE entry SET id = ? - id, key = ? - key'),
  /** Numbers the items anew, in their order, behind the last one. */
  renumber: of(
    `UPDATE entry SET id = ranked.position, key = ranked.position
     FROM (SELECT id, (SELECT max(id) FROM entry) + row_number() OVER (ORDER BY id) AS position FROM entry) AS ranked
     WHERE entry.id = ranked.id`,
  ),
  /** How many items there are, from where to where. Unlike `extent` it believes every row. */
  spread: of<[count: number, first: number | null, last: number | null]>(
    'SELECT count(*), min(id), max(id) FROM entry',
  ),
  /** How many rows say two positions of themselves. */
  strays: of<[count: number]>('SELECT count(*) FROM entry WHERE id IS NOT key'),
  /** Where the others are. */
  settled: of<[first: number | null, last: number | null]>('SELECT min(id), max(id) FROM entry WHERE id = key'),
  /** A row whose key is a free position from the first parameter to the second one goes there: its id is what was damaged. */
  moveStrays: of(
    `UPDATE OR IGNORE entry SET id = CAST(key AS INTEGER)
     WHERE id IS NOT key AND typeof(key) IN ('integer', 'real') AND key = CAST(key AS INTEGER) AND key BETWEEN ? AND ?`,
  ),
  /** What is left is where its id says. */
  settleStrays: of('UPDATE entry SET key = id WHERE id IS NOT key'),
  logMove: of("INSERT INTO change (kind) SELECT 'set' WHERE EXISTS (SELECT 1 FROM listener)"),
} as const;
