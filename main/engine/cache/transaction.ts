import { DiskCacheError } from '../../../protocol/error.ts';
import type { IsCertain } from '../../../protocol/plain-values.ts';
import { demandFunction } from './arguments.ts';
import type { Core } from './core.ts';
import { assertStanding } from './standing.ts';
import { afterWrite, beforeWrite, demandOpen, withoutFailing } from './upkeep.ts';

type Action = () => void;

/** The open transaction of a connection: how deep it is nested, and what has to follow its end. */
export class Transaction {
  depth = 0;
  /** Whether this transaction has looked for what others have written before it. */
  noticed = false;
  /** Whether somebody listens, once that was asked for in this transaction. */
  isLogged: boolean | undefined;
  /** After every commit, also of a single statement: somebody listens. */
  committed: Action | undefined;
  /** In order, after the outermost commit: removing files that nobody names any more, telling listeners. */
  readonly afterCommit: Action[] = [];
  /** In order, after a rollback: removing files that were written for it. */
  readonly afterRollback: Action[] = [];
}

/**
 * Runs `work` whole or not at all. The outermost call takes the write lock at once, so that what `work` reads is still true
 * when it writes; a nested call is a savepoint and can fail alone.
 */
export function atomically<T>(core: Core, work: () => T): T {
  return core.transaction.depth === 0 ? inTransaction(core, work) : inSavepoint(core, work);
}

/** Runs `work`, which reads, on one snapshot. */
export function onSnapshot<T>(core: Core, work: () => T): T {
  const { sql, transaction, connection } = core;
  if (transaction.depth > 0) return work();
  // A clock that was set back is noticed before: inside, times can't be put right.
  core.clock();
  sql.beginRead.run();
  transaction.depth = 1;
  transaction.noticed = false;
  try {
    return work();
  } finally {
    transaction.depth = 0;
    if (connection.inTransaction) endRead(core);
  }
}

/** Nothing was written, so it may end either way; a read that has failed may be what keeps it from being committed. */
function endRead({ sql, connection }: Core): void {
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
  demandFunction(work, 'what transact runs');
  return atomically(core, () => {
    const result = work();
    const kind = isThenable(result) ? 'an async function' : isGenerator(result) ? 'a generator' : undefined;
    if (kind === undefined) return result;
    // It has been refused already; its own failure would only be reported a second time, as unhandled.
    if (result instanceof Promise) result.catch(() => {});
    throw new DiskCacheError(
      'BAD_OPTION',
      `transact on ${core.directory} was given ${kind}; it was rolled back. Await first, or read to the end, then transact with what you have`,
    );
  });
}

function inTransaction<T>(core: Core, work: () => T): T {
  begin(core);
  let result: T;
  try {
    result = work();
    commit(core);
  } catch (error) {
    rollBack(core);
    throw error;
  }
  finish(core);
  return result;
}

/** Takes the write lock. What follows is one, until `commit` and `finish`, or `rollBack`. */
export function begin(core: Core): void {
  beforeWrite(core);
  core.connection.forgetFailure();
  core.sql.begin.run();
  core.transaction.depth = 1;
  core.transaction.noticed = false;
  core.transaction.isLogged = undefined;
}

export function commit(core: Core): void {
  demandOpen(core);
  assertStanding(core);
  core.sql.commit.run();
  core.transaction.depth = 0;
}

/** After the commit, outside of every transaction: what had to wait for it. */
export function finish(core: Core): void {
  const { transaction } = core;
  transaction.afterRollback.length = 0;
  if (transaction.afterCommit.length > 0) runAll(core, transaction.afterCommit);
  afterWrite(core);
}

export function rollBack(core: Core): void {
  const { sql, transaction, connection } = core;
  transaction.afterCommit.length = 0;
  // Some failures (a full disk) end SQLite's transaction by themselves; a failed COMMIT leaves it open.
  if (connection.inTransaction) withoutFailing(core, () => sql.rollback.run(), 'Rolling back');
  forget(core);
  transaction.depth = 0;
  runAll(core, transaction.afterRollback);
}

function inSavepoint<T>(core: Core, work: () => T): T {
  const { sql, transaction, connection } = core;
  demandOpen(core);
  const commits = transaction.afterCommit.length;
  const rollbacks = transaction.afterRollback.length;
  sql.savepoint.run();
  transaction.depth++;
  try {
    const result = work();
    demandOpen(core);
    sql.release.run();
    return result;
  } catch (error) {
    transaction.afterCommit.length = commits;
    if (connection.inTransaction) endSavepoint(core);
    forget(core);
    runAll(core, transaction.afterRollback, rollbacks);
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
function forget(core: Core): void {
  core.ledger.forget();
  core.memory.clear();
}

/** All of them, also when one fails: the transaction has ended by now, and its caller is told how. */
function runAll(core: Core, actions: Action[], from = 0): void {
  for (const action of actions.splice(from)) withoutFailing(core, action);
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

/** Of a generator function, also an async one, nothing has run yet. */
const isGenerator = (value: unknown): boolean =>
  typeof value === 'object' && /Generator\]$/.test(Object.prototype.toString.call(value));
