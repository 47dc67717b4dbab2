import { type Keyv5Store, keyv5Store } from './keyv-5.ts';
import { assertStore, CACHE_STORE_METHODS, type CacheStore } from './store.ts';

export type { Keyv5Entry, Keyv5Store } from './keyv-5.ts';

/**
 * Returns a store for cache-manager 6 and 7, which keep their items in Keyv 5:
 * `createCache({ stores: [new Keyv({ store: cacheManagerStore(cache) })] })`. NestJS's `CacheModule` takes it without a Keyv around it.
 * The same as `keyv5Store` of `deskcache/adapters/keyv`.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a cache or fanout.
 */
export function cacheManagerStore(cache: CacheStore): Keyv5Store {
  assertStore('cacheManagerStore', cache, CACHE_STORE_METHODS);
  return keyv5Store(cache);
}
