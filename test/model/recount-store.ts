import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { findDanglingRows, findOrphans } from '../crash/orphan-files.ts';

/** What a closed store looks like from outside, past the engine. */
export interface RecountResult {
  /** Value files that no row names. */
  readonly orphans: readonly string[];
  /** Files that a row names and that are missing or of another length. */
  readonly dangling: readonly string[];
  /** What the counter of file bytes says beyond the sum of the rows. */
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

/** The directories below one, itself included, that have a database. */
export const findStores = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('cache.db'))
    .map((path) => dirname(join(directory, path)));

/** Bytes of all files of a store; the index of the log, which SQLite keeps in memory, is none. */
export function getFolderBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
