import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Cache } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** Opens a store with a journal whose first writes are done, so that the next small ones go to the journal. */
export function openJournaled(directory = freshDirectory(), options: CacheOptions = {}): Cache<string, unknown> {
  const cache = new Cache<string, unknown>(directory, { exclusive: true, ...options });
  cache.set('first', 0);
  cache.set('first', 1);
  return cache;
}

/** Returns a copy of the directory as it is now on disk: what a process finds if this one is killed. */
export function copyAsKilled({ directory }: { readonly directory: string }): string {
  const copy = freshDirectory();
  new Cache(copy).close();
  for (const name of readdirSync(directory, { withFileTypes: true })) {
    if (name.isFile()) copyFileSync(join(directory, name.name), join(copy, name.name));
  }
  return copy;
}

export const listJournals = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.startsWith('journal'));

/** Returns the bytes of all journal files of an open store. */
export const readJournalBytes = ({ directory }: { readonly directory: string }): number =>
  listJournals(directory).reduce((bytes, name) => bytes + statSync(join(directory, name)).size, 0);

export const readJournal = (directory: string, nth = 0): Buffer => readFileSync(join(directory, `journal-${nth}`));

export function writeJournal(directory: string, bytes: Uint8Array, nth = 0): void {
  writeFileSync(join(directory, `journal-${nth}`), bytes);
}

/** Returns the offsets at which the records of a journal begin, and its length. */
export function listRecords(bytes: Buffer): number[] {
  const offsets: number[] = [];
  let at = 32;
  for (; at < bytes.length; at += bytes.readUInt32LE(at + 4) + 8) offsets.push(at);
  return [...offsets, at];
}

/** Runs work on the database of a closed store, without deskcache. */
export function withDatabase<T>(directory: string, work: (database: Database.Database) => T): T {
  const path = join(directory, 'cache.db');
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  const database = new Database(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

export const getUserVersion = (directory: string): unknown =>
  withDatabase(directory, (database) => database.pragma('user_version', { simple: true }));
