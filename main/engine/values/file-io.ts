import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { hasTaggedProcessExited, SELF_TAG, TAG_DIGITS } from '../process-identity.ts';
import { getErrorCode, toFileError, toValueFileError } from '../sqlite/errors.ts';
import { isTemporary } from '../temporary-directory.ts';

/*
 * Value files are in these folders below the directory of a cache:
 *
 *   values/stage/<32 hex>.val     being written, or written and not yet named by a row
 *   values/<2 hex>/<30 hex>.val   the same name, split after two digits: 256 buckets keep folders small
 *
 * A name is 32 hexadecimal digits, the same on every platform; rows hold names, never paths.
 */

const NAME_PATTERN = /^[0-9a-f]{32}$/;
const FILE_PATTERN = /^([0-9a-f]{30}|[0-9a-f]{32})\.val$/;
const BUCKET_PATTERN = /^[0-9a-f]{2}$/;
const BUCKET_DIGITS = 2;
const RANDOM_BYTES = 8;

export const VALUES_FOLDER = 'values';
export const getValuesRoot = (directory: string): string => join(directory, VALUES_FOLDER);
export const STAGE_FOLDER = 'stage';
export const getStageFolder = (root: string): string => join(root, STAGE_FOLDER);

/** Returns a new name: 64 random bits and the tag of this process. It is unique, and tells which process wrote a staged file. */
export const createName = (): string => randomBytes(RANDOM_BYTES).toString('hex') + SELF_TAG;

/** Whether the process that chose a name has exited; undefined if that can't be known. */
export const hasWriterExited = (name: string): boolean | undefined => hasTaggedProcessExited(name.slice(-TAG_DIGITS));

export const isBucket = (folder: string): boolean => BUCKET_PATTERN.test(folder);

export const getStagedPath = (root: string, name: string): string =>
  join(getStageFolder(root), `${assertName(name)}.val`);
/** Returns the name of the folder that holds a file. @throws {DiskCacheError} `CORRUPT` for a malformed name. */
export const getBucket = (name: string): string => assertName(name).slice(0, BUCKET_DIGITS);
/** Returns the path of a placed file. `join` would take longer than the lookup of the row: the root is normal already. */
export const getPlacedPath = (root: string, name: string): string =>
  `${root}${sep}${getBucket(name)}${sep}${name.slice(BUCKET_DIGITS)}.val`;

/** Returns the name of a file in a bucket, or in the stage (no bucket); undefined if it isn't a value file. */
export function parseFileName(file: string, bucket = ''): string | undefined {
  const digits = FILE_PATTERN.exec(file)?.[1];
  const name = digits === undefined ? '' : bucket + digits;
  return NAME_PATTERN.test(name) ? name : undefined;
}

/** Refuses other names: a row that was tampered with must not lead out of the folder. @throws {DiskCacheError} `CORRUPT` */
function assertName(name: string): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new DiskCacheError(
    'CORRUPT',
    `${JSON.stringify(name)} is not the name of a value file; check({ repair: true }) removes the item`,
  );
}

/**
 * Flags for opening a file of the store: a symbolic link in its place is refused (`ELOOP`), and a pipe doesn't block. Windows has
 * neither flag; creating a link needs a privilege there.
 */
export const NO_FOLLOW = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const READ_FLAGS = constants.O_RDONLY | NO_FOLLOW;

/** The content of a file and the time of its last change (epoch milliseconds, by the file system's clock). */
export interface FileContents {
  readonly bytes: Uint8Array;
  readonly changedAt: number;
}

/** Bytes per read or write: Node's limit for one call is below 2 GiB. */
export const MAX_IO_BYTES = 1024 ** 3;
/** Chunk size for content that is only checked. */
const READ_CHUNK_BYTES = 1024 ** 2;

/**
 * Reads a file of exactly `bytes` bytes into memory of exactly that size.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that is missing, shorter or longer; `TOO_LARGE` if there is not enough memory; for
 * any other system error, which says nothing about the content, the result of `toValueFileError`.
 */
export function readFileWhole(path: string, bytes: number): FileContents {
  const file = openForReading(path);
  try {
    const changedAt = assertWhole(path, file, bytes);
    const whole = allocate(path, bytes);
    for (let at = 0; at < bytes; ) {
      const read = readSync(file, whole, at, Math.min(MAX_IO_BYTES, bytes - at), at);
      if (read === 0) assertFileSize(path, at, bytes);
      at += read;
    }
    return { bytes: new Uint8Array(whole.buffer), changedAt };
  } catch (error) {
    throw toValueFileError(error, path);
  } finally {
    closeQuietly(file);
  }
}

/** Returns the first bytes of a file; undefined if it is shorter, missing, or not a regular file. */
export function readFileHead(path: string, bytes: number): Uint8Array | undefined {
  let file: number;
  try {
    file = openSync(path, READ_FLAGS);
  } catch {
    return undefined;
  }
  try {
    const head = new Uint8Array(bytes);
    return fstatSync(file).isFile() && readSync(file, head, 0, bytes, 0) === bytes ? head : undefined;
  } finally {
    closeQuietly(file);
  }
}

