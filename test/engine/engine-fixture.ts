import { Cache, type CacheMethods, type CacheOptions } from '../../main/engine/index.ts';
import type { AsyncCache, AsyncStoreFixture } from '../suites/async-cache.ts';
import { freshDirectory } from './fresh-directory.ts';

/** The engine behind the face of promises: a throw becomes a rejection. */
export function toAsyncCache(cache: CacheMethods): AsyncCache {
  async function* lazily<T>(items: () => Iterable<T>): AsyncGenerator<T, void, void> {
    yield* items();
  }
  return {
    get: async (key) => cache.get(key),
    getEntry: async (key) => cache.getEntry(key),
    getMany: async (keys) => cache.getMany([...keys]),
    has: async (key) => cache.has(key),
    hasMany: async (keys) => cache.hasMany(keys),
    peek: async (options) => cache.peek(options),
    peekItem: async (options) => cache.peekItem(options),
    get size() {
      return Promise.resolve(cache.size);
    },
    volume: async () => cache.volume(),
    stats: async (options) => cache.stats(options),
    set: async (key, value, options) => cache.set(key, value, options),
    setMany: async (entries, options) => cache.setMany(entries, options),
    add: async (key, value, options) => cache.add(key, value, options),
    touch: async (key, options) => cache.touch(key, options),
    incr: async (key, delta, options) => cache.incr(key, delta, options),
    decr: async (key, delta, options) => cache.decr(key, delta, options),
    delete: async (key) => cache.delete(key),
    deleteMany: async (keys, options) => cache.deleteMany(keys, options),
    deletePrefix: async (prefix) => cache.deletePrefix(prefix),
    pop: async (key) => cache.pop(key),
    push: async (value, options) => cache.push(value, options),
    pull: async (options) => cache.pull(options),
    expire: async () => cache.expire(),
    evict: async (tag) => cache.evict(tag),
    cull: async () => cache.cull(),
    clear: async (options) => cache.clear(options),
    check: async (options) => cache.check(options),
    configure: async (options) => cache.configure(options),
    keys: (range) => lazily(() => cache.keys(range)),
    values: (range) => lazily(() => cache.values(range)),
    entries: (range) => lazily(() => cache.entries(range)),
    subscribe: (listener, options) => cache.subscribe(listener, options),
    watch: (key, options) => cache.watch(key, options),
    watchMany: (range, options) => cache.watchMany(range, options),
  };
}

/** A clock that stands still until it is moved. */
export function createManualClock(start = 1_700_000_000_000): {
  readonly clock: () => number;
  advance(ms: number): void;
} {
  let now = start;
  return {
    clock: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

export async function openAsyncEngine(options: CacheOptions = {}): Promise<AsyncStoreFixture> {
  const { clock, advance } = createManualClock();
  const cache = new Cache(freshDirectory(), { clock, ...options });
  return { store: toAsyncCache(cache), now: clock, advance, close: async () => cache.close() };
}
