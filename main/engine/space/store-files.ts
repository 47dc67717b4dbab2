import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { toFileError } from '../sqlite/errors.ts';
import { assertKnownSchema, assertSupportedVersion, SCHEMA_VERSION } from '../sqlite/file-format.ts';
import { BALLAST_FILE, lstatIfExists, MAX_EMPTY_BYTES } from '../sqlite/open-database.ts';
import { type Core, type FileIdentity, getLimitShareBytes, type OpenedFiles } from '../state/core.ts';
import { NO_FOLLOW, statFile } from '../values/file-io.ts';
import { getBallastTargetBytes } from './policy.ts';

const getFileBytesAt = (path: string): number => statFile(path)?.bytes ?? 0;

/**
 * Returns the bytes on disk: database, write-ahead log, ballast, and every value file, also those that no item names.
 * O(value files).
 */
export function getVolume(core: Core): number {
  return getDatabaseBytes(core) + getWalBytes(core) + getBallastBytes(core) + core.files.getUsage().bytes;
}

/** Returns the bytes of the database file. */
export const getDatabaseBytes = ({ connection }: Core): number => getFileBytesAt(connection.path);

/** Returns the bytes of the write-ahead log. */
export const getWalBytes = ({ connection }: Core): number => getFileBytesAt(`${connection.path}-wal`);

/** Returns the path of the ballast file. */
export const getBallastPath = ({ directory }: Core): string => join(directory, BALLAST_FILE);

/** Returns the bytes of the ballast; 0 for a link in its place. */
export function getBallastBytes(core: Core): number {
  const facts = lstatIfExists(getBallastPath(core));
  return facts?.isFile() ? facts.size : 0;
}

/*
 * Checks that the files of a store are still those that were opened. SQLite keeps writing into files that were deleted, renamed or
 * replaced, where the data is lost; so their names are looked up again before a write.
 */

/** A check costs about a tenth of a small write. With `'power'`, where a write takes longer than this interval, every write checks. */
const CHECK_INTERVAL_MS = 1;
/** The interval of a full check: also of the WAL and the shared memory, and of the format that other processes may have changed. */
const FULL_CHECK_INTERVAL_MS = 5;

/** Returns the identities of a store's files. Call it after the first read of the database, which makes its companions. */
export function recordOpenedFiles(path: string): OpenedFiles {
  return {
    path,
    database: getFileIdentity(path),
    companions: [`${path}-wal`, `${path}-shm`].flatMap((companion) => {
      const identity = getFileIdentity(companion);
      return identity === undefined ? [] : [{ path: companion, identity }];
    }),
    nextCheckAt: 0,
    nextFullCheckAt: 0,
    dataVersion: -1,
    schemaVersion: -1,
  };
}

/** Records the format that was checked when the store was opened. */
export function recordFormat({ sql, openOptions, openedFiles }: Core): void {
  if (openOptions.exclusive) return;
  openedFiles.dataVersion = sql.dataVersion.first()?.[0] ?? 0;
  openedFiles.schemaVersion = sql.schemaVersion.first()?.[0] ?? 0;
}

/**
 * Before a write, and before a commit.
 *
 * @throws {DiskCacheError} `IO` when a file of the database is gone or another one, `CORRUPT` when the database was cut,
 * `UNSUPPORTED_VERSION` when a newer deskcache has raised its format.
 */
export function assertFilesUnchanged(core: Core): void {
  const { openedFiles } = core;
  const now = performance.now();
  if (now >= openedFiles.nextCheckAt || core.settings.durability === 'power') checkFiles(core, now);
}

/** A check that fails is repeated by the next write. */
function checkFiles(core: Core, now: number): void {
  const { openedFiles } = core;
  const isWhole = now >= openedFiles.nextFullCheckAt || core.settings.durability === 'power';
  assertSameFile(core, openedFiles.path, openedFiles.database);
  if (isWhole) {
    for (const { path, identity } of openedFiles.companions) assertSameFile(core, path, identity);
    // A transaction has its own snapshot, which was checked when it began.
    if (core.transaction.depth === 0) assertFormat(core);
    openedFiles.nextFullCheckAt = now + FULL_CHECK_INTERVAL_MS;
  }
  openedFiles.nextCheckAt = now + CHECK_INTERVAL_MS;
}

