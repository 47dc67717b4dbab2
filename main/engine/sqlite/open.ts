import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { Connection } from './connection.ts';
import { fileFailure } from './failure.ts';
import { inspect, refuseNewer, type Standing } from './header.ts';
import { APPLICATION_ID, migrationsFrom, SCHEMA_VERSION } from './schema.ts';

export interface OpenOptions {
  readonly readOnly: boolean;
  readonly exclusive: boolean;
  /** Of a database that is made now. */
  readonly pageSize: number;
  /** Milliseconds to wait for a lock. */
  readonly timeout: number;
}

/** The database file of a store's directory. */
export const databasePath = (directory: string): string => join(directory, 'cache.db');

/**
 * Opens the database of a directory, creating both where they are absent. A file that is refused stays byte for byte as it
 * was and gets no companions.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL`, `CORRUPT`, `UNSUPPORTED_VERSION`, `BUSY`,
 * and `NO_SUCH_STORE` when `readOnly` finds nothing.
 */
export function openDatabase(directory: string, options: OpenOptions): Connection {
  const path = databasePath(directoryAt(directory, options.readOnly));
  const standing = inspect(path);
  if (options.readOnly && standing !== 'ours') {
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${path} does not exist and readOnly creates nothing; open it for writing first`,
    );
  }
  const connection = new Connection(path, options);
  try {
    if (options.exclusive) connection.pragma('locking_mode = EXCLUSIVE');
    if (standing === 'ours') refuseNewer(Number(connection.pragma('user_version')), path);
    if (!options.readOnly) bringUpToDate(connection, standing, options);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function directoryAt(directory: string, readOnly: boolean): string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `directory is ${JSON.stringify(directory) ?? typeof directory}; give a path`,
    );
  }
  const path = resolve(directory);
  if (readOnly) return path;
  try {
    // Only the owner may look in: a cache holds what its user has read.
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileFailure(error, path);
  }
  return path;
}

/** Invariant: the schema is created in rollback mode, so that the file's own header says whose it is from the first commit on. */
function bringUpToDate(connection: Connection, standing: Standing, { pageSize, timeout }: OpenOptions): void {
  if (standing !== 'ours') {
    // Only an empty file takes these; pages that were freed can be given back to the disk piece by piece.
    connection.pragma(`page_size = ${pageSize}`);
    connection.pragma('auto_vacuum = INCREMENTAL');
    connection.pragma('synchronous = NORMAL');
  }
  if (Number(connection.pragma('user_version')) < SCHEMA_VERSION) migrate(connection);
  if (connection.pragma('journal_mode') !== 'wal') patiently(timeout, () => connection.pragma('journal_mode = WAL'));
}

/** Several processes may arrive here at once: the first one works, the others find it done. */
function migrate(connection: Connection): void {
  connection.execute('BEGIN EXCLUSIVE');
  try {
    const version = Number(connection.pragma('user_version'));
    refuseNewer(version, connection.path);
    for (const step of migrationsFrom(version)) connection.execute(step);
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    connection.pragma(`user_version = ${SCHEMA_VERSION}`);
    connection.execute('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}

/** SQLite changes the journal mode without waiting for locks, so the waiting is done here. */
function patiently(timeout: number, attempt: () => void): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0, step = 1; ; waited += step, step = Math.min(step * 2, 50)) {
    try {
      attempt();
      return;
    } catch (error) {
      if (!(error instanceof DiskCacheError) || error.code !== 'BUSY' || waited >= timeout) throw error;
      Atomics.wait(pause, 0, 0, step);
    }
  }
}
