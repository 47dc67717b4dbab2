/**
 * `deskcache/adapters/cache-manager`. cache-manager 6 and 7 keep their items in Keyvs of version 5, whose store this is:
 * `createCache({ stores: [new Keyv({ store: cacheManagerStore(cache) })] })`. NestJS's `CacheModule` takes it as it is.
 */
export { type Keyv5Entry, type Keyv5Store, keyv5Store as cacheManagerStore } from './keyv-5.ts';
