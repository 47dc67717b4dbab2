import type { Connection } from '../sqlite/connection.ts';
import { isSqliteCorrupt } from '../sqlite/errors.ts';
import type { Statements } from '../sqlite/statements.ts';

type TreeRow = [type: 'table' | 'index', name: string, table: string, sql: string | null];
/** The index that SQLite makes for a primary key has no text; its table is the same tree. */
const TREES_SQL = `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type = 'table' OR (type = 'index' AND sql IS NOT NULL)`;

/**
 * Returns what is wrong with the pages of a database, in SQLite's words; empty when nothing is. O(bytes).
 *
 * @throws {DiskCacheError} `CORRUPT` where SQLite can't even look.
 */
export function findPageDamage({
  sql,
  connection,
}: {
  readonly sql: Statements;
  readonly connection: Connection;
}): string[] {
  const messages = sql.integrity.all().map(([message]) => message);
  if (messages.some((message) => message !== 'ok')) return messages;
  return connection
    .prepare<[], TreeRow>(TREES_SQL)
    .all()
    .flatMap((tree) => findTreeDamage(connection, tree));
}

/** SQLite's own check doesn't notice that an empty page of an index is one of a table; each use of the index then fails. */
function findTreeDamage(connection: Connection, [type, name, table, sql]: TreeRow): string[] {
  const [, columns = '', condition] = (type === 'index' && sql?.match(/\(([^)]*)\)(?: WHERE (.*))?$/)) || [];
  const query =
    type === 'table'
      ? `SELECT 1 FROM ${name} NOT INDEXED LIMIT 1`
      : `SELECT ${columns} FROM ${table} INDEXED BY ${name} ${condition ? `WHERE ${condition}` : ''} ORDER BY ${columns} LIMIT 1`;
  try {
    connection.prepare<[]>(query).first();
    return [];
  } catch (error) {
    if (!isSqliteCorrupt(error)) throw error;
    return [`the pages of ${name} belong to something else`];
  }
}
