import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getErrorCode, toFileError } from '../sqlite/errors.ts';
import { lstatIfExists } from '../sqlite/open-database.ts';
import { toJournalError } from './journal-file.ts';

/*
 * Journal files that recovery could not use as a whole. They are kept beside the database until a repair, so that `check` reports them.
 */

/** Added to the name of the first such file; those of further ones end with a number from 2. On disk. */
const DAMAGED_SUFFIX = '.damaged';
const DAMAGED_NAME = /^journal-[01]\.damaged(-\d+)?$/;

/** Returns the paths of files that recovery has kept, in the order of their names. @throws {DiskCacheError} */
export function listDamagedJournals(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => DAMAGED_NAME.test(name));
    return names.sort().map((name) => join(directory, name));
  } catch (error) {
    throw toFileError(error, directory);
  }
}

/** Returns the first free name for a file. O(files that are kept). */
function getDamagedPath(path: string): string {
  let kept = path + DAMAGED_SUFFIX;
  for (let nth = 2; lstatIfExists(kept) !== undefined; nth++) kept = `${path}${DAMAGED_SUFFIX}-${nth}`;
  return kept;
}

/**
 * Keeps a journal file under another name; an empty file stands for one that is missing or has become a link. Returns the path, or undefined if
 * another process has just kept it.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a directory, `NOT_ALLOWED` for a device; `IO`, `DISK_FULL`
 */
export function keepJournalFile(path: string): string | undefined {
  const kept = getDamagedPath(path);
  const facts = lstatIfExists(path);
  try {
    if (facts?.isFile()) renameSync(path, kept);
    else {
      rmSync(path, { force: true });
      writeFileSync(kept, '', { flag: 'wx', mode: 0o600 });
    }
    return kept;
  } catch (error) {
    const isKeptElsewhere = ['ENOENT', 'EEXIST'].includes(getErrorCode(error) ?? '');
    if (isKeptElsewhere) return undefined;
    throw toJournalError(error, path);
  }
}

/** Says what is lost with a file that recovery has kept. */
export const describeDamagedJournal = (path: string): string =>
  lstatIfExists(path)?.size === 0
    ? `${path} stands for a write journal that was deleted or emptied while the store was closed: the changes in it are lost; check({ repair: true }) removes it`
    : `${path} holds changes that can't be used, because what was written before them is damaged or lost; check({ repair: true }) removes it`;
