import { gql, InMemoryCache } from '@apollo/client/core';
import { CachePersistor, persistCache, persistCacheSync } from 'apollo3-cache-persist';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { apolloPersistStorage } from '../../main/adapters/apollo.ts';
import { type AdapterTestHost, clearStores, openHost, STORES } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => {
  vi.restoreAllMocks();
  clearStores(t);
});
afterAll(() => t.close());

const QUERY = gql`
  query {
    note {
      id
      text
    }
  }
`;
const DATA = { note: { __typename: 'Note', id: '1', text: 'a' } };

describe.each(Object.entries(STORES))('apollo3-cache-persist over %s', (_, open) => {
  it('brings back the cache', async () => {
    const cache = new InMemoryCache();
    const persistor = new CachePersistor({ cache, storage: apolloPersistStorage(open(t)), trigger: false });
    cache.writeQuery({ query: QUERY, data: DATA });
    await persistor.persist();
    expect(await persistor.getSize()).toBeGreaterThan(0);
    const again = new InMemoryCache();
    await persistCache({ cache: again, storage: apolloPersistStorage(open(t)), trigger: false });
    expect(again.readQuery({ query: QUERY })).toEqual(DATA);
    await persistor.purge();
    expect(await persistor.getSize()).toBe(0);
  });

  it('stores it without JSON where that is asked for', async () => {
    const cache = new InMemoryCache();
    // The types of apollo3-cache-persist 0.15 know only storages of text.
    const options = {
      storage: apolloPersistStorage(open(t)),
      serialize: false as true,
      trigger: false,
      key: 'graph',
    } as const;
    cache.writeQuery({ query: QUERY, data: DATA });
    await new CachePersistor({ cache, ...options }).persist();
    expect(await open(t).get('graph')).toMatchObject({ 'Note:1': { text: 'a' } });
    const again = new InMemoryCache();
    await persistCache({ cache: again, ...options });
    expect(again.readQuery({ query: QUERY })).toEqual(DATA);
  });

  it('persists by itself after writes', async () => {
    const cache = new InMemoryCache();
    await persistCache({ cache, storage: apolloPersistStorage(open(t)), debounce: 0 });
    cache.writeQuery({ query: QUERY, data: DATA });
    await expect.poll(() => open(t).has('apollo-cache-persist')).toBe(true);
  });

  it('rejects if the write failed', async () => {
    const cache = new InMemoryCache();
    const persistor = new CachePersistor({ cache, storage: apolloPersistStorage(open(t)), trigger: false });
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    t.fail('DISK_FULL', { method: 'set' });
    await expect(persistor.persist()).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});

it('restores at once over a store of main', async () => {
  const cache = new InMemoryCache();
  cache.writeQuery({ query: QUERY, data: DATA });
  const storage = apolloPersistStorage(t.host.stores.kv);
  await new CachePersistor({ cache, storage, trigger: false }).persist();
  const again = new InMemoryCache();
  persistCacheSync({ cache: again, storage, trigger: false });
  expect(again.readQuery({ query: QUERY })).toEqual(DATA);
});

it('refuses what is not a store', () => {
  expect(() => apolloPersistStorage({ getItem: () => null } as never)).toThrow(/an object, which has no get\(\)/);
});
