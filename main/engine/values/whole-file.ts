import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { fileFailure } from '../sqlite/failure.ts';

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
    file = openSync(path, 'r');
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? damaged(path, 'is missing', error) : fileFailure(error, path);
  }
  try {
    const { size, ctimeMs } = fstatSync(file);
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

/** Length in bytes and time of the last write (epoch milliseconds, the file system's clock); undefined where there is no file. */
export function factsOf(path: string): { readonly bytes: number; readonly modified: number } | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts === undefined ? undefined : { bytes: facts.size, modified: facts.mtimeMs };
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
