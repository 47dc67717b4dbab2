import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Column, Connection } from './connection.ts';
import { beginBackup, type Database, type DatabaseBackup, loadDriver, type PreparedStatement } from './driver.ts';
import { isCorrupt, toDiskCacheError } from './errors.ts';
import { APPLICATION_ID, getMigrations, SCHEMA_VERSION } from './file-format.ts';

/** Where the fresh database of a directory is while it is made. */
const getReplacementPath = (directory: string): string => join(directory, 'replacement.db');

/** Removes what a killed repair has left; one that is at work elsewhere does not need the name any more. */
export function removeReplacement(directory: string): void {
  try {
    rmSync(getReplacementPath(directory), { force: true });
  } catch {
    // Windows keeps what somebody has open.
  }
}

/**
 * A fresh database that takes the place of a damaged one, for all who have that open, in one transaction of theirs: pages are
 * copied over it by SQLite's own backup, which reads nothing of what they held. A kill or a full disk before the commit leaves
 * what was there. From the beginning until `close` no other connection can write, so nothing is lost in between.
 */
export class Replacement {
  readonly #target: Connection;
  readonly #directory: string;
  readonly #path: string;
  readonly #database: Database;
  #backup: DatabaseBackup | undefined;

  /**
   * Makes the fresh database, in a file of its own, and takes the write lock of the target.
   *
   * @throws {DiskCacheError} `BUSY`, `DISK_FULL`
   */
  constructor(target: Connection, directory: string, pageSize: number) {
    this.#target = target;
    this.#directory = directory;
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

  /** Runs SQL text in the fresh database. */
  execute(sql: string): void {
    this.#translate(() => this.#database.exec(sql));
  }

  /** Returns a function that runs a statement in the fresh database, and tells how many rows it has changed. */
  statement<Bind extends readonly Column[]>(sql: string): (...bind: Bind) => number {
    const prepared: PreparedStatement<Column[]> = this.#translate(() => this.#database.prepare(sql));
    return (...bind) => this.#translate(() => prepared.run(...bind).changes);
  }

  /** Returns a function that reads rows of the fresh database. */
  query<Bind extends readonly Column[], Row extends readonly unknown[]>(sql: string): (...bind: Bind) => Row[] {
    const prepared: PreparedStatement<Row> = this.#translate(() => this.#database.prepare<Row>(sql).raw());
    return (...bind) => this.#translate(() => prepared.all(...bind));
  }

  /** Puts the fresh database in the place of the other one. */
  commit(): void {
    this.#translate(() => this.#database.exec('COMMIT'));
    try {
      const { remainingPages } = this.#backup!.transfer(-1);
      if (remainingPages > 0) throw lockedError();
    } catch (error) {
      throw toDiskCacheError(error, this.#target.path);
    }
  }

  /** Lets the others write again; what was not committed is undone. */
  close(): void {
    this.#backup?.close();
    this.#backup = undefined;
    this.#database.close();
    removeReplacement(this.#directory);
  }

  #prepare(pageSize: number): void {
    const database = this.#database;
    // It is in use here alone, and what a crash leaves of it is made again.
    for (const setting of [
      `page_size = ${pageSize}`,
      'auto_vacuum = INCREMENTAL',
      'journal_mode = OFF',
      'synchronous = OFF',
    ])
      database.pragma(setting, { simple: true });
    for (const step of getMigrations(0)) database.exec(step);
    database.pragma(`application_id = ${APPLICATION_ID}`, { simple: true });
    database.pragma(`user_version = ${SCHEMA_VERSION}`, { simple: true });
    database.exec('BEGIN');
  }

  /** Where the first page is damaged, SQLite would not even look at the rest; the connection that has it open still knows it. */
  #lock(): void {
    try {
      this.#takeLock();
    } catch (error) {
      const translated = toDiskCacheError(error, this.#target.path);
      if (!isCorrupt(translated)) throw error;
      this.#target.execute(`PRAGMA user_version = ${SCHEMA_VERSION}`);
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

/** As SQLite says it, so that it is waited for. */
const lockedError = (): Error => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
