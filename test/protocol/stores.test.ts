import { describe, expect, expectTypeOf, it } from 'vitest';
import { cache, defineStores } from '../../protocol/stores.ts';
import type { RemoteStores } from '../../renderer-api/disk-cache.ts';
import type { RemoteCache } from '../../renderer-api/remote-cache.ts';

describe('defineStores', () => {
  it('keeps names, options and types', () => {
    const stores = defineStores({
      api: cache<string, { id: number }>({ ttl: 1000 }),
      flags: cache<number, Uint8Array>(),
    });
    expect(stores.api).toEqual({ kind: 'cache', options: { ttl: 1000 } });
    expectTypeOf<RemoteStores<typeof stores>['api']>().toEqualTypeOf<RemoteCache<string, { id: number }>>();
    expectTypeOf<RemoteStores<typeof stores>['flags']>().toEqualTypeOf<RemoteCache<number, Uint8Array>>();
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
