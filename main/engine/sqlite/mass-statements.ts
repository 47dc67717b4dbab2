import type { Column, Connection } from './connection.ts';
import { assertKnownSchema, SCHEMA_VERSION } from './file-format.ts';
import { DELETION_MARK_SQL, NOT_MARKED_SQL, ROW_REF_COLUMNS, type RowRef, type Statements } from './statements.ts';

/** Rows of the table `entry` that one deletion concerns. */
export interface RowSelection {
  /** A condition of SQL, one of a few constant texts: each is prepared once and kept. */
  readonly condition: string;
  readonly parameters: readonly Column[];
}

export const selectTagged = (tag: Column): RowSelection => ({
  condition: `tag = ? AND ${NOT_MARKED_SQL}`,
  parameters: [tag],
});

export const selectExpired = (now: number): RowSelection => ({
  condition: `expires_at > ${DELETION_MARK_SQL} AND expires_at <= ?`,
  parameters: [now],
});

/** Selects the rows that are marked as deleted. */
export const SELECT_MARKED: RowSelection = { condition: `expires_at = ${DELETION_MARK_SQL}`, parameters: [] };

export const selectKeysBelow = (upper: Column): RowSelection => ({
  condition: `key < ? AND ${NOT_MARKED_SQL}`,
  parameters: [upper],
});

export const selectKeyRange = (lower: Column, upper: Column): RowSelection => ({
  condition: `key >= ? AND key < ? AND ${NOT_MARKED_SQL}`,
  parameters: [lower, upper],
});

/** Narrows a selection to rows that were not stored between two times, both excluded. */
export const andNotStoredBetween = (
  { condition, parameters }: RowSelection,
  from: number,
  to: number,
): RowSelection => ({
  condition: `${condition} AND NOT (stored_at > ? AND stored_at < ?)`,
  parameters: [...parameters, from, to],
});

/** Narrows a selection to rows that have not expired. */
export const andLive = ({ condition, parameters }: RowSelection, now: number): RowSelection => ({
  condition: `${condition} AND (expires_at IS NULL OR expires_at > ?)`,
  parameters: [...parameters, now],
});

/** Narrows a selection to rows that have expired. */
export const andExpired = ({ condition, parameters }: RowSelection, now: number): RowSelection => ({
  condition: `(${condition}) AND expires_at <= ?`,
  parameters: [...parameters, now],
});

/** Returns how many rows are selected. O(log n + selected rows) where an index has the condition, otherwise O(n). */
export const countSelected = (sql: Statements, { condition, parameters }: RowSelection): number =>
  sql.dynamic<[number]>(`SELECT count(*) FROM entry WHERE ${condition}`).first(...parameters)?.[0] ?? 0;

/** Returns how many selected rows have expired. Reads the table in its order: by an index, each row would be a search. O(n). */
export function countSelectedExpired(sql: Statements, selection: RowSelection, now: number): number {
  const { condition, parameters } = andExpired(selection, now);
  return (
    sql.dynamic<[number]>(`SELECT count(*) FROM entry NOT INDEXED WHERE ${condition}`).first(...parameters)?.[0] ?? 0
  );
}

/** Returns the number of rows in the table itself, whatever its indexes say. O(pages). */
export const countTableRows = (sql: Statements): number =>
  sql.dynamic<[number]>('SELECT count(*) FROM entry NOT INDEXED').first()?.[0] ?? 0;

/** Returns the bytes of values without a file in the rows that are not selected. O(n). */
export const sumOtherInlineBytes = (sql: Statements, { condition, parameters }: RowSelection): number =>
  sql
    .dynamic<[number]>(
      `SELECT coalesce(sum(size), 0) FROM entry NOT INDEXED WHERE (${condition}) IS NOT TRUE AND file IS NULL`,
    )
    .first(...parameters)?.[0] ?? 0;

export const listSelectedFiles = (
  sql: Statements,
  { condition, parameters }: RowSelection,
): (readonly [file: string, size: number])[] =>
  sql
    .dynamic<[string, number]>(
      `SELECT file, size FROM entry INDEXED BY entry_file WHERE file IS NOT NULL AND (${condition})`,
    )
    .all(...parameters);

/** Deletes the selected rows; returns how many. */
export const deleteSelected = (sql: Statements, { condition, parameters }: RowSelection): number =>
  sql.dynamic(`DELETE FROM entry WHERE ${condition}`).run(...parameters).changes;

/**
 * Deletes the selected rows by emptying the table and putting the others back, which costs little when these are few. Not while the
 * change log is on. Inside a write transaction. Returns how many rows were deleted.
 */
