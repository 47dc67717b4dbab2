import { copyFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getJournalPaths } from '../journal/journal-file.ts';
import { Connection } from '../sqlite/connection.ts';
import type { DatabaseBackup } from '../sqlite/driver.ts';
import { toFileError } from '../sqlite/errors.ts';
import { getDatabasePath, lstatIfExists } from '../sqlite/open-database.ts';
import type { Core } from '../state/core.ts';
import { isTemporary } from '../temporary-directory.ts';
import { COPY_FLAGS } from './value-file-copies.ts';

/** Pages copied between two looks at the clock. */
const PAGES_AT_ONCE = 32;

/**
 * Copies the database of an open store in steps, by SQLite's online backup (https://sqlite.org/backup.html), while work on the store goes on.
 *
 * - A store that others may have open is copied as it is when the copy begins: a connection of its own holds that view.
 * - An `exclusive` store is copied as it is when the copy ends: its only connection tells the copy what it writes meanwhile. The files
 *   of its journal are copied with the last page, as if the process had been killed then; opening the copy applies them.
 */
export class DatabaseCopy {
  readonly #core: Core;
  readonly #target: string;
  readonly #reader: Connection | undefined;
  readonly #backup: DatabaseBackup;
  totalPages = 0;
  remainingPages = 0;

  /** @throws {DiskCacheError} */
  constructor(core: Core, targetFolder: string) {
    this.#core = core;
    this.#target = getDatabasePath(targetFolder);
    const { connection, openOptions } = core;
    this.#reader = openOptions.exclusive ? undefined : openView(connection.path, openOptions.timeout);
    this.#backup = (this.#reader ?? connection).beginBackup(this.#target);
    this.#transfer(0);
  }

  /** Whether only the last page is left. */
  get isAlmostDone(): boolean {
    return this.remainingPages <= PAGES_AT_ONCE;
  }

  /** Copies pages until a time of `performance.now()`, but not the last ones. */
  copyUntil(end: number): void {
    while (!this.isAlmostDone && performance.now() < end) this.#transfer(PAGES_AT_ONCE);
  }

  /** Writes what was copied to the disk in another thread, so that the end doesn't wait for it. */
  async sync(): Promise<void> {
    if (isTemporary(this.#target)) return;
    const file = await open(this.#target, 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** Copies the rest at once. */
  finish(): void {
    this.#transfer(-1);
    if (this.remainingPages > 0) throw new DiskCacheError('BUSY', `${this.#target} is locked; try again later`);
    this.close();
    if (this.#reader !== undefined) return;
    for (const path of getJournalPaths(this.#core.directory)) {
      if (lstatIfExists(path) === undefined) continue;
      const copy = join(this.#target, '..', basename(path));
      try {
        copyFileSync(path, copy, COPY_FLAGS);
      } catch (error) {
        throw toFileError(error, copy);
      }
    }
  }

  /** Ends the copy, complete or not. */
  close(): void {
    this.#backup.close();
    this.#reader?.close();
  }

  #transfer(pages: number): void {
    const { totalPages, remainingPages } = this.#core.connection.withRetry(() => this.#backup.transfer(pages));
    this.totalPages = totalPages;
    this.remainingPages = remainingPages;
  }
}

/** Opens a connection that sees the database as it is now until it is closed. */
function openView(path: string, timeout: number): Connection {
  const connection = new Connection(path, { readOnly: true, timeout });
  try {
    connection.execute('BEGIN');
    connection.prepare('SELECT 1 FROM sqlite_schema').first();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
