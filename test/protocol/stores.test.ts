import { describe, expect, expectTypeOf, it } from 'vitest';
import type { RemoteCache, RemoteDeque, RemoteIndex, RemoteStores } from '../../client/remote.ts';
import { cache, defineStores, deque, fanout, index } from '../../protocol/stores.ts';

describe('defineStores', () => {
  it('keeps names, options and types', () => {
    const stores = defineStores({
      api: cache<string, { id: number }>({ ttl: 1000 }),
      flags: cache<number, Uint8Array>(),
      pages: fanout<string, string>({ shards: 4 }),
      settings: index<string, { dark: boolean }>({ version: 2 }),
      outbox: deque<{ to: string }>({ maxLength: 5 }),
    });
    expect(stores.api).toEqual({ kind: 'cache', options: { ttl: 1000 } });
    expectTypeOf<RemoteStores<typeof stores>['api']>().toEqualTypeOf<RemoteCache<string, { id: number }>>();
    expectTypeOf<RemoteStores<typeof stores>['flags']>().toEqualTypeOf<RemoteCache<number, Uint8Array>>();
    expectTypeOf<RemoteStores<typeof stores>['pages']>().toEqualTypeOf<RemoteCache<string, string>>();
    expectTypeOf<RemoteStores<typeof stores>['settings']>().toEqualTypeOf<RemoteIndex<string, { dark: boolean }>>();
    expectTypeOf<RemoteStores<typeof stores>['outbox']>().toEqualTypeOf<RemoteDeque<{ to: string }>>();
    expect(stores.pages).toEqual({ kind: 'fanout', options: { shards: 4 } });
    expect(stores.settings).toEqual({ kind: 'index', options: { version: 2 } });
    expect(stores.outbox).toEqual({ kind: 'deque', options: { maxLength: 5 } });
  });

  it.each(['', '.', '..', '../up', 'a/b', 'a\\b', 'a b', '1st', 'con:', '__proto__', 'x'.repeat(65)])(
    'refuses the name %j',
    (name) => {
      expect(() => defineStores(Object.fromEntries([[name, cache()]]))).toThrowError(
        expect.objectContaining({ code: 'BAD_OPTION' }),
      );
    },
  );

  it('refuses two names that one folder would hold on some systems', () => {
    expect(() => defineStores({ api: cache(), API: cache() })).toThrowError(/one folder/);
  });
});
