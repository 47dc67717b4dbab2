import { renameSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { closeCore, openOpaque } from '../cache/open.ts';
import { lstatIfExists, makeDurableFolder, syncIfPossible } from '../sqlite/open-database.ts';
import { completeRestore, getRestoredPath } from '../sqlite/restored-folder.ts';
import { createName, readSmallFile } from '../values/file-io.ts';
import {
  type BackedUpStore,
  type BackupOptions,
  type BackupSummary,
  backUpTree,
  parseBackupOptions,
  toBackupError,
} from './backup.ts';
import { PREVIOUS_MARK, RESTORING_MARK, removeAbandoned, SUMMARY_FILE, toStamp } from './side-folders.ts';
import { listStoreTree } from './store-tree.ts';

export interface RestoreResult {
  /** The restored directory. */
  readonly path: string;
  /** Where what was there before is now; undefined if there was nothing. */
  readonly previous: string | undefined;
  /** When the backup was made, ISO 8601. */
  readonly date: string;
  readonly stores: readonly BackedUpStore[];
}

const MAX_SUMMARY_BYTES = 1024 * 1024;

/**
 * Reads what a backup says of a directory, which is the backup or a folder of it.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE` if the directory isn't a complete backup; `UNSUPPORTED_VERSION`, `CORRUPT`.
 */
function readSummary(path: string): BackupSummary {
  const backup = [path, dirname(path), dirname(dirname(path))].find((folder) =>
    lstatIfExists(join(folder, SUMMARY_FILE)),
  );
  if (backup === undefined)
    throw new DiskCacheError('NO_SUCH_STORE', `${path} is not a complete backup: it has no ${SUMMARY_FILE}`);
  const { stores, ...summary } = readSummaryFile(join(backup, SUMMARY_FILE));
  const inside = relative(backup, path);
  const isInside = (folder: string) => inside === '' || folder === inside || folder.startsWith(inside + sep);
  return {
    ...summary,
    stores: stores
      .filter(({ folder }) => isInside(folder))
      .map((store) => ({ ...store, folder: relative(inside, store.folder) })),
  };
}

function readSummaryFile(file: string): BackupSummary {
  const text = readSmallFile(file, MAX_SUMMARY_BYTES)?.toString() ?? '';
  const summary = parseSummary(text);
  if (summary === undefined) throw new DiskCacheError('CORRUPT', `${file} is damaged; use another backup`);
  if (summary.format === 1) return summary;
  throw new DiskCacheError('UNSUPPORTED_VERSION', `${file} was written by a later version of deskcache; update it`);
}

function parseSummary(text: string): BackupSummary | undefined {
  try {
    const { format, date, stores } = Object(JSON.parse(text)) as Partial<BackupSummary>;
    return typeof format === 'number' && typeof date === 'string' && isStoreList(stores)
      ? { format, date, stores }
      : undefined;
  } catch {
    return undefined;
  }
}

const isStoreList = (stores: unknown): stores is BackedUpStore[] =>
  Array.isArray(stores) && stores.every((store) => typeof Object(store).folder === 'string');

/**
 * Puts a backup in the place of a directory, of one store or of a host. The backup is copied and checked before anything is changed, and stays as it
 * is. What was in the directory is kept beside it. A process that is killed leaves the old directory or the new one. O(bytes).
 *
 * @throws {DiskCacheError} `BUSY` if a store of the directory is open; `NO_SUCH_STORE` or `CORRUPT` for a directory that isn't a complete and
 * undamaged backup; `BAD_OPTION` if the backup holds other stores than it says; what `backup` throws.
 */
export async function restore(path: string, directory: string, options?: BackupOptions): Promise<RestoreResult> {
  const { onProgress, signal } = parseBackupOptions(options);
  const [source, target] = [resolve(path), resolve(directory)];
  const { date, stores } = readSummary(source);
  assertComplete(source, stores);
  completeRestore(target);
  assertClosed(target);
  makeDurableFolder(dirname(target));
  removeAbandoned(target, RESTORING_MARK);
  const ready = `${target}${RESTORING_MARK}${createName()}`;
  await backUpTree(source, ready, { onProgress, signal });
  try {
    rmSync(join(ready, SUMMARY_FILE), { force: true });
    assertClosed(target);
    const previous = lstatIfExists(target) && choosePrevious(target);
    swap(ready, target, previous);
    return { path: target, previous, date, stores };
  } catch (error) {
    rmSync(ready, { recursive: true, force: true });
    throw toBackupError(error, target);
  }
}

/** Puts `ready` in the place of a directory. If the process ends in between, `completeRestore` goes on. */
function swap(ready: string, target: string, previous: string | undefined): void {
  if (previous === undefined) renameSync(ready, target);
  else {
    const restored = getRestoredPath(target);
    rmSync(restored, { recursive: true, force: true });
    renameSync(ready, restored);
    try {
      renameSync(target, previous);
    } catch (error) {
      renameSync(restored, ready);
      throw error;
    }
    renameSync(restored, target);
  }
  syncIfPossible(dirname(target));
}

/** Returns a name that is free, beside the directory. */
function choosePrevious(target: string): string {
  const first = target + PREVIOUS_MARK + toStamp(Date.now());
  for (let n = 1; ; n++) {
    const path = n === 1 ? first : `${first}-${n}`;
    if (lstatIfExists(path) === undefined) return path;
  }
}

/** @throws {DiskCacheError} `CORRUPT` if the backup lacks a store, or has one that it doesn't name. */
function assertComplete(source: string, stores: readonly BackedUpStore[]): void {
  const found = listStoreTree(source).stores;
  const named = stores.map(({ folder }) => folder).sort();
  if (found.length === named.length && found.every((folder, nth) => folder === named[nth])) return;
  throw new DiskCacheError(
    'CORRUPT',
    `${source} holds other stores than its ${SUMMARY_FILE} names: ${found.join(', ')}; use another backup`,
  );
}

/**
 * Asserts that no store of a directory is open. One that is too damaged to be opened can't be told.
 *
 * @throws {DiskCacheError} `BUSY`
 */
function assertClosed(directory: string): void {
  for (const folder of listStores(directory)) {
    const path = join(directory, folder);
    try {
      closeCore(openOpaque(path, { exclusive: true, timeout: 0 }));
    } catch (error) {
      if (!(error instanceof DiskCacheError) || error.code !== 'BUSY') continue;
      const message = `${path} is open, and can't be replaced: close it, or end the application that uses it, then restore again`;
      throw new DiskCacheError('BUSY', message, { cause: error });
    }
  }
}

function listStores(directory: string): readonly string[] {
  if (lstatIfExists(directory) === undefined) return [];
  try {
    return listStoreTree(directory).stores;
  } catch (error) {
    // It holds something else, or nothing: that is kept, too.
    if (error instanceof DiskCacheError) return [];
    throw error;
  }
}
