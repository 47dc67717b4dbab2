import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { fileFailure } from '../sqlite/failure.ts';

/**
 * How a file of ours is opened: a link in its place is refused (`ELOOP`), and a pipe keeps nobody waiting. Windows has neither
 * flag; making a link takes a privilege there.
 */
export const NO_FOLLOW = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The bytes of a file and when it was last changed (epoch milliseconds, the file system's clock). */
export interface Whole {
  readonly bytes: Uint8Array;
  readonly changed: number;
}

/**
 * A file of exactly `bytes` bytes, in memory of exactly that size.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that is missing, shorter or longer.
 */
export function readWhole(path: string, bytes: number): Whole {
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
    const whole = Buffer.allocUnsafeSlow(bytes); // never from the pool
    let at = 0;
    while (at < bytes) {
      const read = readSync(file, whole, at, bytes - at, at);
      if (read === 0) expectSize(path, at, bytes);
      at += read;
    }
    return { bytes: new Uint8Array(whole.buffer), changed: ctimeMs };
  } catch (error) {
    throw fileFailure(error, path);
  } finally {
    closeSync(file);
  }
}

export function expectSize(path: string, actual: number, expected: number): void {
  if (actual !== expected) throw damaged(path, `holds ${actual} bytes instead of ${expected}`);
}

/** What opening a value file has thrown: one that is missing, or a link, is damage. */
export function openFailure(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (code === 'ENOENT') return damaged(path, 'is missing', error);
  if (code === 'ELOOP') return damaged(path, 'is a link, which is not followed', error);
  return fileFailure(error, path);
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
    throw fileFailure(error, folder);
  }
}

/** The folders in a folder, without links to some; none where there is no folder. */
export function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((found) => (found.isDirectory() ? found.name : []));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw fileFailure(error, folder);
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
    if (codeOf(error) === 'ENOENT') return undefined;
    throw openFailure(error, path);
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
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts === undefined ? undefined : { bytes: facts.size, modified: facts.mtimeMs };
}

/** Makes what was written to a file survive a power cut; nothing where there is no file. */
export function syncFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | NO_FOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw fileFailure(error, path);
  }
  try {
    fsyncSync(file);
  } catch (error) {
    throw fileFailure(error, path);
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
    throw fileFailure(error, path);
  }
}

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;
