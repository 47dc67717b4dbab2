import { isPromise } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { IsCertain } from '../../../protocol/plain-values.ts';
import { removeReplaced } from '../space/delete-row.ts';
import {
  afterWrite,
  assertTransactionAlive,
  beforeWrite,
  checkpoint,
  runAndWarn,
  vacuum,
} from '../space/maintenance.ts';
import {
  assertFilesUnchanged,
  getBallastBytes,
  getWalBytes,
  releaseBallast,
  resizeBallast,
} from '../space/store-files.ts';
import type { Action, Core } from '../state/core.ts';
import { assertFunction } from '../validate.ts';

/**
 * Runs `work` whole or not at all. The outermost call takes the write lock at once, so that what `work` reads is still true
 * when it writes; a nested call is a savepoint and can fail alone.
 */
export function inWriteTransaction<T>(core: Core, work: () => T): T {
  return core.transaction.depth === 0 ? runTransaction(core, work) : runSavepoint(core, work);
}

/** Runs `work`, which reads, on one snapshot. */
export function inReadTransaction<T>(core: Core, work: () => T): T {
  const { sql, transaction, connection } = core;
  if (transaction.depth > 0) return work();
  // A clock that was set back is noticed before: inside, times can't be put right.
  core.clock();
  sql.beginRead.run();
  transaction.depth = 1;
  transaction.hasCheckedExternalChanges = false;
  try {
    return work();
  } finally {
    transaction.depth = 0;
    if (connection.inTransaction) endReadTransaction(core);
  }
}

/** Nothing was written, so it may end either way; a read that has failed may be what keeps it from being committed. */
function endReadTransaction({ sql, connection }: Core): void {
  try {
    sql.commit.run();
  } catch {
    if (connection.inTransaction) sql.rollback.run();
  }
}

type IsDeferred<T> = 0 extends 1 & T
  ? false
  : [T] extends [never]
    ? false
    : [T] extends [PromiseLike<unknown> | Generator<unknown, unknown, never> | AsyncGenerator<unknown, unknown, never>]
      ? true
      : false;

/** What a transaction may return: the rest of a promise or of a generator would run after its end. */
export type PlainResult<T> = [IsCertain<IsDeferred<T>>] extends [true]
  ? 'transact takes a plain function: neither async nor a generator'
  : unknown;

/**
 * The public transaction. Its function is a plain one: a promise would let strangers write in the middle of it, and what a generator
 * does it does later, or never.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if `work` returns a promise or a generator; everything it wrote is undone.
 */
export function transact<T>(core: Core, work: () => T): T {
  assertFunction(work, 'what transact runs');
  return inWriteTransaction(core, () => {
    const result = work();
    const kind = isThenable(result) ? 'an async function' : isGenerator(result) ? 'a generator' : undefined;
    if (kind === undefined) return result;
    // It has been refused already; its own failure would only be reported a second time, as unhandled.
    if (isPromise(result)) result.catch(() => {});
    throw new DiskCacheError(
      'BAD_OPTION',
      `transact on ${core.directory} was given ${kind}; it was rolled back. Await first, or read to the end, then transact with what you have`,
    );
  });
}

function runTransaction<T>(core: Core, work: () => T): T {
  beginTransaction(core);
  let result: T;
  try {
    result = work();
    commitTransaction(core);
  } catch (error) {
    rollBackTransaction(core);
    throw error;
  }
  finishTransaction(core);
  return result;
}

/** Takes the write lock. What follows is one, until `commitTransaction` and `finish`, or `rollBackTransaction`. */
export function beginTransaction(core: Core): void {
  beforeWrite(core);
  core.connection.clearLastFailure();
  core.sql.begin.run();
  core.transaction.depth = 1;
  core.transaction.hasCheckedExternalChanges = false;
  core.transaction.isLogged = undefined;
}

export function commitTransaction(core: Core): void {
  assertTransactionAlive(core);
  assertFilesUnchanged(core);
  core.sql.commit.run();
  core.transaction.depth = 0;
}

/** After the commit, outside of every transaction: what had to wait for it. */
export function finishTransaction(core: Core): void {
  const { transaction } = core;
  transaction.afterRollback.length = 0;
  if (transaction.afterCommit.length > 0) runActions(core, transaction.afterCommit);
  afterWrite(core);
}

export function rollBackTransaction(core: Core): void {
  const { sql, transaction, connection } = core;
  transaction.afterCommit.length = 0;
  // Some failures (a full disk) end SQLite's transaction by themselves; a failed COMMIT leaves it open.
  if (connection.inTransaction) runAndWarn(core, () => sql.rollback.run(), 'Rolling back');
  invalidateCaches(core);
  transaction.depth = 0;
  runActions(core, transaction.afterRollback);
}

function runSavepoint<T>(core: Core, work: () => T): T {
  const { sql, transaction, connection } = core;
  assertTransactionAlive(core);
  const commits = transaction.afterCommit.length;
  const rollbacks = transaction.afterRollback.length;
  sql.savepoint.run();
  transaction.depth++;
  try {
    const result = work();
    assertTransactionAlive(core);
    sql.release.run();
    return result;
  } catch (error) {
    transaction.afterCommit.length = commits;
    if (connection.inTransaction) endSavepoint(core);
    invalidateCaches(core);
    runActions(core, transaction.afterRollback, rollbacks);
    throw error;
  } finally {
    transaction.depth--;
  }
}

/** Undoes a part; where that fails, the whole, for what is left of the part is unknown. The outer call finds the transaction lost. */
function endSavepoint({ sql, connection }: Core): void {
  try {
    sql.rollbackToSavepoint.run();
    sql.release.run();
  } catch {
    if (connection.inTransaction) sql.rollback.run();
  }
}

/** What was known or remembered may have come from what was undone. */
function invalidateCaches(core: Core): void {
  core.rowStats.invalidate();
  core.memoryCache.clear();
}

/** All of them, also when one fails: the transaction has ended by now, and its caller is told how. */
function runActions(core: Core, actions: Action[], from = 0): void {
  for (const action of actions.splice(from)) runAndWarn(core, action);
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

/** Of a generator function, also an async one, nothing has run yet. */
const isGenerator = (value: unknown): boolean =>
  typeof value === 'object' && /Generator\]$/.test(Object.prototype.toString.call(value));

/** Pages are given back by this part of the reserve at a time: each may be moved, and its neighbours in the tree change. */
const VACUUM_STEP_FRACTION = 1 / 4;

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
export function retryWithBallast<T>(stores: readonly Core[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error) || stores.some(isInTransaction)) throw error;
    if (removeReplacedFiles(stores)) return retryWithBallast(stores, work);
    // All give up theirs: which of them lacks space is not told.
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
 * Runs what needs space in a store; on a full disk once more, with the space of the log and of free pages.
 *
 * @throws {DiskCacheError} `DISK_FULL` when there is none.
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

/** Whether there were files of replaced values that only waited to be removed. */
function removeReplacedFiles(stores: readonly Core[]): boolean {
  const waiting = stores.filter(({ maintenance }) => maintenance.replacedFiles > 0);
  for (const store of waiting) removeReplaced(store);
  return waiting.length > 0;
}

const isInTransaction = ({ transaction }: Core): boolean => transaction.depth > 0;

const toVacuumStepPages = ({ pageSize }: Core, ballast: number): number =>
  Math.max(1, Math.floor((ballast * VACUUM_STEP_FRACTION) / pageSize));
