import { Cache, Deque, DiskCacheError, FanoutCache, Index, Settings } from '../engine/index.ts';
import { getStoreSettings } from '../engine/internal.ts';
import type { StoreMeasurement } from './process-metrics.ts';

/** Returns undefined for a store that was closed or can't be read: its own calls tell why. */
export function measureStore(store: object): StoreMeasurement | undefined {
  try {
    if (store instanceof Cache || store instanceof FanoutCache) return measureCache(store);
    if (store instanceof Index) return { ...WITHOUT_LIMIT, items: store.size, bytes: store.volume() };
    if (store instanceof Deque) return { ...WITHOUT_LIMIT, items: store.length, bytes: store.volume() };
    if (!(store instanceof Settings)) return undefined;
    return { ...WITHOUT_LIMIT, items: Object.keys(store.all()).length, bytes: store.volume() };
  } catch (error) {
    if (error instanceof DiskCacheError) return undefined;
    throw error;
  }
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
