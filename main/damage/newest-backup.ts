import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BACKUPS_FOLDER, getDatabasePath, listBackups, readStoredRows } from '../engine/internal.ts';

/**
 * Returns the directory of a store in the newest complete backup in which all of it can be read; undefined if none has it. O(bytes of
 * the backups that are looked at).
 */
export function findNewestBackup(hostDirectory: string, store: string): string | undefined {
  return listBackups(hostDirectory)
    .map((name) => join(hostDirectory, BACKUPS_FOLDER, name, ...store.split('/')))
    .find((directory) => existsSync(getDatabasePath(directory)) && isWhole(directory));
}

function isWhole(directory: string): boolean {
  const { unreadable } = readStoredRows(directory, () => {});
  return unreadable.items === 0 && unreadable.pages === 0;
}
