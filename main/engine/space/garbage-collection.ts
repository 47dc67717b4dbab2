import { clearDeadListeners } from '../cache/change-feed.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { tryWithoutWaiting } from '../diagnostics.ts';
import { CLOCK_TOLERANCE_MS } from '../process-identity.ts';
import { unrefTimer } from '../realm.ts';
import type { Core } from '../state/core.ts';
import { assertDatabaseInPlace } from './store-files.ts';

/** Returns whether an item has an id that no store assigns: a damaged one, or one of a clock that was centuries ahead. O(log n). */
export const hasOutOfRangeIds = ({ sql, kind }: Core): boolean =>
  kind !== 'deque' && sql.outOfRangeId.first() !== undefined;

/**
 * Moves items with such ids behind the others, in their order: after the largest id nothing could be added, and beyond 2^53 a number
 * in JavaScript may stand for several rows. O(log n) each.
 */
export function repairIds(core: Core): void {
  if (!hasOutOfRangeIds(core)) return;
  inWriteTransaction(core, () => {
    while (core.sql.moveOutOfRangeId.run().changes > 0);
    core.rowStats.invalidate();
    core.memoryCache.clear();
    core.accessBuffer.clear();
  });
}

/*
 * Value files that no row names: left behind by a writer that was killed.
 */

/** Files stored between two collections. */
const WRITES_PER_COLLECTION = 8;
/** Collections between two sweeps of staged files. */
const COLLECTIONS_PER_STAGE_SWEEP = 256;

/** Returns the names that no row has. An index may be damaged, so the table is searched, too: O(rows), after a crash. */
export function findOrphans({ sql }: Core, names: readonly string[]): string[] {
  const suspects = new Set(names.filter((name) => sql.namesFile.first(name) === undefined));
  if (suspects.size > 0) {
    sql.filesInTable.each(([file]) => {
      suspects.delete(file);
      return suspects.size > 0;
    });
  }
  return [...suspects];
}

/** Removes the files of a bucket that no row names. */
export function collectBucket(core: Core, bucket: string): void {
  const { files } = core;
  inWriteTransaction(core, () => {
    assertDatabaseInPlace(core);
    const orphans = new Set(findOrphans(core, files.listNames(bucket)));
    files.collect(bucket, (name) => !orphans.has(name));
  });
}

/** Collects the orphans of one bucket, now and then after a file was stored, so that the leftovers of crashes are bounded. */
export function collectOneBucket(core: Core): void {
  const { rowStats, files, transaction } = core;
  if (transaction.depth > 0 || ++rowStats.filesStored % WRITES_PER_COLLECTION !== 0) return;
  const buckets = [...files.listBuckets()].sort();
  const bucket = buckets.find((name) => name > rowStats.lastCollectedBucket) ?? buckets[0];
  if (bucket !== undefined) collectBucket(core, bucket);
  rowStats.lastCollectedBucket = bucket ?? '';
  if (rowStats.filesStored % (WRITES_PER_COLLECTION * COLLECTIONS_PER_STAGE_SWEEP) === 0) files.sweepStage();
}

/*
 * Removes what killed writers leave behind: staged files, placed files that no row names, leases, listeners; when a store is opened and
 * while it is open, even if little is written. Staged files of dead processes are removed at once; the folders of placed files are swept
 * once a day, a few at a time, by all processes that have the store open.
 */

/** How long folders are swept at a time, and how many at least. */
const SLICE_MS = 4;
const MIN_FOLDERS = 8;
/** Between two slices, between two sweeps, and between two rounds over all folders. */
const SLICE_INTERVAL_MS = 60_000;
const SWEEP_INTERVAL_MS = 3_600_000;
const ROUND_INTERVAL_MS = 86_400_000;

/** Collects garbage now and from time to time until the store is closed. */
export function collectGarbage(core: Core): void {
  let isDone = true;
  const isFree = tryWithoutWaiting(core, () => {
    core.files.sweepStage();
    clearDeadListeners(core);
    if (core.sql.deadLease.first() !== undefined) core.sql.deleteDeadLeases.run();
    isDone = collectSlice(core);
  });
  const pause = isDone && isFree ? SWEEP_INTERVAL_MS : SLICE_INTERVAL_MS;
  core.maintenance.garbageTimer = unrefTimer(setTimeout(() => collectGarbage(core), pause));
}

/** Removes orphans from the next few folders. Returns whether the round is done for today. */
function collectSlice(core: Core): boolean {
  const { files, sql, transaction } = core;
  if (transaction.depth > 0) return false;
  const now = core.clock();
  const roundEndedAt = sql.counter.first('collected at')?.[0] ?? Number.NEGATIVE_INFINITY;
  if (roundEndedAt > now - ROUND_INTERVAL_MS && roundEndedAt < now + CLOCK_TOLERANCE_MS) return true;
  const folders = [...files.listBuckets()].sort();
  if (folders.length === 0) return true;
  const next = sql.counter.first('next folder')?.[0] ?? 0;
  const remaining = folders.filter((folder) => Number.parseInt(folder, 16) >= next);
  const end = performance.now() + SLICE_MS;
  let done = 0;
  for (const folder of remaining) {
    if (done >= MIN_FOLDERS && performance.now() >= end) break;
    collectBucket(core, folder);
    done++;
  }
  const following = remaining[done];
  inWriteTransaction(core, () => {
    sql.upsertCounter.run(following === undefined ? 0 : Number.parseInt(following, 16), 'next folder');
    if (following === undefined) sql.upsertCounter.run(Math.floor(now), 'collected at');
  });
  return following === undefined;
}
