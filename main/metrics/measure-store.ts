import { Cache, Deque, DiskCacheError, FanoutCache, Index, Settings } from '../engine/index.ts';
import { getStoreSettings } from '../engine/internal.ts';
import type { JobCounts, Queue } from '../queue/index.ts';
import type { StoreMeasurement } from './process-metrics.ts';

/** Returns undefined for a store that was closed or can't be read: its own calls tell why. */
export const measureStore = (store: object): StoreMeasurement | undefined => tryToRead(() => measure(store));

/** Returns undefined for a queue that was closed or can't be read. */
export const countJobs = (queue: Queue): JobCounts | undefined => tryToRead(() => queue.counts());

function tryToRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DiskCacheError) return undefined;
    throw error;
  }
}

function measure(store: object): StoreMeasurement | undefined {
  if (store instanceof Cache || store instanceof FanoutCache) return measureCache(store);
  if (store instanceof Index) return { ...WITHOUT_LIMIT, items: store.size, bytes: store.volume() };
  if (store instanceof Deque) return { ...WITHOUT_LIMIT, items: store.length, bytes: store.volume() };
  if (!(store instanceof Settings)) return undefined;
  return { ...WITHOUT_LIMIT, items: Object.keys(store.all()).length, bytes: store.volume() };
}

const WITHOUT_LIMIT = { sizeLimit: undefined, hits: undefined, misses: undefined };

function measureCache(store: Cache | FanoutCache): StoreMeasurement {
  const { sizeLimit, statistics } = getStoreSettings(store)!;
  const { hits, misses } = statistics ? store.stats() : WITHOUT_LIMIT;
  return {
    items: store.size,
    bytes: store.volume(),
    sizeLimit: Number.isFinite(sizeLimit) ? sizeLimit : null,
    hits,
    misses,
  };
}
