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
 * Bytes on disk now: database, write-ahead log, what is kept for a full disk, and every value file, also those no item names.
 * O(value files).
 */
export function getVolume(core: Core): number {
  return getDatabaseBytes(core) + getWalBytes(core) + getBallastBytes(core) + core.files.getUsage().bytes;
}

/** Bytes of the database file. */
export const getDatabaseBytes = ({ connection }: Core): number => getFileBytesAt(connection.path);

/** Bytes of the write-ahead log. */
export const getWalBytes = ({ connection }: Core): number => getFileBytesAt(`${connection.path}-wal`);

/** The file that is kept for a full disk. */
export const getBallastPath = ({ directory }: Core): string => join(directory, BALLAST_FILE);

/** Bytes that are kept for a full disk. A link in its place keeps none. */
export function getBallastBytes(core: Core): number {
  const facts = lstatIfExists(getBallastPath(core));
  return facts?.isFile() ? facts.size : 0;
}

/*
 * Whether a store still is what was opened. SQLite goes on writing into files that were deleted, renamed or replaced, where it is
 * lost; so the names are looked up again before something is written.
 */

/** A look costs about a tenth of a small write. With `'power'`, where a write takes longer than this itself, every write looks. */
const LOOK_INTERVAL_MS = 1;
/** A look at the log and the shared memory, too, and for what other processes have changed. */
const WHOLE_LOOK_INTERVAL_MS = 5;

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

/** Notes the format that was checked when the store was opened. */
export function recordFormat({ sql, openOptions, openedFiles }: Core): void {
  if (openOptions.exclusive) return;
  openedFiles.dataVersion = sql.dataVersion.first()?.[0] ?? 0;
  openedFiles.schemaVersion = sql.schemaVersion.first()?.[0] ?? 0;
}

/**
 * Before something is written, and before it is committed.
 *
 * @throws {DiskCacheError} `IO` when a file of the database is gone or another one, `CORRUPT` when the database was cut,
 * `UNSUPPORTED_VERSION` when a newer deskcache has raised its format.
 */
export function assertFilesUnchanged(core: Core): void {
  const { openedFiles } = core;
  const now = performance.now();
  if (now >= openedFiles.nextCheckAt || core.settings.durability === 'power') look(core, now);
}

/** A look that finds a fault is repeated by the next write. */
function look(core: Core, now: number): void {
  const { openedFiles } = core;
  const isWhole = now >= openedFiles.nextFullCheckAt || core.settings.durability === 'power';
  assertSameFile(core, openedFiles.path, openedFiles.database);
  if (isWhole) {
    for (const { path, identity } of openedFiles.companions) assertSameFile(core, path, identity);
    // A transaction has its own view, which was looked at when it began.
    if (core.transaction.depth === 0) assertFormat(core);
    openedFiles.nextFullCheckAt = now + WHOLE_LOOK_INTERVAL_MS;
  }
  openedFiles.nextCheckAt = now + LOOK_INTERVAL_MS;
}

function assertSameFile(core: Core, path: string, opened: FileIdentity | undefined): void {
  const facts = statOrUndefined(path);
  if (facts !== undefined && facts.size <= MAX_EMPTY_BYTES && path === core.openedFiles.path) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} was cut to nothing while it was open; close the store, restore the file, or delete the directory to begin anew`,
    );
  }
  if (facts !== undefined && (opened === undefined || isSame(facts, opened))) return;
  throw new DiskCacheError(
    'IO',
    `${path} was ${facts === undefined ? 'deleted or moved' : 'replaced'} while it was open, and what is written to it now would be lost; close the store and open it again`,
  );
}

/**
 * Before files are removed by their names: where an older copy took the place of the directory, these are names of its values.
 *
 * @throws {DiskCacheError} `IO`, `CORRUPT` as `assertFilesUnchanged`.
 */
export const assertDatabaseInPlace = (core: Core): void =>
  assertSameFile(core, core.openedFiles.path, core.openedFiles.database);

/**
 * Where the directory is another one by now, a value that is not in it is not damaged: then the error that says so, else the one that
 * was met.
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
 * What another process may have done to the format since it was last looked at. Outside of transactions, or at the beginning
 * of one.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION`; `CORRUPT` for a schema that is not ours.
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
 * SQLite needs space to free space: a deletion is added to the log first, and what is new in the log needs its place in the
 * database before the log can be emptied. So a file beside the database keeps some, and is given up when the disk is full.
 */

/** A reserve that differs by less than this part from what it should be is good enough. */
const RESIZE_TOLERANCE = 1 / 4;

/**
 * Lets the reserve follow the size of the store, as far as the disk has room; answers its bytes. Several processes may do so at
 * once: they write to the same places. O(1); O(bytes) when the store has grown by a third.
 */
export function resizeBallast(core: Core): number {
  const currentBytes = getBallastBytes(core);
  const targetBytes = getBallastTargetBytes(getLimitShareBytes(core), getDatabaseBytes(core) + getWalBytes(core));
  if (Math.abs(targetBytes - currentBytes) <= targetBytes * RESIZE_TOLERANCE) return currentBytes;
  try {
    resizeFile(getBallastPath(core), currentBytes, targetBytes);
  } catch {
    // The disk is full, or somebody has given the reserve up meanwhile: what there is has to do.
  }
  return getBallastBytes(core);
}

/** Grows with bytes that can't be compressed: some file systems keep no space for others. What is no file is left alone. */
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

/** Gives the space back; answers how many bytes. */
export function releaseBallast(core: Core): number {
  const bytesBefore = getBallastBytes(core);
  try {
    rmSync(getBallastPath(core), { force: true });
  } catch {
    // Windows keeps what somebody has open: then nothing was given back.
  }
  return bytesBefore - getBallastBytes(core);
}
