import { CLOCK_TOLERANCE_MS } from '../process-identity.ts';
import { tryWithoutWaiting } from '../space/warnings.ts';

import type { Core } from '../state/core.ts';
import { inWriteTransaction } from './transaction.ts';

/** Times of a clock that was ahead are mapped into this time before now, in their order. */
const REMAPPED_WINDOW_MS = 3_600_000;
/** A correction that failed, because of a lock or a full disk, is tried again after this time. */
const RETRY_INTERVAL_MS = 1000;

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
 * Puts all times on disk right after the clock was set back to `now`. What had expired stays expired; what was stored by the clock
 * that was ahead and lives shorter than that was, may have expired since, for all that is known, and has; all else has left to
 * live what it had left. The order of what was stored and used stays. One statement over all rows; rare.
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
      // The first process to notice has moved the mark back with all times; then only what was stored since the last mark is left.
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
  // They only sharpen the order of eviction.
  core.accessBuffer.clear();
  core.timestamps.from(now);
}

function toCorrectionSql(now: number, latest: number, isFirst: boolean): string {
  const behind = latest - now;
  // Stamps run ahead of the clock by a little: only the first correction can tell those from what the clock before has stored.
  const since = isFirst ? now : now + CLOCK_TOLERANCE_MS;
  const scale = Math.min(1, REMAPPED_WINDOW_MS / behind);
  const remap = (column: string) =>
    `${column} = iif(${column} > ${since}, ${now - 1} - (${latest} - ${column}) * ${scale}, ${column})`;
  return `UPDATE entry SET
    expires_at = CASE
      WHEN expires_at IS NULL THEN NULL
      WHEN stored_at > ${since} AND expires_at - stored_at <= ${behind} THEN ${now}
      WHEN stored_at > ${since} OR ${isFirst} THEN expires_at - ${behind}
      ELSE expires_at END,
    ${remap('stored_at')},
    ${remap('used_at')}
    WHERE used_at > ${since}${isFirst ? ' OR expires_at IS NOT NULL' : ''}`;
}
