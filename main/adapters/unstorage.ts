import { DiskCacheError } from '../../protocol/error.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { assertStore, CACHE_STORE_METHODS, type CacheStore, parseOptions } from './store.ts';
import { type UnstorageEvent, watchKeys } from './unstorage-watch.ts';

export type { UnstorageEvent } from './unstorage-watch.ts';

const MS_PER_SECOND = 1000;

/** Options of `unstorageDriver`. */
export interface UnstorageDriverOptions {
  /** A prefix of all keys in the cache, to which a colon is added, so that several storages can share a cache. Default: no prefix. */
  readonly base?: string;
  /** Seconds (not milliseconds, as in every driver of unstorage) until an item expires, unless `setItem` has a `ttl`. Default: the cache's. */
  readonly ttl?: number;
  /** Receives the reason when a watch in a page ends by itself. Default: an uncaught error. */
  readonly onError?: (error: unknown) => void;
}

/** Options of a call on the storage. */
export interface UnstorageItemOptions {
  /** Seconds until the item expires. With 0 it gets the `ttl` of the cache. */
  readonly ttl?: number;
  readonly [name: string]: unknown;
}

/** A driver of unstorage, for `createStorage({ driver })` and `storage.mount(base, driver)`. */
export interface UnstorageDriver {
  readonly name: 'deskcache';
  readonly flags: { readonly ttl: true };
  readonly options: UnstorageDriverOptions;
  hasItem(key: string): Promise<boolean>;
  /** Resolves with null if the key is missing. */
  getItem(key: string): Promise<string | null>;
  getItems(items: { key: string }[]): Promise<{ key: string; value: string | null }[]>;
  /** Resolves with the value that `setItemRaw` was given, with its type; null if the key is missing. */
  getItemRaw(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: UnstorageItemOptions): Promise<void>;
  /** Sets all items or none. */
  setItems(
    items: { key: string; value: string; options?: UnstorageItemOptions }[],
    commonOptions?: UnstorageItemOptions,
  ): Promise<void>;
  /** Stores any value that structured clone keeps, bytes included. */
  setItemRaw(key: string, value: unknown, options?: UnstorageItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  /** Resolves with times, size in bytes and remaining seconds to live; null if the key is missing. */
  getMeta(key: string): Promise<{ mtime: Date; atime: Date; size: number; ttl?: number } | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
  watch(callback: (event: UnstorageEvent, key: string) => void): Promise<() => void>;
  dispose(): void;
}

/**
 * Returns a driver for unstorage: `createStorage({ driver: unstorageDriver(cache) })`. `cache` is a cache or fanout of the main process, a
 * page or a utility process; it stays open when the storage is disposed. The storage only sees keys that are strings, so the cache can hold
 * other items as well.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a cache or fanout, and for unknown or invalid options.
 */
export function unstorageDriver(cache: CacheStore, options?: UnstorageDriverOptions): UnstorageDriver {
  assertStore('unstorageDriver', cache, CACHE_STORE_METHODS);
  const { base = '', ttl: defaultTtl, onError } = parseOptions('unstorageDriver', options, ['base', 'ttl', 'onError']);
  if (typeof base !== 'string') throw new DiskCacheError('BAD_OPTION', 'unstorageDriver: base has to be a string');
  const prefix = base === '' || base.endsWith(':') ? base : `${base}:`;
  const unwatchers = new Set<() => void>();
  const toOptions = (ttl: number | undefined = defaultTtl): SetOptions => (ttl ? { ttl: ttl * MS_PER_SECOND } : {});

  async function getKeys(below = ''): Promise<string[]> {
    const keys: string[] = [];
    for await (const key of cache.keys({ prefix: prefix + below })) keys.push((key as string).slice(prefix.length));
    return keys;
  }

  return {
    name: 'deskcache',
    flags: { ttl: true },
    options: options ?? {},
    hasItem: async (key) => cache.has(prefix + key),
    getItem: async (key) => ((await cache.get(prefix + key)) ?? null) as string | null,
    async getItems(items) {
      const values = await cache.getMany(items.map(({ key }) => prefix + key));
      return items.map(({ key }, at) => ({ key, value: (values[at] ?? null) as string | null }));
    },
    getItemRaw: async (key) => (await cache.get(prefix + key)) ?? null,
    setItem: async (key, value, itemOptions) => cache.set(prefix + key, value, toOptions(itemOptions?.ttl)),
    setItems: async (items, commonOptions) =>
      cache.setMany(
        items.map((item) => [prefix + item.key, item.value, toOptions(item.options?.ttl ?? commonOptions?.ttl)]),
      ),
    setItemRaw: async (key, value, itemOptions) => cache.set(prefix + key, value, toOptions(itemOptions?.ttl)),
    async removeItem(key) {
      await cache.delete(prefix + key);
    },
    async getMeta(key) {
      const entry = await cache.getEntry(prefix + key);
      if (entry === undefined) return null;
      const { storedAt, accessedAt, expiresAt, bytes } = entry;
      const ttl = expiresAt === undefined ? undefined : Math.max(0, (expiresAt - Date.now()) / MS_PER_SECOND);
      return { mtime: new Date(storedAt), atime: new Date(accessedAt), size: bytes, ...(ttl !== undefined && { ttl }) };
    },
    getKeys,
    async clear(below = '') {
      await cache.deletePrefix(prefix + below);
    },
    async watch(callback) {
      const unwatch = await watchKeys({ cache, prefix, getKeys, callback, onError });
      unwatchers.add(unwatch);
      return () => {
        unwatchers.delete(unwatch);
        unwatch();
      };
    },
    dispose() {
      for (const unwatch of unwatchers) unwatch();
      unwatchers.clear();
    },
  };
}
