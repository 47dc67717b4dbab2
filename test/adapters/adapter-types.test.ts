import { InMemoryCache } from '@apollo/client/core';
import {
  experimental_createQueryPersister,
  type PersistQueryClientOptions,
  persistQueryClient,
} from '@tanstack/query-persist-client-core';
import { persistCache } from 'apollo3-cache-persist';
import { createCache } from 'cache-manager';
import { atomWithStorage } from 'jotai/utils';
import { Keyv } from 'keyv';
import { persistReducer } from 'redux-persist';
import { createStorage } from 'unstorage';
import { expectTypeOf, it } from 'vitest';
import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import { createStore } from 'zustand/vanilla';
import { apolloPersistStorage } from '../../main/adapters/apollo.ts';
import { cacheManagerStore } from '../../main/adapters/cache-manager.ts';
import { jotaiStorage } from '../../main/adapters/jotai.ts';
import { keyv5Store, keyvStore } from '../../main/adapters/keyv.ts';
import { reduxPersistStorage } from '../../main/adapters/redux-persist.ts';
import { queryPersister, queryStorage } from '../../main/adapters/tanstack-query.ts';
import { unstorageDriver } from '../../main/adapters/unstorage.ts';
import { zustandStorage } from '../../main/adapters/zustand.ts';
import { Cache, FanoutCache, Index } from '../../main/engine/index.ts';
import { cache, defineStores, fanout, index } from '../../protocol/index.ts';
import { diskCache } from '../../renderer-api/index.ts';

interface Bear {
  readonly bears: number;
  add(): void;
}

/** Never called: what applications write has to compile, in the places where each library takes a storage. */
function applications(queryClient: PersistQueryClientOptions['queryClient']) {
  const stores = defineStores({
    kv: cache<string, string>(),
    sh: fanout<string, { n: number }>(),
    ix: index<string, Map<string, number>>(),
  });
  const app = diskCache.as<typeof stores>();
  const bears = create<Bear>()(
    persist((set) => ({ bears: 0, add: () => set((s) => ({ bears: s.bears + 1 })) }), {
      name: 'b',
      storage: zustandStorage(app.kv),
    }),
  );
  const partial = create<Bear>()(
    persist((set) => ({ bears: 0, add: () => set((s) => ({ bears: s.bears + 1 })) }), {
      name: 'b',
      storage: zustandStorage(app.ix),
      partialize: ({ bears }) => ({ bears }),
    }),
  );
  const inMain = zustandStorage<Bear>(new Cache('x'));
  const bearsInMain = createStore<Bear>()(
    persist((set) => ({ bears: 0, add: () => set({ bears: 1 }) }), { name: 'b', storage: inMain }),
  );
  inMain.rehydrateOnChange(bearsInMain);
  inMain.rehydrateOnChange(bears);
  const text = atomWithStorage('t', 'light', jotaiStorage(app.kv));
  const literal = atomWithStorage<'a' | 'b'>('t', 'a', jotaiStorage(app.ix));
  const number = atomWithStorage('t', 1, jotaiStorage(new Index<string, number>('x')));
  const object = atomWithStorage('t', { n: 1 }, jotaiStorage(new FanoutCache('x')));
  const keyvStores = [
    keyvStore(app.kv),
    keyv5Store(app.sh),
    keyvStore(new Cache<string, string>('x')),
    keyvStore(new FanoutCache('x')),
    keyvStore(diskCache.cache('y')),
  ];
  const storage = createStorage({ driver: unstorageDriver(app.kv, { base: 'x', ttl: 5 }) }).mount(
    'y',
    unstorageDriver(new Cache<string, string>('x')),
  );
  const manager = createCache({
    stores: [new Keyv({ store: cacheManagerStore(app.kv) }), new Keyv(keyv5Store(app.kv))],
  });
  const reducer = persistReducer(
    { key: 'r', storage: reduxPersistStorage(app.ix) },
    (s: { n: number } = { n: 0 }) => s,
  );
  const persisted = persistCache({ cache: new InMemoryCache(), storage: apolloPersistStorage(app.ix) });
  const persister = queryPersister(app.kv);
  const queries = persistQueryClient({ queryClient, persister });
  const singleQueries = experimental_createQueryPersister({ ...queryStorage(app.ix, { prefix: 'x' }), maxAge: 1 });
  // @ts-expect-error: an index has no expiry
  keyvStore(app.ix);
  // @ts-expect-error: not a store
  jotaiStorage(localStorage);
  return [
    bears,
    partial,
    text,
    literal,
    number,
    object,
    keyvStores,
    storage,
    manager,
    reducer,
    persisted,
    queries,
    singleQueries,
  ];
}

it('each library takes its storage, over stores of every kind and type of value', () => {
  expectTypeOf(applications).returns.toBeArray();
});
