import { DiskCacheError } from '../../../protocol/error.ts';
import { logReserve, PAGES_PER_WRITE } from '../policy/budget.ts';
import { settled, warn } from '../warning.ts';
import type { Core } from './core.ts';
import { shareOf } from './household.ts';
import { boundReplaced, removeReplaced } from './replaced-files.ts';
import { keepReserve } from './reserve.ts';
import { assertStanding } from './standing.ts';
import { keepTime } from './timekeeping.ts';
import { databaseBytes, logBytes, reserveBytes } from './volume.ts';

/** Writes between two looks at the log and at the free pages; large ones are followed by a look at the log. */
const LOOK_EVERY = 64;
/** Milliseconds without a write after which a store tidies up. */
const REST = 1000;
/** A log of so many bytes is worth emptying when there is time. */
const LARGE_LOG = 1024 * 1024;
/** The log of a reader that doesn't end may grow to so many times what is set aside for it. */
const STUCK = 2;
/** With this part of the pages free, and so many, some are given back; at once so many that nobody notices. */
const MUCH = 1 / 4;
const MANY_PAGES = 64;
const PAGES_AT_ONCE = 1024;
/** What has been added to the log is looked at after this part of the reserve was stored. */
const LOOK_PART = 1 / 4;

/** What is to be done for the disk besides writing. */
export class Upkeep {
  writes = 0;
  /** Stored since the last look at the log. */
  bytes = 0;
  /** Stored since it was last looked how far the log is ahead of the database. */
  fresh = 0;
  /** Bytes of the reserve when it was last looked at. */
  reserve = 0;
  /** `writes` when the timer last looked. */
  seen = 0;
  timer: NodeJS.Timeout | undefined;
  /** The next look for what killed writers have left behind. */
  leftovers: NodeJS.Timeout | undefined;
  /** A reader keeps the log from being emptied, and it has grown too long. */
  logIsStuck = false;
  /** Value files of this process that wait to be removed, and their bytes. */
  replacedFiles = 0;
  replacedBytes = 0;
  /** When they may be removed again before there are too many. */
  nextRemovalAt = 0;
}

/**
 * Before something is written. `now` is what the clock has just told.
 *
 * @throws {DiskCacheError} `READ_ONLY` where the store was opened so; what `assertStanding` throws; `BUSY` while a reader keeps the log
 * too long, for it would grow without bound otherwise; inside a transaction that was lost, the code of what ended it.
 */
export function beforeWrite(core: Core, now = core.clock()): void {
  if (core.usage.readOnly) {
    throw new DiskCacheError(
      'READ_ONLY',
      `${core.directory} was opened with readOnly; open it for writing to change it`,
    );
  }
  if (core.transaction.depth > 0) demandOpen(core);
  else {
    assertStanding(core);
    if (core.upkeep.logIsStuck) emptyStuckLog(core);
  }
  keepTime(core, now);
}

/**
 * A log that could not be emptied for a long time is waited for, and not made longer. Another writer may have emptied it, and hold it
 * now: then it is not long any more.
 */
function emptyStuckLog(core: Core): void {
  core.connection.patiently(() => {
    if (emptyLog(core) || !isLogTooLong(core)) return;
    throw new DiskCacheError(
      'BUSY',
      `${core.connection.path}-wal has grown to ${logBytes(core)} bytes and can't be emptied while another process reads; end that reading`,
    );
  });
  core.upkeep.logIsStuck = false;
}

