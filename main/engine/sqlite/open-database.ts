import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getErrnoCode, makeFolders, STAGE_FOLDER, syncFolder } from '../values/file-io.ts';
import { Connection } from './connection.ts';
import { assertPathLength, toFileError } from './errors.ts';
import {
  APPLICATION_ID,
  assertApplicationId,
  assertKnownSchema,
  assertOwnDatabase,
  assertSupportedVersion,
  getMigrations,
  readImage,
  SCHEMA_VERSION,
} from './file-format.ts';

/*
 * What is done about a store's directory before SQLite opens the file in it, and after. By paths alone: a file that SQLite has
 * open in this process is never opened by other means (see `open.ts`).
 */

/** The database file of a store's directory. */
export const getDatabasePath = (directory: string): string => join(directory, 'cache.db');

/** What keeps some space for a full disk (see `space/store-files.ts`). */
export const BALLAST_FILE = 'reserve';

/** What SQLite keeps beside a database. */
const COMPANION_SUFFIXES = ['', '-wal', '-shm', '-journal'] as const;

/**
 * Returns the absolute path of a store's directory.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything that isn't a path, and for SQLite's name of a database in memory.
 */
export function resolveDirectory(directory: string): string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `directory is ${JSON.stringify(directory) ?? typeof directory}; give a path`,
    );
  }
  if (directory !== ':memory:') return resolve(directory);
  throw new DiskCacheError(
    'BAD_OPTION',
    'No store can be in memory: give a path, or temporaryDirectory().path, which is deleted when the process ends',
  );
}

/** A folder that exists and that nothing is created in while it is read only. */
export function prepareDirectory(directory: string, readOnly: boolean): string {
  const path = resolveDirectory(directory);
  assertPathLength(getDatabasePath(path));
  if (!readOnly) makeDurableFolder(path);
  return path;
}

/**
 * Makes a folder and its parents, each on the disk itself before anything is put into it.
 *
 * @throws {DiskCacheError} as `toFileError` says.
 */
