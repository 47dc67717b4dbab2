import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { findDanglingRows, findOrphans } from '../crash/orphan-files.ts';

/** The state of a closed store, read without the engine. */
export interface RecountResult {
  /** Value files that no row names. */
  readonly orphans: readonly string[];
  /** Files named by a row that are missing or have another length. */
  readonly dangling: readonly string[];
  /** The counter of file bytes minus the sum over the rows. */
  readonly miscounted: number;
  readonly integrity: unknown;
}

export const NO_FINDINGS: RecountResult = { orphans: [], dangling: [], miscounted: 0, integrity: 'ok' };

export function recountStore(directory: string): RecountResult {
  const database = new Database(join(directory, 'cache.db'), { readonly: true });
  try {
    const miscounted = database
      .prepare<[], number>(
        `SELECT (SELECT value FROM counter WHERE name = 'file bytes')
           - (SELECT coalesce(sum(size), 0) FROM entry WHERE file IS NOT NULL)`,
      )
      .pluck()
      .get() as number;
    const integrity = database.pragma('integrity_check', { simple: true });
    return { orphans: findOrphans(directory), dangling: findDanglingRows(directory), miscounted, integrity };
  } finally {
    database.close();
  }
}

/** Returns the directories with a database, from this one downwards. */
export const findStores = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('cache.db'))
    .map((path) => dirname(join(directory, path)));

/** Returns the bytes of all files of a store, without the index of the log, which SQLite keeps in memory. */
export function getFolderBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
