import { DiskCacheError } from '../../../protocol/error.ts';
import {
  type CheckpointMessage,
  checkpointChannel,
  isBusyOrFull,
  publishCheckpoint,
  runAndWarn,
  warnUnlessTransient,
} from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import { clearWarning } from '../validate.ts';
import {
  delegateCheckpoint,
  isDelegated,
  requestCheckpoint,
  withdrawCheckpoint,
} from '../worker/worker-checkpoints.ts';
import { removeReplaced, removeReplacedIfDue } from './delete-row.ts';
import { getWalReserveBytes, MAX_WAL_PAGES_PER_WRITE } from './policy.ts';
import {
  getBallastBytes,
  getDatabaseBytes,
  getWalBytes,
  readWalStatus,
  releaseBallast,
  resizeBallast,
} from './store-files.ts';

/** Writes between two checks of the WAL size and of the free pages; after a large write the WAL is checked at once. */
const WRITES_PER_CHECK = 64;
/** Milliseconds without a write after which a store is idle. */
const IDLE_MS = 1000;
/** An idle store checkpoints a WAL of more bytes than this. */
const LARGE_WAL_BYTES = 1024 * 1024;
/** If a long reader blocks checkpoints, the WAL may grow to this multiple of its reserve before writes are refused. */
const MAX_WAL_RESERVE_MULTIPLE = 2;
/** A store is vacuumed when more than this part of its pages, and more than this number, are free. */
const MIN_FREE_FRACTION = 1 / 4;
const MIN_FREE_PAGES = 64;
/** Pages vacuumed at a time: few enough to be unnoticeable. */
const MAX_VACUUM_PAGES = 1024;
/** After writing this part of the ballast's size, it is checked how far the WAL is ahead of the database. */
const GROWTH_CHECK_FRACTION = 1 / 4;
/** With the WAL ahead of the database by this part of the ballast, the worker thread checkpoints, so that it is never ahead by more. */
const DELEGATE_AHEAD_FRACTION = 1 / 2;

/**
 * Before a write while a reader blocks checkpoints: waits until the WAL can be checkpointed instead of making it longer. Another
 * writer may have emptied it, and hold it now: then it is short again.
 *
 * @throws {DiskCacheError} `BUSY`
 */
export function checkpointOrBusy(core: Core): void {
  core.connection.withRetry(() => {
    if (checkpoint(core) || !isWalOversized(core)) return;
    throw new DiskCacheError(
      'BUSY',
      `${core.connection.path}-wal has grown to ${getWalBytes(core)} bytes and can't be emptied while another process reads; end that reading`,
    );
  });
  core.maintenance.checkpointBlocked = false;
}

/** After a commit: the work for the disk that is due, and a timer for the rest. */
export function maintainAfterCommit(core: Core): void {
  try {
    maintain(core);
  } catch (error) {
    warnUnlessTransient(core, error);
  }
  core.maintenance.idleTimer ??= startIdleTimer(core);
}

const startIdleTimer = (core: Core): NodeJS.Timeout =>
  unrefTimer(
    setTimeout(() => {
      runAndWarn(core, () => {
        core.space.onIdle(core);
        clearWarning(core.maintenance);
      });
    }, IDLE_MS),
  );

function maintain(core: Core): void {
  const { maintenance } = core;
  const isDue = ++maintenance.writes % WRITES_PER_CHECK === 0;
  if (isDue || maintenance.bytesSinceCheck > MAX_WAL_PAGES_PER_WRITE * core.pageSize) {
    maintenance.bytesSinceGrowthCheck += maintenance.bytesSinceCheck;
    maintenance.bytesSinceCheck = 0;
    if (!delegateCheckpoint(core) || isWalOversized(core)) checkpointIfOversized(core);
    if (maintenance.bytesSinceGrowthCheck > maintenance.ballastBytes * GROWTH_CHECK_FRACTION) checkpointIfAhead(core);
  }
  if (isDue && shouldVacuum(core)) incrementalVacuum(core, MAX_VACUUM_PAGES);
  if (maintenance.replacedFiles > 0) removeReplacedIfDue(core);
}

