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
/** Those that it has open without, by directory. One that is forgotten without being closed may be collected. */
const sharers = new Map<string, readonly WeakRef<Core>[]>();

/** Registers a store that was opened. */
export function addOpenStore(core: Core): void {
  if (core.openOptions.exclusive) owners.set(core.directory, core);
  else if (!core.connection.isCopy)
    sharers.set(
      core.directory,
      [...listSharers(core.directory), core].map((sharer) => new WeakRef(sharer)),
    );
}

export function removeOpenStore(core: Core): void {
  if (owners.get(core.directory) === core) owners.delete(core.directory);
  const left = listSharers(core.directory).filter((sharer) => sharer !== core);
  if (left.length === 0) sharers.delete(core.directory);
  else
    sharers.set(
      core.directory,
      left.map((sharer) => new WeakRef(sharer)),
    );
}

const listSharers = (directory: string): Core[] =>
  (sharers.get(directory) ?? [])
    .flatMap((sharer) => sharer.deref() ?? [])
    .filter(({ connection }) => connection.isOpen);

/** Returns the store at a path that this thread has open with `exclusive`: nothing else can read it. */
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
 * @throws {DiskCacheError} `BUSY`, at once if this thread has the directory open and one of the two is `exclusive`; what `open` throws.
 */
export function openUnlessOwned<T>(directory: string, isExclusive: boolean, open: () => T): T {
  const path = resolveDirectory(directory);
  if (isOwned(path)) {
    throw new DiskCacheError(
      'BUSY',
      `${path} is already open in this thread, with exclusive, by a host of openDiskCache or by the application itself. Use that store, close it first, or open it with exclusive: false`,
    );
  }
  if (isExclusive && listSharers(path).some(isDatabaseInPlace)) {
    throw new DiskCacheError(
      'BUSY',
      `${path} is already open in this thread, without exclusive. Use that store, close it first, or open it with exclusive: false`,
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
