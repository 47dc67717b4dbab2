import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import SqliteDatabase from 'better-sqlite3';

/** The table as Python DiskCache 5.6.3 creates it, with what an import reads. */
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE Settings (key TEXT NOT NULL UNIQUE, value);
  CREATE TABLE Cache (
    rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL,
    access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, value BLOB
  );
  CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw);
`;

type Column = string | number | bigint | Uint8Array | null;

export interface PythonItem {
  readonly key?: Column;
  readonly raw?: number;
  /** Epoch seconds. */
  readonly expireTime?: number;
  readonly tag?: Column;
  readonly size?: number;
  readonly mode?: number;
  readonly filename?: string;
  readonly value?: Column;
}

/** Writes a directory as Python DiskCache does, also with rows that it would not write. The database stays open, and its log unmerged. */
export class PythonCache {
  readonly directory: string;
  readonly #database: SqliteDatabase.Database;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.directory = directory;
    this.#database = new SqliteDatabase(join(directory, 'cache.db'));
    this.#database.exec(SCHEMA);
  }

  add({ key = 'k', raw = 1, expireTime, tag = null, size = 0, mode = 1, filename, value = null }: PythonItem): this {
    this.#database
      .prepare(
        'INSERT INTO Cache (key, raw, store_time, expire_time, tag, size, mode, filename, value) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)',
      )
      .run(key, raw, expireTime ?? null, tag, size, mode, filename ?? null, value);
    return this;
  }

  /** Adds an item whose value is in a file. */
  addFile(key: string, mode: number, content: string | Uint8Array, size = Buffer.byteLength(content)): this {
    const filename = `ab/cd/${Buffer.from(key).toString('hex').padEnd(28, '0').slice(0, 28)}.val`;
    mkdirSync(join(this.directory, 'ab/cd'), { recursive: true });
    writeFileSync(join(this.directory, filename), content);
    return this.add({ key, mode, size, filename });
  }

  addJson(key: string, value: string): this {
    return this.add({ key: deflateSync(key, { level: 1 }), value: deflateSync(value) });
  }

  exec(sql: string): this {
    this.#database.exec(sql);
    return this;
  }

  close(): this {
    this.#database.close();
    return this;
  }
}

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
