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
import { dirname } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { fileFailure, valueFailure } from '../sqlite/failure.ts';

/**
 * How a file of ours is opened: a link in its place is refused (`ELOOP`), and a pipe doesn't block. Windows has neither
 * flag; making a link takes a privilege there.
 */
export const NO_FOLLOW = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The bytes of a file and when it was last changed (epoch milliseconds, the file system's clock). */
export interface Whole {
  readonly bytes: Uint8Array;
  readonly changed: number;
}

/** Node reads and writes less than 2 GiB in one call. */
export const MAX_CALL_BYTES = 1024 ** 3;
/** What is only looked at is read in pieces of this size. */
const PIECE_BYTES = 1024 ** 2;

/**
 * A file of exactly `bytes` bytes, in memory of exactly that size.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that is missing, shorter or longer; `TOO_LARGE` when there is not so much memory;
 * for a refusal of the system, which says nothing about the file, what `valueFailure` makes of it.
 */
export function readWhole(path: string, bytes: number): Whole {
  return reading(path, bytes, (file, changed) => {
    const whole = allocated(path, bytes);
    readPieces(path, file, bytes, (at) => whole.subarray(at, Math.min(at + MAX_CALL_BYTES, bytes)));
    return { bytes: new Uint8Array(whole.buffer), changed };
  });
}

/** Hands a file of exactly `bytes` bytes to `take`, piece by piece, each in the same memory. @throws as `readWhole` */
export function readInPieces(path: string, bytes: number, take: (piece: Uint8Array) => void): void {
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, bytes));
  reading(path, bytes, (file) => {
    readPieces(path, file, bytes, (at) => memory.subarray(0, Math.min(PIECE_BYTES, bytes - at)), take);
  });
}

function reading<T>(path: string, bytes: number, work: (file: number, changed: number) => T): T {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    throw openFailure(error, path);
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) throw damaged(path, 'is no ordinary file');
    const { size, ctimeMs } = facts;
    expectSize(path, size, bytes);
    return work(file, ctimeMs);
  } catch (error) {
    throw valueFailure(error, path);
  } finally {
    closeQuietly(file);
  }
}

function readPieces(
  path: string,
  file: number,
  bytes: number,
  roomAt: (at: number) => Uint8Array,
  take: (piece: Uint8Array) => void = () => {},
): void {
  for (let at = 0; at < bytes; ) {
    const room = roomAt(at);
    const read = readSync(file, room, 0, room.length, at);
    if (read === 0) expectSize(path, at, bytes);
    take(room.subarray(0, read));
    at += read;
  }
}

function allocated(path: string, bytes: number): Buffer<ArrayBuffer> {
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
export function writeWhole(path: string, bytes: Uint8Array, flush: boolean): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(file, bytes, at, Math.min(MAX_CALL_BYTES, bytes.length - at));
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
export function openFailure(error: unknown, path: string): DiskCacheError {
  const code = codeOf(error);
  if (code === 'ELOOP') return damaged(path, 'is a link, which is not followed', error);
  if (code !== 'ENOENT') return valueFailure(error, path);
  const root = dirname(dirname(path));
  if (existsSync(root)) return damaged(path, 'is missing', error);
  return new DiskCacheError('IO', `${path} can't be read: ${root} is gone; put it back, or open the store again`, {
    cause: error,
  });
}

export function expectSize(path: string, actual: number, expected: number): void {
  if (actual !== expected) throw damaged(path, `holds ${actual} bytes instead of ${expected}`);
}

export const damaged = (path: string, what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('CORRUPT', `${path} ${what}; set the item anew, or run check({ repair: true })`, { cause });

/** True when the file is gone. Windows holds on to files that somebody reads. */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
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
export function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw valueFailure(error, folder);
  }
}

/** The folders in a folder, without links to some; none where there is no folder. */
export function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((found) => (found.isDirectory() ? found.name : []));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw valueFailure(error, folder);
  }
}

/**
 * The text of a small file that is no value; undefined where there is none.
 *
 * @throws {DiskCacheError} `CORRUPT` for a link, for what is no ordinary file, and for one of more than `most` bytes.
 */
export function readSmall(path: string, most: number): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return undefined;
    throw code === 'ELOOP' ? openFailure(error, path) : fileFailure(error, path);
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile() || facts.size > most) {
      throw new DiskCacheError('CORRUPT', `${path} is no file that deskcache has written; remove it`);
    }
    return readFileSync(file);
  } catch (error) {
    throw fileFailure(error, path);
  } finally {
    closeSync(file);
  }
}

/** Length in bytes and time of the last write (epoch milliseconds, the file system's clock); undefined where there is no file. */
export function factsOf(path: string): { readonly bytes: number; readonly modified: number } | undefined {
  try {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    return facts === undefined ? undefined : { bytes: facts.size, modified: facts.mtimeMs };
  } catch (error) {
    throw valueFailure(error, path);
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
    if (codeOf(error) === 'ENOENT') return;
    throw valueFailure(error, path);
  }
  try {
    fsyncSync(file);
  } catch (error) {
    throw valueFailure(error, path);
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
    throw valueFailure(error, path);
  }
}

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;
