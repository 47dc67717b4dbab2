import { assertStore, VALUE_STORE_METHODS, type ValueStore } from './store.ts';

/** The `storage` of a `persistConfig` of redux-persist. */
export interface ReduxPersistStorage {
  /** Resolves with null if the key is missing. */
  getItem(key: string): Promise<unknown>;
  setItem(key: string, value: unknown): Promise<void>;
  removeItem(key: string): Promise<void>;
}

/**
 * Returns a storage for redux-persist: `persistReducer({ key: 'root', storage: reduxPersistStorage(store) }, reducer)`. `store` is a
 * cache, fanout or index of the main process, a page or a utility process. With `serialize: false, deserialize: false` in the same
 * configuration the state is stored without JSON, so that dates, maps and sets keep their types.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but such a store.
 */
export function reduxPersistStorage(store: ValueStore): ReduxPersistStorage {
  assertStore('reduxPersistStorage', store, VALUE_STORE_METHODS);
  return {
    getItem: async (key) => (await store.get(key)) ?? null,
    setItem: async (key, value) => {
      await store.set(key, value);
    },
    removeItem: async (key) => {
      await store.delete(key);
    },
  };
}
