import { rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { lstatIfExists } from '../sqlite/open-database.ts';
import { hasWriterExited, listFolders } from '../values/file-io.ts';

/*
 * Names of folders that hold copies of stores: below the directory of a host, and beside a directory that is backed up or restored. On disk.
 */

export const BACKUPS_FOLDER = '_backups';
export const DAMAGED_FOLDER = '_damaged';
const SIDE_FOLDERS: ReadonlySet<string> = new Set([BACKUPS_FOLDER, DAMAGED_FOLDER]);

/** Marks a folder that a backup is filling, a copy that is going to take the place of a directory, and what was in that place before. */
export const INCOMPLETE_MARK = '.incomplete-';
export const RESTORING_MARK = '.restoring-';
export const PREVIOUS_MARK = '.before-restore-';
const MARKED_FOLDER = /\.(incomplete|restoring|before-restore)-|\.restored$/;

/** The file that a complete backup has, and that is written last. */
export const SUMMARY_FILE = 'backup.json';

/** Whether a folder has a name of a backup or restore that is under way, or of what a restore has replaced. */
export const isMarkedFolder = (name: string): boolean => MARKED_FOLDER.test(name);

/** Whether a folder of a host's directory holds no store that is in use. */
export const isSideFolder = (name: string): boolean => SIDE_FOLDERS.has(name) || isMarkedFolder(name);

/** A time in a name, as `toStamp` writes it. */
export const STAMP_PATTERN = /\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ/;
const BACKUP_NAME = new RegExp(`^${STAMP_PATTERN.source}$`);

/** Returns a time (epoch milliseconds) in UTC, to the second, for a name: `2026-12-01T04-10-00Z`. The order of names is that of time. */
export const toStamp = (time: number): string => `${new Date(time).toISOString().slice(0, 19).replaceAll(':', '-')}Z`;

/** Returns the time that `toStamp` was given, in whole seconds. */
export const parseStamp = (stamp: string): number => Date.parse(stamp.replace(/T(\d\d)-(\d\d)-(\d\d)Z$/, 'T$1:$2:$3Z'));

/** Returns the names of the complete backups that a host has made by itself, the newest one first. Each is its time. */
export function listBackups(hostDirectory: string): readonly string[] {
  const folder = join(hostDirectory, BACKUPS_FOLDER);
  return listFolders(folder)
    .filter((name) => BACKUP_NAME.test(name) && lstatIfExists(join(folder, name, SUMMARY_FILE)) !== undefined)
    .sort()
    .reverse();
}

/** Removes folders that killed processes have left beside `target`, named after it with a mark. */
export function removeAbandoned(target: string, mark: string): void {
  const start = basename(target) + mark;
  for (const name of listFolders(dirname(target))) {
    if (!name.startsWith(start)) continue;
    // The backup that fills a folder of a restore has a mark of its own behind it.
    const [writer] = name.slice(start.length).split('.') as [string, ...string[]];
    if (hasWriterExited(writer) === true) rmSync(join(dirname(target), name), { recursive: true, force: true });
  }
}
