import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { RECORD_FILE } from '../sealing/seal-record.ts';
import { toFileError } from '../sqlite/errors.ts';
import { assertKnownSchema, assertSupportedVersion, parseUserVersion, SCHEMA_VERSION } from '../sqlite/file-format.ts';
import { BALLAST_FILE, lstatIfExists, MAX_EMPTY_BYTES } from '../sqlite/open-database.ts';
import { type Core, type FileIdentity, getLimitShareBytes, type OpenedFiles } from '../state/core.ts';
import { NO_FOLLOW, statFile } from '../values/file-io.ts';
import { getBallastTargetBytes } from './policy.ts';

const getFileBytesAt = (path: string): number => statFile(path)?.bytes ?? 0;

/**
 * Returns the bytes on disk: database, write-ahead log, write journal, ballast, and every value file, also those that no item names.
 * O(value files).
 */
export function getVolume(core: Core): number {
  const { journal, files } = core;
  const otherBytes = (journal?.bytes ?? 0) + getSealBytes(core) + files.getUsage().bytes;
  return getDatabaseBytes(core) + getWalBytes(core) + getBallastBytes(core) + otherBytes;
}

/** Returns the bytes of the copy of a sealed store's record. */
const getSealBytes = ({ sealing, directory }: Core): number =>
  sealing === undefined ? 0 : getFileBytesAt(join(directory, RECORD_FILE));

/** Returns the bytes of the database file. */
export const getDatabaseBytes = ({ connection }: Core): number => getFileBytesAt(connection.path);

/** Returns the bytes of the write-ahead log. */
export const getWalBytes = ({ connection }: Core): number => getFileBytesAt(`${connection.path}-wal`);

export interface WalStatus {
  /** Pages in the log. */
  readonly frames: number;
  /** Those of them that are in the database, too. */
  readonly copied: number;
}

/** Returns how far the write-ahead log is copied. Takes no lock and copies nothing. O(1). */
export function readWalStatus({ sql }: Core): WalStatus {
  const [, frames = 0, copied = 0] = sql.dynamic<number[]>('PRAGMA wal_checkpoint(NOOP)').first() ?? [];
  return { frames, copied };
}

/** Returns the path of the ballast file. */
const getBallastPath = ({ directory }: Core): string => join(directory, BALLAST_FILE);

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
    databaseBytes: getFileBytesAt(path),
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
 * @throws {DiskCacheError} `IO` when a file of the database is gone or another one, or the database was truncated; `CORRUPT` when
 * nothing is left of it; `UNSUPPORTED_VERSION` when a newer deskcache has raised its format.
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
  const { size } = assertSameFile(core, openedFiles.path, openedFiles.database);
  // A transaction counts pages that it has not written yet.
  if (core.transaction.depth === 0) {
    if (size < openedFiles.databaseBytes) assertNotTruncated(core);
    openedFiles.databaseBytes = size;
  }
  if (isWhole) {
    for (const { path, identity } of openedFiles.companions) assertSameFile(core, path, identity);
    // A transaction has its own snapshot, which was checked when it began.
    if (core.transaction.depth === 0) assertFormat(core);
    openedFiles.nextFullCheckAt = now + FULL_CHECK_INTERVAL_MS;
  }
  openedFiles.nextCheckAt = now + CHECK_INTERVAL_MS;
}

function assertSameFile(core: Core, path: string, opened: FileIdentity | undefined): Stats {
  const facts = statOrUndefined(path);
  if (facts !== undefined && facts.size <= MAX_EMPTY_BYTES && path === core.openedFiles.path) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} was truncated to nothing (${facts.size} bytes) while it was open; close the store, restore the file, or delete the directory to start again`,
    );
  }
  if (facts !== undefined && (opened === undefined || isSame(facts, opened))) return facts;
  throw new DiskCacheError(
    'IO',
    `${path} was ${facts === undefined ? 'deleted or moved' : 'replaced'} while it was open, and what is written to it now would be lost; close the store and open it again`,
  );
}

/**
 * Asserts that the database file, which has become smaller, was not truncated by something else than SQLite: each page beyond its end
 * must be in the WAL. Outside of transactions.
 *
 * Invariant: while the read transaction is open, no process can restart the WAL, or shorten the database below the transaction's last
 * page (https://sqlite.org/walformat.html). So the files can be looked at one after the other.
 *
 * @throws {DiskCacheError} `IO` when pages are missing.
 */
function assertNotTruncated(core: Core): void {
  const { sql, openedFiles, pageSize } = core;
  sql.beginRead.run();
  try {
    const pages = sql.pageCount.first()?.[0] ?? 0;
    const pagesInFile = Math.floor(getDatabaseBytes(core) / pageSize);
    const missing = findPageOutsideWal(core, pagesInFile + 1, pages);
    if (missing === undefined) return;
    throw new DiskCacheError(
      'IO',
      `${openedFiles.path} was truncated to ${pagesInFile} of ${pages} pages while it was open, and what is written to it now would be lost; close the store and restore the file`,
    );
  } finally {
    if (core.connection.inTransaction) sql.rollback.run();
  }
}

/** The layout of the WAL: https://sqlite.org/fileformat2.html#walformat. */
const WAL_HEADER_BYTES = 32;
const WAL_FRAME_HEADER_BYTES = 24;
/** The salt is at 16 in the header of the file, at 8 in that of a frame; a frame with another salt is of an earlier WAL. */
const WAL_SALT_AT = 16;
const WAL_FRAME_SALT_AT = 8;
const WAL_SALT_BYTES = 8;
/** The page at this offset holds SQLite's locks, and is never written. */
const LOCK_PAGE_AT_BYTES = 2 ** 30;

/** Returns a page between two pages, both included, that no frame of the WAL holds. O(frames); O(1) for an empty range. */
function findPageOutsideWal(core: Core, from: number, to: number): number | undefined {
  const missing = new Set<number>();
  for (let page = from; page <= to; page++) missing.add(page);
  missing.delete(LOCK_PAGE_AT_BYTES / core.pageSize + 1);
  if (missing.size > 0) {
    for (const page of listWalPages(core)) if (missing.delete(page) && missing.size === 0) break;
  }
  return missing.values().next().value;
}

/** Yields the page number of each frame. SQLite has no locks on the WAL's file, so that closing it here releases none. */
function* listWalPages({ connection, pageSize }: Core): Generator<number, void, undefined> {
  const path = `${connection.path}-wal`;
  const file = openFile(path);
  try {
    const header = Buffer.alloc(WAL_HEADER_BYTES);
    const frame = Buffer.alloc(WAL_FRAME_HEADER_BYTES);
    if (readSync(file, header, 0, header.length, 0) < header.length) return;
    const salt = header.subarray(WAL_SALT_AT, WAL_SALT_AT + WAL_SALT_BYTES);
    for (let at = WAL_HEADER_BYTES; readSync(file, frame, 0, frame.length, at) === frame.length; ) {
      if (!salt.equals(frame.subarray(WAL_FRAME_SALT_AT, WAL_FRAME_SALT_AT + WAL_SALT_BYTES))) return;
      yield frame.readUInt32BE(0);
      at += WAL_FRAME_HEADER_BYTES + pageSize;
    }
  } finally {
    closeSync(file);
  }
}

/** @throws {DiskCacheError} */
function openFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    throw toFileError(error, path);
  }
}

/**
 * Before files are removed by name: if the directory was replaced by an older copy, the names are those of its values.
 *
 * @throws {DiskCacheError} `IO`, `CORRUPT` as `assertFilesUnchanged`.
 */
export function assertDatabaseInPlace(core: Core): void {
  assertSameFile(core, core.openedFiles.path, core.openedFiles.database);
}

/** Returns whether the database file is still the one that was opened. */
export function isDatabaseInPlace(core: Core): boolean {
  const { path, database } = core.openedFiles;
  const facts = lstatIfExists(path);
  return facts !== undefined && database !== undefined && isSame(facts, database);
}

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
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION`; `CORRUPT` for another schema; `WRONG_KEY` for a store that was sealed since.
 */