export function deleteAllButOthers(connection: Connection, sql: Statements, selection: RowSelection): number {
  const { condition, parameters } = selection;
  connection.execute('CREATE TEMP TABLE survivor AS SELECT * FROM main.entry LIMIT 0');
  sql
    .dynamic(`INSERT INTO temp.survivor SELECT * FROM main.entry NOT INDEXED WHERE (${condition}) IS NOT TRUE`)
    .run(...parameters);
  const before = sql.deleteAll.run().changes;
  const { changes: survivors } = sql.dynamic('INSERT INTO entry SELECT * FROM temp.survivor ORDER BY id').run();
  connection.execute('DROP TABLE temp.survivor');
  return before - survivors;
}

/** Deletes the selected rows by reading the whole table; returns how many. */
export const deleteSelectedByScan = (sql: Statements, { condition, parameters }: RowSelection): number =>
  sql.dynamic(`DELETE FROM entry NOT INDEXED WHERE ${condition}`).run(...parameters).changes;

/** The columns of partial indexes. */
const PARTIAL_INDEX_COLUMNS: Readonly<Record<string, string>> = {
  entry_expiry: 'expires_at',
  entry_file: 'file',
  entry_queue: 'queue',
  entry_tag: 'tag',
};

/**
 * Runs `work` without the indexes of `entry` that have more than `minRows` rows, which are then made again. Inside a write transaction:
 * no reader ever sees the store without them, and neither does the next process after a crash.
 *
 * @throws {DiskCacheError} `CORRUPT` for an index that deskcache did not create, or if rows have the same key.
 */
export function withoutIndexes<T>(connection: Connection, sql: Statements, minRows: number, work: () => T): T {
  assertKnownSchema(connection, SCHEMA_VERSION);
  const indexes = connection
    .prepare<[], [name: string, sql: string]>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entry' AND sql IS NOT NULL ORDER BY rowid",
    )
    .all()
    .filter(([name]) => hasMoreRows(sql, name, minRows));
  for (const [name] of indexes) connection.execute(`DROP INDEX ${name}`);
  const result = work();
  for (const [, text] of indexes) connection.execute(text);
  return result;
}

/** Whether an index has more rows than a number. True for an index of all rows. */
function hasMoreRows(sql: Statements, index: string, rows: number): boolean {
  const column = PARTIAL_INDEX_COLUMNS[index];
  if (column === undefined) return true;
  const text = `SELECT 1 FROM entry INDEXED BY ${index} WHERE ${column} IS NOT NULL LIMIT 1 OFFSET ?`;
  return sql.dynamic<[1]>(text).first(rows) !== undefined;
}

export type ExpiringRow = readonly [...RowRef, expiresAt: number | null];

/** Returns the first selected rows in the order of a column that an index has, from one of its values on. O(log n + rows passed). */
export const readSelected = (
  sql: Statements,
  { condition, parameters }: RowSelection,
  column: 'id' | 'key' | 'expires_at',
  from: Column,
  maxRows: number,
): ExpiringRow[] =>
  sql
    .dynamic<[...RowRef, number | null]>(
      `SELECT ${ROW_REF_COLUMNS}, expires_at FROM entry WHERE ${condition} AND ${column} >= ? ORDER BY ${column} LIMIT ?`,
    )
    .all(...parameters, from, maxRows);

/** Same in the order of ids, up to one of them, read from the table itself. */
export const readSelectedIds = (
  sql: Statements,
  { condition, parameters }: RowSelection,
  after: number,
  upTo: number,
  maxRows: number,
): ExpiringRow[] =>
  sql
    .dynamic<[...RowRef, number | null]>(
      `SELECT ${ROW_REF_COLUMNS}, expires_at FROM entry NOT INDEXED WHERE ${condition} AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
    )
    .all(...parameters, after, upTo, maxRows);

/** Returns the id of the row that comes `rows` rows behind an id; undefined if there are fewer. O(rows). */
export const readIdBehind = (sql: Statements, after: number, rows: number): number | undefined =>
  sql
    .dynamic<[number]>('SELECT id FROM entry NOT INDEXED WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?')
    .first(after, rows - 1)?.[0];

/** Marks the selected rows between two ids as deleted; returns how many. Inside a write transaction. */
export const markSelected = (
  sql: Statements,
  { condition, parameters }: RowSelection,
  after: number,
  upTo: number,
): number =>
  sql
    .dynamic(`UPDATE entry NOT INDEXED SET expires_at = ${DELETION_MARK_SQL} WHERE ${condition} AND id > ? AND id <= ?`)
    .run(...parameters, after, upTo).changes;
