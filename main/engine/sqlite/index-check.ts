import type { Column } from './connection.ts';
import type { Statements } from './statements.ts';

/** An index of the table of items. */
export interface ItemIndex {
  readonly name: string;
  readonly columns: readonly string[];
  /** The condition of a partial index; empty for any other. */
  readonly condition: string;
}

/** Returns the indexes of the table of items, as the schema has them. */
export const listItemIndexes = (sql: Statements): ItemIndex[] =>
  sql
    .dynamic<[name: string, text: string]>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entry' AND sql IS NOT NULL",
    )
    .all()
    .map(([name, text]) => {
      const [, columns = '', condition = ''] = text.match(/\(([^)]*)\)(?: WHERE (.*))?$/) ?? [];
      return { name, columns: columns.split(',').map((column) => column.trim()), condition };
    });

/** Returns what SQLite finds wrong with the tables other than that of items. O(rows of these tables). */
export const checkOtherTables = (sql: Statements): string[] =>
  sql
    .dynamic<[name: string]>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'entry'")
    .all()
    .flatMap(([name]) => sql.dynamic<[message: string]>(`PRAGMA integrity_check(${name})`).all())
    .map(([message]) => message)
    .filter((message) => message !== 'ok');

/** Returns the largest id or key; null in an empty table. O(log n). */
export const readLast = <C extends 'id' | 'key'>(
  sql: Statements,
  column: C,
): (C extends 'id' ? number : Column) | null =>
  sql.dynamic<[C extends 'id' ? number : Column]>(`SELECT max(${column}) FROM entry`).first()?.[0] ?? null;

/** Whether an index lacks one of the rows from behind one id up to another. O(rows × log n). */
export function isRowMissing(sql: Statements, index: ItemIndex, after: number, upTo: number): boolean {
  const { name, columns, condition } = index;
  const where = condition === '' ? '' : ` AND ${condition}`;
  const isSame = columns.map((column) => `${column} = listed.${column}`).join(' AND ');
  const missing = sql.dynamic<[1]>(
    `SELECT 1 FROM (SELECT * FROM entry NOT INDEXED WHERE id > ? AND id <= ?${where}) AS listed
      WHERE NOT EXISTS (SELECT 1 FROM entry INDEXED BY ${name} WHERE ${isSame} AND entry.id = listed.id${where}) LIMIT 1`,
  );
  return missing.first(after, upTo) !== undefined;
}

/** Some keys in the order of their index, compared with the rows that they lead to. */
export interface ComparedKeys {
  readonly keys: number;
  readonly areRowsRight: boolean;
  readonly last: Column;
}

/** Compares the next keys, from one up to another, at most `maxKeys`. O(keys × log n). */
export function compareKeys(sql: Statements, from: Column, upTo: Column, maxKeys: number): ComparedKeys {
  const compared = sql.dynamic<[keys: number, right: number, last: Column]>(
    `SELECT count(*), count(entry.id), max(listed.key)
      FROM (SELECT key, id FROM entry INDEXED BY entry_key WHERE key >= ? AND key <= ? ORDER BY key LIMIT ?) AS listed
      LEFT JOIN entry NOT INDEXED ON entry.id = listed.id AND +entry.key IS listed.key`,
  );
  const [keys, right, last] = compared.first(from, upTo, maxKeys)!;
  return { keys, areRowsRight: keys === right, last };
}
