import { PLAIN_ENCODINGS } from '../values/encoding.ts';
import type { Column, Statement } from './connection.ts';
import { ROW_REF_COLUMNS, type RowRef, type Statements, VALUE_COLUMNS, type ValueRow } from './statements.ts';

/** A row of a deque: its position stands in it twice, so a position that is damaged is noticed. */
export type DequeRow = [...ValueRow, key: Column];
const DEQUE_COLUMNS = `${VALUE_COLUMNS}, key`;

/** The positions at both ends; NULL in an empty deque, and when the row there says another position of itself. */
const FIRST_POSITION_SQL = '(SELECT CASE WHEN id = key THEN id END FROM entry ORDER BY id LIMIT 1)';
const LAST_POSITION_SQL = '(SELECT CASE WHEN id = key THEN id END FROM entry ORDER BY id DESC LIMIT 1)';
const IS_EMPTY_SQL = 'NOT EXISTS (SELECT 1 FROM entry)';
const MAX_LENGTH_SQL = "(SELECT value FROM setting WHERE name = 'maxLength')";
const SELECT_ITEM_SQL = `SELECT ${DEQUE_COLUMNS} FROM entry`;

/** What of a new item is written; the position stands in both of the first two. */
const INSERT_COLUMNS = ['id', 'key', 'stored_at', 'used_at', 'mode', 'size', 'checksum', 'file', 'value'];
export type InsertColumns = readonly [
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
const ONE_ROW_SQL = `(${INSERT_COLUMNS.map(() => '?').join(', ')})`;

/**
 * Adds an item at a position, if there is room and neither end is damaged, and answers the length then. One statement, so that it needs no
 * transaction. What a subquery in RETURNING sees of the new row is SQLite's choice; the length is right either way.
 */
const toInsertSql = (position: string): string =>
  `INSERT INTO entry (id, key, stored_at, used_at, mode, size, checksum, value)
   SELECT position, position, at, at, ?, ?, ?, ? FROM (SELECT ${position} AS position, ? AS at)
   WHERE coalesce(${MAX_LENGTH_SQL} > coalesce(${LAST_POSITION_SQL} - ${FIRST_POSITION_SQL} + 1, 0), true) AND (${FIRST_POSITION_SQL} + ${LAST_POSITION_SQL} IS NOT NULL OR ${IS_EMPTY_SQL})
   RETURNING max(coalesce(${LAST_POSITION_SQL}, id), id) - min(coalesce(${FIRST_POSITION_SQL}, id), id) + 1`;

/**
 * Takes out the row at an end and returns it, if its value is one that every version reads: neither in a file, nor compressed, nor
 * made by V8 or a codec. One statement, so that it needs no transaction.
 */
const toDeleteSql = (end: string): string =>
  `DELETE FROM entry WHERE id = ${end} AND file IS NULL AND mode IN (${PLAIN_ENCODINGS.join(', ')}) RETURNING ${DEQUE_COLUMNS}`;

/** Parameters: position, mode, checksum, value. Takes out the row at an end, if it is the one that was read. */
const remove = (end: string): string =>
  `DELETE FROM entry WHERE id = ${end} AND id = ? AND mode = ? AND checksum = ? AND value IS ? AND file IS NULL`;

const statement =
  <Row extends readonly unknown[] = Column[]>(text: string) =>
  (sql: Statements): Statement<readonly Column[], Row> =>
    sql.dynamic<Row>(text);

/** So many rows in one statement cost half of what they cost one by one. */
export const ROWS_PER_STATEMENT = 16;

/**
 * The statements of a deque. Its ids are positions, whole numbers without a gap: the first one and an index give the id, so
 * every place is one search in the table, and a push at either end writes one page. Keys repeat them and have no index.
 */
export const DEQUE_STATEMENTS = {
  /** When an empty store becomes a deque. */
  dropKeyIndex: statement('DROP INDEX entry_key'),
  /** The first and the last position, the greatest length, null when none was chosen, and whether there is nothing. */
  bounds: statement<[first: number | null, last: number | null, most: number | null, isEmpty: number]>(
    `SELECT ${FIRST_POSITION_SQL}, ${LAST_POSITION_SQL}, ${MAX_LENGTH_SQL}, ${IS_EMPTY_SQL}`,
  ),
  /** Parameters: mode, size, checksum, value, time. No row: there is no room, or an end is damaged. */
  addBack: statement<[length: number]>(toInsertSql(`coalesce(${LAST_POSITION_SQL} + 1, 0)`)),
  addFront: statement<[length: number]>(toInsertSql(`coalesce(${FIRST_POSITION_SQL} - 1, 0)`)),
  /** Parameters: `InsertColumns`; the same as often as the name says. */
  insert: statement(`INSERT INTO entry (${INSERT_COLUMNS.join(', ')}) VALUES ${ONE_ROW_SQL}`),
  insertSeveral: statement(
    `INSERT INTO entry (${INSERT_COLUMNS.join(', ')}) VALUES ${Array(ROWS_PER_STATEMENT).fill(ONE_ROW_SQL).join(', ')}`,
  ),
  front: statement<DequeRow>(`${SELECT_ITEM_SQL} ORDER BY id LIMIT 1`),
  back: statement<DequeRow>(`${SELECT_ITEM_SQL} ORDER BY id DESC LIMIT 1`),
  popFront: statement<DequeRow>(toDeleteSql(FIRST_POSITION_SQL)),
  popBack: statement<DequeRow>(toDeleteSql(LAST_POSITION_SQL)),
  removeFront: statement(remove(FIRST_POSITION_SQL)),
  removeBack: statement(remove(LAST_POSITION_SQL)),
  /** Parameter: how many are before it; after it. */
  fromFront: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id = ${FIRST_POSITION_SQL} + ?`),
  fromBack: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id = ${LAST_POSITION_SQL} - ?`),
  /** Parameters: the index to begin at, how many at most. */
  upwards: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id >= ${FIRST_POSITION_SQL} + ? ORDER BY id LIMIT ?`),
  downwards: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id <= ${FIRST_POSITION_SQL} + ? ORDER BY id DESC LIMIT ?`),
  /** Parameters: from, to. */
  rowRefs: statement<RowRef>(`SELECT ${ROW_REF_COLUMNS} FROM entry WHERE id >= ? AND id <= ?`),
  rowsBetween: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id >= ? AND id <= ? ORDER BY id`),
  /** Bytes of values that stand in their rows. Parameters: from, to. */
  inlineBytes: statement<[number]>(
    'SELECT coalesce(sum(size), 0) FROM entry WHERE id >= ? AND id <= ? AND file IS NULL',
  ),
  /** What of a stretch has no file. Parameters: from, to. */
  deleteInline: statement('DELETE FROM entry WHERE id >= ? AND id <= ? AND file IS NULL'),
  /** Parameters: by how much, twice, from, to. Uniqueness is looked at row by row, so none may come where another one still is. */
  move: statement('UPDATE entry SET id = id + ?, key = key + ? WHERE id >= ? AND id <= ?'),
  /** Turns all positions around one point. The parameter, twice, is first plus last of what they become and were. */
  mirror: statement('UPDATE entry SET id = ? - id, key = ? - key'),
  /** Numbers the items anew, in their order, behind the last one. */
  renumber: statement(
    `UPDATE entry SET id = ranked.position, key = ranked.position
     FROM (SELECT id, (SELECT max(id) FROM entry) + row_number() OVER (ORDER BY id) AS position FROM entry) AS ranked
     WHERE entry.id = ranked.id`,
  ),
  /** How many items there are, from where to where. Unlike `extent` it believes every row. */
  countAndBounds: statement<[count: number, first: number | null, last: number | null]>(
    'SELECT count(*), min(id), max(id) FROM entry',
  ),
  /** How many rows say two positions of themselves. */
  countMismatched: statement<[count: number]>('SELECT count(*) FROM entry WHERE id IS NOT key'),
  /** Where the others are. */
  matchedBounds: statement<[first: number | null, last: number | null]>(
    'SELECT min(id), max(id) FROM entry WHERE id = key',
  ),
  /** A row whose key is a free position from the first parameter to the second one goes there: its id is what was damaged. */
  moveMismatched: statement(
    `UPDATE OR IGNORE entry SET id = CAST(key AS INTEGER)
     WHERE id IS NOT key AND typeof(key) IN ('integer', 'real') AND key = CAST(key AS INTEGER) AND key BETWEEN ? AND ?`,
  ),
  /** What is left is where its id says. */
  acceptMismatched: statement('UPDATE entry SET key = id WHERE id IS NOT key'),
  logMove: statement("INSERT INTO change (kind) SELECT 'set' WHERE EXISTS (SELECT 1 FROM listener)"),
} as const;
