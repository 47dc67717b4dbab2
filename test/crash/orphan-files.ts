import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';

/** The path of the file of a name, as docs/disk-format.md has it. */
const getFilePath = (directory: string, name: string): string =>
  join(directory, 'values', name.slice(0, 2), `${name.slice(2)}.val`);

/** The names and sizes that rows give, read past the engine. */
function readFileRows(directory: string): { file: string; size: number }[] {
  const database = new Database(join(directory, 'cache.db'), { readonly: true });
  try {
    return database
      .prepare<[], { file: string; size: number }>('SELECT file, size FROM entry WHERE file IS NOT NULL')
      .all();
  } finally {
    database.close();
  }
}

/** Rows whose file is missing or has another length. */
export const findDanglingRows = (directory: string): string[] =>
  readFileRows(directory)
    .filter(({ file, size }) => statSync(getFilePath(directory, file), { throwIfNoEntry: false })?.size !== size)
    .map(({ file }) => file);

/** The paths of all value files, placed or staged. */
export function listStoredFiles(directory: string): string[] {
  const root = join(directory, 'values');
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.val'))
    .map((path) => join(root, path));
}

/** Value files that no row names. */
export function findOrphans(directory: string): string[] {
  const named = new Set(readFileRows(directory).map(({ file }) => getFilePath(directory, file)));
  return listStoredFiles(directory).filter((path) => !named.has(path));
}

/** Whether a value file was never put in its place. */
export const isStaged = (path: string): boolean => basename(dirname(path)) === 'stage';
