import { join } from 'node:path';
import Database from 'better-sqlite3';
import { choosePageSize, getCheckpointPages, getWalReserveBytes } from '../../main/engine/space/policy.ts';
import type { PlainValue } from '../harness/keys-and-values.ts';

/** The engine's default limit, after which it chooses its pages and the length of its write-ahead log. */
const SIZE_LIMIT_BYTES = 2 ** 30;
const PAGE_BYTES = choosePageSize(SIZE_LIMIT_BYTES);

/** What a table of keys and values can look like in SQLite. On both the statements are the same. */
export const TABLES = {
  /** One tree; from about 1 KB on its pages overflow. */
  clustered: 'CREATE TABLE IF NOT EXISTS t (k PRIMARY KEY, v) WITHOUT ROWID',
  /** Rows in one tree, keys in another. */
  rowid: 'CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v)',
} as const;

export type TableName = keyof typeof TABLES;

interface BaselineOptions {
  readonly exclusive?: boolean;
  readonly durability?: 'process' | 'power';
  readonly table?: TableName;
}

/**
 * The least that has to be done: prepared statements of better-sqlite3 on a table of two columns, with the pragmas the
 * engine works with.
 */
export class Baseline implements Disposable {
  readonly #database: Database.Database;
  readonly #read: Database.Statement<[string], PlainValue>;
  readonly #write: Database.Statement<[string, PlainValue]>;
  readonly #remove: Database.Statement<[string]>;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;

  constructor(
    directory: string,
    { exclusive = false, durability = 'process', table = 'clustered' }: BaselineOptions = {},
  ) {
    const database = new Database(join(directory, 'floor.db'));
    this.#database = database;
    if (exclusive) database.pragma('locking_mode = EXCLUSIVE');
    database.pragma(`page_size = ${PAGE_BYTES}`);
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    database.pragma(`wal_autocheckpoint = ${getCheckpointPages(SIZE_LIMIT_BYTES, PAGE_BYTES)}`);
    database.pragma(`journal_size_limit = ${getWalReserveBytes(SIZE_LIMIT_BYTES, PAGE_BYTES)}`);
    database.exec(TABLES[table]);
    this.#read = database.prepare<[string], PlainValue>('SELECT v FROM t WHERE k = ?').pluck();
    this.#write = database.prepare('INSERT INTO t VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v');
    this.#remove = database.prepare('DELETE FROM t WHERE k = ?');
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
  }

  get(key: string): PlainValue | undefined {
    return this.#read.get(key);
  }

  set(key: string, value: PlainValue): void {
    this.#write.run(key, value);
  }

  delete(key: string): boolean {
    return this.#remove.run(key).changes === 1;
  }

  transact(work: () => void): void {
    this.#begin.run();
    work();
    this.#commit.run();
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
