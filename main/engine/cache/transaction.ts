import { isPromise } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { IsCertain } from '../../../protocol/plain-values.ts';
import { publishTransaction, transactionChannel } from '../diagnostics.ts';
import { assertFilesUnchanged } from '../space/store-files.ts';
import { runAndWarn } from '../space/warnings.ts';
import type { Action, Core } from '../state/core.ts';
import { assertFunction, isThenable } from '../validate.ts';
import { afterWrite, assertTransactionAlive, beforeWrite } from './write-checks.ts';

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

/** Takes the write lock, until `commitTransaction` and `finishTransaction`, or `rollBackTransaction`. */
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
const isGenerator = (value: unknown): boolean =>
  typeof value === 'object' && /Generator\]$/.test(Object.prototype.toString.call(value));