/** Invariant: nothing is written after a transaction was lost half-way, else it would be committed without its first half. */
export function demandOpen(core: Core): void {
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
export function withoutFailing(core: Core, work: () => void, doing = 'Tidying up'): void {
  try {
    work();
  } catch (error) {
    tellLater(core, error, doing);
  }
}

function tellLater(core: Core, error: unknown, doing = 'Tidying up'): void {
  if (!isPassing(error)) warn(error, core.upkeep, `${doing} ${core.directory}`);
}

/** After every write; does its work when it has been committed. */
export function afterWrite(core: Core): void {
  const { upkeep, transaction } = core;
  if (transaction.depth > 0) return;
  if (transaction.committed !== undefined) withoutFailing(core, transaction.committed, 'Telling the changes of');
  // By a listener.
  if (!core.connection.isOpen) return;
  try {
    tidyUp(core);
  } catch (error) {
    tellLater(core, error);
  }
  upkeep.timer ??= setTimeout(() => onRest(core), REST).unref();
}

function onRest(core: Core): void {
  withoutFailing(core, () => {
    rest(core);
    settled(core.upkeep);
  });
}

function tidyUp(core: Core): void {
  const { upkeep } = core;
  const isDue = ++upkeep.writes % LOOK_EVERY === 0;
  if (isDue || upkeep.bytes > PAGES_PER_WRITE * core.pageSize) {
    upkeep.fresh += upkeep.bytes;
    upkeep.bytes = 0;
    boundLog(core);
    if (upkeep.fresh > upkeep.reserve * LOOK_PART) boundGrowth(core);
  }
  if (isDue && hasMuchFree(core)) shrink(core, PAGES_AT_ONCE);
  if (upkeep.replacedFiles > 0) boundReplaced(core);
}

/** A large transaction leaves a large log: where it is larger than what is set aside for it, it is emptied. */
export function boundLog(core: Core): void {
  const reserve = logReserve(shareOf(core), core.pageSize);
  if (logBytes(core) > reserve && !emptyLog(core)) core.upkeep.logIsStuck = isLogTooLong(core);
}

const isLogTooLong = (core: Core): boolean => logBytes(core) > STUCK * logReserve(shareOf(core), core.pageSize);

/**
 * Invariant: the log is ahead of the database by less than the reserve, about. So on a full disk there is place for what is new in
 * it, and it can be emptied.
 */
function boundGrowth(core: Core): void {
  const { upkeep, connection, sql, pageSize } = core;
  upkeep.fresh = 0;
  upkeep.reserve = keepReserve(core);
  if (upkeep.reserve === 0) return;
  const ahead = (sql.pageCount.first()?.[0] ?? 0) * pageSize - databaseBytes(core);
  if (ahead > upkeep.reserve) unlessBusy(core, () => connection.pragma('wal_checkpoint(PASSIVE)'));
}

/** Gives all free pages back to the disk, after a mass deletion; inside a transaction, after its commit. What was deleted is, also when this fails. */
export function giveBack(core: Core, pagesAtOnce = PAGES_AT_ONCE): void {
  if (core.transaction.depth > 0) {
    core.transaction.afterCommit.push(() => giveBack(core));
    return;
  }
  withoutFailing(core, () => {
    removeReplaced(core);
    for (let before = Number.POSITIVE_INFINITY, free = freePages(core); free < before; free = freePages(core)) {
      before = free;
      if (free > 0) shrink(core, pagesAtOnce);
      emptyLog(core);
    }
    if (reserveBytes(core) > 0) keepReserve(core);
  });
}

/** A store that is not written to any more takes no more space than it needs. */
function rest(core: Core): void {
  const { upkeep } = core;
  upkeep.timer = undefined;
  if (upkeep.writes !== upkeep.seen || core.transaction.depth > 0) {
    upkeep.seen = upkeep.writes;
    upkeep.timer = setTimeout(() => onRest(core), REST).unref();
    return;
  }
  if (upkeep.replacedFiles > 0) removeReplaced(core);
  if (hasMuchFree(core)) giveBack(core);
  else if (logBytes(core) > LARGE_LOG) emptyLog(core);
  boundGrowth(core);
}

function hasMuchFree(core: Core): boolean {
  const free = freePages(core);
  return free > MANY_PAGES && free > (core.sql.pageCount.first()?.[0] ?? 0) * MUCH;
}

const freePages = ({ sql }: Core): number => sql.freePages.first()?.[0] ?? 0;

function shrink(core: Core, pages: number): void {
  unlessBusy(core, () => core.connection.execute(`PRAGMA incremental_vacuum(${pages})`));
}

/** Writes the log into the database, and frees what that has given back. False while somebody else reads from the log. */
export function emptyLog(core: Core): boolean {
  let emptied = false;
  unlessBusy(core, () => {
    emptied = core.connection.pragma('wal_checkpoint(TRUNCATE)') === 0;
  });
  return emptied;
}

/** Passes over what can't be done now, because another process reads or writes or the disk is full: it is done next time. */
function unlessBusy(core: Core, work: () => void): void {
  try {
    core.connection.impatiently(work);
  } catch (error) {
    if (!isPassing(error)) throw error;
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'DISK_FULL');
