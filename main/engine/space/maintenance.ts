import { DiskCacheError } from '../../../protocol/error.ts';
import {
  checkpointChannel,
  publishCheckpoint,
  publishTransaction,
  recordTransactionStart,
  transactionChannel,
} from '../diagnostics.ts';
import type { CheckpointMessage } from '../diagnostics-messages.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import { clearWarning, warn } from '../validate.ts';
import { removeReplaced, removeReplacedIfDue } from './delete-row.ts';
import { getWalReserveBytes, MAX_WAL_PAGES_PER_WRITE } from './policy.ts';
import { assertFilesUnchanged, getBallastBytes, getDatabaseBytes, getWalBytes, resizeBallast } from './store-files.ts';

/*
 * What is stored are points in time of a clock that may be set back: by a year, when a battery was empty, or by hours. Then what
 * expires would live until the clock has caught up, and what is stored now would be the oldest and be evicted first. So a store
 * keeps in mind, and on disk, the latest time that it has seen; when the clock is behind that, times on disk are put right, once.
 */

/** The latest time is written down when it has moved on by this much. */
const CLOCK_MARK_INTERVAL_MS = 600_000;

/**
 * At opening: the latest time that the store has seen, which without a mark is about that of its newest row. A store that is too damaged
 * to tell opens all the same, so that it can be mended.
 */
export function restoreLatestTime({ sql, clockState }: Core): void {
  const mark = unlessCorrupt(() => sql.counter.first('clock'))?.[0];
  clockState.marked = mark ?? Number.NEGATIVE_INFINITY;
  clockState.latest = mark ?? unlessCorrupt(() => sql.newestStamp.first())?.[0] ?? Number.NEGATIVE_INFINITY;
}

/**
 * Before something is written: the next process that opens the store has to know the latest time. Invariant: no time on disk is later than
 * the mark by more than the interval.
 */