export function assertFormat(core: Core): void {
  const { sql, openedFiles, openOptions } = core;
  if (openOptions.exclusive) return;
  const version = sql.dataVersion.first()?.[0] ?? 0;
  if (version === openedFiles.dataVersion) return;
  const { schemaVersion: formatVersion, isSealed } = parseUserVersion(sql.userVersion.first()?.[0] ?? 0);
  assertSupportedVersion(formatVersion, openedFiles.path);
  if (isSealed !== (core.sealing !== undefined)) throw sealedSinceError(core.directory);
  const schemaVersion = sql.schemaVersion.first()?.[0] ?? 0;
  if (schemaVersion !== openedFiles.schemaVersion) assertKnownSchema(core.connection, SCHEMA_VERSION);
  openedFiles.schemaVersion = schemaVersion;
  openedFiles.dataVersion = version;
}

const sealedSinceError = (directory: string): DiskCacheError =>
  new DiskCacheError(
    'WRONG_KEY',
    `${directory} was sealed by another process since it was opened; close it, and open it with encryptionKey`,
  );

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

/** The ballast is resized only if its size differs by more than this part of it from the target; what is for a journal is not counted. */
const RESIZE_TOLERANCE = 1 / 4;

interface BallastTarget {
  readonly bytes: number;
  /** By how much the ballast may differ. */
  readonly tolerance: number;
}

function getBallastTarget(core: Core): BallastTarget {
  const own = getBallastTargetBytes(getLimitShareBytes(core), getDatabaseBytes(core) + getWalBytes(core));
  const reserved = own === 0 ? 0 : (core.journal?.reservedBytes ?? 0);
  return { bytes: Math.floor(own + reserved), tolerance: own * RESIZE_TOLERANCE };
}

/**
 * Resizes the ballast to follow the size of the store and what its journal needs, as far as the disk has space; returns its bytes. Several
 * processes may do so at once: they write at the same offsets. O(1); O(bytes) when the store has grown by a third.
 */
export function resizeBallast(core: Core): number {
  const currentBytes = getBallastBytes(core);
  const { bytes, tolerance } = getBallastTarget(core);
  if (Math.abs(bytes - currentBytes) <= tolerance) return currentBytes;
  tryResizeFile(getBallastPath(core), currentBytes, bytes);
  return getBallastBytes(core);
}

/** Whether the limit of the store leaves space for a ballast. */
export const hasBallast = (core: Core): boolean => getBallastTarget(core).bytes > 0;

/** Whether the ballast is as large as it has to be. */
export function isBallastWhole(core: Core): boolean {
  const { bytes, tolerance } = getBallastTarget(core);
  return getBallastBytes(core) >= bytes - tolerance;
}

/**
 * Makes the ballast smaller if the store needs less, as after its WAL was removed; never larger. Needs no connection. If
 * another process opens the store, its first check of the WAL resizes the ballast. O(1).
 */
export function shrinkBallast(core: Core): void {
  const currentBytes = getBallastBytes(core);
  if (currentBytes === 0) return;
  const { bytes, tolerance } = getBallastTarget(core);
  if (currentBytes > bytes + tolerance) tryResizeFile(getBallastPath(core), currentBytes, bytes);
}

function tryResizeFile(path: string, from: number, to: number): void {
  try {
    resizeFile(path, from, to);
  } catch {
    // The disk is full, or another process has released the ballast: the present size has to do.
  }
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
