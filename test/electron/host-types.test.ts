import { describe, expectTypeOf, it } from 'vitest';
import type { RemoteCache, RemoteDeque, RemoteIndex } from '../../client/remote.ts';
import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { Cache, Deque, FanoutCache, Host, Index, openDiskCache, Settings } from '../../main/index.ts';
import { cache, defineStores, deque, fanout, index, type StoreDeclarations, settings } from '../../protocol/stores.ts';

const stores = defineStores({
  api: cache<string, number>(),
  shared: fanout<string, Date>(),
  settings: index<string, { dark: boolean }>(),
  outbox: deque<string>(),
  preferences: settings<{ theme: string }>({ defaults: { theme: 'light' } }),
});

/** Never called: what it would answer is known to the compiler. */
declare const open: typeof openDiskCache;
const inMain = () => open({ stores });
const inUtility = () => open({ stores, placement: 'utility', storesModule: new URL('file:///app/stores.js') });
const somewhere = (placement: 'main' | 'utility') => open({ stores, placement });

type Answer<F extends () => Promise<unknown>> = Awaited<ReturnType<F>>;

describe('the types of a host', () => {
  it('have the synchronous engine for placement main, which is the default', () => {
    type Stores = Answer<typeof inMain>['stores'];
    expectTypeOf<Stores['api']>().toEqualTypeOf<Cache<string, number>>();
    expectTypeOf<Stores['settings']>().toEqualTypeOf<Index<string, { dark: boolean }>>();
    expectTypeOf<Stores['shared']>().toEqualTypeOf<FanoutCache<string, Date>>();
    expectTypeOf<Stores['outbox']>().toEqualTypeOf<Deque<string>>();
    expectTypeOf<Stores['preferences']>().toEqualTypeOf<Settings<{ theme: string }>>();
    expectTypeOf<Stores['default']>().toEqualTypeOf<Cache>();
    expectTypeOf<Answer<typeof inMain>['windows']['list']>().returns.toBeArray();
  });

  it('have promises for placement utility', () => {
    type Stores = Answer<typeof inUtility>['stores'];
    expectTypeOf<Stores['api']>().toEqualTypeOf<RemoteCache<string, number>>();
    expectTypeOf<Stores['settings']>().toEqualTypeOf<RemoteIndex<string, { dark: boolean }>>();
    expectTypeOf<Stores['shared']>().toEqualTypeOf<RemoteCache<string, Date>>();
    expectTypeOf<Stores['outbox']>().toEqualTypeOf<RemoteDeque<string>>();
    expectTypeOf<Stores['preferences']>().toEqualTypeOf<RemoteSettings<{ theme: string }>>();
    expectTypeOf<Stores['default']>().toEqualTypeOf<RemoteCache>();
    expectTypeOf<Answer<typeof inUtility>['windows']['clear']>().returns.toEqualTypeOf<Promise<void>>();
  });

  it('have both, to be awaited, if placement is decided at run time', () => {
    type Windows = Awaited<ReturnType<typeof somewhere>>['windows'];
    expectTypeOf<Awaited<ReturnType<Windows['list']>>>().toBeArray();
  });

  it('know which stores can be ready: the declared settings', () => {
    type Ready = NonNullable<NonNullable<Parameters<Answer<typeof inMain>['install']>[1]>['ready']>[number];
    expectTypeOf<Ready>().toEqualTypeOf<'preferences'>();
    type ReadyWindow = NonNullable<NonNullable<Parameters<Answer<typeof inUtility>['attach']>[1]>['ready']>[number];
    expectTypeOf<ReadyWindow>().toEqualTypeOf<'preferences'>();
    type Unknown = NonNullable<NonNullable<Parameters<Host<StoreDeclarations>['install']>[1]>['ready']>[number];
    expectTypeOf<Unknown>().toEqualTypeOf<string>();
  });
});
