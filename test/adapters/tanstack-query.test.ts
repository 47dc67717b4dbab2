import { QueryClient, type QueryClientConfig } from '@tanstack/query-core';
import {
  experimental_createQueryPersister as createQueryPersister,
  type PersistedClient,
  persistQueryClient,
  persistQueryClientRestore,
  persistQueryClientSave,
} from '@tanstack/query-persist-client-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { queryPersister, queryStorage } from '../../main/adapters/tanstack-query.ts';
import { type AdapterTestHost, clearStores, openHost, STORES } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => {
  vi.useRealTimers();
  clearStores(t);
});
afterAll(() => t.close());

/** TanStack's packages are installed in two versions, whose types differ in name only. */
const createClient = (options?: QueryClientConfig) =>
  new QueryClient(options) as unknown as Parameters<typeof persistQueryClientSave>[0]['queryClient'];

/** Values that JSON would lose. */
const USER = { name: 'Ada', born: new Date(0), roles: new Set(['author']) };

describe.each(Object.entries(STORES))('persistQueryClient over %s', (_, open) => {
  it('brings back results, with their types', async () => {
    const queryClient = createClient();
    const [unsubscribe, restored] = persistQueryClient({
      queryClient,
      persister: queryPersister(open(t), { throttleTime: 0 }),
    });
    await restored;
    await queryClient.fetchQuery({ queryKey: ['user', 1], queryFn: () => USER });
    await expect.poll(() => open(t).has('tanstack-query')).toBe(true);
    unsubscribe();
    const later = createClient();
    await persistQueryClientRestore({ queryClient: later, persister: queryPersister(open(t)) });
    expect(later.getQueryData(['user', 1])).toEqual(USER);
  });

  it('leaves out what cannot be stored: functions, symbols, promises', async () => {
    const queryClient = createClient();
    const persister = queryPersister(open(t));
    queryClient.setQueryData(['a'], { kept: 1, action: () => 1, mark: Symbol('a'), later: Promise.resolve(1) });
    await persistQueryClientSave({ queryClient, persister });
    const later = createClient();
    await persistQueryClientRestore({ queryClient: later, persister });
    expect(later.getQueryData(['a'])).toEqual({ kept: 1 });
  });

  it('discards what is too old or has another buster', async () => {
    for (const [saved, restore] of [
      [{}, { maxAge: -1 }],
      [{ buster: 'v1' }, { buster: 'v2' }],
    ]) {
      const persister = queryPersister(open(t), { throttleTime: 0 });
      const queryClient = createClient();
      queryClient.setQueryData(['a'], 1);
      await persistQueryClientSave({ queryClient, persister, ...saved });
      const later = createClient();
      await persistQueryClientRestore({ queryClient: later, persister, ...restore });
      expect(later.getQueryData(['a'])).toBeUndefined();
      expect(await open(t).has('tanstack-query')).toBe(false);
    }
  });

  it('keeps clients with different keys apart', async () => {
    const store = open(t);
    const [one, other] = ['one', 'other'].map((key) => queryPersister<{ n: number }>(store, { key }));
    await one!.persistClient({ n: 1 });
    await other!.persistClient({ n: 2 });
    expect([await one!.restoreClient(), await other!.restoreClient()]).toEqual([{ n: 1 }, { n: 2 }]);
    await one!.removeClient();
    expect([await one!.restoreClient(), await other!.restoreClient()]).toEqual([undefined, { n: 2 }]);
  });

  it('each query in an entry of its own: persists, restores, collects and removes', async () => {
    const { persistQueryByKey, restoreQueries, persisterGc, removeQueries, persisterFn } = createQueryPersister({
      ...queryStorage(open(t)),
      maxAge: 60_000,
    });
    const queryClient = createClient({ defaultOptions: { queries: { persister: persisterFn as never } } });
    await queryClient.fetchQuery({ queryKey: ['user', 1], queryFn: () => USER });
    await expect.poll(() => open(t).has('tanstack-query-["user",1]')).toBe(true);
    queryClient.setQueryData(['b'], { n: 2, action: () => 1 });
    await persistQueryByKey(['b'], queryClient);
    await open(t).set('other', 1);

    const later = createClient();
    await restoreQueries(later, { queryKey: ['user'] });
    expect(later.getQueryData(['user', 1])).toEqual(USER);
    expect(later.getQueryData(['b'])).toBeUndefined();
    await restoreQueries(later);
    expect(later.getQueryData(['b'])).toEqual({ n: 2 });

    await removeQueries({ queryKey: ['b'] });
    expect(await open(t).has('tanstack-query-["b"]')).toBe(false);
    const old = createQueryPersister({ ...queryStorage(open(t)), maxAge: -1 });
    await old.persisterGc();
    await persisterGc();
    expect(await open(t).has('tanstack-query-["user",1]')).toBe(false);
    expect(await open(t).get('other')).toBe(1);
  });
});

