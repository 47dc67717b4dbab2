import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Column, Connection } from './connection.ts';
import { beginBackup, type Database, type DatabaseBackup, loadDriver, type PreparedStatement } from './driver.ts';
import { isCorrupt, toDiskCacheError } from './errors.ts';
import { APPLICATION_ID, getMigrations, toUserVersion } from './file-format.ts';

/** Returns the path of the fresh database while it is filled. */
const getReplacementPath = (directory: string): string => join(directory, 'replacement.db');

/** Removes what a killed repair has left. A repair running in another process no longer needs the name. */
export function removeReplacement(directory: string): void {
  try {
    rmSync(getReplacementPath(directory), { force: true });
  } catch {
    // Windows doesn't remove a file that is open.
  }
}

/**
 * A fresh database that replaces a damaged one in one transaction, for all connections that have it open: SQLite's backup overwrites
 * the pages without reading them. A kill or a full disk before the commit leaves the old content. From the constructor until
 * `close` no other connection can write, so no write is lost in between.
 */
export class Replacement {
  readonly #target: Connection;
  readonly #directory: string;
  readonly #path: string;
  readonly #userVersion: number;
  readonly #database: Database;
  #backup: DatabaseBackup | undefined;

  /**
   * Creates the fresh database, in a file of its own, and acquires the write lock of the target.
   *
   * @throws {DiskCacheError} `BUSY`, `DISK_FULL`
   */
  constructor(target: Connection, directory: string, pageSize: number, isSealed: boolean) {
    this.#target = target;
    this.#directory = directory;
    this.#userVersion = toUserVersion({ isJournaled: false, isSealed });
    this.#path = getReplacementPath(directory);
    removeReplacement(directory);
    this.#database = new (loadDriver())(this.#path, { readonly: false, fileMustExist: false, timeout: 0 });
    try {
      this.#translate(() => this.#prepare(pageSize));
      target.withRetry(() => this.#lock());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Runs SQL in the fresh database. */
  execute(sql: string): void {
    this.#translate(() => this.#database.exec(sql));
  }

  /** Returns a function that runs a statement in the fresh database and returns the number of changed rows. */
  statement<Bind extends readonly Column[]>(sql: string): (...bind: Bind) => number {
    const prepared: PreparedStatement<Column[]> = this.#translate(() => this.#database.prepare(sql));
    return (...bind) => this.#translate(() => prepared.run(...bind).changes);
  }

  /** Returns a function that reads rows of the fresh database. */
  query<Bind extends readonly Column[], Row extends readonly unknown[]>(sql: string): (...bind: Bind) => Row[] {
    const prepared: PreparedStatement<Row> = this.#translate(() => this.#database.prepare<Row>(sql).raw());
    return (...bind) => this.#translate(() => prepared.all(...bind));
  }

  /** Replaces the target by the fresh database. @throws {DiskCacheError} `BUSY`, `DISK_FULL` */
  commit(): void {
    this.#translate(() => this.#database.exec('COMMIT'));
    try {
      const { remainingPages } = this.#backup!.transfer(-1);
      if (remainingPages > 0) throw lockedError();
    } catch (error) {
      throw toDiskCacheError(error, this.#target.path);
    }
  }

  /** Releases the write lock. Without a commit, the target is unchanged. */
  close(): void {
    this.#backup?.close();
    this.#backup = undefined;
    this.#database.close();
    removeReplacement(this.#directory);
  }

  #prepare(pageSize: number): void {
    const database = this.#database;
    // No other connection uses it, and after a crash it is created again: no journal, no sync.
    for (const setting of [
      `page_size = ${pageSize}`,
      'auto_vacuum = INCREMENTAL',
      'journal_mode = OFF',
      'synchronous = OFF',
    ])
      database.pragma(setting, { simple: true });
    for (const step of getMigrations(0)) database.exec(step);
    database.pragma(`application_id = ${APPLICATION_ID}`, { simple: true });
    database.pragma(`user_version = ${this.#userVersion}`, { simple: true });
    database.exec('BEGIN');
  }

  /** With a damaged first page, SQLite refuses the lock; the connection that has the target open still knows that page and writes it. */
  #lock(): void {
    try {
      this.#takeLock();
    } catch (error) {
      const translated = toDiskCacheError(error, this.#target.path);
      if (!isCorrupt(translated)) throw error;
      this.#target.execute(`PRAGMA user_version = ${this.#userVersion}`);
      this.#takeLock();
    }
  }

  #takeLock(): void {
    this.#backup?.close();
    this.#backup = beginBackup(this.#database, this.#target.path);
    if (this.#backup.transfer(0).totalPages === 0) throw lockedError();
  }

  #translate<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toDiskCacheError(error, this.#path);
    }
  }
}

/** Has SQLite's code for a locked database, so that `withRetry` waits. */
const lockedError = (): Error => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