/** Reads a file of exactly `bytes` bytes and passes it to `take` chunk by chunk, in memory that is reused. @throws as `readFileWhole` */
export function readFileInChunks(path: string, bytes: number, onChunk: (piece: Uint8Array) => void): void {
  const file = openForReading(path);
  try {
    assertWhole(path, file, bytes);
    const memory = Buffer.allocUnsafeSlow(Math.min(READ_CHUNK_BYTES, bytes));
    for (let at = 0; at < bytes; ) {
      const read = readSync(file, memory, 0, Math.min(READ_CHUNK_BYTES, bytes - at), at);
      if (read === 0) assertFileSize(path, at, bytes);
      onChunk(memory.subarray(0, read));
      at += read;
    }
  } catch (error) {
    throw toValueFileError(error, path);
  } finally {
    closeQuietly(file);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, READ_FLAGS);
  } catch (error) {
    throw toOpenError(error, path);
  }
}

/** Asserts that a file is a regular one of this size; returns the time of its last change. */
function assertWhole(path: string, file: number, bytes: number): number {
  const stats = fstatSync(file);
  if (!stats.isFile()) throw damagedFileError(path, 'is not a regular file');
  assertFileSize(path, stats.size, bytes);
  return stats.ctimeMs;
}

function allocate(path: string, bytes: number): Buffer<ArrayBuffer> {
  try {
    return Buffer.allocUnsafeSlow(bytes); // never from the pool
  } catch (cause) {
    const hint = 'read it with openReadStream';
    throw new DiskCacheError('TOO_LARGE', `${path} holds ${bytes} bytes, more than fits in memory; ${hint}`, {
      cause,
    });
  }
}

/** Writes a new file completely; with `flush`, it also survives a power cut. @throws {Error} the system's own */
export function writeNewFile(path: string, bytes: Uint8Array, flush: boolean): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(file, bytes, at, Math.min(MAX_IO_BYTES, bytes.length - at));
    }
    if (flush) fsyncSync(file);
  } catch (error) {
    closeQuietly(file);
    throw error;
  }
  // Some file systems report only on close that the data could not be stored.
  closeSync(file);
}

/** Closes a file after a failure, or after reading, when an error on close means nothing. */
function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // The descriptor is released anyway.
  }
}

/**
 * Converts an error of opening a file for reading. A missing file or a link is damage. If the whole folder of values is gone, a disk
 * may have been removed, which says nothing about the value.
 */
export function toOpenError(error: unknown, path: string): DiskCacheError {
  const code = getErrorCode(error);
  if (code === 'ELOOP') return damagedFileError(path, 'is a link, which is not followed', error);
  if (code !== 'ENOENT') return toValueFileError(error, path);
  const root = dirname(dirname(path));
  if (existsSync(root)) return damagedFileError(path, 'is missing', error);
  return new DiskCacheError('IO', `${path} can't be read: ${root} is gone; put it back, or open the store again`, {
    cause: error,
  });
}

export function assertFileSize(path: string, actual: number, expected: number): void {
  if (actual !== expected) throw damagedFileError(path, `holds ${actual} bytes instead of ${expected}`);
}

export const damagedFileError = (path: string, what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('CORRUPT', `${path} ${what}; set the item again, or run check({ repair: true })`, { cause });

/** Removes a file. Returns true if it is gone; Windows refuses while the file is open. */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    return getErrorCode(error) === 'ENOENT';
  }
}

/** Removes a folder if it is empty and not in use. */
export function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty, already gone, or in use: the next collection tries again.
  }
}

/** Returns the names in a folder; an empty list if the folder doesn't exist. */
export function listFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return [];
    throw toValueFileError(error, folder);
  }
}

/** Returns the names of subfolders, without links; an empty list if the folder doesn't exist. */
export function listFolders(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((found) => (found.isDirectory() ? found.name : []));
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return [];
    throw toValueFileError(error, folder);
  }
}

/**
 * Reads a small file that is not a value file. Returns undefined if it doesn't exist.
 *
 * @throws {DiskCacheError} `CORRUPT` for a link, anything else that isn't a regular file, and a file of more than `maxBytes` bytes.
 */
export function readSmallFile(path: string, maxBytes: number): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    const code = getErrorCode(error);
    if (code === 'ENOENT') return undefined;
    throw code === 'ELOOP' ? toOpenError(error, path) : toFileError(error, path);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > maxBytes) {
      throw new DiskCacheError('CORRUPT', `${path} was not written by deskcache; remove it`);
    }
    return readFileSync(file);
  } catch (error) {
    throw toFileError(error, path);
  } finally {
    closeSync(file);
  }
}

/** Returns size in bytes and time of the last write (epoch milliseconds, the file system's clock); undefined if there is no file. */
export function statFile(path: string): { readonly bytes: number; readonly modified: number } | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? undefined : { bytes: stats.size, modified: stats.mtimeMs };
  } catch (error) {
    throw toValueFileError(error, path);
  }
}

/**
 * Creates a folder and its missing parents, parents first, and calls `onMade` for each. Node's `recursive` is not used: it reports
 * another reason than the system did, and never returns where a file system says ENOENT below an existing folder, as /proc does.
 * Only the owner may read the folders: a cache holds what its user has read.
 */
export function makeFolders(path: string, onMade: (folder: string) => void = () => {}): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeFolders(parent, onMade);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
    return;
  }
  onMade(path);
}

/** Makes the content of a file survive a power cut. Does nothing if the file doesn't exist. */
export function syncFile(path: string): void {
  if (isTemporary(path)) return;
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | NO_FOLLOW);
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return;
    throw toValueFileError(error, path);
  }
  try {
    fsyncSync(file);
  } catch (error) {
    throw toValueFileError(error, path);
  } finally {
    closeSync(file);
  }
}

/** Makes the names in a folder survive a power cut. Windows neither needs nor allows it. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32' || isTemporary(path)) return;
  try {
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    throw toValueFileError(error, path);
  }
}