export function makeDurableFolder(path: string): void {
  try {
    makeFolders(path, (made) => syncIfPossible(dirname(made)));
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** Not every file system syncs folders, and a parent may be one that can't be read. */
const UNSYNCABLE_CODES: ReadonlySet<string | undefined> = new Set([
  'EINVAL',
  'ENOTSUP',
  'ENOSYS',
  'EACCES',
  'EPERM',
  'EROFS',
]);

/** Makes the names in a folder survive a power cut, where the system can. */
export function syncIfPossible(folder: string): void {
  try {
    syncFolder(folder);
  } catch (error) {
    const cause = error instanceof DiskCacheError ? error.cause : error;
    if (!UNSYNCABLE_CODES.has(getErrnoCode(cause))) throw error;
  }
}

/**
 * A link or a pipe in the place of a file would lead out of the directory, or block when it is opened.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a directory, `NOT_ALLOWED` for what is no ordinary file.
 */
export function assertPlainFiles(databasePath: string): void {
  for (const suffix of COMPANION_SUFFIXES) {
    const path = databasePath + suffix;
    const facts = lstatIfExists(path);
    if (facts === undefined || facts.isFile()) continue;
    if (facts.isDirectory()) throw toFileError(Object.assign(new Error('EISDIR'), { code: 'EISDIR' }), path);
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `${path} is not an ordinary file but ${facts.isSymbolicLink() ? 'a link' : 'a pipe or a device'}, which is not followed; remove it`,
    );
  }
}

/**
 * A folder that belongs to a store has to be one, and not a link to another.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` for a link, `BAD_OPTION` for a file.
 */
export function assertPlainFolder(path: string): void {
  const facts = lstatIfExists(path);
  if (facts === undefined || facts.isDirectory()) return;
  if (facts.isSymbolicLink()) {
    throw new DiskCacheError('NOT_ALLOWED', `${path} is a link, which is not followed; put a folder in its place`);
  }
  throw toFileError(Object.assign(new Error('ENOTDIR'), { code: 'EEXIST' }), path);
}

/** @throws {DiskCacheError} */
export function lstatIfExists(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** For the owner alone, whatever the umask; SQLite gives the log and the shared memory the mode of the database. */
export function makePrivate(databasePath: string): void {
  try {
    chmodSync(databasePath, 0o600);
  } catch {
    // A file system without modes: then the directory's are all there is.
  }
}

/**
 * What shows that a directory without a database, or with an empty one, once was a store; undefined for one that is new, and
 * for one whose maker died before it had made anything.
 *
 * Invariant: nothing is put into the folder that claims the directory before the database is whole.
 */
export function findStoreTrace(databasePath: string, claim: string): string | undefined {
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
  if (!options.readOnly) makeDurableFolder(claim);
  try {
    return connect(path, options, exists);
  } catch (error) {
    if (tryReleaseBallast(error, join(dirname(path), BALLAST_FILE))) return connect(path, options, exists);
    if (!options.readOnly || !isUnwritable(error) || (lstatIfExists(`${path}-wal`)?.size ?? 0) > 0) throw error;
    return connect(path, options, exists, readImage(path));
  }
}

/** SQLite needs some shared memory to read, which is a file. On a full disk the reserve makes place for it. */
function tryReleaseBallast(error: unknown, ballastPath: string): boolean {
  if (!(error instanceof DiskCacheError) || error.code !== 'DISK_FULL') return false;
  if ((lstatIfExists(ballastPath)?.size ?? 0) === 0) return false;
  try {
    rmSync(ballastPath, { force: true });
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

function connect(path: string, options: DatabaseOptions, exists: boolean, image?: Buffer): Connection {
  const connection = new Connection(path, { ...options, image });
  try {
    if (!exists) makePrivate(path);
    if (options.exclusive) connection.pragma('locking_mode = EXCLUSIVE');
    const isNew = !exists || Number(connection.pragma('page_count')) === 0;
    if (!isNew) assertApplicationId(Number(connection.pragma('application_id')), path);
    const version = isNew ? 0 : Number(connection.pragma('user_version'));
    assertSupportedVersion(version, path);
    if (!isNew) assertOwnSchema(connection, version);
    if (!options.readOnly) upgradeDatabase(connection, version, options);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The order of keys is that of their UTF-8 bytes. */
function assertOwnSchema(connection: Connection, version: number): void {
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
function databaseExists(path: string, claim: string): boolean {
  assertPlainFiles(path);
  if (isEmptyFile(path)) {
    const trace = findStoreTrace(path, claim);
    if (trace === undefined) return false;
    // Another process may just have made it, and left its traces after that.
    if (!isEmptyFile(path)) return true;
    throw new DiskCacheError(
      'CORRUPT',
      `${path} is ${lstatIfExists(path) === undefined ? 'missing' : 'empty'}, but there was a store: there is ${trace}. Restore the file, or delete the directory to begin anew`,
    );
  }
  // The claim comes before the database, so it is asked for after it.
  if (!existsSync(claim)) assertOwnDatabase(path);
  return true;
}

const isEmptyFile = (path: string): boolean => (lstatIfExists(path)?.size ?? 0) === 0;

/** Invariant: the schema is created in rollback mode, so that the file's own header says whose it is from the first commit on. */
function upgradeDatabase(connection: Connection, version: number, { pageSize, claim }: DatabaseOptions): void {
  // What decides how everything else is read is on the disk before it is relied on, whatever the store's durability.
  if (version < SCHEMA_VERSION) connection.pragma('synchronous = FULL');
  if (version === 0) {
    connection.pragma(`page_size = ${pageSize}`);
    // The pragma takes the write lock and belongs to the transaction that way: an opener meets an empty file or a whole one.
    // It lets freed pages be given back to the disk piece by piece.
    connection.withRetry(() => migrate(connection, 'BEGIN; PRAGMA auto_vacuum = INCREMENTAL'));
  } else if (version < SCHEMA_VERSION) {
    connection.withRetry(() => migrate(connection, 'BEGIN IMMEDIATE'));
  }
  if (connection.pragma('journal_mode') !== 'wal') connection.pragma('journal_mode = WAL');
  const folder = dirname(connection.path);
  const stageFolder = join(folder, claim, STAGE_FOLDER);
  assertPlainFolder(stageFolder);
  if (existsSync(stageFolder)) return;
  // A rollback journal that came back after a power cut would undo the database and what was committed to its log since.
  syncIfPossible(folder);
  // From here on it shows that there was a database, should that be gone one day.
  makeDurableFolder(stageFolder);
}

/** Several processes may arrive here at once: the first one works, the others find it done. */
function migrate(connection: Connection, begin: string): void {
  try {
    connection.execute(begin);
    // Who saw an empty file before another one filled it learns of the tables now, while nobody can be in the way: later
    // SQLite would take a lock that keeps it from looking for `no such table`.
    connection.execute('SELECT 1 FROM sqlite_schema');
    const version = Number(connection.pragma('user_version'));
    assertSupportedVersion(version, connection.path);
    for (const step of getMigrations(version)) connection.execute(step);
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    connection.pragma(`user_version = ${SCHEMA_VERSION}`);
    connection.execute('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}
