import { existsSync, renameSync } from 'node:fs';
import { toFileError } from './errors.ts';

/** Returns where a restored directory is for the moment in which it takes the place of another one. On disk. */
export const getRestoredPath = (directory: string): string => `${directory}.restored`;

/**
 * Ends a restore whose process was killed after it had moved the old directory away. Called before a directory is opened.
 *
 * @throws {DiskCacheError} as `toFileError`
 */
export function completeRestore(directory: string): void {
  if (existsSync(directory) || !existsSync(getRestoredPath(directory))) return;
  try {
    renameSync(getRestoredPath(directory), directory);
  } catch (error) {
    // Another process may have just done it.
    if (!existsSync(directory)) throw toFileError(error, directory);
  }
}
