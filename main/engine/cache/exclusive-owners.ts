import { DiskCacheError } from '../../../protocol/error.ts';
import { resolveDirectory } from '../sqlite/open-database.ts';

/*
 * A directory that is open with `exclusive` is closed to everyone else. SQLite reports that as a lock, which it doesn't explain: here
 * the reason is added, and a thread doesn't wait for a lock that it holds itself.
 */

/** The directories that this thread has open with `exclusive`. */
const ownedDirectories = new Set<string>();

export function addOwnedDirectory(directory: string): void {
  ownedDirectories.add(directory);
}

export function removeOwnedDirectory(directory: string): void {
  ownedDirectories.delete(directory);
}

/**
 * Opens a directory by `open`, which may find it locked.
 *
 * @throws {DiskCacheError} `BUSY`, at once if this thread has the directory open with `exclusive`; what `open` throws.
 */
export function openUnlessOwned<T>(directory: string, isExclusive: boolean, open: () => T): T {
  const path = resolveDirectory(directory);
  if (ownedDirectories.has(path)) {
    throw new DiskCacheError(
      'BUSY',
      `${path} is already open in this thread, with exclusive, by a host of openDiskCache or by the application itself. Use that store, close it first, or open it with exclusive: false`,
    );
  }
  try {
    return open();
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'BUSY') throw error;
    throw new DiskCacheError('BUSY', `${error.message}. ${isExclusive ? SHARED_ELSEWHERE : OWNED_ELSEWHERE}`, {
      cause: error,
    });
  }
}

const SHARED_ELSEWHERE =
  'It was to be opened with exclusive, so nobody else may have it open: close it there, or pass exclusive: false here and there to share it';
const OWNED_ELSEWHERE =
  'A host of openDiskCache opens its stores with exclusive while the application holds the single-instance lock of Electron: to share one, declare it with exclusive: false';
