import { statSync } from 'node:fs';
import type { Core } from './core.ts';

const lengthOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes on disk now: database, write-ahead log and every value file, also those no item names. O(value files). */
export function volume(core: Core): number {
  return databaseBytes(core) + logBytes(core) + core.files.volume().bytes;
}

/** Bytes of the database file. */
export const databaseBytes = ({ connection }: Core): number => lengthOf(connection.path);

/** Bytes of the write-ahead log. */
export const logBytes = ({ connection }: Core): number => lengthOf(`${connection.path}-wal`);