describe('throttleTime', () => {
  const createPersister = (throttleTime: number) => {
    const writes: unknown[] = [];
    const { kv } = t.host.stores;
    const set = vi.spyOn(kv, 'set').mockImplementation((_key, value) => void writes.push(value));
    return { writes, set, persister: queryPersister<number>(kv, { throttleTime }) };
  };
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('stores the first state at once, and then the last one of each interval', async () => {
    vi.useFakeTimers();
    const { writes, persister } = createPersister(1000);
    await persister.persistClient(1);
    const last = [persister.persistClient(2), persister.persistClient(3)];
    expect(writes).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1000);
    await Promise.all(last);
    expect(writes).toEqual([1, 3]);
    await vi.advanceTimersByTimeAsync(5000);
    await persister.persistClient(4);
    expect(writes).toEqual([1, 3, 4]);
  });

  it('of 0 stores every state', async () => {
    const { writes, persister } = createPersister(0);
    await Promise.all([1, 2, 3].map((state) => persister.persistClient(state)));
    expect(writes).toEqual([1, 2, 3]);
  });

  it('is cut short by flush, and what waits is dropped by removeClient', async () => {
    vi.useFakeTimers();
    const { writes, persister } = createPersister(1000);
    await persister.persistClient(1);
    const second = persister.persistClient(2);
    await persister.flush();
    await second;
    expect(writes).toEqual([1, 2]);
    const third = persister.persistClient(3);
    await persister.removeClient();
    await third;
    await vi.advanceTimersByTimeAsync(5000);
    expect(writes).toEqual([1, 2]);
  });

  it('rejects the promises of all writes that a failed one replaced, or calls onError', async () => {
    vi.useFakeTimers();
    const { set, persister } = createPersister(1000);
    await persister.persistClient(1);
    set.mockImplementation(() => {
      throw new Error('disk');
    });
    const waiting = [persister.persistClient(2), persister.persistClient(3)];
    const settled = Promise.allSettled(waiting);
    await vi.advanceTimersByTimeAsync(1000);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const errors: unknown[] = [];
    const told = queryPersister<number>(t.host.stores.kv, { throttleTime: 0, onError: (error) => errors.push(error) });
    await told.persistClient(1);
    expect(errors).toEqual([new Error('disk')]);
  });
});

it('has the types of TanStack Query', () => {
  const client: PersistedClient = { timestamp: 0, buster: '', clientState: { mutations: [], queries: [] } };
  const persister = queryPersister<PersistedClient>(t.host.stores.kv);
  return expect(persister.persistClient(client)).resolves.toBeUndefined();
});

it('refuses what is not a store, and wrong options', () => {
  expect(() => queryPersister({} as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  expect(() => queryStorage(undefined as never)).toThrow(/not undefined/);
  expect(() => queryPersister(t.host.stores.kv, { throttleTime: -1 })).toThrow(/throttleTime/);
  expect(() => queryPersister(t.host.stores.kv, { throttle: 1 } as never)).toThrow(/unknown option "throttle"/);
  expect(() => queryStorage(t.host.stores.kv, { key: 'a' } as never)).toThrow(/unknown option "key"/);
});
