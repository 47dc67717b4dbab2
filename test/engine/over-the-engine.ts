import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import type { AsyncCache, OpenStore } from '../suites/async-cache.ts';
import { freshDirectory } from './directory.ts';

/** The engine behind the face of promises: every call runs in its own microtask, a throw becomes a rejection. */
export function asyncFace(cache: Cache): AsyncCache {
  async function* lazily<T>(items: () => Iterable<T>): AsyncGenerator<T, void, void> {
    yield* items();
  }
  return {
    get: async (key) => cache.get(key),
    getMany: async (keys) => cache.getMany(keys),
    has: async (key) => cache.has(key),
    get size() {
      return Promise.resolve(cache.size);
    },
    set: async (key, value, options) => cache.set(key, value, options),
    setMany: async (entries, options) => cache.setMany(entries, options),
    delete: async (key) => cache.delete(key),
    clear: async () => cache.clear(),
    keys: (range) => lazily(() => cache.keys(range)),
    values: (range) => lazily(() => cache.values(range)),
    entries: (range) => lazily(() => cache.entries(range)),
  };
}

/** A clock that stands still until it is moved. */
export function handClock(start = 1_700_000_000_000): { readonly clock: () => number; advance(ms: number): void } {
  let now = start;
  return {
    clock: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

export async function openEngine(options: CacheOptions = {}): Promise<OpenStore> {
  const { clock, advance } = handClock();
  const cache = new Cache(freshDirectory(), { clock, ...options });
  return { store: asyncFace(cache), advance, close: async () => cache.close() };
}
