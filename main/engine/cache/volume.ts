import { statSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from './core.ts';

const lengthOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes on disk now: database, write-ahead log and every value file, also those no item names. O(value files). */
export function volume(core: Core): number {
  const { path } = core.connection;
  return lengthOf(path) + lengthOf(`${path}-wal`) + core.files.volume().bytes;
}

/** Bytes of the write-ahead log. */
export const logBytes = (core: Core): number => lengthOf(`${core.connection.path}-wal`);

/** Gives free pages back to the disk after a mass deletion. What somebody else's reading keeps from it is done next time. */
export function giveBack(core: Core): void {
  if (core.transaction.depth > 0) return;
  try {
    core.connection.execute('PRAGMA incremental_vacuum');
    core.connection.pragma('wal_checkpoint(TRUNCATE)');
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'BUSY') throw error;
  }
}
