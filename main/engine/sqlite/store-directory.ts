import { chmodSync, existsSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { codeOf, makeFolders, syncFolder } from '../values/whole-file.ts';
import { assertPathLength, fileFailure } from './failure.ts';

/*
 * What is done about a store's directory before SQLite opens the file in it, and after. By paths alone: a file that SQLite has
 * open in this process is never opened by other means (see `open.ts`).
 */

/** The database file of a store's directory. */
export const databasePath = (directory: string): string => join(directory, 'cache.db');

/** What keeps some space for a full disk (see `cache/reserve.ts`). */
export const RESERVE_FILE = 'reserve';

/** What SQLite keeps beside a database. */
const COMPANIONS = ['', '-wal', '-shm', '-journal'] as const;

/** A folder that exists and that nothing is created in while it is read only. */
export function prepareDirectory(directory: string, readOnly: boolean): string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `directory is ${JSON.stringify(directory) ?? typeof directory}; give a path`,
    );
  }
  const path = resolve(directory);
  assertPathLength(databasePath(path));
  if (!readOnly) makeDurableFolder(path);
  return path;
}

/**
 * Makes a folder and its parents, each on the disk itself before anything is put into it.
 *
 * @throws {DiskCacheError} as `fileFailure` says.
 */
export function makeDurableFolder(path: string): void {
  try {
    makeFolders(path, (made) => syncIfPossible(dirname(made)));
  } catch (error) {
    throw fileFailure(error, path);
  }
}

/** Not every file system syncs folders, and a parent may be one that can't be read. */
const UNSYNCABLE: ReadonlySet<string | undefined> = new Set([
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
    if (!UNSYNCABLE.has(codeOf(cause))) throw error;
  }
}

/**
 * A link or a pipe in the place of a file would lead out of the directory, or block when it is opened.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a directory, `NOT_ALLOWED` for what is no ordinary file.
 */
export function assertPlainFiles(databasePath: string): void {
  for (const suffix of COMPANIONS) {
    const path = databasePath + suffix;
    const facts = factsAt(path);
    if (facts === undefined || facts.isFile()) continue;
    if (facts.isDirectory()) throw fileFailure(Object.assign(new Error('EISDIR'), { code: 'EISDIR' }), path);
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
  const facts = factsAt(path);
  if (facts === undefined || facts.isDirectory()) return;
  if (facts.isSymbolicLink()) {
    throw new DiskCacheError('NOT_ALLOWED', `${path} is a link, which is not followed; put a folder in its place`);
  }
  throw fileFailure(Object.assign(new Error('ENOTDIR'), { code: 'EEXIST' }), path);
}

/** @throws {DiskCacheError} */
export function factsAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fileFailure(error, path);
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
export function traceOfStore(databasePath: string, claim: string): string | undefined {
  const log = factsAt(`${databasePath}-wal`)?.size ?? 0;
  if (log > 0) return `a write-ahead log of ${log} bytes`;
  try {
    if (existsSync(claim) && readdirSync(claim).length > 0) return `the folder ${claim}`;
  } catch (error) {
    throw fileFailure(error, claim);
  }
  const reserve = join(dirname(databasePath), RESERVE_FILE);
  return factsAt(reserve) && `the file ${reserve}`;
}
