import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { STAGE_FOLDER } from '../values/file-layout.ts';
import { Connection } from './connection.ts';
import { inspect, readImage, refuseForeign, refuseNewer } from './header.ts';
import { assertKnownSchema } from './known-schema.ts';
import { APPLICATION_ID, migrationsFrom, SCHEMA_VERSION } from './schema.ts';
import {
  assertPlainFiles,
  assertPlainFolder,
  databasePath,
  factsAt,
  makeDurableFolder,
  makePrivate,
  prepareDirectory,
  RESERVE_FILE,
  syncIfPossible,
  traceOfStore,
} from './store-directory.ts';

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

/**
 * Opens the database of a directory, creating both where they are absent. A file that is refused stays byte for byte as it
 * was and gets no companions.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL`, `CORRUPT`, `UNSUPPORTED_VERSION`, `BUSY`,
 * and `NO_SUCH_STORE` when `readOnly` finds nothing.
 */
export function openDatabase(directory: string, options: OpenOptions): Connection {
  const path = databasePath(prepareDirectory(directory, options.readOnly));
  const claim = join(dirname(path), options.claim);
  assertPlainFolder(claim);
  const isThere = standsThere(path, claim);
  if (options.readOnly && !isThere) {
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${path} does not exist and readOnly creates nothing; open it for writing first`,
    );
  }
  if (!options.readOnly) makeDurableFolder(claim);
  try {
    return connect(path, options, isThere);
  } catch (error) {
    if (giveUpReserve(error, join(dirname(path), RESERVE_FILE))) return connect(path, options, isThere);
    if (!options.readOnly || !isUnwritable(error) || (factsAt(`${path}-wal`)?.size ?? 0) > 0) throw error;
    return connect(path, options, isThere, readImage(path));
  }
}

/** SQLite needs some shared memory to read, which is a file. On a full disk the reserve makes place for it. */
function giveUpReserve(error: unknown, reserve: string): boolean {
  if (!(error instanceof DiskCacheError) || error.code !== 'DISK_FULL') return false;
  if ((factsAt(reserve)?.size ?? 0) === 0) return false;
  try {
    rmSync(reserve, { force: true });
    return true;
  } catch {
    // Windows keeps what somebody has open, and a directory may be one that can't be written.
    return false;
  }
}

/**
 * Whether SQLite could not make the files it keeps beside a database, though it may read that. Without a log there is nothing
 * that it would have to look at in them.
 */
function isUnwritable(error: unknown): boolean {
  if (!(error instanceof DiskCacheError)) return false;
  return ['READ_ONLY', 'NOT_ALLOWED', 'DISK_FULL'].includes(error.code) && error.cause !== undefined;
}

function connect(path: string, options: OpenOptions, isThere: boolean, image?: Buffer): Connection {
  const connection = new Connection(path, { ...options, image });
  try {
    if (!isThere) makePrivate(path);
    if (options.exclusive) connection.pragma('locking_mode = EXCLUSIVE');
    const isNew = !isThere || Number(connection.pragma('page_count')) === 0;
    if (!isNew) refuseForeign(Number(connection.pragma('application_id')), path);
    const version = isNew ? 0 : Number(connection.pragma('user_version'));
    refuseNewer(version, path);
    if (!isNew) assertOurs(connection, version);
    if (!options.readOnly) bringUpToDate(connection, version, options);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The order of keys is that of their UTF-8 bytes. */
function assertOurs(connection: Connection, version: number): void {
  assertKnownSchema(connection, version);
  if (connection.pragma('encoding') === 'UTF-8') return;
  throw new DiskCacheError(
    'CORRUPT',
    `${connection.path} is not in UTF-8 and was not made by deskcache; delete the directory`,
  );
}

/**
 * Whether there is a database that may be opened.
 *
 * Invariant: what SQLite may have open in this process is never opened by other means. POSIX takes all of a process's locks
 * on a file away when it closes that file once, SQLite's among them, in every thread (https://sqlite.org/howtocorrupt.html
 * §2.2): writers would no longer exclude each other. So a file is looked into only where nobody has claimed the directory.
 *
 * @throws {DiskCacheError} `CORRUPT` where a store has lost its database: to begin anew would be to drop the rest of it.
 */
function standsThere(path: string, claim: string): boolean {
  assertPlainFiles(path);
  if (isEmpty(path)) {
    const trace = traceOfStore(path, claim);
    if (trace === undefined) return false;
    // Another process may just have made it, and left its traces after that.
    if (!isEmpty(path)) return true;
    throw new DiskCacheError(
      'CORRUPT',
      `${path} is ${factsAt(path) === undefined ? 'missing' : 'empty'}, but there was a store: there is ${trace}. Restore the file, or delete the directory to begin anew`,
    );
  }
  // The claim comes before the database, so it is asked for after it.
  if (!existsSync(claim)) inspect(path);
  return true;
}

const isEmpty = (path: string): boolean => (factsAt(path)?.size ?? 0) === 0;

/** Invariant: the schema is created in rollback mode, so that the file's own header says whose it is from the first commit on. */
function bringUpToDate(connection: Connection, version: number, { pageSize, claim }: OpenOptions): void {
  // What decides how everything else is read is on the disk before it is relied on, whatever the store's durability.
  if (version < SCHEMA_VERSION) connection.pragma('synchronous = FULL');
  if (version === 0) {
    connection.pragma(`page_size = ${pageSize}`);
    // The pragma takes the write lock and belongs to the transaction that way: an opener meets an empty file or a whole one.
    // It lets freed pages be given back to the disk piece by piece.
    connection.patiently(() => migrate(connection, 'BEGIN; PRAGMA auto_vacuum = INCREMENTAL'));
  } else if (version < SCHEMA_VERSION) {
    connection.patiently(() => migrate(connection, 'BEGIN IMMEDIATE'));
  }
  if (connection.pragma('journal_mode') !== 'wal') connection.pragma('journal_mode = WAL');
  const folder = dirname(connection.path);
  const mark = join(folder, claim, STAGE_FOLDER);
  assertPlainFolder(mark);
  if (existsSync(mark)) return;
  // A rollback journal that came back after a power cut would undo the database and what was committed to its log since.
  syncIfPossible(folder);
  // From here on it shows that there was a database, should that be gone one day.
  makeDurableFolder(mark);
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
