import { DiskCacheError } from '../../../protocol/error.ts';
import { unlessCorrupt } from '../damage.ts';
import type { Core } from './core.ts';

/*
 * What is stored are points in time of a clock that may be set back: by a year, when a battery was empty, or by hours. Then what
 * expires would live until the clock has caught up, and what is stored now would be the oldest and be evicted first. So a store
 * keeps in mind, and on disk, the latest time that it has seen; when the clock is behind that, times on disk are put right, once.
 */

/** The latest time is written down when it has moved on by this much. */
const MARK_INTERVAL_MS = 600_000;

/** What one open store knows about time. */
export class Timekeeper {
  /** The latest time that was seen, here or by another process that has written to the store. */
  latest = Number.NEGATIVE_INFINITY;
  /** The latest time that is on disk. */
  marked = Number.NEGATIVE_INFINITY;
  /** How often times on disk were put right: what was read from there before holds no more. */
  corrections = 0;
  /** How far the clock was set back, while times on disk have not been put right: readers go on from where they were. */
  behind = 0;
  retryAt = Number.NEGATIVE_INFINITY;
  isCorrecting = false;
}

/**
 * At opening: the latest time that the store has seen, which without a mark is about that of its newest row. A store that is too damaged
 * to tell opens all the same, so that it can be mended.
 */
export function recallTime({ sql, time }: Core): void {
  const mark = unlessCorrupt(() => sql.counter.first('clock'))?.[0];
  time.marked = mark ?? Number.NEGATIVE_INFINITY;
  time.latest = mark ?? unlessCorrupt(() => sql.newestStamp.first())?.[0] ?? Number.NEGATIVE_INFINITY;
}

/**
 * Before something is written: the next process that opens the store has to know the latest time. Invariant: no time on disk is later than
 * the mark by more than the interval.
 */
export function keepTime(core: Core, now: number): void {
  const { time, sql, transaction } = core;
  if (now - time.marked <= MARK_INTERVAL_MS || time.behind > 0 || time.isCorrecting) return;
  const before = time.marked;
  time.marked = now;
  if (transaction.depth > 0) {
    transaction.afterRollback.push(() => {
      time.marked = before;
    });
    sql.markClock.run(Math.floor(now));
  } else if (!tryNow(core, () => sql.markClock.run(Math.floor(now)))) time.marked = before;
}

/** Returns whether it was done: without waiting for a lock, and whatever the store refuses it with is for a later try. */
export function tryNow({ connection }: Core, work: () => void): boolean {
  try {
    connection.impatiently(work);
    return true;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return false;
  }
}