/**
 * Checkpoints a WAL that is larger than its reserve, as a large transaction leaves it, unless the worker thread is at it. An oversized
 * one isn't left to the worker: it can't tell a writer that is in a loop that a reader blocks it.
 */
export function checkpointIfOversized(core: Core): void {
  const walReserve = getWalReserveBytes(getLimitShareBytes(core), core.pageSize);
  if (getWalBytes(core) <= walReserve || (isDelegated(core) && !isWalOversized(core))) return;
  if (!checkpoint(core)) core.maintenance.checkpointBlocked = isWalOversized(core);
}

/** True if the WAL is so long that no write may add to it before it is checkpointed, with a worker thread or without. */
const isWalOversized = (core: Core): boolean =>
  getWalBytes(core) > MAX_WAL_RESERVE_MULTIPLE * getWalReserveBytes(getLimitShareBytes(core), core.pageSize);

/**
 * Invariant: the WAL is ahead of the database by less than the ballast, about. So on a full disk, releasing the ballast makes enough
 * space to checkpoint it.
 */
export function checkpointIfAhead(core: Core): void {
  const { maintenance, sql, pageSize } = core;
  maintenance.bytesSinceGrowthCheck = 0;
  // A part of it may be for what is pending in a journal.
  maintenance.ballastBytes = Math.max(0, resizeBallast(core) - (core.journal?.reservedBytes ?? 0));
  if (maintenance.ballastBytes === 0) return;
  const ahead = (sql.pageCount.first()?.[0] ?? 0) * pageSize - getDatabaseBytes(core);
  if (ahead > maintenance.ballastBytes) {
    withdrawCheckpoint(core);
    runWithoutWaiting(core, () => void runCheckpoint(core, 'PASSIVE'));
  } else if (ahead > maintenance.ballastBytes * DELEGATE_AHEAD_FRACTION) requestCheckpoint(core);
}

/** Gives all free pages back to the disk; inside a transaction, after its commit. A failure is only a warning: the rows are deleted. */
export function vacuum(core: Core, stepPages = MAX_VACUUM_PAGES): void {
  if (core.transaction.depth > 0) {
    core.transaction.afterCommit.push(() => vacuum(core));
    return;
  }
  runAndWarn(core, () => {
    removeReplaced(core);
    core.journal?.shrink();
    for (let before = Number.POSITIVE_INFINITY, free = getFreePages(core); free < before; free = getFreePages(core)) {
      before = free;
      if (free > 0) incrementalVacuum(core, stepPages);
      checkpoint(core);
    }
    if (getBallastBytes(core) > 0) resizeBallast(core);
  });
}

/** When the timer fires: gives space back if nothing was written since it last fired, else waits again. */
export function maintainWhenIdle(core: Core): void {
  const { maintenance } = core;
  maintenance.idleTimer = undefined;
  // A journal is applied in small steps first; a statement would apply the rest at once.
  const isPending = core.connection.pending.hasAny;
  if (isPending || maintenance.writes !== maintenance.writesAtTimer || core.transaction.depth > 0) {
    maintenance.writesAtTimer = maintenance.writes;
    maintenance.idleTimer = startIdleTimer(core);
    return;
  }
  if (maintenance.replacedFiles > 0) removeReplaced(core);
  if (shouldVacuum(core)) vacuum(core);
  else if (getWalBytes(core) > LARGE_WAL_BYTES) {
    emptyWalInBackground(core);
    return;
  }
  checkpointIfAhead(core);
}

/** Empties the WAL, if possible after the worker thread has copied it: then only its file is left to be truncated. */
export function emptyWalInBackground(core: Core): void {
  if (requestCheckpoint(core, () => emptyWalWhenIdle(core))) return;
  checkpoint(core);
  checkpointIfAhead(core);
}

