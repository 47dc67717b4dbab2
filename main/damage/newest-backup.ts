import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { getDatabasePath, listFolders, readStoredRows } from '../engine/internal.ts';

const BACKUPS_FOLDER = '_backups';
/** Names of backups, by their time in UTC. Their order is that of time. */
const BACKUP_NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/;
/** Written last: without it, a backup is unfinished. */
const BACKUP_FILE = 'backup.json';

/**
 * Returns the directory of a store in the newest finished backup in which all of it can be read; undefined if there isn't one. O(bytes of
 * the backups that are looked at).
 */
export function findNewestBackup(hostDirectory: string, store: string): string | undefined {
  const root = join(hostDirectory, BACKUPS_FOLDER);
  const names = listFolders(root).filter((name) => BACKUP_NAME.test(name));
  return names
    .sort()
    .reverse()
    .filter((name) => existsSync(join(root, name, BACKUP_FILE)))
    .map((name) => join(root, name, ...store.split('/')))
    .find((directory) => existsSync(getDatabasePath(directory)) && isWhole(directory));
}

function isWhole(directory: string): boolean {
  const { unreadable } = readStoredRows(directory, () => {});
  return unreadable.items === 0 && unreadable.pages === 0;
}
