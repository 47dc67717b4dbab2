import { createCache } from 'cache-manager';
import { Keyv, type KeyvOptions } from 'keyv';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cacheManagerStore } from '../../main/adapters/cache-manager.ts';
import { type AdapterTestHost, CACHES, clearStores, openHost } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => clearStores(t));
afterAll(() => t.close());

describe.each(Object.entries(CACHES))('cache-manager over %s', (_, open) => {
  const create = (cache: Parameters<typeof cacheManagerStore>[0] = open(t), options: KeyvOptions = {}) =>
    createCache({ stores: [new Keyv({ store: cacheManagerStore(cache), ...options })] });

  it('sets, gets and deletes, one or many', async () => {
    const cache = create();
    await cache.set('a', { n: 1 });
    await cache.mset([
      { key: 'b', value: 2 },
      { key: 'c', value: 3 },
    ]);
    expect(await cache.get('a')).toEqual({ n: 1 });
    expect(await cache.mget(['b', 'c', 'd'])).toEqual([2, 3, undefined]);
    await cache.del('a');
    await cache.mdel(['b', 'd']);
    expect(await cache.mget(['a', 'b', 'c'])).toEqual([undefined, undefined, 3]);
    await cache.clear();
    expect(await cache.get('c')).toBeUndefined();
  });

  it('expires items, and reports when they expire', async () => {
    using own = await openHost();
    const cache = create(open(own));
    const before = Date.now();
    await cache.set('a', 1, 1000);
    expect(await cache.ttl('a')).toBeGreaterThanOrEqual(before + 1000);
    own.clock.advance(1100);
    expect(await cache.get('a')).toBeUndefined();
  });

  it('wraps a function, and calls it once', async () => {
    const cache = create();
    let calls = 0;
    const load = async () => ({ call: ++calls });
    expect(await cache.wrap('a', load, 60_000)).toEqual({ call: 1 });
    expect(await cache.wrap('a', load, 60_000)).toEqual({ call: 1 });
    expect(await create().wrap('a', load, 60_000)).toEqual({ call: 1 });
  });

  it('serves a faster store first and fills it from this one', async () => {
    await create().set('a', 1);
    const memory = new Keyv();
    const cache = createCache({ stores: [memory, new Keyv({ store: cacheManagerStore(open(t)) })] });
    expect(await cache.wrap('a', () => 2)).toBe(1);
    expect(await memory.get('a')).toBe(1);
  });

  it('keeps what JSON loses, and a failed write rejects, where Keyv is told so', async () => {
    const cache = create(open(t), { serialize: undefined, deserialize: undefined, throwOnErrors: true } as object);
    await cache.set('a', new Map([[1, new Date(0)]]));
    expect(await cache.get('a')).toEqual(new Map([[1, new Date(0)]]));
    t.fail('DISK_FULL', { method: 'set' });
    await expect(cache.set('b', 1)).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it('disconnects and leaves the cache open', async () => {
    const cache = create();
    await cache.set('a', 1);
    await cache.disconnect();
    expect(await create().get('a')).toBe(1);
  });
});

it('refuses what is not a cache', () => {
  expect(() => cacheManagerStore(new Map() as never)).toThrow(
    expect.objectContaining({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/^cacheManagerStore takes a cache or a fanout/),
    }),
  );
});
