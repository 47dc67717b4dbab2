import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { makeFolders, STAGE_FOLDER, syncFolder } from '../values/file-io.ts';
import { Connection } from './connection.ts';
import { assertPathLength, getErrorCode, toFileError } from './errors.ts';
import {
  APPLICATION_ID,
  assertApplicationId,
  assertImageFits,
  assertKnownSchema,
  assertOwnDatabase,
  assertPositiveVersion,
  assertSupportedVersion,
  getMigrations,
  parseUserVersion,
  readImage,
  SCHEMA_VERSION,
  toSchemaVersion,
  toUserVersion,
  withoutWal,
} from './file-format.ts';
import { completeRestore } from './restored-folder.ts';

/*
 * Prepares a store's directory before SQLite opens the database in it, and afterwards. Works on paths only: a file that SQLite has
 * open in this process is never opened by other means (see `databaseExists`).
 */

/** Returns the path of the database file of a store's directory. */
export const getDatabasePath = (directory: string): string => join(directory, 'cache.db');

/** The name of the file that reserves space for a full disk (see `space/store-files.ts`). On disk. */
export const BALLAST_FILE = 'reserve';

/** Suffixes of a database and of the files that SQLite keeps beside it. */
const COMPANION_SUFFIXES = ['', '-wal', '-shm', '-journal'] as const;

/**
 * Returns the absolute path of a store's directory.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything that isn't a path, and for `':memory:'`.
 */
export function resolveDirectory(directory: string): string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new DiskCacheError('BAD_OPTION', `directory is ${formatValue(directory, '"')}; give a path`);
  }
  if (directory !== ':memory:') return resolve(directory);
  throw new DiskCacheError(
    'BAD_OPTION',
    'No store can be in memory: give a path, or temporaryDirectory().path, which is deleted when the process ends',
  );
}

/**
 * Returns the absolute path of a store's directory, which is created unless the store is read-only.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if it isn't a path, or the path is too long; what `makeDurableFolder` throws.
 */
function prepareDirectory(directory: string, readOnly: boolean): string {
  const path = resolveDirectory(directory);
  assertPathLength(getDatabasePath(path));
  completeRestore(path);
  if (!readOnly) makeDurableFolder(path);
  return path;
}

/**
 * Creates a folder and its parents, each durable (synced) before anything is put into it.
 *
 * @throws {DiskCacheError} as `toFileError`.
 */
