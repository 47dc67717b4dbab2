import { isPromise } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { IsCertain } from '../../../protocol/plain-values.ts';
import {
  publishTransaction,
  recordTransactionStart,
  runAndWarn,
  transactionChannel,
  tryWithoutWaiting,
} from '../diagnostics.ts';
import { checkpointStep, isDiskFull, retryWithBallast } from '../space/maintenance.ts';
import { assertFilesUnchanged } from '../space/store-files.ts';
import type { Action, Core } from '../state/core.ts';
import { assertFunction, isThenable } from '../validate.ts';
import { assertInTime, isLimited, mayBlock, shouldPause } from '../values/read-budget.ts';
import { removeStoredCount } from './row-count.ts';

/** The store whose `inDeferredTransaction` runs now, the innermost one. Everything here is synchronous. */
let deferring: Core | undefined;

/**
 * Whether the transaction that runs now is only in memory so far, and will be one record of a write journal: then ending it and beginning
 * another costs little.
 */
export const isDeferred = (): boolean => deferring?.transaction.isDeferred === true;

/** Items that a mass deletion deletes in one transaction; between two of them other processes may write. */
export const MAX_BATCH_ITEMS = 256;
/** The latest time that a store has seen is written to disk after it has advanced by this much. */
const CLOCK_MARK_INTERVAL_MS = 600_000;

/**
 * Runs `work` whole or not at all. The outermost call takes the write lock at once, so that what `work` reads is still true
 * when it writes; a nested call is a savepoint and can fail alone.
 */
export function inWriteTransaction<T>(core: Core, work: () => T): T {
  return core.transaction.depth === 0 ? runTransaction(core, work) : runSavepoint(core, work);
}

/**
 * Same as `inWriteTransaction`, for work that mostly looks up keys, sets and deletes: in a store with a journal its changes are one record, if it
 * does nothing else.
 */
export function inDeferredTransaction<T>(core: Core, work: () => T): T {
  const { transaction, journal } = core;
  if (journal === undefined || transaction.depth > 0) return inWriteTransaction(core, work);
  beforeWrite(core);
  if (!journal.beginBlock()) return inWriteTransaction(core, work);
  const outer = deferring;
  deferring = core;
  let result: T;
  let isBlock = false;
  try {
    result = work();
    isBlock = transaction.isDeferred && journal.commitBlock();
    if (!isBlock) commitTransaction(core);
  } catch (error) {
    if (!transaction.isDeferred) rollBackTransaction(core);
    else {
      journal.rollBackBlock();
      transaction.afterCommit.length = 0;
      invalidateCaches(core);
      runActions(core, transaction.afterRollback);
    }
    throw error;
  } finally {
    deferring = outer;
  }
  if (isBlock) {
    transaction.afterRollback.length = 0;
    runActions(core, transaction.afterCommit);
    tellListeners(core);
  } else finishTransaction(core);
  return result;
}

