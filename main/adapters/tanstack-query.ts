import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { omitUnstorable } from '../../protocol/omit-unstorable.ts';
import type { Range } from '../../protocol/options.ts';
import { assertStore, parseOptions, VALUE_STORE_METHODS, type ValueStore } from './store.ts';
import { throttleWrites } from './throttle-writes.ts';

/** Options of `queryPersister`. */
export interface QueryPersisterOptions {
  /** The key in the store. Default `'tanstack-query'`. */
  readonly key?: string;
  /**
   * Milliseconds between two writes, from 0; of the states in between only the last is stored. 0 stores every state. Default 1000, as in
   * TanStack's own persisters, because a `QueryClient` persists all of its queries whenever one changes.
   */
  readonly throttleTime?: number;
  /** Receives the errors of writes. Default: the promise of `persistClient` rejects, which TanStack Query doesn't handle. */
  readonly onError?: (error: unknown) => void;
}

/** A `persister` for `persistQueryClient` and `PersistQueryClientProvider`. `Client` is TanStack's `PersistedClient`. */
// biome-ignore lint/suspicious/noExplicitAny: TanStack's type, which is not imported because its package is optional
export interface QueryPersister<Client = any> {
  /** Stores a state. Resolves when this state, or a later one, is stored. */
  persistClient(client: Client): Promise<void>;
  /** Resolves with the stored state; undefined if nothing is stored. */
  restoreClient(): Promise<Client | undefined>;
  /** Deletes the stored state, and drops one that waits to be stored. */
  removeClient(): Promise<void>;
  /** Stores a waiting state now, for instance before the application quits. */
  flush(): Promise<void>;
}

/**
 * Returns a persister that keeps all queries of a `QueryClient` in one value. `store` is a cache, fanout or index of the main process, a
 * page or a utility process. The value is stored without JSON: dates, maps and bytes in results keep their types, and functions, symbols and
 * promises are left out.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but such a store, and for unknown or invalid options.
 */
// biome-ignore lint/suspicious/noExplicitAny: see QueryPersister
export function queryPersister<Client = any>(
  store: ValueStore,
  options?: QueryPersisterOptions,
): QueryPersister<Client> {
  assertStore('queryPersister', store, VALUE_STORE_METHODS);
  const {
    key = 'tanstack-query',
    throttleTime = 1000,
    onError,
  } = parseOptions('queryPersister', options, ['key', 'throttleTime', 'onError']);
  if (!(typeof throttleTime === 'number' && throttleTime >= 0))
    throw new DiskCacheError('BAD_OPTION', 'queryPersister: throttleTime has to be a number of milliseconds from 0');
  const writes = throttleWrites<Client>(throttleTime, async (client) => {
    try {
      await store.set(key, omitUnstorable(client));
    } catch (error) {
      if (onError === undefined) throw error;
      onError(error);
    }
  });
  return {
    persistClient: writes.write,
    restoreClient: async () => (await store.get(key)) as Client | undefined,
    async removeClient() {
      writes.drop();
      await store.delete(key);
    },
    flush: writes.flush,
  };
}

/** Options of `queryStorage`. */
export interface QueryStorageOptions {
  /** The beginning of the keys in the store. Default `'tanstack-query'`. */
  readonly prefix?: string;
}

/** TanStack's `PersistedQuery`. */
// biome-ignore lint/suspicious/noExplicitAny: see QueryPersister
type PersistedQuery = any;

/** Options for TanStack's `experimental_createQueryPersister`. */
export interface QueryStorage {
  readonly prefix: string;
  readonly storage: {
    getItem(key: string): Promise<PersistedQuery>;
    setItem(key: string, query: PersistedQuery): Promise<void>;
    removeItem(key: string): Promise<void>;
    entries(): Promise<[key: string, query: PersistedQuery][]>;
  };
  serialize(query: PersistedQuery): PersistedQuery;
  deserialize(query: PersistedQuery): PersistedQuery;
}

/** A store that can also list its entries. */
export interface ListedStore extends ValueStore {
  entries(range?: Pick<Range, 'prefix'>): Iterable<readonly [Key, unknown]> | AsyncIterable<readonly [Key, unknown]>;
}

/**
 * Returns the options that make `experimental_createQueryPersister` keep each query in an entry of its own:
 * `experimental_createQueryPersister({ ...queryStorage(store), maxAge })`. Otherwise like `queryPersister`; nothing is throttled.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a cache, fanout or index, and for unknown options.
 */
export function queryStorage(store: ListedStore, options?: QueryStorageOptions): QueryStorage {
  assertStore('queryStorage', store, [...VALUE_STORE_METHODS, 'entries']);
  const { prefix = 'tanstack-query' } = parseOptions('queryStorage', options, ['prefix']);
  return {
    prefix,
    storage: {
      getItem: async (key) => store.get(key),
      async setItem(key, query) {
        await store.set(key, query);
      },
      async removeItem(key) {
        await store.delete(key);
      },
      async entries() {
        const found: [string, PersistedQuery][] = [];
        for await (const [key, query] of store.entries({ prefix: `${prefix}-` })) found.push([key as string, query]);
        return found;
      },
    },
    serialize: (query) => omitUnstorable(query),
    deserialize: (query) => query,
  };
}
