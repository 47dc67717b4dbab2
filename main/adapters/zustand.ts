import { DiskCacheError } from '../../protocol/error.ts';
import { omitUnstorable } from '../../protocol/omit-unstorable.ts';
import { SharedValues } from './shared-values.ts';
import {
  assertStore,
  isPromise,
  type MaybePromise,
  type OnError,
  parseOptions,
  VALUE_STORE_METHODS,
  type ValueStore,
} from './store.ts';

/** Options of `zustandStorage`. */
export interface ZustandStorageOptions {
  /**
   * Receives the error when the value that another window has set can't be read, and in a page also when the subscription ends by itself.
   * Default: an uncaught error.
   */
  readonly onError?: OnError;
}

/** What `persist` stores: the state and the number of its version. */
export interface ZustandValue<State> {
  state: State;
  version?: number;
}

/** What `persist` adds to a zustand store. */
export interface PersistedZustandStore {
  readonly persist: {
    getOptions(): { readonly name?: string };
    rehydrate(): Promise<void> | void;
  };
}

/** The `storage` option of zustand's `persist`. */
export interface ZustandStorage<State> {
  getItem(name: string): MaybePromise<ZustandValue<State> | null>;
  setItem(name: string, value: ZustandValue<State>): MaybePromise<void>;
  removeItem(name: string): MaybePromise<void>;
  /**
   * Updates a zustand store when other windows and processes change its state. Calls its `persist.rehydrate()`, so that `merge` and
   * `onRehydrateStorage` apply. Returns an unsubscribe function.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a zustand store without `persist`.
   */
  rehydrateOnChange(zustandStore: PersistedZustandStore): () => void;
}

/**
 * Returns a storage for zustand's `persist`: `create(persist(initializer, { name: 'ui', storage: zustandStorage(store) }))`. `store` is a
 * cache, fanout or index of the main process, which is read synchronously, or of a page or a utility process. The state is stored without JSON.
 * Actions, and other parts that can't be stored, are left out.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but such a store, and for unknown options.
 */
export function zustandStorage<State>(store: ValueStore, options?: ZustandStorageOptions): ZustandStorage<State> {
  assertStore('zustandStorage', store, VALUE_STORE_METHODS);
  const { onError } = parseOptions('zustandStorage', options, ['onError']);
  const values = new SharedValues(store, onError);
  /** The value for `getItem` while `rehydrate` runs, which calls it synchronously. */
  let changed: { readonly value: ZustandValue<State> | null } | undefined;
  const orNull = (value: unknown) => (value ?? null) as ZustandValue<State> | null;
  return {
    getItem(name) {
      if (changed !== undefined) return changed.value;
      const read = values.read(name);
      return isPromise(read) ? read.then(orNull) : orNull(read);
    },
    setItem: (name, value) => values.write(name, omitUnstorable(value)),
    removeItem: (name) => values.remove(name),
    rehydrateOnChange(zustandStore) {
      const name = getName(zustandStore);
      return values.follow(name, (value) => {
        changed = { value: orNull(value) };
        try {
          void zustandStore.persist.rehydrate();
        } finally {
          changed = undefined;
        }
      });
    },
  };
}

function getName(zustandStore: PersistedZustandStore): string {
  const name = Object(zustandStore).persist?.getOptions?.().name;
  if (typeof name === 'string') return name;
  throw new DiskCacheError(
    'BAD_OPTION',
    'rehydrateOnChange takes a zustand store that was made with persist(…, { name, storage })',
  );
}
