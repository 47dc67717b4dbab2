import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isCorrupt } from '../damage.ts';
import type { Column, Connection } from './connection.ts';
import { beginCopy, type Database, type DatabaseCopy, loadDriver, type Prepared } from './driver.ts';
import { failure } from './failure.ts';
import { APPLICATION_ID, migrationsFrom, SCHEMA_VERSION } from './schema.ts';

/** Where the fresh database of a directory is while it is made. */
const replacementPath = (directory: string): string => join(directory, 'replacement.db');

/** Removes what a killed repair has left; one that is at work elsewhere does not need the name any more. */
export function removeReplacement(directory: string): void {
  try {
    rmSync(replacementPath(directory), { force: true });
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
  #copy: DatabaseCopy | undefined;

  /**
   * Makes the fresh database, in a file of its own, and takes the write lock of the target.
   *
   * @throws {DiskCacheError} `BUSY`, `DISK_FULL`
   */
  constructor(target: Connection, directory: string, pageSize: number) {
    this.#target = target;
    this.#directory = directory;
    this.#path = replacementPath(directory);
    removeReplacement(directory);
    this.#database = new (loadDriver())(this.#path, { readonly: false, fileMustExist: false, timeout: 0 });
    try {
      this.#fresh(() => this.#prepare(pageSize));
      target.patiently(() => this.#lock());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Runs SQL text in the fresh database. */
  execute(sql: string): void {
    this.#fresh(() => this.#database.exec(sql));
  }

  /** Returns a function that runs a statement in the fresh database, and tells how many rows it has changed. */
  statement<Bind extends readonly Column[]>(sql: string): (...bind: Bind) => number {
    const prepared: Prepared<Column[]> = this.#fresh(() => this.#database.prepare(sql));
    return (...bind) => this.#fresh(() => prepared.run(...bind).changes);
  }

  /** Puts the fresh database in the place of the other one. */
  commit(): void {
    this.#fresh(() => this.#database.exec('COMMIT'));
    try {
      const { remainingPages } = this.#copy!.transfer(-1);
      if (remainingPages > 0) throw locked();
    } catch (error) {
      throw failure(error, this.#target.path);
    }
  }

  /** Lets the others write again; what was not committed is undone. */
  close(): void {
    this.#copy?.close();
    this.#copy = undefined;
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
    for (const step of migrationsFrom(0)) database.exec(step);
    database.pragma(`application_id = ${APPLICATION_ID}`, { simple: true });
    database.pragma(`user_version = ${SCHEMA_VERSION}`, { simple: true });
    database.exec('BEGIN');
  }

  /** Where the first page is damaged, SQLite would not even look at the rest; the connection that has it open still knows it. */
  #lock(): void {
    try {
      this.#takeLock();
    } catch (error) {
      const translated = failure(error, this.#target.path);
      if (!isCorrupt(translated)) throw error;
      this.#target.execute(`PRAGMA user_version = ${SCHEMA_VERSION}`);
      this.#takeLock();
    }
  }

  #takeLock(): void {
    this.#copy?.close();
    this.#copy = beginCopy(this.#database, this.#target.path);
    if (this.#copy.transfer(0).totalPages === 0) throw locked();
  }

  #fresh<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw failure(error, this.#path);
    }
  }
}

/** As SQLite says it, so that it is waited for. */
const locked = (): Error => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
