import { join } from 'node:path';
import { factsAt, RESERVE_FILE } from '../sqlite/store-directory.ts';
import { factsOf } from '../values/whole-file.ts';
import type { Core } from './core.ts';

const lengthOf = (path: string): number => factsOf(path)?.bytes ?? 0;

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
  const facts = factsAt(reservePath(core));
  return facts?.isFile() ? facts.size : 0;
}
