import { DiskCacheError } from '../../../protocol/error.ts';
import { isDatabaseInPlace } from '../space/store-files.ts';
import { resolveDirectory } from '../sqlite/open-database.ts';
import type { Core } from '../state/core.ts';

/*
 * Nothing else can open a directory that is open with `exclusive`. SQLite reports only that the database is locked: here the reason is
 * added, and a thread doesn't wait for a lock that it holds itself.
 */

/** The stores that this thread has open with `exclusive`, by directory. */
const owners = new Map<string, Core>();

export function addOwner(core: Core): void {
  owners.set(core.directory, core);
}

export function removeOwner(core: Core): void {
  if (owners.get(core.directory) === core) owners.delete(core.directory);
}

/** Returns the store at a path that this thread has open with `exclusive`. */
export const findOwner = (directory: string): Core | undefined =>
  isOwned(directory) ? owners.get(directory) : undefined;

/** Returns whether this thread owns what is at a path; not if the files of its store were deleted or replaced. */
function isOwned(directory: string): boolean {
  const owner = owners.get(directory);
  return owner !== undefined && isDatabaseInPlace(owner);
}

/**
 * Opens a directory by `open`, which may find it locked.
 *
 * @throws {DiskCacheError} `BUSY`, at once if this thread has the directory open with `exclusive`; what `open` throws.
 */
export function openUnlessOwned<T>(directory: string, isExclusive: boolean, open: () => T): T {
  const path = resolveDirectory(directory);
  if (isOwned(path)) {
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
  'With exclusive only one process and thread may have it open: close it in the other one, or share it by opening it with exclusive: false in both';
const OWNED_ELSEWHERE =
  'A host of openDiskCache opens its stores with exclusive while the application holds the single-instance lock of Electron: to share one, declare it with exclusive: false';