export function makeDurableFolder(path: string): void {
  try {
    makeFolders(path, (made) => syncIfPossible(dirname(made)));
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** Errors of file systems that can't sync folders, and of parents that can't be read. */
const UNSYNCABLE_CODES: ReadonlySet<string | undefined> = new Set([
  'EINVAL',
  'ENOTSUP',
  'ENOSYS',
  'EACCES',
  'EPERM',
  'EROFS',
]);

/** Makes the names in a folder survive a power cut, if the system supports it. */
export function syncIfPossible(folder: string): void {
  try {
    syncFolder(folder);
  } catch (error) {
    const cause = error instanceof DiskCacheError ? error.cause : error;
    if (!UNSYNCABLE_CODES.has(getErrorCode(cause))) throw error;
  }
}

/**
 * Asserts that the database and its companions are regular files: a link would lead out of the directory, a pipe would block.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a directory, `NOT_ALLOWED` for anything else that isn't a regular file.
 */
function assertPlainFiles(databasePath: string): void {
  for (const suffix of COMPANION_SUFFIXES) {
    const path = databasePath + suffix;
    const stats = lstatIfExists(path);
    if (stats === undefined || stats.isFile()) continue;
    if (stats.isDirectory()) throw toFileError(Object.assign(new Error('EISDIR'), { code: 'EISDIR' }), path);
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `${path} is not a regular file but ${stats.isSymbolicLink() ? 'a link' : 'a pipe or a device'}, which is not followed; remove it`,
    );
  }
}

/**
 * Asserts that a path is a folder, not a link to one, or doesn't exist.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` for a link, `BAD_OPTION` for a file.
 */
export function assertPlainFolder(path: string): void {
  const stats = lstatIfExists(path);
  if (stats === undefined || stats.isDirectory()) return;
  if (stats.isSymbolicLink()) {
    throw new DiskCacheError('NOT_ALLOWED', `${path} is a link, which is not followed; put a folder in its place`);
  }
  throw toFileError(Object.assign(new Error('ENOTDIR'), { code: 'EEXIST' }), path);
}

/** Returns the stats of a path without following links; undefined if it doesn't exist. @throws {DiskCacheError} as `toFileError` */
export function lstatIfExists(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** Makes the database accessible to its owner only, whatever the umask. SQLite copies its mode to the log and the shared memory. */
function makePrivate(databasePath: string): void {
  try {
    chmodSync(databasePath, 0o600);
  } catch {
    // A file system without file modes: the directory's permissions must do.
  }
}

const OWNER_WRITE = 0o200;

/** SQLite has made the companions with the permissions that the database had then. It may have been read only. */
function makeCompanionsWritable(databasePath: string): void {
  const mode = lstatIfExists(databasePath)?.mode ?? 0;
  if ((mode & OWNER_WRITE) === 0) return;
  for (const suffix of COMPANION_SUFFIXES) {
    const path = databasePath + suffix;
    const stats = lstatIfExists(path);
    if (!stats?.isFile() || (stats.mode & OWNER_WRITE) !== 0) continue;
    try {
      chmodSync(path, mode);
    } catch {
      // Another user's: SQLite says whether it can be written.
    }
  }
}

/**
 * Returns what shows that a directory without a database, or with an empty one, was a store before. Returns undefined for a new
 * directory, and for one whose creator crashed before it had created the database.
 *
 * Invariant: the claim folder stays empty until the database is complete.
 */
function findStoreTrace(databasePath: string, claim: string): string | undefined {
  const log = lstatIfExists(`${databasePath}-wal`)?.size ?? 0;
  if (log > 0) return `a write-ahead log of ${log} bytes`;
  try {
    if (existsSync(claim) && readdirSync(claim).length > 0) return `the folder ${claim}`;
  } catch (error) {
    throw toFileError(error, claim);
  }
  const ballast = join(dirname(databasePath), BALLAST_FILE);
  return lstatIfExists(ballast) && `the file ${ballast}`;
}

export interface DatabaseOptions {
  /** The name of a folder that is created beside the database, before it: if the folder exists, the database belongs to a store. */
  readonly claim: string;
  readonly readOnly: boolean;
  readonly exclusive: boolean;
  /** Page size in bytes of a new database. */
  readonly pageSize: number;
  /** Bytes of pages that SQLite keeps in memory; `undefined`: the driver's default. */
  readonly pageCache?: number | undefined;
  /** Milliseconds to wait for a lock. */
  readonly timeout: number;
  /** Whether the application gave `timeout`. */
  readonly isTimeoutChosen?: boolean;
}

/**
 * Opens the database of a directory; creates both if they don't exist. A file that is refused stays byte for byte unchanged and gets
 * no companions.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL`, `CORRUPT`, `UNSUPPORTED_VERSION`, `BUSY`,
 * and `NO_SUCH_STORE` if `readOnly` is set and there is no database.
 */
export function openDatabase(directory: string, options: DatabaseOptions): Connection {
  const path = getDatabasePath(prepareDirectory(directory, options.readOnly));
  const claim = join(dirname(path), options.claim);
  assertPlainFolder(claim);
  const exists = databaseExists(path, claim);
  if (options.readOnly && !exists) {
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${path} does not exist and readOnly creates nothing; open it for writing first`,
    );
  }
  if (!options.readOnly) {
    makeDurableFolder(claim);
    makeCompanionsWritable(path);
  }
  try {
    return connect(path, options, exists);
  } catch (error) {
    if (tryReleaseBallast(error, join(dirname(path), BALLAST_FILE))) return connect(path, options, exists);
    if (!options.readOnly || !isUnwritable(error) || (lstatIfExists(`${path}-wal`)?.size ?? 0) > 0) throw error;
    return connect(path, options, exists, readImage(path));
  }
}

/** SQLite needs a file of shared memory even to read. On a full disk, removing the ballast frees space for it. */
export function tryReleaseBallast(error: unknown, ballastPath: string): boolean {
  if (!(error instanceof DiskCacheError) || error.code !== 'DISK_FULL') return false;
  if ((lstatIfExists(ballastPath)?.size ?? 0) === 0) return false;
  try {
    rmSync(ballastPath, { force: true });
    return true;
  } catch {
    // Windows doesn't remove a file that is open, and the directory may be read-only.
    return false;
  }
}

/**
 * Whether SQLite could not create its companion files, although it may read the database. Without a log, nothing in them is needed.
 */
function isUnwritable(error: unknown): boolean {
  if (!(error instanceof DiskCacheError)) return false;
  return ['READ_ONLY', 'NOT_ALLOWED', 'DISK_FULL'].includes(error.code) && error.cause !== undefined;
}

function connect(path: string, options: DatabaseOptions, exists: boolean, image?: Buffer): Connection {
  const connection = new Connection(path, { ...options, image });
  try {
    if (!exists) makePrivate(path);
    if (options.exclusive) connection.pragma('locking_mode = EXCLUSIVE');
    const isNew = !exists || Number(connection.pragma('page_count')) === 0;
    if (!isNew) assertApplicationId(Number(connection.pragma('application_id')), path);
    const version = isNew ? 0 : toSchemaVersion(Number(connection.pragma('user_version')));
    assertSupportedVersion(version, path);
    if (!isNew) assertPositiveVersion(version, path);
    if (!isNew) assertOwnSchema(connection, version);
    if (!options.readOnly) upgradeDatabase(connection, version, options);
    if (options.pageCache !== undefined) connection.setCacheSize(options.pageCache);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Returns a connection to a copy of the database in memory, which can be written. In a transaction, the copy is what that sees.
 *
 * @throws {DiskCacheError} `TOO_LARGE`
 */
export function copyToMemory(connection: Connection, { timeout }: DatabaseOptions): Connection {
  const { path } = connection;
  assertImageFits(path, Number(connection.pragma('page_count')) * Number(connection.pragma('page_size')));
  return new Connection(path, { readOnly: false, timeout, image: withoutWal(connection.serialize()) });
}

/** Also refuses other encodings than UTF-8, because keys are ordered by their UTF-8 bytes. @throws {DiskCacheError} `CORRUPT` */
function assertOwnSchema(connection: Connection, version: number): void {
  assertKnownSchema(connection, version);
  if (connection.pragma('encoding') === 'UTF-8') return;
  throw new DiskCacheError(
    'CORRUPT',
    `${connection.path} is not encoded in UTF-8, so it was not made by deskcache; delete the directory`,
  );
}

/**
 * Whether there is a database that may be opened.
 *
 * Invariant: a file that SQLite may have open in this process is never opened by other means. When a process closes a file once,
 * POSIX releases all locks of the process on it, SQLite's included, in every thread (https://sqlite.org/howtocorrupt.html §2.2):
 * writers would no longer exclude each other. So the file is read only if the directory has not been claimed by a store.
 *
 * @throws {DiskCacheError} `CORRUPT` if a store has lost its database: creating a new one would drop the rest of the store.
 */
function databaseExists(path: string, claim: string): boolean {
  assertPlainFiles(path);
  if (isEmptyFile(path)) {
    const trace = findStoreTrace(path, claim);
    if (trace === undefined) return false;
    // Another process may have just created the database, and its traces afterwards.
    if (!isEmptyFile(path)) return true;
    throw new DiskCacheError(
      'CORRUPT',
      `${path} is ${lstatIfExists(path) === undefined ? 'missing' : 'empty'}, but the directory was a store: it still has ${trace}. Restore the file, or delete the directory to start again`,
    );
  }
  // The claim is created before the database, so it is checked after it.
  if (!existsSync(claim)) assertOwnDatabase(path);
  return true;
}

/** SQLite takes a file of one byte for an empty one, too. */
export const MAX_EMPTY_BYTES = 1;
const isEmptyFile = (path: string): boolean => (lstatIfExists(path)?.size ?? 0) <= MAX_EMPTY_BYTES;

/**
 * Creates or migrates the schema and turns on the write-ahead log.
 *
 * Invariant: the schema is created in rollback mode, so that the header identifies the file from the first commit on.
 */
function upgradeDatabase(connection: Connection, version: number, { pageSize, claim }: DatabaseOptions): void {
  // The schema decides how everything else is read, so it is synced before it is used, whatever the store's durability.
  if (version < SCHEMA_VERSION) connection.setSynchronous('FULL');
  if (version === 0) {
    connection.pragma(`page_size = ${pageSize}`);
    // Inside the transaction, so that another opener sees an empty file or a complete one. Incremental vacuum returns free pages
    // to the file system in small steps.
    connection.withRetry(() => migrate(connection, 'BEGIN; PRAGMA auto_vacuum = INCREMENTAL'));
  } else if (version < SCHEMA_VERSION) {
    connection.withRetry(() => migrate(connection, 'BEGIN IMMEDIATE'));
  }
  if (connection.pragma('journal_mode') !== 'wal') connection.pragma('journal_mode = WAL');
  const folder = dirname(connection.path);
  const stageFolder = join(folder, claim, STAGE_FOLDER);
  assertPlainFolder(stageFolder);
  if (existsSync(stageFolder)) return;
  // Otherwise a rollback journal could reappear after a power cut and undo the database and everything committed to its log since.
  syncIfPossible(folder);
  // From now on, this folder shows that there was a database.
  makeDurableFolder(stageFolder);
}

/** Runs the missing steps in one transaction. If several processes do so at once, the first one works and the others find it done. */
function migrate(connection: Connection, begin: string): void {
  try {
    connection.execute(begin);
    // A connection that saw an empty file before another process filled it must read the schema now, under the write lock: later,
    // SQLite would hold a lock that keeps it from reloading the schema after `no such table`.
    connection.execute('SELECT 1 FROM sqlite_schema');
    const { schemaVersion, ...marks } = parseUserVersion(Number(connection.pragma('user_version')));
    assertSupportedVersion(schemaVersion, connection.path);
    for (const step of getMigrations(schemaVersion)) connection.execute(step);
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    connection.pragma(`user_version = ${toUserVersion(marks)}`);
    connection.execute('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}
