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
import { dirname, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { hasTaggedProcessExited, SELF_TAG, TAG_DIGITS } from '../process-identity.ts';
import { toFileError, toValueFileError } from '../sqlite/errors.ts';

/*
 * Where value files are, below the directory of a cache:
 *
 *   values/stage/<32 hex>.val     being written, or written and not yet named by a row
 *   values/<2 hex>/<30 hex>.val   the same name, cut after two digits: 256 buckets keep folders short
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

/** 64 random bits and the mark of this process: two writers never choose the same one, and a staged file tells whose it is. */
export const createName = (): string => randomBytes(RANDOM_BYTES).toString('hex') + SELF_TAG;

/** Whether the process that chose a name has ended; undefined where that can't be known. */
export const hasWriterExited = (name: string): boolean | undefined => hasTaggedProcessExited(name.slice(-TAG_DIGITS));

export const isBucket = (folder: string): boolean => BUCKET_PATTERN.test(folder);

export const getStagedPath = (root: string, name: string): string =>
  join(getStageFolder(root), `${assertName(name)}.val`);
export const getPlacedPath = (root: string, name: string): string =>
  join(root, assertName(name).slice(0, BUCKET_DIGITS), `${name.slice(BUCKET_DIGITS)}.val`);

/** The name behind a file in a bucket, or in the stage (no bucket); undefined for a file that isn't ours. */
export function parseFileName(file: string, bucket = ''): string | undefined {
  const digits = FILE_PATTERN.exec(file)?.[1];
  const name = digits === undefined ? '' : bucket + digits;
  return NAME_PATTERN.test(name) ? name : undefined;
}

/** A row that was tampered with must not lead out of the folder. */
function assertName(name: string): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new DiskCacheError(
    'CORRUPT',
    `${JSON.stringify(name)} is no name of a value file; check({ repair: true }) removes the item`,
  );
}

/**
 * How a file of ours is opened: a link in its place is refused (`ELOOP`), and a pipe doesn't block. Windows has neither
 * flag; making a link takes a privilege there.
 */
export const NO_FOLLOW = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The bytes of a file and when it was last changed (epoch milliseconds, the file system's clock). */
export interface FileContents {
  readonly bytes: Uint8Array;
  readonly changedAt: number;
}

/** Node reads and writes less than 2 GiB in one call. */
export const MAX_IO_BYTES = 1024 ** 3;
/** What is only looked at is read in pieces of this size. */
const READ_PIECE_BYTES = 1024 ** 2;

/**
 * A file of exactly `bytes` bytes, in memory of exactly that size.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that is missing, shorter or longer; `TOO_LARGE` when there is not so much memory;
 * for a refusal of the system, which says nothing about the file, what `toValueFileError` makes of it.
 */
export function readFileWhole(path: string, bytes: number): FileContents {
  return withOpenFile(path, bytes, (file, changedAt) => {
    const whole = allocate(path, bytes);
    readPieces(path, file, bytes, (at) => whole.subarray(at, Math.min(at + MAX_IO_BYTES, bytes)));
    return { bytes: new Uint8Array(whole.buffer), changedAt };
  });
}

/** Hands a file of exactly `bytes` bytes to `take`, piece by piece, each in the same memory. @throws as `readFileWhole` */
export function readFileInPieces(path: string, bytes: number, take: (piece: Uint8Array) => void): void {
  const memory = Buffer.allocUnsafeSlow(Math.min(READ_PIECE_BYTES, bytes));
  withOpenFile(path, bytes, (file) => {
    readPieces(path, file, bytes, (at) => memory.subarray(0, Math.min(READ_PIECE_BYTES, bytes - at)), take);
  });
}

function withOpenFile<T>(path: string, bytes: number, work: (file: number, changedAt: number) => T): T {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    throw toOpenError(error, path);
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) throw damagedFileError(path, 'is no ordinary file');
    const { size, ctimeMs } = facts;
    assertFileSize(path, size, bytes);
    return work(file, ctimeMs);
  } catch (error) {
    throw toValueFileError(error, path);
  } finally {
    closeQuietly(file);
  }
}

