import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { Connection } from './connection.ts';
import { assertPathLength, fileFailure } from './failure.ts';
import { inspect, refuseForeign, refuseNewer } from './header.ts';
import { APPLICATION_ID, migrationsFrom, SCHEMA_VERSION } from './schema.ts';

export interface OpenOptions {
  /** The name of a folder beside the database that is made before it: where it stands, the database is a store's. */
  readonly claim: string;
  readonly readOnly: boolean;
  readonly exclusive: boolean;
  /** Of a database that is made now. */
  readonly pageSize: number;
  /** Milliseconds to wait for a lock. */
  readonly timeout: number;
  /** Whether the application gave that time. */
  readonly isTimeoutChosen?: boolean;
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
  const claim = join(dirname(path), options.claim);
  const isThere = standsThere(path, claim);
  if (options.readOnly && !isThere) {
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${path} does not exist and readOnly creates nothing; open it for writing first`,
    );
  }
  if (!options.readOnly) makeClaim(claim);
  const connection = new Connection(path, options);
  try {
    if (options.exclusive) connection.pragma('locking_mode = EXCLUSIVE');
    const isNew = !isThere || Number(connection.pragma('page_count')) === 0;
    if (!isNew) refuseForeign(Number(connection.pragma('application_id')), path);
    const version = isNew ? 0 : Number(connection.pragma('user_version'));
    refuseNewer(version, path);
    if (!options.readOnly) bringUpToDate(connection, version, options.pageSize);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Whether there is a database that may be opened.
 *
 * Invariant: what SQLite may have open in this process is never opened by other means. POSIX takes all of a process's locks
 * on a file away when it closes that file once, SQLite's among them, in every thread (https://sqlite.org/howtocorrupt.html
 * §2.2): writers would no longer exclude each other. So a file is looked into only where nobody has claimed the directory.
 */
function standsThere(path: string, claim: string): boolean {
  try {
    const length = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (length === 0) return false;
  } catch (error) {
    throw fileFailure(error, path);
  }
  // The claim comes before the database, so it is asked for after it.
  if (!existsSync(claim)) inspect(path);
  return true;
}

function makeClaim(claim: string): void {
  try {
    makeDirectory(claim);
  } catch (error) {
    throw fileFailure(error, claim);
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
  assertPathLength(databasePath(path));
  if (readOnly) return path;
  try {
    makeDirectory(path);
  } catch (error) {
    throw fileFailure(error, path);
  }
  return path;
}

/**
 * Parents first, one by one: Node's own `recursive` never returns where a file system answers ENOENT below a folder that
 * exists, as /proc does. Only the owner may look in: a cache holds what its user has read.
 */
function makeDirectory(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeDirectory(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** Invariant: the schema is created in rollback mode, so that the file's own header says whose it is from the first commit on. */
function bringUpToDate(connection: Connection, version: number, pageSize: number): void {
  if (version === 0) {
    connection.pragma(`page_size = ${pageSize}`);
    connection.pragma('synchronous = NORMAL');
    // The pragma takes the write lock and belongs to the transaction that way: an opener meets an empty file or a whole one.
    // It lets freed pages be given back to the disk piece by piece.
    connection.patiently(() => migrate(connection, 'BEGIN; PRAGMA auto_vacuum = INCREMENTAL'));
  } else if (version < SCHEMA_VERSION) {
    connection.patiently(() => migrate(connection, 'BEGIN IMMEDIATE'));
  }
  if (connection.pragma('journal_mode') !== 'wal') connection.pragma('journal_mode = WAL');
}

/** Several processes may arrive here at once: the first one works, the others find it done. */
function migrate(connection: Connection, begin: string): void {
  try {
    connection.execute(begin);
    // Who saw an empty file before another one filled it learns of the tables now, while nobody can be in the way: later
    // SQLite would take a lock that keeps it from looking for `no such table`.
    connection.execute('SELECT 1 FROM sqlite_schema');
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
