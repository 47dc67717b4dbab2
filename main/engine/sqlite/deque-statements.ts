import { PLAIN_ENCODINGS } from '../values/encoding.ts';
import type { Column, Statement } from './connection.ts';
import { ROW_REF_COLUMNS, type RowRef, type Statements, VALUE_COLUMNS, type ValueRow } from './statements.ts';

/** A row of a deque. It holds its position twice (`id` and `key`), so that a damaged position is detected. */
export type DequeRow = [...ValueRow, key: Column];
const DEQUE_COLUMNS = `${VALUE_COLUMNS}, key`;

/** The first and last position; NULL if the deque is empty or the two positions of that row differ. */
const FIRST_POSITION_SQL = '(SELECT CASE WHEN id = key THEN id END FROM entry ORDER BY id LIMIT 1)';
const LAST_POSITION_SQL = '(SELECT CASE WHEN id = key THEN id END FROM entry ORDER BY id DESC LIMIT 1)';
const IS_EMPTY_SQL = 'NOT EXISTS (SELECT 1 FROM entry)';
const MAX_LENGTH_SQL = "(SELECT value FROM setting WHERE name = 'maxLength')";
const SELECT_ITEM_SQL = `SELECT ${DEQUE_COLUMNS} FROM entry`;

/** The columns of a new item; the first two both hold its position. */
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
 * Returns the SQL that adds an item at a position, unless the deque is full or an end is damaged, and returns the new length. A
 * single statement needs no explicit transaction. SQLite doesn't define whether a subquery in RETURNING sees the new row; the
 * length is right either way.
 */
const toInsertSql = (position: string): string =>
  `INSERT INTO entry (id, key, stored_at, used_at, mode, size, checksum, value)
   SELECT position, position, at, at, ?, ?, ?, ? FROM (SELECT ${position} AS position, ? AS at)
   WHERE coalesce(${MAX_LENGTH_SQL} > coalesce(${LAST_POSITION_SQL} - ${FIRST_POSITION_SQL} + 1, 0), true) AND (${FIRST_POSITION_SQL} + ${LAST_POSITION_SQL} IS NOT NULL OR ${IS_EMPTY_SQL})
   RETURNING max(coalesce(${LAST_POSITION_SQL}, id), id) - min(coalesce(${FIRST_POSITION_SQL}, id), id) + 1`;

/**
 * Returns the SQL that deletes the row at an end and returns it, if every version can read its value: not in a file, not compressed,
 * not written by V8 or a codec. A single statement needs no explicit transaction.
 */
const toDeleteSql = (end: string): string =>
  `DELETE FROM entry WHERE id = ${end} AND file IS NULL AND mode IN (${PLAIN_ENCODINGS.join(', ')}) RETURNING ${DEQUE_COLUMNS}`;

/** Returns the SQL that deletes the row at an end if it is the row that was read. Parameters: position, mode, checksum, value. */
const toDeleteReadRowSql = (end: string): string =>
  `DELETE FROM entry WHERE id = ${end} AND id = ? AND mode = ? AND checksum = ? AND value IS ? AND file IS NULL`;

const statement =
  <Row extends readonly unknown[] = Column[]>(text: string) =>
  (sql: Statements): Statement<readonly Column[], Row> =>
    sql.dynamic<Row>(text);

/** The columns that belong to a value. */
const COPIED_COLUMNS = ['mode', 'size', 'checksum', 'file', 'value'];
const OTHER_COLUMNS = [...COPIED_COLUMNS, 'stored_at', 'used_at', 'expires_at', 'hits', 'visited', 'tag', 'queue'];

/** Rows per insert statement: half the cost of single inserts. */
export const ROWS_PER_STATEMENT = 16;

/**
 * The statements of a deque. Its ids are positions, consecutive integers: the id of an item is the first position plus its index, so
 * each access is one search in the table, and a push at either end writes one page. Keys repeat the ids and have no index.
 */
