import type { Stats } from '../../../protocol/results.ts';
import { runAndWarn } from '../space/maintenance.ts';
import { EVICTION_POLICIES } from '../space/policy.ts';
import type { Core } from '../state/core.ts';
import type { Settings } from '../state/settings.ts';
import { assertOptions, demandFlag } from '../validate.ts';
import { inWriteTransaction } from './transaction.ts';

/** So many items' uses are remembered; beyond twice that the oldest are let go. */
const MAX_BUFFERED_ACCESSES = 32_768;
/** A write takes so many along. */
const MAX_ACCESSES_PER_WRITE = 8;
/** Milliseconds after which they are written down without a write, so many in one transaction. */
const FLUSH_DELAY_MS = 1000;
const MAX_ACCESSES_PER_FLUSH = 2048;

/** Uses only sharpen the order of eviction: nothing may fail for them. */
const FLUSH_ACTIVITY = 'Counting the reads of';

/** Reads of one item that are not on disk yet. */
export interface BufferedAccess {
  readonly id: number;
  /** The last one's stamp: epoch milliseconds with a fraction. */
  accessedAt: number;
  hits: number;
}

/**
 * Reads that are not on disk yet, under a policy that counts them: a read never writes. They go there with the next writes,
 * on a timer, and at close. The first read of an item puts it on a list, further ones only count.
 */
export class AccessBuffer {
  /** Counted when `statistics` is on. */
  hits = 0;
  misses = 0;
  timer: NodeJS.Timeout | undefined;
  statistics = false;
  tracksReads = false;
  #recent: BufferedAccess[] = [];
  #newer = new Map<number, BufferedAccess>();
  #older = new Map<number, BufferedAccess>();

  /** Takes over what the settings say. */
  configure({ statistics, evictionPolicy }: Settings): void {
    this.statistics = statistics;
    this.tracksReads = EVICTION_POLICIES[evictionPolicy].tracksReads;
  }

  get isEmpty(): boolean {
    return this.#recent.length + this.#newer.size + this.#older.size + this.hits + this.misses === 0;
  }

  /** Whether there may be some for an item. */
  get mightContain(): boolean {
    return this.#recent.length + this.#newer.size + this.#older.size > 0;
  }

  record(use: BufferedAccess, at: number): void {
    use.accessedAt = at;
    if (use.hits++ > 0) return;
    this.#recent.push(use);
    if (this.#recent.length >= MAX_BUFFERED_ACCESSES) this.#index();
  }

  /** The reads of one item that are not on disk yet. */
  get(id: number): Readonly<BufferedAccess> | undefined {
    this.#index();
    return this.#newer.get(id) ?? this.#older.get(id);
  }

  /** Takes the use of one item out. */
  take(id: number): Readonly<BufferedAccess> | undefined {
    const use = this.get(id);
    this.#newer.delete(id);
    this.#older.delete(id);
    return use;
  }

  clear(): void {
    this.#recent = [];
    this.#newer.clear();
    this.#older.clear();
  }

  /** The ids whose uses wait longest. */
  oldestIds(most: number): readonly number[] {
    this.#index();
    const ids: number[] = [];
    for (const uses of [this.#older, this.#newer]) {
      for (const id of uses.keys()) {
        if (ids.length >= most) return ids;
        ids.push(id);
      }
    }
    return ids;
  }

  /** The list by id, and the items on it ready to be listed again. */
  #index(): void {
    if (this.#recent.length === 0) return;
    for (const use of this.#recent) {
      const { id, accessedAt, hits } = use;
      use.hits = 0;
      const before = this.#newer.get(id) ?? this.#older.get(id);
      if (before === undefined) this.#newer.set(id, { id, accessedAt, hits });
      else {
        before.accessedAt = Math.max(before.accessedAt, accessedAt);
        before.hits += hits;
      }
    }
    this.#recent = [];
    if (this.#newer.size < MAX_BUFFERED_ACCESSES) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }
}

/** An item was read. */
export function recordHit(core: Core, use: BufferedAccess): void {
  const { accessBuffer } = core;
  if (!accessBuffer.tracksReads && !accessBuffer.statistics) return;
  if (accessBuffer.statistics) accessBuffer.hits++;
  if (accessBuffer.tracksReads)
    accessBuffer.record(use, core.memoryCache.isOff ? core.timestamps.from(core.clock()) : core.timestamps.next());
  if (accessBuffer.timer === undefined) startFlushTimer(core);
}

/** Nothing was found. */
export function recordMiss(core: Core): undefined {
  if (!core.accessBuffer.statistics) return;
  core.accessBuffer.misses++;
  if (core.accessBuffer.timer === undefined) startFlushTimer(core);
}

/** Writes down the use of one item. Inside a write transaction. */
export function flushAccess({ sql, accessBuffer }: Core, id: number): void {
  const use = accessBuffer.take(id);
  if (use !== undefined) sql.use.run(use.accessedAt, use.hits, id);
}

/** Writes down what waits longest. Inside a write transaction. */
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

/** Writes everything down, if the write lock can be had; at close. */
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
    runAndWarn(core, () => inWriteTransaction(core, () => flushAccesses(core, MAX_ACCESSES_PER_FLUSH)), FLUSH_ACTIVITY);
    if (!core.accessBuffer.isEmpty) startFlushTimer(core);
  }, FLUSH_DELAY_MS);
  core.accessBuffer.timer.unref();
}

const STATS_OPTIONS: ReadonlySet<string> = new Set(['reset']);

export function getStats(core: Core, options?: { readonly reset?: boolean }): Stats {
  const { reset = false } = assertOptions(options, STATS_OPTIONS);
  demandFlag(reset, 'reset');
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