function assertSameFile(core: Core, path: string, opened: FileIdentity | undefined): void {
  const facts = statOrUndefined(path);
  if (facts !== undefined && facts.size <= MAX_EMPTY_BYTES && path === core.openedFiles.path) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} was truncated to 0 bytes while it was open; close the store, restore the file, or delete the directory to start again`,
    );
  }
  if (facts !== undefined && (opened === undefined || isSame(facts, opened))) return;
  throw new DiskCacheError(
    'IO',
    `${path} was ${facts === undefined ? 'deleted or moved' : 'replaced'} while it was open, and what is written to it now would be lost; close the store and open it again`,
  );
}

/**
 * Before files are removed by name: if the directory was replaced by an older copy, the names are those of its values.
 *
 * @throws {DiskCacheError} `IO`, `CORRUPT` as `assertFilesUnchanged`.
 */
export const assertDatabaseInPlace = (core: Core): void =>
  assertSameFile(core, core.openedFiles.path, core.openedFiles.database);

/**
 * Returns the error to throw for a damaged value: if the directory was replaced, a missing value is not damaged, and the error says that
 * instead.
 */
export function explainDamage(core: Core, error: unknown): unknown {
  if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') return error;
  try {
    assertDatabaseInPlace(core);
    return error;
  } catch (reason) {
    return reason;
  }
}

/**
 * Checks the format that another process may have changed since the last check. Outside of transactions, or at the beginning of one.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION`; `CORRUPT` for another schema.
 */
export function assertFormat(core: Core): void {
  const { sql, openedFiles, openOptions } = core;
  if (openOptions.exclusive) return;
  const version = sql.dataVersion.first()?.[0] ?? 0;
  if (version === openedFiles.dataVersion) return;
  assertSupportedVersion(sql.userVersion.first()?.[0] ?? 0, openedFiles.path);
  const schemaVersion = sql.schemaVersion.first()?.[0] ?? 0;
  if (schemaVersion !== openedFiles.schemaVersion) assertKnownSchema(core.connection, SCHEMA_VERSION);
  openedFiles.schemaVersion = schemaVersion;
  openedFiles.dataVersion = version;
}

/** @throws {DiskCacheError} when the system refuses to look. */
function statOrUndefined(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw toFileError(error, path);
  }
}

function getFileIdentity(path: string): FileIdentity | undefined {
  const facts = statOrUndefined(path);
  return facts && { device: facts.dev, inode: facts.ino };
}

const isSame = (facts: { readonly dev: number; readonly ino: number }, { device, inode }: FileIdentity): boolean =>
  facts.ino === inode && facts.dev === device;

/*
 * SQLite needs space to free space: a deletion is added to the WAL first, and new pages of the WAL need space in the database before the
 * WAL can be emptied. So a ballast file reserves some, and is removed when the disk is full.
 */

/** The ballast is resized only if its size differs by more than this part from the target. */
const RESIZE_TOLERANCE = 1 / 4;

/**
 * Resizes the ballast to follow the size of the store, as far as the disk has space; returns its bytes. Several processes may do so at
 * once: they write at the same offsets. O(1); O(bytes) when the store has grown by a third.
 */
export function resizeBallast(core: Core): number {
  const currentBytes = getBallastBytes(core);
  const targetBytes = getBallastTargetBytes(getLimitShareBytes(core), getDatabaseBytes(core) + getWalBytes(core));
  if (Math.abs(targetBytes - currentBytes) <= targetBytes * RESIZE_TOLERANCE) return currentBytes;
  try {
    resizeFile(getBallastPath(core), currentBytes, targetBytes);
  } catch {
    // The disk is full, or another process has released the ballast: the present size has to do.
  }
  return getBallastBytes(core);
}

/** Grows the file with incompressible bytes, because some file systems reserve no space for others. Ignores anything but a file. */
function resizeFile(path: string, from: number, to: number): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | NO_FOLLOW, 0o600);
  try {
    if (!fstatSync(file).isFile()) return;
    if (to < from) ftruncateSync(file, to);
    const bytes = randomFillSync(new Uint8Array(Math.max(0, to - from)));
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, undefined, from + at);
  } finally {
    closeSync(file);
  }
}

/** Removes the ballast; returns the bytes that were freed. */
export function releaseBallast(core: Core): number {
  const bytesBefore = getBallastBytes(core);
  try {
    rmSync(getBallastPath(core), { force: true });
  } catch {
    // Windows keeps a file that is open elsewhere: then nothing was freed.
  }
  return bytesBefore - getBallastBytes(core);
}
