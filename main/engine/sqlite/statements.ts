import type { KeyColumn } from '../values/key.ts';
import type { Column, Connection, Statement } from './connection.ts';

type Bind = readonly Column[];
type TagColumn = string | number | null;

/** A value as its row holds it; with `file` set, `value` is NULL and the file holds it. */
export type ValueRow = [
  mode: number,
  value: Column,
  checksum: number,
  size: number,
  file: string | null,
  expiresAt: number | null,
];
export const VALUE_COLUMNS = 'mode, value, checksum, size, file, expires_at';

/** What of an item is written anew by every set, in the order of `ITEM_COLUMNS`. */
export type ItemColumns = readonly [
  key: KeyColumn,
  storedAt: number,
  usedAt: number,
  expiresAt: number | null,
  tag: TagColumn,
  mode: number,
  size: number,
  checksum: number,
  file: string | null,
  value: Column,
];
const ITEM_COLUMNS = ['key', 'stored_at', 'used_at', 'expires_at', 'tag', 'mode', 'size', 'checksum', 'file', 'value'];
const INSERT = `INSERT INTO entry (${ITEM_COLUMNS.join(', ')}) VALUES (${ITEM_COLUMNS.map(() => '?').join(', ')})`;
/** A set is a use: it counts from zero again and protects from the hand of `sieve` once. */
const AFRESH = 'hits = 0, visited = 1';

/** Every fixed statement, by name, and the composed ones of `range.ts` by text. */
export interface Statements {
  readonly begin: Statement<[]>;
  readonly beginRead: Statement<[]>;
  readonly commit: Statement<[]>;
  readonly rollback: Statement<[]>;
  readonly savepoint: Statement<[]>;
  readonly release: Statement<[]>;
  readonly rollbackToSavepoint: Statement<[]>;
  readonly dataVersion: Statement<[], [number]>;

  readonly read: Statement<[KeyColumn], ValueRow>;
  readonly has: Statement<[KeyColumn, number], [1]>;
  readonly locate: Statement<[KeyColumn], [id: number, expiresAt: number | null, file: string | null, size: number]>;

  readonly put: Statement<[...ItemColumns, now: number]>;
  readonly insert: Statement<ItemColumns>;
  readonly update: Statement<[...ItemColumns, id: number]>;
  readonly deleteInline: Statement<[KeyColumn, now: number]>;
  readonly deleteById: Statement<[number]>;
  readonly deleteAll: Statement<[]>;

  readonly countRows: Statement<[], [number]>;
  readonly countExpired: Statement<[now: number], [number]>;
  readonly nextExpiry: Statement<[], [number | null]>;
  readonly expired: Statement<
    [now: number, limit: number],
    [id: number, key: KeyColumn, file: string | null, size: number]
  >;

  readonly settings: Statement<[], [name: string, value: Column]>;
  readonly keepSetting: Statement<[name: string, value: Column]>;

  composed<Row extends readonly unknown[]>(text: string): Statement<Bind, Row>;
}

const SQL: Readonly<Record<Exclude<keyof Statements, 'composed'>, string>> = {
  begin: 'BEGIN IMMEDIATE',
  beginRead: 'BEGIN',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  savepoint: 'SAVEPOINT nested',
  release: 'RELEASE nested',
  rollbackToSavepoint: 'ROLLBACK TO nested',
  dataVersion: 'PRAGMA data_version',

  read: `SELECT ${VALUE_COLUMNS} FROM entry WHERE key = ?`,
  has: 'SELECT 1 FROM entry WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)',
  locate: 'SELECT id, expires_at, file, size FROM entry WHERE key = ?',

  // One statement for the common case. It leaves alone what needs more care: an item with a file, and an expired one, whose
  // successor goes to the end of the stored order.
  put: `${INSERT} ON CONFLICT (key) DO UPDATE
    SET ${ITEM_COLUMNS.map((name) => `${name} = excluded.${name}`)
      .slice(1)
      .join(', ')}, ${AFRESH}
    WHERE file IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
  insert: INSERT,
  update: `UPDATE entry SET ${ITEM_COLUMNS.map((name) => `${name} = ?`).join(', ')}, ${AFRESH} WHERE id = ?`,
  deleteInline: 'DELETE FROM entry WHERE key = ? AND file IS NULL AND (expires_at IS NULL OR expires_at > ?)',
  deleteById: 'DELETE FROM entry WHERE id = ?',
  deleteAll: 'DELETE FROM entry',

  countRows: 'SELECT count(*) FROM entry',
  countExpired: 'SELECT count(*) FROM entry WHERE expires_at <= ?',
  nextExpiry: 'SELECT min(expires_at) FROM entry WHERE expires_at IS NOT NULL',
  expired: 'SELECT id, key, file, size FROM entry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?',

  settings: 'SELECT name, value FROM setting',
  keepSetting: 'INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
};

/** The statements of a connection, each prepared when it is first used. */
export function statementsOf(connection: Connection): Statements {
  const composed = new Map<string, unknown>();
  const statements = {
    composed(text: string) {
      if (!composed.has(text)) composed.set(text, connection.prepare<Bind>(text));
      return composed.get(text);
    },
  };
  for (const [name, sql] of Object.entries(SQL)) {
    Object.defineProperty(statements, name, {
      configurable: true,
      get() {
        const value = connection.prepare<Bind>(sql);
        Object.defineProperty(statements, name, { value });
        return value;
      },
    });
  }
  return statements as Statements;
}
