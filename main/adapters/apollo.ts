import { assertStore, isPromise, type MaybePromise, VALUE_STORE_METHODS, type ValueStore } from './store.ts';

/** A storage of apollo3-cache-persist. `T` is what it stores: text or, with `serialize: false`, the cache itself. */
export interface ApolloPersistStorage<T> {
  /** Returns null if the key is missing. */
  getItem(key: string): MaybePromise<T | null>;
  setItem(key: string, value: T): MaybePromise<void>;
  removeItem(key: string): MaybePromise<void>;
}

/**
 * Returns a storage for apollo3-cache-persist: `persistCache({ cache, storage: apolloPersistStorage(store) })`. `store` is a cache, fanout
 * or index of the main process, a page or a utility process. With a store of the main process `persistCacheSync` works as well. With
 * `serialize: false` the cache is stored without JSON.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but such a store.
 */
export function apolloPersistStorage<T = string>(store: ValueStore): ApolloPersistStorage<T> {
  assertStore('apolloPersistStorage', store, VALUE_STORE_METHODS);
  return {
    getItem: (key) => {
      const read = store.get(key) as MaybePromise<T | undefined>;
      return isPromise(read) ? read.then(orNull) : orNull(read);
    },
    setItem: (key, value) => toVoid(store.set(key, value)),
    removeItem: (key) => toVoid(store.delete(key)),
  };
}

const orNull = <T>(value: T | undefined): T | null => value ?? null;

const toVoid = (result: unknown): MaybePromise<void> => (isPromise(result) ? result.then(() => undefined) : undefined);