export const DEQUE_STATEMENTS = {
  /** Runs when an empty store becomes a deque. */
  dropKeyIndex: statement('DROP INDEX entry_key'),
  /** First and last position, maximum length (null if unlimited), and whether the deque is empty. */
  bounds: statement<[first: number | null, last: number | null, most: number | null, isEmpty: number]>(
    `SELECT ${FIRST_POSITION_SQL}, ${LAST_POSITION_SQL}, ${MAX_LENGTH_SQL}, ${IS_EMPTY_SQL}`,
  ),
  /** Parameters: mode, size, checksum, value, time. Returns no row if the deque is full or an end is damaged. */
  addBack: statement<[length: number]>(toInsertSql(`coalesce(${LAST_POSITION_SQL} + 1, 0)`)),
  addFront: statement<[length: number]>(toInsertSql(`coalesce(${FIRST_POSITION_SQL} - 1, 0)`)),
  /** Parameters: `InsertColumns`; for `insertSeveral` `ROWS_PER_STATEMENT` times. */
  insert: statement(`INSERT INTO entry (${INSERT_COLUMNS.join(', ')}) VALUES ${ONE_ROW_SQL}`),
  insertSeveral: statement(
    `INSERT INTO entry (${INSERT_COLUMNS.join(', ')}) VALUES ${Array(ROWS_PER_STATEMENT).fill(ONE_ROW_SQL).join(', ')}`,
  ),
  front: statement<DequeRow>(`${SELECT_ITEM_SQL} ORDER BY id LIMIT 1`),
  back: statement<DequeRow>(`${SELECT_ITEM_SQL} ORDER BY id DESC LIMIT 1`),
  /** Parameter: the position. */
  atPosition: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id = ?`),
  popFront: statement<DequeRow>(toDeleteSql(FIRST_POSITION_SQL)),
  popBack: statement<DequeRow>(toDeleteSql(LAST_POSITION_SQL)),
  removeFront: statement(toDeleteReadRowSql(FIRST_POSITION_SQL)),
  removeBack: statement(toDeleteReadRowSql(LAST_POSITION_SQL)),
  /** Parameter: the number of items before it (`fromFront`) or after it (`fromBack`). */
  fromFront: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id = ${FIRST_POSITION_SQL} + ?`),
  fromBack: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id = ${LAST_POSITION_SQL} - ?`),
  /** Parameters: first index, maximum number of items. */
  upwards: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id >= ${FIRST_POSITION_SQL} + ? ORDER BY id LIMIT ?`),
  downwards: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id <= ${FIRST_POSITION_SQL} + ? ORDER BY id DESC LIMIT ?`),
  /** Parameters: from, to. */
  rowRefs: statement<RowRef>(`SELECT ${ROW_REF_COLUMNS} FROM entry WHERE id >= ? AND id <= ?`),
  rowsBetween: statement<DequeRow>(`${SELECT_ITEM_SQL} WHERE id >= ? AND id <= ? ORDER BY id`),
  filesBetween: statement<[file: string, size: number]>(
    'SELECT file, size FROM entry WHERE id >= ? AND id <= ? AND file IS NOT NULL',
  ),
  /** Total bytes of values without a file. Parameters: from, to. */
  inlineBytes: statement<[number]>(
    'SELECT coalesce(sum(size), 0) FROM entry WHERE id >= ? AND id <= ? AND file IS NULL',
  ),
  /** Deletes the items without a file. Parameters: from, to. */
  deleteInline: statement('DELETE FROM entry WHERE id >= ? AND id <= ? AND file IS NULL'),
  /** Parameters: offset (twice), from, to. SQLite checks uniqueness row by row, so a target must not be occupied, even temporarily. */
  move: statement('UPDATE entry SET id = id + ?, key = key + ? WHERE id >= ? AND id <= ?'),
  /** Number of items whose two positions are equal. Parameters: from, to. */
  countWhole: statement<[count: number]>('SELECT count(*) FROM entry WHERE id >= ? AND id <= ? AND id = key'),
  /**
   * Copies values, with all that is needed to read them, to other positions, which must exist. Rows stay where they are in the table:
   * moving a row costs a deletion and an insertion. Parameters: from, to, offset.
   */
  copyValues: statement(
    `UPDATE entry SET ${COPIED_COLUMNS.map((name) => `${name} = source.${name}`).join(', ')}
     FROM (SELECT id, ${COPIED_COLUMNS.join(', ')} FROM entry WHERE id >= ? AND id <= ?) AS source
     WHERE entry.id = source.id + ?`,
  ),
  /** Deletes items whatever they hold. Parameters: from, to. */
  deleteBetween: statement('DELETE FROM entry WHERE id >= ? AND id <= ?'),
  /** Copies items to their mirrored positions. Parameters: sum of a position before and after (twice), from, to. */
  insertMirrored: statement(
    `INSERT INTO entry (id, key, ${OTHER_COLUMNS.join(', ')})
     SELECT ? - id, ? - key, ${OTHER_COLUMNS.join(', ')} FROM entry WHERE id >= ? AND id <= ? ORDER BY id DESC`,
  ),
  /** Mirrors all positions. Parameter (twice): the sum of a position before and after. */
  mirror: statement('UPDATE entry SET id = ? - id, key = ? - key'),
  /** Renumbers the items in order, after the last position. */
  renumber: statement(
    `UPDATE entry SET id = ranked.position, key = ranked.position
     FROM (SELECT id, (SELECT max(id) FROM entry) + row_number() OVER (ORDER BY id) AS position FROM entry) AS ranked
     WHERE entry.id = ranked.id`,
  ),
  /** Number of items, first and last position. Unlike `bounds` it includes rows whose two positions differ. */
  countAndBounds: statement<[count: number, first: number | null, last: number | null]>(
    'SELECT count(*), min(id), max(id) FROM entry',
  ),
  /** Number of rows whose two positions differ. */
  countMismatched: statement<[count: number]>('SELECT count(*) FROM entry WHERE id IS NOT key'),
  /** First and last position of the other rows. */
  matchedBounds: statement<[first: number | null, last: number | null]>(
    'SELECT min(id), max(id) FROM entry WHERE id = key',
  ),
  /** Moves a row to the position in its key if that is free: its id was damaged. Parameters: from, to. */
  moveMismatched: statement(
    `UPDATE OR IGNORE entry SET id = CAST(key AS INTEGER)
     WHERE id IS NOT key AND typeof(key) IN ('integer', 'real') AND key = CAST(key AS INTEGER) AND key BETWEEN ? AND ?`,
  ),
  /** Accepts the ids of the remaining rows. */
  acceptMismatched: statement('UPDATE entry SET key = id WHERE id IS NOT key'),
  logMove: statement("INSERT INTO change (kind) SELECT 'set' WHERE EXISTS (SELECT 1 FROM listener)"),
} as const;