/** Runs `work`, which reads, on one snapshot. */
export function inReadTransaction<T>(core: Core, work: () => T): T {
  const { sql, transaction, connection } = core;
  if (transaction.depth > 0) {
    // What is read may be known without a statement, which would begin the transaction.
    if (transaction.isDeferred) connection.pending.apply();
    return work();
  }
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
  : T extends PromiseLike<unknown> | Generator<unknown, unknown, never> | AsyncGenerator<unknown, unknown, never>
    ? true
    : false;

/** What a transaction may return: the rest of a promise or of a generator would run after its end. */
export type PlainResult<T> = [IsCertain<IsDeferred<T>>] extends [true]
  ? 'transact takes a plain function: neither async nor a generator'
  : unknown;

/**
 * The public transaction. Its function is a plain one: other code could write in the middle of an async one, and a generator runs later
 * or never.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if `work` returns a promise or a generator; everything it wrote is undone.
 */
export function transact<T>(core: Core, work: () => T): T {
  assertFunction(work, 'the function of transact');
  return inDeferredTransaction(core, () => {
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

/** Takes the write lock, until `commitTransaction` and `finishTransaction`, or `rollBackTransaction`. */
export function beginTransaction(core: Core): void {
  beforeWrite(core);
  core.connection.clearLastFailure();
  core.sql.begin.run();
  core.transaction.depth = 1;
  core.transaction.hasCheckedExternalChanges = false;
  core.transaction.isLogged = undefined;
  core.transaction.countsBefore = core.rowStats.getCounts();
}

export function commitTransaction(core: Core): void {
  assertTransactionAlive(core);
  assertFilesUnchanged(core);
  core.transaction.countsBefore = undefined;
  core.sql.commit.run();
  core.transaction.depth = 0;
}

/** After the commit, outside of every transaction: runs what had to wait for it. */
export function finishTransaction(core: Core): void {
  const { transaction } = core;
  if (transactionChannel.hasSubscribers) publishTransaction(core, 'committed');
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
  // Not after a failed commit, which may have changed something: then rows are counted again.
  if (transaction.countsBefore !== undefined) core.rowStats.restoreCounts(transaction.countsBefore);
  // The next transaction may fail before it has set its own.
  transaction.countsBefore = undefined;
  transaction.depth = 0;
  runActions(core, transaction.afterRollback);
  if (transactionChannel.hasSubscribers) publishTransaction(core, 'rolled back');
}

function runSavepoint<T>(core: Core, work: () => T): T {
  const { sql, transaction, connection } = core;
  assertTransactionAlive(core);
  const commits = transaction.afterCommit.length;
  const rollbacks = transaction.afterRollback.length;
  sql.savepoint.run();
  // Only now: the statement has applied what was pending, which stays.
  const counts = core.rowStats.getCounts();
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
    if (connection.inTransaction) core.rowStats.restoreCounts(counts);
    runActions(core, transaction.afterRollback, rollbacks);
    throw error;
  } finally {
    transaction.depth--;
  }
}

/** Rolls back the savepoint or, if that fails, the whole transaction, whose state is then unknown. The outer call finds it lost. */
function endSavepoint({ sql, connection }: Core): void {
  try {
    sql.rollbackToSavepoint.run();
    sql.release.run();
  } catch {
    if (connection.inTransaction) sql.rollback.run();
  }
}

/** Drops cached state, which may come from what was undone. */
function invalidateCaches(core: Core): void {
  core.rowStats.invalidate();
  core.memoryCache.clear();
}

/** Runs all actions, also if one fails: the transaction has ended, and its caller knows how. */
function runActions(core: Core, actions: Action[], from = 0): void {
  for (const action of actions.splice(from)) runAndWarn(core, action);
}

/** True for the result of a generator function, also an async one: nothing of it has run yet. */
export const isGenerator = (value: unknown): boolean =>
  typeof value === 'object' && /Generator\]$/.test(Object.prototype.toString.call(value));

/**
 * Before every write. `now` is what the clock has just returned.
 *
 * @throws {DiskCacheError} `READ_ONLY` if the store was opened so; what `assertFilesUnchanged` throws; `BUSY` while a reader makes the
 * WAL grow without bound; inside a transaction that was lost, the code of what ended it.
 */
export function beforeWrite(core: Core, now = core.clock()): void {
  if (core.openOptions.readOnly) {
    throw new DiskCacheError(
      'READ_ONLY',
      `${core.directory} was opened with readOnly; open it for writing to change it`,
    );
  }
  if (core.transaction.depth > 0) assertTransactionAlive(core);
  else {
    assertFilesUnchanged(core);
    core.space.beforeWrite(core);
    if (transactionChannel.hasSubscribers) recordTransactionStart(core);
  }
  if (core.rowStats.hasStoredCount) removeStoredCount(core);
  persistLatestTime(core, now);
}

/**
 * Before a write: the next process that opens the store has to know the latest time. Invariant: no time on disk is later than the mark
 * by more than the interval.
 */
function persistLatestTime(core: Core, now: number): void {
  const { clockState, sql, transaction } = core;
  if (now - clockState.marked <= CLOCK_MARK_INTERVAL_MS || clockState.behindMs > 0 || clockState.isCorrecting) return;
  const before = clockState.marked;
  clockState.marked = now;
  if (transaction.depth > 0) {
    transaction.afterRollback.push(() => {
      clockState.marked = before;
    });
    sql.markClock.run(Math.floor(now));
  } else if (!tryWithoutWaiting(core, () => sql.markClock.run(Math.floor(now)))) clockState.marked = before;
}

/** Invariant: nothing is written after a transaction was lost half-way, otherwise its second half would be committed alone. */
function assertTransactionAlive(core: Core): void {
  if (core.transaction.isDeferred || core.connection.inTransaction) return;
  const { lastFailure } = core.connection;
  throw new DiskCacheError(
    lastFailure?.code ?? 'DISK_FULL',
    `The transaction on ${core.directory} was ended by an earlier failure inside it; nothing of it was kept`,
    { cause: lastFailure },
  );
}

/** After every write; works only after the commit. */
export function afterWrite(core: Core): void {
  const { transaction } = core;
  if (transaction.depth > 0) return;
  if (transactionChannel.hasSubscribers) publishTransaction(core, 'committed');
  tellListeners(core);
  // A listener may have closed the store.
  if (core.connection.isOpen) core.space.afterCommit(core);
}

/** After a change was appended to the journal, and after every commit. A listener sees everything as it is after the change. */
export function tellListeners(core: Core): void {
  const { transaction } = core;
  if (transaction.onCommit === undefined || transaction.depth > 0) return;
  runAndWarn(core, transaction.onCommit, 'Telling the changes of');
}

/** A deletion of any number of items, in steps. */
export interface BatchedDeletion {
  /**
   * Deletes at most `maxItems`, inside a write transaction; returns how many. On a full disk it gets fewer after each failed step, which
   * is rolled back.
   */
  readonly step: (maxItems: number) => number;
  /** Called after each commit. */
  readonly committed?: () => void;
  /** After a first full step: deletes the rest in one transaction and returns how many, or undefined if that should go on in steps. */
  readonly deleteRest?: () => number | undefined;
  /** Returns the items of a further step, at least as many as those of the first. */
  readonly getBatchItems?: () => number;
}

/**
 * Repeats a step, each in its own transaction, until it deletes nothing more; then gives the space back to the disk. Returns how many
 * items were deleted. On behalf of a web page it pauses after some time.
 */
export function inBatches(core: Core, { step, committed, deleteRest, getBatchItems }: BatchedDeletion): number {
  let total = 0;
  let maxItems = MAX_BATCH_ITEMS;
  let isFirst = true;
  for (let done = -1; done !== 0; ) {
    try {
      done = retryWithBallast([core], () => inWriteTransaction(core, () => step(maxItems)));
      total += done;
      committed?.();
      if (core.transaction.depth > 0) assertInTime();
      else if (isLimited()) checkpointStep(core);
      if (core.transaction.depth === 0 && done > 0 && shouldPause()) return total;
    } catch (error) {
      if (!isDiskFull(error) || maxItems === 1) throw error;
      maxItems = Math.max(1, Math.floor(maxItems / 4));
    }
    if (isFirst && done === MAX_BATCH_ITEMS && mayBlock(core.transaction.depth > 0)) {
      const rest = deleteRest?.();
      total += rest ?? 0;
      if (rest !== undefined) break;
      maxItems = getBatchItems?.() ?? maxItems;
    }
    isFirst = false;
  }
  if (total > 0) core.space.vacuum(core);
  return total;
}
