import type { Stats } from '../../../protocol/results.ts';
import { runAndWarn } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';

import type { Core } from '../state/core.ts';
import type { BufferedAccess } from '../state/row-stats.ts';
import { assertFlag, assertOptions } from '../validate.ts';
import { inWriteTransaction } from './transaction.ts';

/** Buffered accesses that one write flushes. */
const MAX_ACCESSES_PER_WRITE = 8;
/** Milliseconds after which accesses are flushed without a write, and how many in one transaction. */
const FLUSH_DELAY_MS = 1000;
const MAX_ACCESSES_PER_FLUSH = 2048;

/** Accesses only improve the order of eviction: nothing may fail because of them. */
const FLUSH_ACTIVITY = 'Counting the reads of';

/** Counts a read of an item. */
export function recordHit(core: Core, access: BufferedAccess): void {
  const { accessBuffer } = core;
  if (!accessBuffer.tracksReads && !accessBuffer.statistics) return;
  if (accessBuffer.statistics) accessBuffer.hits++;
  if (accessBuffer.tracksReads) accessBuffer.record(access, getAccessTime(core));
  if (accessBuffer.timer === undefined) startFlushTimer(core);
}

/** Returns the time of a read. Where memory is asked after a look at other processes, that look has read the clock. */
function getAccessTime(core: Core): number {
  const readsClock = core.memoryCache.isOff || core.openOptions.exclusive;
  return readsClock ? core.timestamps.from(core.clock()) : core.timestamps.next();
}

/** Counts a read that found nothing. */
export function recordMiss(core: Core): undefined {
  if (!core.accessBuffer.statistics) return;
  core.accessBuffer.misses++;
  if (core.accessBuffer.timer === undefined) startFlushTimer(core);
}

/** Writes the buffered accesses of one item. Inside a write transaction. */
export function flushAccess({ sql, accessBuffer }: Core, id: number): void {
  const access = accessBuffer.take(id);
  if (access !== undefined) sql.use.run(access.accessedAt, access.hits, id);
}

/** Writes the oldest buffered accesses. Inside a write transaction. */
export function flushAccesses(core: Core, maxItems = MAX_ACCESSES_PER_WRITE): void {
  const { sql, accessBuffer } = core;
  if (accessBuffer.isEmpty) return;
  for (const id of accessBuffer.oldestIds(maxItems)) flushAccess(core, id);
  if (accessBuffer.hits > 0) sql.count.run(accessBuffer.hits, 'hits');
  if (accessBuffer.misses > 0) sql.count.run(accessBuffer.misses, 'misses');
  const { hits, misses } = accessBuffer;
  accessBuffer.hits = accessBuffer.misses = 0;
  core.transaction.afterRollback.push(() => {
    accessBuffer.hits += hits;
    accessBuffer.misses += misses;
  });
}

/** Writes all buffered accesses if the write lock is free; at close. */
export function flushAllAccesses(core: Core): void {
  const { accessBuffer } = core;
  clearTimeout(accessBuffer.timer);
  if (core.openOptions.readOnly || accessBuffer.isEmpty) return;
  runAndWarn(core, () => inWriteTransaction(core, () => flushAccesses(core, Number.POSITIVE_INFINITY)), FLUSH_ACTIVITY);
}

function startFlushTimer(core: Core): void {
  if (core.openOptions.readOnly) return;
  core.accessBuffer.timer = setTimeout(() => {
    core.accessBuffer.timer = undefined;
    // A journal is applied in small steps first; a transaction would apply the rest at once.
    if (!core.connection.pending.hasAny)
      runAndWarn(
        core,
        () => inWriteTransaction(core, () => flushAccesses(core, MAX_ACCESSES_PER_FLUSH)),
        FLUSH_ACTIVITY,
      );
    if (!core.accessBuffer.isEmpty) startFlushTimer(core);
  }, FLUSH_DELAY_MS);
  unrefTimer(core.accessBuffer.timer);
}

const STATS_OPTIONS: ReadonlySet<string> = new Set(['reset']);

export function getStats(core: Core, options?: { readonly reset?: boolean }): Stats {
  const { reset = false } = assertOptions(options, STATS_OPTIONS);
  assertFlag(reset, 'reset');
  const { sql, accessBuffer } = core;
  const read = (): Stats => ({
    hits: (sql.counter.first('hits')?.[0] ?? 0) + accessBuffer.hits,
    misses: (sql.counter.first('misses')?.[0] ?? 0) + accessBuffer.misses,
  });
  if (!reset) return read();
  return inWriteTransaction(core, () => {
    flushAccesses(core, 0);
    const found = read();
    sql.setCounter.run(0, 'hits');
    sql.setCounter.run(0, 'misses');
    return found;
  });
}