export function persistLatestTime(core: Core, now: number): void {
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

/** Returns whether it was done: without waiting for a lock, and whatever the store refuses it with is for a later try. */
export function tryWithoutWaiting({ connection }: Core, work: () => void): boolean {
  try {
    connection.withoutRetry(work);
    return true;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return false;
  }
}

/** Writes between two looks at the log and at the free pages; large ones are followed by a look at the log. */
const WRITES_PER_CHECK = 64;
/** Milliseconds without a write after which a store tidies up. */
const IDLE_MS = 1000;
/** A log of so many bytes is worth emptying when there is time. */
const LARGE_WAL_BYTES = 1024 * 1024;
/** The log of a reader that doesn't end may grow to so many times what is set aside for it. */
const MAX_WAL_RESERVE_MULTIPLE = 2;
/** With this part of the pages free, and so many, some are given back; at once so many that nobody notices. */
const MIN_FREE_FRACTION = 1 / 4;
const MIN_FREE_PAGES = 64;
const MAX_VACUUM_PAGES = 1024;
/** What has been added to the log is looked at after this part of the reserve was stored. */
const GROWTH_CHECK_FRACTION = 1 / 4;

/**
 * Before something is written. `now` is what the clock has just told.
 *
 * @throws {DiskCacheError} `READ_ONLY` where the store was opened so; what `assertFilesUnchanged` throws; `BUSY` while a reader keeps the log
 * too long, for it would grow without bound otherwise; inside a transaction that was lost, the code of what ended it.
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
    if (core.maintenance.checkpointBlocked) checkpointOrBusy(core);
    if (transactionChannel.hasSubscribers) recordTransactionStart(core);
  }
  persistLatestTime(core, now);
}

/**
 * A log that could not be emptied for a long time is waited for, and not made longer. Another writer may have emptied it, and hold it
 * now: then it is not long any more.
 */
function checkpointOrBusy(core: Core): void {
  core.connection.withRetry(() => {
    if (checkpoint(core) || !isWalOversized(core)) return;
    throw new DiskCacheError(
      'BUSY',
      `${core.connection.path}-wal has grown to ${getWalBytes(core)} bytes and can't be emptied while another process reads; end that reading`,
    );
  });
  core.maintenance.checkpointBlocked = false;
}

/** Invariant: nothing is written after a transaction was lost half-way, else it would be committed without its first half. */
export function assertTransactionAlive(core: Core): void {
  if (core.connection.inTransaction) return;
  const { lastFailure } = core.connection;
  throw new DiskCacheError(
    lastFailure?.code ?? 'DISK_FULL',
    `The transaction on ${core.directory} was ended by an earlier failure inside it; nothing of it was kept`,
    { cause: lastFailure },
  );
}

/**
 * Runs what follows a commit, or a timer: it may not fail, for what was written is written, and a timer has no caller.
 * What can't be done is done next time; the process is warned.
 */
export function runAndWarn(core: Core, work: () => void, activity = 'Tidying up'): void {
  try {
    work();
  } catch (error) {
    warnUnlessTransient(core, error, activity);
  }
}

function warnUnlessTransient(core: Core, error: unknown, activity = 'Tidying up'): void {
  if (!isBusyOrFull(error)) warn(error, core.maintenance, `${activity} ${core.directory}`);
}

/** After every write; does its work when it has been committed. */
export function afterWrite(core: Core): void {
  const { maintenance, transaction } = core;
  if (transaction.depth > 0) return;
  if (transactionChannel.hasSubscribers) publishTransaction(core, 'committed');
  if (transaction.onCommit !== undefined) runAndWarn(core, transaction.onCommit, 'Telling the changes of');
  // By a listener.
  if (!core.connection.isOpen) return;
  try {
    maintain(core);
  } catch (error) {
    warnUnlessTransient(core, error);
  }
  maintenance.idleTimer ??= setTimeout(() => runIdle(core), IDLE_MS).unref();
}

function runIdle(core: Core): void {
  runAndWarn(core, () => {
    onIdle(core);
    clearWarning(core.maintenance);
  });
}

function maintain(core: Core): void {
  const { maintenance } = core;
  const isDue = ++maintenance.writes % WRITES_PER_CHECK === 0;
  if (isDue || maintenance.bytesSinceCheck > MAX_WAL_PAGES_PER_WRITE * core.pageSize) {
    maintenance.bytesSinceGrowthCheck += maintenance.bytesSinceCheck;
    maintenance.bytesSinceCheck = 0;
    checkpointIfOversized(core);
    if (maintenance.bytesSinceGrowthCheck > maintenance.ballastBytes * GROWTH_CHECK_FRACTION) checkpointIfAhead(core);
  }
  if (isDue && shouldVacuum(core)) incrementalVacuum(core, MAX_VACUUM_PAGES);
  if (maintenance.replacedFiles > 0) removeReplacedIfDue(core);
}

/** A large transaction leaves a large log: where it is larger than what is set aside for it, it is emptied. */
export function checkpointIfOversized(core: Core): void {
  const walReserve = getWalReserveBytes(getLimitShareBytes(core), core.pageSize);
  if (getWalBytes(core) > walReserve && !checkpoint(core)) core.maintenance.checkpointBlocked = isWalOversized(core);
}

const isWalOversized = (core: Core): boolean =>
  getWalBytes(core) > MAX_WAL_RESERVE_MULTIPLE * getWalReserveBytes(getLimitShareBytes(core), core.pageSize);

/**
 * Invariant: the log is ahead of the database by less than the reserve, about. So on a full disk there is place for what is new in
 * it, and it can be emptied.
 */
function checkpointIfAhead(core: Core): void {
  const { maintenance, sql, pageSize } = core;
  maintenance.bytesSinceGrowthCheck = 0;
  maintenance.ballastBytes = resizeBallast(core);
  if (maintenance.ballastBytes === 0) return;
  const ahead = (sql.pageCount.first()?.[0] ?? 0) * pageSize - getDatabaseBytes(core);
  if (ahead > maintenance.ballastBytes) runWithoutWaiting(core, () => void runCheckpoint(core, 'PASSIVE'));
}

/** Gives all free pages back to the disk, after a mass deletion; inside a transaction, after its commit. What was deleted is, also when this fails. */
export function vacuum(core: Core, stepPages = MAX_VACUUM_PAGES): void {
  if (core.transaction.depth > 0) {
    core.transaction.afterCommit.push(() => vacuum(core));
    return;
  }
  runAndWarn(core, () => {
    removeReplaced(core);
    for (let before = Number.POSITIVE_INFINITY, free = getFreePages(core); free < before; free = getFreePages(core)) {
      before = free;
      if (free > 0) incrementalVacuum(core, stepPages);
      checkpoint(core);
    }
    if (getBallastBytes(core) > 0) resizeBallast(core);
  });
}

/** A store that is not written to any more takes no more space than it needs. */
function onIdle(core: Core): void {
  const { maintenance } = core;
  maintenance.idleTimer = undefined;
  if (maintenance.writes !== maintenance.writesAtTimer || core.transaction.depth > 0) {
    maintenance.writesAtTimer = maintenance.writes;
    maintenance.idleTimer = setTimeout(() => runIdle(core), IDLE_MS).unref();
    return;
  }
  if (maintenance.replacedFiles > 0) removeReplaced(core);
  if (shouldVacuum(core)) vacuum(core);
  else if (getWalBytes(core) > LARGE_WAL_BYTES) checkpoint(core);
  checkpointIfAhead(core);
}

function shouldVacuum(core: Core): boolean {
  const free = getFreePages(core);
  return free > MIN_FREE_PAGES && free > (core.sql.pageCount.first()?.[0] ?? 0) * MIN_FREE_FRACTION;
}

const getFreePages = ({ sql }: Core): number => sql.freePages.first()?.[0] ?? 0;

function incrementalVacuum(core: Core, pages: number): void {
  runWithoutWaiting(core, () => core.connection.execute(`PRAGMA incremental_vacuum(${pages})`));
}

/** Writes the log into the database, and frees what that has given back. False while somebody else reads from the log. */
export function checkpoint(core: Core): boolean {
  let isDone = false;
  runWithoutWaiting(core, () => {
    isDone = runCheckpoint(core, 'TRUNCATE');
  });
  return isDone;
}

function runCheckpoint(core: Core, mode: CheckpointMessage['mode']): boolean {
  const run = () => core.connection.pragma(`wal_checkpoint(${mode})`) === 0;
  return checkpointChannel.hasSubscribers ? publishCheckpoint(core, mode, getWalBytes(core), run) : run();
}

/** Passes over what can't be done now, because another process reads or writes or the disk is full: it is done next time. */
function runWithoutWaiting(core: Core, work: () => void): void {
  try {
    core.connection.withoutRetry(work);
  } catch (error) {
    if (!isBusyOrFull(error)) throw error;
  }
}

const isBusyOrFull = (error: unknown): boolean =>
  error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'DISK_FULL');
