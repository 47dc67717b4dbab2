import { SharedValues } from './shared-values.ts';
import { assertStore, isPromise, type OnError, parseOptions, VALUE_STORE_METHODS, type ValueStore } from './store.ts';

/** Options of `jotaiStorage`. */
export interface JotaiStorageOptions {
  /**
   * Receives the error when the value that another window has set can't be read, and in a page also when the subscription ends by itself.
   * Default: an uncaught error.
   */
  readonly onError?: OnError;
}

/** A storage of `atomWithStorage` over a store of the main process. */
export interface JotaiStorage<Value> {
  getItem(key: string, initialValue: Value): Value;
  setItem(key: string, value: Value): void;
  removeItem(key: string): void;
  /** Calls back with values that other windows and processes set, and with the initial value if they delete it. */
  subscribe(key: string, callback: (value: Value) => void, initialValue: Value): () => void;
}

/** A storage of `atomWithStorage` over a store of a page or of a utility process. */
export interface RemoteJotaiStorage<Value> {
  getItem(key: string, initialValue: Value): Promise<Value>;
  setItem(key: string, value: Value): Promise<void>;
  removeItem(key: string): Promise<void>;
  /** Calls back with values that other windows and processes set, and with the initial value if they delete it. */
  subscribe(key: string, callback: (value: Value) => void, initialValue: Value): () => void;
}

/** A store whose methods return promises. */
interface RemoteValueStore extends ValueStore {
  set(key: string, value: unknown): Promise<unknown>;
}

/**
 * Returns a storage for atoms that every window shares: `atomWithStorage('theme', 'light', jotaiStorage(store))`. `store` is a cache, fanout
 * or index of the main process, a page or a utility process. Values are stored as they are, without JSON; setting `undefined` deletes.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but such a store, and for unknown options.
 */
export function jotaiStorage<Value>(store: RemoteValueStore, options?: JotaiStorageOptions): RemoteJotaiStorage<Value>;
export function jotaiStorage<Value>(store: ValueStore, options?: JotaiStorageOptions): JotaiStorage<Value>;
export function jotaiStorage<Value>(store: ValueStore, options?: JotaiStorageOptions) {
  assertStore('jotaiStorage', store, VALUE_STORE_METHODS);
  const { onError } = parseOptions('jotaiStorage', options, ['onError']);
  const values = new SharedValues(store, onError);
  return {
    getItem(key: string, initialValue: Value) {
      const orInitial = (value: unknown) => (value === undefined ? initialValue : value);
      const read = values.read(key);
      return isPromise(read) ? read.then(orInitial) : orInitial(read);
    },
    setItem: (key: string, value: Value) => (value === undefined ? values.remove(key) : values.write(key, value)),
    removeItem: (key: string) => values.remove(key),
    subscribe: (key: string, callback: (value: Value) => void, initialValue: Value) =>
      values.follow(key, (value) => callback(value === undefined ? initialValue : (value as Value))),
  };
}