/** After the worker's part. A write since then has started the idle timer, which does the rest. */
function emptyWalWhenIdle(core: Core): void {
  if (core.maintenance.idleTimer !== undefined || core.transaction.depth > 0) return;
  checkpoint(core);
  // Only now is it known how large the ballast has to be.
  checkpointIfAhead(core);
}

/** Whether so much of the database is free that it is worth giving back. */
export function shouldVacuum(core: Core): boolean {
  const free = getFreePages(core);
  return free > MIN_FREE_PAGES && free > (core.sql.pageCount.first()?.[0] ?? 0) * MIN_FREE_FRACTION;
}

/** Returns the number of free pages. */
export const getFreePages = ({ sql }: Core): number => sql.freePages.first()?.[0] ?? 0;

/** Gives up to `pages` free pages back to the disk, unless another process writes or the disk is full. */
export function incrementalVacuum(core: Core, pages: number): void {
  runWithoutWaiting(core, () => core.connection.execute(`PRAGMA incremental_vacuum(${pages})`));
}

/** Pages in the log after which a step of long work copies them. */
const MAX_STEP_FRAMES = 128;

/** After a step of long work: has the log copied while it is short, so that no commit has to copy a long one at once. */
export function checkpointStep(core: Core): void {
  if (!core.openOptions.exclusive) {
    delegateCheckpoint(core);
    return;
  }
  const { frames, copied } = readWalStatus(core);
  if (frames - copied >= MAX_STEP_FRAMES) runWithoutWaiting(core, () => void runCheckpoint(core, 'PASSIVE'));
}

/** Moves the WAL into the database and empties it. Returns false while another connection reads from it. */
export function checkpoint(core: Core): boolean {
  let isDone = false;
  withdrawCheckpoint(core);
  runWithoutWaiting(core, () => {
    isDone = runCheckpoint(core, 'TRUNCATE');
  });
  return isDone;
}

function runCheckpoint(core: Core, mode: CheckpointMessage['mode']): boolean {
  const run = () => core.connection.pragma(`wal_checkpoint(${mode})`) === 0;
  return checkpointChannel.hasSubscribers ? publishCheckpoint(core, mode, getWalBytes(core), run) : run();
}

/** Ignores failures that pass, because another process reads or writes or the disk is full: the next call tries again. */
function runWithoutWaiting(core: Core, work: () => void): void {
  try {
    core.connection.withoutRetry(work);
  } catch (error) {
    if (!isBusyOrFull(error)) throw error;
  }
}

/** Pages are vacuumed by this part of the ballast at a time: each may be moved, and its neighbours in the tree change. */
const VACUUM_STEP_FRACTION = 1 / 4;

/** True if the disk is full, and not only the limit reached. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof DiskCacheError && error.code === 'DISK_FULL' && error.cause !== undefined;

/**
 * Runs work that frees space in these stores; on a full disk once more, after releasing their ballast and emptying their WALs. Inside
 * a transaction the outermost caller retries, because a full disk ends the transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` if that is not enough: another process reads and blocks checkpoints, or there was neither.
 */
export function retryWithBallast<T>(stores: readonly Core[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error) || stores.some(isInTransaction)) throw error;
    if (removeReplacedFiles(stores)) return retryWithBallast(stores, work);
    // All do so: the error does not say which of them lacks space.
    const releasedBytes = stores.map(releaseBallast);
    const hasEmptiedWal = stores.map(emptyWal).includes(true);
    if (!hasEmptiedWal && Math.max(...releasedBytes) <= 0) throw error;
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

/** Gives the space of the WAL back to the disk; returns whether that freed any. */
function emptyWal(store: Core): boolean {
  const bytesBefore = getWalBytes(store);
  return checkpoint(store) && getWalBytes(store) < bytesBefore;
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
