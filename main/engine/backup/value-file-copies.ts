import { constants } from 'node:fs';
import { copyFile, link, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { getErrorCode, toValueFileError } from '../sqlite/errors.ts';
import type { Core } from '../state/core.ts';
import { isTemporary } from '../temporary-directory.ts';
import { toOpenError } from '../values/file-io.ts';

/** Clones where the file system can, and replaces nothing. */
export const COPY_FLAGS = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;

/** Files named by one read of the database, and copied at a time. */
const FILES_AT_ONCE = 64;

const NEXT_FILES_SQL = 'SELECT file, size FROM entry WHERE file > ? ORDER BY file LIMIT ?';

/**
 * Gives a copied database its value files: links to those of the original, or copies where the file system can't link. A value file is
 * never changed once it is named, so a link is as good as a copy, except when the disk itself fails. In libuv's threads. O(files).
 */
export async function copyValueFiles(source: Core, copy: Core, onCopied: (bytes: number) => void): Promise<void> {
  const folders = new Set<string>();
  for (let after = ''; ; ) {
    const files = copy.sql.dynamic<[string, number]>(NEXT_FILES_SQL).all(after, FILES_AT_ONCE);
    if (files.length === 0) break;
    for (const folder of new Set(files.map(([file]) => dirname(copy.files.getPath(file))))) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      folders.add(folder);
    }
    await Promise.all(
      files.map(async ([file, bytes]) => {
        await copyValueFile(source.files.getReadablePath(file), copy.files.getPath(file));
        onCopied(bytes);
      }),
    );
    after = files.at(-1)![0];
  }
  for (const folder of folders) await syncPath(folder);
}

async function copyValueFile(source: string, target: string): Promise<void> {
  try {
    await linkOrCopy(source, target);
    await syncPath(target);
  } catch (error) {
    throw getErrorCode(error) === 'ENOENT' ? toOpenError(error, source) : toValueFileError(error, target);
  }
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch {
    // Another disk, a file system without links, too many links. Where copying isn't possible either, its error says why.
    await copyFile(source, target, COPY_FLAGS);
  }
}

/** Makes a file, or the names in a folder, survive a power cut; Windows can't do that for a folder, nor for a file opened to read. */
export async function syncPath(path: string): Promise<void> {
  if (process.platform === 'win32' || isTemporary(path)) return;
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
