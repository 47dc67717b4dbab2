import { tryWithoutWaiting } from '../diagnostics.ts';
import { CLOCK_TOLERANCE_MS } from '../process-identity.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import { DELETION_MARK_SQL } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { inWriteTransaction } from './transaction.ts';

/*
 * Stored times come from a clock that may be set back: by a year, when a battery was empty, or by hours. Then items would expire late,
 * and new items would be the oldest and be evicted first. So a store remembers, also on disk, the latest time that it has seen; when
 * the clock is behind it, the times on disk are corrected, once.
 */

/** Times of a clock that was ahead are mapped into this time before now, in their order. */
const REMAPPED_WINDOW_MS = 3_600_000;
/** A correction that failed, because of a lock or a full disk, is tried again after this time. */
const RETRY_INTERVAL_MS = 1000;

/**
 * At opening: reads the latest time that the store has seen; without a mark that is about the time of its newest row. A store that is
 * too damaged for that still opens, so that it can be repaired.
 */
export function restoreLatestTime({ sql, clockState }: Core): void {
  const mark = unlessCorrupt(() => sql.counter.first('clock'))?.[0];
  clockState.marked = mark ?? Number.NEGATIVE_INFINITY;
  clockState.latest = mark ?? unlessCorrupt(() => sql.newestStamp.first())?.[0] ?? Number.NEGATIVE_INFINITY;
}

/** Returns the current time. Notices if the clock was set back. */
export function getTime(core: Core): number {
  const { clockState, openOptions } = core;
  const now = openOptions.clock();
  if (clockState.behindMs > 0 || now < clockState.latest - CLOCK_TOLERANCE_MS) return getTimeWhileBehind(core, now);
  if (now > clockState.latest) clockState.latest = now;
  return now;
}

function getTimeWhileBehind(core: Core, now: number): number {
  const { clockState, openOptions } = core;
  if (now >= clockState.latest) {
    // The clock was set right again before anything was corrected.
    clockState.behindMs = 0;
    clockState.latest = now;
    return now;
  }
  if (clockState.behindMs === 0) clockState.behindMs = clockState.latest - now;
  const mayWrite = !openOptions.readOnly && core.transaction.depth === 0 && !clockState.isCorrecting;
  if (mayWrite && performance.now() >= clockState.retryAt) correctStoredTimes(core, now);
  return now + clockState.behindMs;
}

/**
 * Corrects all times on disk after the clock was set back to `now`. Expired items stay expired. An item that was stored while the clock
 * was ahead expires if its time to live is shorter than the setback, because it may have expired in the meantime; every other item keeps
 * its remaining time to live. The order of storing and using stays. One statement over all rows; rare.
 */
function correctStoredTimes(core: Core, now: number): void {
  const { clockState, connection, sql, rowStats } = core;
  clockState.isCorrecting = true;
  clockState.retryAt = performance.now() + RETRY_INTERVAL_MS;
  const isDone = tryWithoutWaiting(core, () =>
    inWriteTransaction(core, () => {
      const mark = sql.counter.first('clock')?.[0] ?? clockState.latest;
      const newest = sql.latestUse.first()?.[0] ?? now;
      const latest = Math.max(clockState.latest, mark, newest);
      // The first process to notice moves the mark back with all times; for a later one, only items stored since the last mark are left.
      const isFirst = mark > now + CLOCK_TOLERANCE_MS;
      connection.execute(toCorrectionSql(now, latest, isFirst));
      sql.setCounter.run(Math.floor(now), 'clock');
    }),
  );
  clockState.isCorrecting = false;
  if (!isDone) return;
  clockState.behindMs = 0;
  clockState.latest = clockState.marked = now;
  clockState.corrections++;
  rowStats.invalidate();
  core.memoryCache.clear();
  // Buffered accesses only improve the order of eviction.
  core.accessBuffer.clear();
  core.timestamps.from(now);
}

function toCorrectionSql(now: number, latest: number, isFirst: boolean): string {
  const behind = latest - now;
  // Timestamps run slightly ahead of the clock: only the first correction can tell those from times of the former clock.
  const since = isFirst ? now : now + CLOCK_TOLERANCE_MS;
  const scale = Math.min(1, REMAPPED_WINDOW_MS / behind);
  const remap = (column: string) =>
    `${column} = iif(${column} > ${since}, ${now - 1} - (${latest} - ${column}) * ${scale}, ${column})`;
  return `UPDATE entry SET
    expires_at = CASE
      WHEN expires_at IS NULL OR expires_at = ${DELETION_MARK_SQL} THEN expires_at
      WHEN stored_at > ${since} AND expires_at - stored_at <= ${behind} THEN ${now}
      WHEN stored_at > ${since} OR ${isFirst} THEN expires_at - ${behind}
      ELSE expires_at END,
    ${remap('stored_at')},
    ${remap('used_at')}
    WHERE used_at > ${since}${isFirst ? ' OR expires_at IS NOT NULL' : ''}`;
}
