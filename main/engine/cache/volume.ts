import { statSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { logReserve } from '../policy/budget.ts';
import type { Core } from './core.ts';

const lengthOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes on disk now: database, write-ahead log and every value file, also those no item names. O(value files). */
export function volume(core: Core): number {
  const { path } = core.connection;
  return lengthOf(path) + lengthOf(`${path}-wal`) + core.files.volume().bytes;
}

/** A large transaction leaves a large log: where it is larger than what is set aside for it, it is emptied. */
export function boundLog(core: Core): void {
  if (lengthOf(`${core.connection.path}-wal`) > logReserve(core.settings.sizeLimit, core.pageSize)) emptyLog(core);
}

/** Gives free pages back to the disk after a mass deletion. */
export function giveBack(core: Core): void {
  if (core.transaction.depth > 0) return;
  despiteOthers(core, () => core.connection.execute('PRAGMA incremental_vacuum'));
  emptyLog(core);
}

const emptyLog = (core: Core): void => despiteOthers(core, () => core.connection.pragma('wal_checkpoint(TRUNCATE)'));

/** What somebody else's reading or writing keeps from being done now is done next time. */
function despiteOthers(core: Core, work: () => void): void {
  try {
    core.connection.impatiently(work);
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'BUSY') throw error;
  }
}
