import { tryWithoutWaiting } from '../space/warnings.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import type { Core } from '../state/core.ts';

/*
 * Stored times come from a clock that may be set back: by a year, when a battery was empty, or by hours. Then items would expire late,
 * and new items would be the oldest and be evicted first. So a store remembers, also on disk, the latest time that it has seen; when
 * the clock is behind it, the times on disk are corrected, once.
 */

/** The latest time is written to disk after it has advanced by this much. */
const CLOCK_MARK_INTERVAL_MS = 600_000;

/**
 * At opening: reads the latest time that the store has seen; without a mark that is about the time of its newest row. A store that is
 * too damaged for that opens all the same, so that it can be repaired.
 */
export function restoreLatestTime({ sql, clockState }: Core): void {
  const mark = unlessCorrupt(() => sql.counter.first('clock'))?.[0];
  clockState.marked = mark ?? Number.NEGATIVE_INFINITY;
  clockState.latest = mark ?? unlessCorrupt(() => sql.newestStamp.first())?.[0] ?? Number.NEGATIVE_INFINITY;
}

/**
 * Before a write: the next process that opens the store has to know the latest time. Invariant: no time on disk is later than the mark
 * by more than the interval.
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
