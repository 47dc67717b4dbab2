import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from '../state/core.ts';
import { removeReplaced } from './delete-row.ts';
import { checkpoint, vacuum } from './maintenance.ts';
import { getBallastBytes, getWalBytes, releaseBallast, resizeBallast } from './store-files.ts';

/** Pages are vacuumed by this part of the ballast at a time: each may be moved, and its neighbours in the tree change. */
const VACUUM_STEP_FRACTION = 1 / 4;

/** True if the disk is full, and not only the limit reached. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof DiskCacheError && error.code === 'DISK_FULL' && error.cause !== undefined;

/**
 * Runs work that frees space in these stores; on a full disk once more, after releasing their ballast. Inside a transaction the
 * outermost caller retries, because a full disk ends the transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` if that is not enough: another process reads and blocks checkpoints, or there was no ballast.
 */
export function retryWithBallast<T>(stores: readonly Core[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error) || stores.some(isInTransaction)) throw error;
    if (removeReplacedFiles(stores)) return retryWithBallast(stores, work);
    // All release theirs: the error does not say which of them lacks space.
    const releasedBytes = stores.map(releaseBallast);
    if (Math.max(...releasedBytes) <= 0) throw error;
    for (const store of stores) checkpoint(store);
    try {
      return work();
    } finally {
      for (const [nth, store] of stores.entries()) {
        vacuum(store, toVacuumStepPages(store, releasedBytes[nth] ?? 0));
        resizeBallast(store);
      }
    }
  }
}

/**
 * Runs work that needs space in a store; on a full disk once more, with the space of the WAL and of free pages.
 *
 * @throws {DiskCacheError} `DISK_FULL` if there is none.
 */
export function retryAfterCheckpoint<T>(store: Core, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error) || isInTransaction(store)) throw error;
    if (removeReplacedFiles([store])) return retryAfterCheckpoint(store, work);
    if (getWalBytes(store) === 0) throw error;
    vacuum(store, toVacuumStepPages(store, getBallastBytes(store)));
    return work();
  }
}

/** Removes the files of replaced values that wait for it; returns whether there were any. */
function removeReplacedFiles(stores: readonly Core[]): boolean {
  const waiting = stores.filter(({ maintenance }) => maintenance.replacedFiles > 0);
  for (const store of waiting) removeReplaced(store);
  return waiting.length > 0;
}

const isInTransaction = ({ transaction }: Core): boolean => transaction.depth > 0;

const toVacuumStepPages = ({ pageSize }: Core, ballast: number): number =>
  Math.max(1, Math.floor((ballast * VACUUM_STEP_FRACTION) / pageSize));