function readPieces(
  path: string,
  file: number,
  bytes: number,
  getBuffer: (at: number) => Uint8Array,
  take: (piece: Uint8Array) => void = () => {},
): void {
  for (let at = 0; at < bytes; ) {
    const room = getBuffer(at);
    const read = readSync(file, room, 0, room.length, at);
    if (read === 0) assertFileSize(path, at, bytes);
    take(room.subarray(0, read));
    at += read;
  }
}

function allocate(path: string, bytes: number): Buffer<ArrayBuffer> {
  try {
    return Buffer.allocUnsafeSlow(bytes); // never from the pool
  } catch (cause) {
    const hint = 'read it with openReadStream';
    throw new DiskCacheError('TOO_LARGE', `${path} holds ${bytes} bytes, more than there is memory for; ${hint}`, {
      cause,
    });
  }
}

/** Writes a new file whole, and to the disk itself with `flush`. */
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
  // Some file systems tell only here that they could not keep what was written.
  closeSync(file);
}

/** After a failure, or when nothing was written, closing has nothing to tell. */
function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // The descriptor is given back all the same.
  }
}

/**
 * A file that can't be opened to be read: it is missing or a link, or the system refuses it now. Where the whole folder of values is gone, a
 * disk may have been taken away: that says nothing about the value.
 */
export function toOpenError(error: unknown, path: string): DiskCacheError {
  const code = getErrnoCode(error);
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
  new DiskCacheError('CORRUPT', `${path} ${what}; set the item anew, or run check({ repair: true })`, { cause });

/** True when the file is gone. Windows holds on to files that somebody reads. */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    return getErrnoCode(error) === 'ENOENT';
  }
}

/** Leaves a folder that holds something, or that is in use, as it is. */
export function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty, already gone, or in use: the next collection comes by again.
  }
}

/** The files of a folder; none where there is no folder. */
export function listFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (getErrnoCode(error) === 'ENOENT') return [];
    throw toValueFileError(error, folder);
  }
}

/** The folders in a folder, without links to some; none where there is no folder. */
export function listFolders(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((found) => (found.isDirectory() ? found.name : []));
  } catch (error) {
    if (getErrnoCode(error) === 'ENOENT') return [];
    throw toValueFileError(error, folder);
  }
}

/**
 * The text of a small file that is no value; undefined where there is none.
 *
 * @throws {DiskCacheError} `CORRUPT` for a link, for what is no ordinary file, and for one of more than `most` bytes.
 */
export function readSmallFile(path: string, maxBytes: number): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    const code = getErrnoCode(error);
    if (code === 'ENOENT') return undefined;
    throw code === 'ELOOP' ? toOpenError(error, path) : toFileError(error, path);
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile() || facts.size > maxBytes) {
      throw new DiskCacheError('CORRUPT', `${path} is no file that deskcache has written; remove it`);
    }
    return readFileSync(file);
  } catch (error) {
    throw toFileError(error, path);
  } finally {
    closeSync(file);
  }
}

/** Length in bytes and time of the last write (epoch milliseconds, the file system's clock); undefined where there is no file. */
export function statFile(path: string): { readonly bytes: number; readonly modified: number } | undefined {
  try {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    return facts === undefined ? undefined : { bytes: facts.size, modified: facts.mtimeMs };
  } catch (error) {
    throw toValueFileError(error, path);
  }
}

/**
 * Makes a folder and those above it that are missing, parents first, and calls `onMade` for each. One by one: Node's own `recursive`
 * tells another reason than the system did, and never returns where a file system says ENOENT below a folder that exists, as
 * /proc does. Only the owner may look in: a cache holds what its user has read.
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

/** Makes what was written to a file survive a power cut; nothing where there is no file. */
export function syncFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | NO_FOLLOW);
  } catch (error) {
    if (getErrnoCode(error) === 'ENOENT') return;
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
  if (process.platform === 'win32') return;
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

export const getErrnoCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;
