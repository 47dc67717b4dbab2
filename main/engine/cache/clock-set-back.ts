import { CLOCK_TOLERANCE_MS } from '../owner.ts';
import type { Core } from './core.ts';
import { tryNow } from './timekeeping.ts';
import { atomically } from './transaction.ts';

/** What was stored under a clock that was ahead is ranked within this time before now, in its order. */
const RANKED_WITHIN_MS = 3_600_000;
/** A correction that could not be made, because of a lock or a full disk, is tried again after this time. */
const RETRY_INTERVAL_MS = 1000;

/** Returns the clock's now. Notices when it was set back. */
export function tellTime(core: Core): number {
  const { time, usage } = core;
  const now = usage.clock();
  if (time.behind > 0 || now < time.latest - CLOCK_TOLERANCE_MS) return whenSetBack(core, now);
  if (now > time.latest) time.latest = now;
  return now;
}

function whenSetBack(core: Core, now: number): number {
  const { time, usage } = core;
  if (now >= time.latest) {
    // It was set right again, and nothing has been changed meanwhile.
    time.behind = 0;
    time.latest = now;
    return now;
  }
  if (time.behind === 0) time.behind = time.latest - now;
  const mayWrite = !usage.readOnly && core.transaction.depth === 0 && !time.isCorrecting;
  if (mayWrite && performance.now() >= time.retryAt) putRight(core, now);
  return now + time.behind;
}

/**
 * Puts all times on disk right after the clock was set back to `now`. What had expired stays expired; what was stored by the clock
 * that was ahead and lives shorter than that was, may have expired since, for all that is known, and has; all else has left to
 * live what it had left. The order of what was stored and used stays. One statement over all rows; rare.
 */
function putRight(core: Core, now: number): void {
  const { time, connection, sql, ledger } = core;
  time.isCorrecting = true;
  time.retryAt = performance.now() + RETRY_INTERVAL_MS;
  const isDone = tryNow(core, () =>
    atomically(core, () => {
      const mark = sql.counter.first('clock')?.[0] ?? time.latest;
      const newest = sql.latestUse.first()?.[0] ?? now;
      const latest = Math.max(time.latest, mark, newest);
      // The first process to notice has moved the mark back with all times; then only what was stored since the last mark is left.
      const isFirst = mark > now + CLOCK_TOLERANCE_MS;
      connection.execute(correction(now, latest, isFirst));
      sql.setCounter.run(Math.floor(now), 'clock');
    }),
  );
  time.isCorrecting = false;
  if (!isDone) return;
  time.behind = 0;
  time.latest = time.marked = now;
  time.corrections++;
  ledger.forget();
  core.memory.clear();
  // They only sharpen the order of eviction.
  core.uses.clear();
  core.stamps.at(now);
}

function correction(now: number, latest: number, isFirst: boolean): string {
  const behind = latest - now;
  // Stamps run ahead of the clock by a little: only the first correction can tell those from what the clock before has stored.
  const since = isFirst ? now : now + CLOCK_TOLERANCE_MS;
  const scale = Math.min(1, RANKED_WITHIN_MS / behind);
  const ranked = (column: string) =>
    `${column} = iif(${column} > ${since}, ${now - 1} - (${latest} - ${column}) * ${scale}, ${column})`;
  return `UPDATE entry SET
    expires_at = CASE
      WHEN expires_at IS NULL THEN NULL
      WHEN stored_at > ${since} AND expires_at - stored_at <= ${behind} THEN ${now}
      WHEN stored_at > ${since} OR ${isFirst} THEN expires_at - ${behind}
      ELSE expires_at END,
    ${ranked('stored_at')},
    ${ranked('used_at')}
    WHERE used_at > ${since}${isFirst ? ' OR expires_at IS NOT NULL' : ''}`;
}
