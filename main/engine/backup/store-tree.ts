import { lstatSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { toFileError } from '../sqlite/errors.ts';
import { getDatabasePath, lstatIfExists } from '../sqlite/open-database.ts';
import { isMarkedFolder, isSideFolder, SUMMARY_FILE } from './side-folders.ts';

/** What is in a directory of one store, or of several below it. Paths are relative to it; `''` is the directory itself. */
export interface StoreTree {
  /** The folders that hold a database, in order. */
  readonly stores: readonly string[];
  /** Files beside them, such as the manifest of a FanoutCache. */
  readonly files: readonly string[];
}

/** Files that belong to a database, and are copied with it or made again. */
const STORE_FILES =
  /^(cache\.db(-wal|-shm|-journal)?|journal-[01](\.damaged.*)?|reserve|replacement\.db|values|backup\.json)$/;

const MAX_DEPTH = 8;
/** Larger files beside stores weren't written by deskcache. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Lists the stores below a directory. Links are not followed.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE` if there are none; `NOT_ALLOWED` for a link or a device, `TOO_LARGE` for folders nested too
 * deeply and for a file that is too large.
 */
export function listStoreTree(directory: string): StoreTree {
  const stores: string[] = [];
  const files: string[] = [];
  addFolder(directory, '', { stores, files });
  if (stores.length > 0) return { stores: stores.sort(), files };
  throw new DiskCacheError('NO_SUCH_STORE', `${directory} holds no store; give the directory of a store or of a host`);
}

/** Returns a filter of folders that accepts those that are named and what is below them; all if none are named. */
export const toFolderFilter =
  (folders: readonly string[] | undefined) =>
  (folder: string): boolean =>
    folders?.some((name) => folder === name || folder.startsWith(name + sep)) ?? true;

/** Whether a folder holds a database. */
const isStoreFolder = (folder: string): boolean => lstatIfExists(getDatabasePath(folder)) !== undefined;

function addFolder(
  root: string,
  folder: string,
  tree: { readonly stores: string[]; readonly files: string[] },
  depth = 0,
): void {
  const path = join(root, folder);
  if (depth > MAX_DEPTH) throw new DiskCacheError('TOO_LARGE', `${path} is nested too deeply to be a store`);
  const isStore = isStoreFolder(path);
  if (isStore) tree.stores.push(folder);
  for (const name of listNames(path)) {
    if ((isStore && STORE_FILES.test(name)) || name === SUMMARY_FILE) continue;
    if (depth === 0 ? isSideFolder(name) : isMarkedFolder(name)) continue;
    const relative = folder === '' ? name : folder + sep + name;
    const stats = lstatSync(join(root, relative), { throwIfNoEntry: false });
    if (stats?.isDirectory()) addFolder(root, relative, tree, depth + 1);
    else if (stats !== undefined) {
      assertCopyable(join(root, relative), stats);
      tree.files.push(relative);
    }
  }
}

function assertCopyable(path: string, stats: { isFile(): boolean; readonly size: number }): void {
  if (!stats.isFile()) {
    throw new DiskCacheError('NOT_ALLOWED', `${path} is a link or a device, which is not copied; remove it`);
  }
  if (stats.size > MAX_FILE_BYTES) {
    throw new DiskCacheError('TOO_LARGE', `${path} was not written by deskcache; move it out of the directory`);
  }
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw toFileError(error, folder);
  }
}
