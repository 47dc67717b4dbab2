import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RESERVE_FILE } from '../sqlite/store-directory.ts';
import type { Core } from './core.ts';

const lengthOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * Bytes on disk now: database, write-ahead log, what is kept for a full disk, and every value file, also those no item names.
 * O(value files).
 */
export function volume(core: Core): number {
  return databaseBytes(core) + logBytes(core) + reserveBytes(core) + core.files.volume().bytes;
}

/** Bytes of the database file. */
export const databaseBytes = ({ connection }: Core): number => lengthOf(connection.path);

/** Bytes of the write-ahead log. */
export const logBytes = ({ connection }: Core): number => lengthOf(`${connection.path}-wal`);

/** The file that is kept for a full disk. */
export const reservePath = ({ directory }: Core): string => join(directory, RESERVE_FILE);

/** Bytes that are kept for a full disk. A link in its place keeps none. */
export function reserveBytes(core: Core): number {
  const facts = lstatSync(reservePath(core), { throwIfNoEntry: false });
  return facts?.isFile() ? facts.size : 0;
}
