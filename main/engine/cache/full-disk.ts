import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from './core.ts';
import { removeReplaced } from './replaced-files.ts';
import { giveUpReserve, keepReserve } from './reserve.ts';
import { emptyLog, giveBack } from './upkeep.ts';
import { logBytes, reserveBytes } from './volume.ts';

/** Pages are given back by this part of the reserve at a time: each may be moved, and its neighbours in the tree change. */
const PART = 1 / 4;

/** Whether the disk is full, and not only the limit reached. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof DiskCacheError && error.code === 'DISK_FULL' && error.cause !== undefined;

/**
 * Runs what frees space in these stores; on a full disk once more, with what they have kept for that. Inside a transaction its
 * outermost caller does so, for a full disk ends the transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` when that is not enough: another process reads and keeps the log from being emptied, or
 * there was nothing in reserve.
 */
export function despiteFullDisk<T>(stores: readonly Core[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error) || stores.some(isInTransaction)) throw error;
    if (removeWaiting(stores)) return despiteFullDisk(stores, work);
    // All give up theirs: which of them lacks space is not told.
    const given = stores.map(giveUpReserve);
    if (Math.max(...given) <= 0) throw error;
    for (const store of stores) emptyLog(store);
    try {
      return work();
    } finally {
      for (const [nth, store] of stores.entries()) {
        giveBack(store, pagesAtOnce(store, given[nth] ?? 0));
        keepReserve(store);
      }
    }
  }
}

/**
 * Runs what needs space in a store; on a full disk once more, with the space of the log and of free pages.
 *
 * @throws {DiskCacheError} `DISK_FULL` when there is none.
 */
export function despiteLongLog<T>(store: Core, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error) || isInTransaction(store)) throw error;
    if (removeWaiting([store])) return despiteLongLog(store, work);
    if (logBytes(store) === 0) throw error;
    giveBack(store, pagesAtOnce(store, reserveBytes(store)));
    return work();
  }
}

/** Whether there were files of replaced values that only waited to be removed. */
function removeWaiting(stores: readonly Core[]): boolean {
  const waiting = stores.filter(({ upkeep }) => upkeep.replacedFiles > 0);
  for (const store of waiting) removeReplaced(store);
  return waiting.length > 0;
}

const isInTransaction = ({ transaction }: Core): boolean => transaction.depth > 0;

const pagesAtOnce = ({ pageSize }: Core, reserve: number): number =>
  Math.max(1, Math.floor((reserve * PART) / pageSize));
