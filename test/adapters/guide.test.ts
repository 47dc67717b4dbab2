import * as apolloCore from '@apollo/client/core';
import * as queryCore from '@tanstack/query-core';
import * as queryPersist from '@tanstack/query-persist-client-core';
import * as apolloPersist from 'apollo3-cache-persist';
import * as cacheManager from 'cache-manager';
import { createStore } from 'jotai/vanilla';
import * as jotaiUtils from 'jotai/vanilla/utils';
import * as keyv5 from 'keyv';
import * as keyv6 from 'keyv-6';
import * as redux from 'redux';
import * as reduxPersist from 'redux-persist';
import * as unstorage from 'unstorage';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as zustandMiddleware from 'zustand/middleware';
import * as zustandVanilla from 'zustand/vanilla';
import * as apollo from '../../main/adapters/apollo.ts';
import * as cacheManagerAdapter from '../../main/adapters/cache-manager.ts';
import * as jotai from '../../main/adapters/jotai.ts';
import * as keyv from '../../main/adapters/keyv.ts';
import * as reduxPersistAdapter from '../../main/adapters/redux-persist.ts';
import * as tanstackQuery from '../../main/adapters/tanstack-query.ts';
import * as unstorageAdapter from '../../main/adapters/unstorage.ts';
import * as zustand from '../../main/adapters/zustand.ts';
import * as engine from '../../main/engine/index.ts';
import { runExample } from '../docs/fences.ts';
import { type AdapterTestHost, clearStores, openHost, STORES } from './places.ts';

const MODULES = {
  '@apollo/client/core': apolloCore,
  '@tanstack/query-persist-client-core': queryPersist,
  'apollo3-cache-persist': apolloPersist,
  'cache-manager': cacheManager,
  'deskcache/adapters/apollo': apollo,
  'deskcache/adapters/cache-manager': cacheManagerAdapter,
  'deskcache/adapters/jotai': jotai,
  'deskcache/adapters/keyv': keyv,
  'deskcache/adapters/redux-persist': reduxPersistAdapter,
  'deskcache/adapters/tanstack-query': tanstackQuery,
  'deskcache/adapters/unstorage': unstorageAdapter,
  'deskcache/adapters/zustand': zustand,
  'deskcache/engine': engine,
  'jotai/vanilla/utils': jotaiUtils,
  keyv: keyv5,
  redux,
  'redux-persist': reduxPersist,
  unstorage,
  'zustand/middleware': zustandMiddleware,
  'zustand/vanilla': zustandVanilla,
};

const PAGE = 'docs/guide-adapters.md';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => clearStores(t));
afterAll(() => t.close());

describe('the guide: over a cache of the engine,', () => {
  const run = async (name: string, returns: string[], others: object = {}) => {
    using directory = engine.temporaryDirectory();
    const scope = { directory: directory.path, makeReport: async () => 'a report', show: () => undefined };
    return await runExample(PAGE, name, { modules: { ...MODULES, ...others }, scope, returns });
  };

  it('keyv', async () => {
    expect(await run('keyv', ['ada'], { keyv: keyv6 })).toEqual({ ada: { name: 'Ada' } });
  });

  it('cache-manager', async () => {
    expect(await run('cache-manager', ['report'])).toEqual({ report: 'a report' });
  });

  it('unstorage', async () => {
    const { mtime, size, ttl } = await run('unstorage', ['mtime', 'size', 'ttl']);
    expect([mtime, size, ttl]).toEqual([expect.any(Date), expect.any(Number), expect.any(Number)]);
  });
});

describe.each(Object.entries(STORES))('the guide: over %s,', (_, open) => {
  const run = (name: string, returns: string[], others: object = {}) => {
    const scope = { store: open(t), addEventListener: () => undefined, ...others };
    return runExample(PAGE, name, { modules: MODULES, scope, returns });
  };

  it('query-persister', async () => {
    const queryClient = new queryCore.QueryClient();
    const { persister, unsubscribe } = (await run('query-persister', ['persister', 'unsubscribe'], {
      queryClient,
    })) as {
      persister: tanstackQuery.QueryPersister;
      unsubscribe: () => void;
    };
    queryClient.setQueryData(['a'], 1);
    await persister.flush();
    unsubscribe();
    expect(await open(t).get('tanstack-query')).toMatchObject({ clientState: { queries: [{ queryKey: ['a'] }] } });
    queryClient.clear();
  });

  it('query-storage', async () => {
    expect(Object.keys(await run('query-storage', ['persisterFn', 'restoreQueries', 'persisterGc']))).toHaveLength(3);
  });

  it('zustand', async () => {
    const { ui, stop } = (await run('zustand', ['ui', 'stop'])) as {
      ui: { getState(): { toggle(name: string): void }; persist: { hasHydrated(): boolean } };
      stop: () => void;
    };
    await expect.poll(() => ui.persist.hasHydrated()).toBe(true);
    ui.getState().toggle('notes');
    await expect.poll(() => open(t).get('ui')).toMatchObject({ state: { open: new Set(['notes']) } });
    stop();
  });

  it('jotai', async () => {
    const { theme } = (await run('jotai', ['theme'])) as { theme: Parameters<typeof jotaiSet>[1] };
    await jotaiSet(createStore(), theme, 'dark');
    expect(await open(t).get('theme')).toBe('dark');
  });

  it('redux-persist', async () => {
    const { redux: store, persistor } = (await run('redux-persist', ['redux', 'persistor'])) as {
      redux: redux.Store;
      persistor: reduxPersist.Persistor;
    };
    await expect.poll(() => persistor.getState().bootstrapped).toBe(true);
    store.dispatch({ type: 'add', note: 'a' });
    await persistor.flush();
    expect(JSON.parse((await open(t).get('persist:root')) as string)).toMatchObject({ notes: '["a"]' });
  });

  it('apollo', async () => {
    const { graph } = await run('apollo', ['graph']);
    expect(graph).toBeInstanceOf(apolloCore.InMemoryCache);
  });
});

const jotaiSet = async (
  store: ReturnType<typeof createStore>,
  atom: ReturnType<typeof jotaiUtils.atomWithStorage<string>>,
  value: string,
): Promise<void> => store.set(atom, value);
