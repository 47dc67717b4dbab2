import { CLOCK_TOLERANCE_MS } from '../owner.ts';
import type { Core } from './core.ts';
import { clearDeadListeners } from './feed.ts';
import { collectBucket } from './orphans.ts';
import { tryNow } from './timekeeping.ts';
import { atomically } from './transaction.ts';

/*
 * What killed writers leave behind: staged files, placed files that no row names, leases, listeners. It is looked for when a store is
 * opened and while it is open, also where little is written. Staged files of dead processes go at once; the folders of placed files
 * are gone through once a day, a few at a time, by all who have the store open or open it in turn.
 */

/** How long folders are gone through at a time; of so few, all are. */
const SLICE_MS = 4;
const MIN_FOLDERS = 8;
/** Between two slices, and between two looks whether there is anything to do. */
const SLICE_INTERVAL_MS = 60_000;
const LOOK_INTERVAL_MS = 3_600_000;
const ROUND_INTERVAL_MS = 86_400_000;

/** Clears away what is left behind, now and from time to time until the store is closed. */
export function clearLeftovers(core: Core): void {
  let isDone = true;
  const isFree = tryNow(core, () => {
    core.files.sweepStage();
    clearDeadListeners(core);
    if (core.sql.deadLease.first() !== undefined) core.sql.forgetDeadLeases.run();
    isDone = collectSlice(core);
  });
  const pause = isDone && isFree ? LOOK_INTERVAL_MS : SLICE_INTERVAL_MS;
  core.upkeep.leftovers = setTimeout(() => clearLeftovers(core), pause).unref();
}

/** Removes orphans from the next few folders. Returns whether there is nothing more to do today. */
function collectSlice(core: Core): boolean {
  const { files, sql, transaction } = core;
  if (transaction.depth > 0) return false;
  const now = core.clock();
  const roundEndedAt = sql.counter.first('collected at')?.[0] ?? Number.NEGATIVE_INFINITY;
  if (roundEndedAt > now - ROUND_INTERVAL_MS && roundEndedAt < now + CLOCK_TOLERANCE_MS) return true;
  const folders = [...files.buckets()].sort();
  if (folders.length === 0) return true;
  const next = sql.counter.first('next folder')?.[0] ?? 0;
  const left = folders.filter((folder) => Number.parseInt(folder, 16) >= next);
  const end = performance.now() + SLICE_MS;
  let seen = 0;
  for (const folder of left) {
    if (seen >= MIN_FOLDERS && performance.now() >= end) break;
    collectBucket(core, folder);
    seen++;
  }
  const following = left[seen];
  atomically(core, () => {
    sql.keepCounter.run(following === undefined ? 0 : Number.parseInt(following, 16), 'next folder');
    if (following === undefined) sql.keepCounter.run(Math.floor(now), 'collected at');
  });
  return following === undefined;
}
