import { createStorage, prefixStorage, type Storage } from 'unstorage';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StoreChange } from '../../main/adapters/store.ts';
import { unstorageDriver } from '../../main/adapters/unstorage.ts';
import { type AdapterTestHost, CACHES, clearStores, openHost } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => clearStores(t));
afterAll(() => t.close());

describe.each(Object.entries(CACHES))('unstorage over %s', (_, open) => {
  const create = (options?: Parameters<typeof unstorageDriver>[1]) =>
    createStorage({ driver: unstorageDriver(open(t), options) });

  it('starts empty', async () => {
    const storage = create();
    expect(await storage.hasItem('a')).toBe(false);
    expect(await storage.getItem('a')).toBeNull();
    expect(await storage.getItemRaw('a')).toBeNull();
    expect(await storage.getKeys()).toEqual([]);
  });

  it.each([
    ['text', 'text'],
    ['a number', 0],
    ['false', false],
    ['an object', { nested: [1, { two: null }] }],
  ])('keeps %s', async (_, value) => {
    const storage = create();
    await storage.setItem('a:b', value);
    expect(await storage.getItem('a:b')).toEqual(value);
    expect(await storage.hasItem('a:b')).toBe(true);
  });

  it('sets and gets many items, with options of their own', async () => {
    const storage = create();
    await storage.setItems([
      { key: 'a', value: 1 },
      { key: 'b:c', value: { n: 2 }, options: { ttl: 60 } },
    ] as { key: string; value: object | number }[]);
    expect(await storage.getItems(['b:c', { key: 'a' }, 'none'])).toEqual([
      { key: 'b:c', value: { n: 2 } },
      { key: 'a', value: 1 },
      { key: 'none', value: null },
    ]);
    expect((await storage.getMeta('b:c')).ttl).toBeGreaterThan(0);
    expect((await storage.getMeta('a')).ttl).toBeUndefined();
  });

  it('removes an item, and an item set to undefined', async () => {
    const storage = create();
    await storage.setItems([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ]);
    await storage.removeItem('a');
    await storage.setItem('b', undefined as never);
    await storage.removeItem('none');
    expect(await storage.getKeys()).toEqual([]);
  });

  it('keeps raw values with their types', async () => {
    const storage = create();
    await storage.setItemRaw('bytes', new Uint8Array([1, 2, 3]));
    await storage.setItemRaw('map', new Map([[1, new Date(0)]]));
    expect(await storage.getItemRaw('bytes')).toEqual(new Uint8Array([1, 2, 3]));
    expect(await storage.getItemRaw('map')).toEqual(new Map([[1, new Date(0)]]));
  });

  it('lists the keys below a base, to a depth', async () => {
    const storage = create();
    for (const key of ['a', 'b:c', 'b:d:e', 'bc']) await storage.setItem(key, 1);
    expect((await storage.getKeys()).sort()).toEqual(['a', 'b:c', 'b:d:e', 'bc']);
    expect((await storage.getKeys('b')).sort()).toEqual(['b:c', 'b:d:e']);
    expect((await storage.getKeys('', { maxDepth: 1 })).sort()).toEqual(['a', 'b:c', 'bc']);
  });

  it('clears what is below a base, and then everything, but no items with other keys', async () => {
    const cache = open(t);
    await cache.set(['of', 'the application'], 1);
    const driver = unstorageDriver(cache);
    const storage = createStorage({ driver });
    for (const key of ['a', 'b:c', 'b:d:e', 'bc']) await storage.setItem(key, 1);
    // A storage asks for this only if the base is that of a mount.
    await driver.clear('b:');
    expect((await storage.getKeys()).sort()).toEqual(['a', 'bc']);
    await storage.clear();
    expect(await storage.getKeys()).toEqual([]);
    expect(await cache.get(['of', 'the application'])).toBe(1);
  });

  it('lets items expire after seconds: those of the item, else those of the driver', async () => {
    using own = await openHost();
    const storage = createStorage({ driver: unstorageDriver(open(own), { ttl: 10 }) });
    await storage.setItem('short', 1, { ttl: 1 });
    await storage.setItem('default', 1);
    await storage.setItemRaw('raw', new Uint8Array(1), { ttl: 1 });
    own.clock.advance(1001);
    expect(await storage.getKeys()).toEqual(['default']);
    own.clock.advance(9000);
    expect(await storage.hasItem('default')).toBe(false);
  });

  it('knows times, size and remaining seconds of an item, beside what setMeta has set', async () => {
    const storage = create();
    const before = Date.now();
    await storage.setItem('a', 'text', { ttl: 60 });
    await storage.setMeta('a', { author: 'me' });
    const meta = await storage.getMeta('a');
    expect(meta).toMatchObject({ author: 'me', size: expect.any(Number) });
    expect(meta.mtime?.getTime()).toBeGreaterThanOrEqual(before);
    expect(meta.atime).toBeInstanceOf(Date);
    expect(meta.ttl).toBeLessThanOrEqual(60);
    expect({ ...(await storage.getMeta('none')) }).toEqual({});
  });

  it('keeps storages with different bases apart in one cache', async () => {
    const cache = open(t);
    const [one, more, all] = ['one', 'one:more', undefined].map((base) =>
      createStorage({ driver: unstorageDriver(cache, base === undefined ? {} : { base }) }),
    ) as [Storage, Storage, Storage];
    await one.setItem('a', 1);
    await more.setItem('a', 2);
    expect(await one.getItem('a')).toBe(1);
    expect((await one.getKeys()).sort()).toEqual(['a', 'more:a']);
    expect((await all.getKeys()).sort()).toEqual(['one:a', 'one:more:a']);
    await more.clear();
    expect(await all.getKeys()).toEqual(['one:a']);
  });

  it('works mounted, and with prefixStorage', async () => {
    const storage = createStorage().mount('disk', unstorageDriver(open(t)));
    await storage.setItem('disk:a', 1);
    await storage.setItem('elsewhere', 2);
    expect(await open(t).get('a')).toBe('1');
    expect(await prefixStorage(storage, 'disk').getItem('a')).toBe(1);
    await storage.dispose();
    expect(await open(t).get('a')).toBe('1');
  });
});

describe.each(Object.entries(CACHES))('storage.watch over %s', (_, open) => {
  /** Collects the events of a storage; `until` resolves when there are as many. */
  async function watch(storage: Storage) {
    const events: string[] = [];
    let onEvent: () => void = () => undefined;
    const unwatch = await storage.watch((event, key) => {
      events.push(`${event} ${key}`);
      onEvent();
    });
    const until = (count: number) =>
      new Promise<string[]>((resolve) => {
        onEvent = () => {
          if (events.length >= count) resolve(events);
        };
        onEvent();
      });
    return { events, until, unwatch };
  }

  it('reports changes of any window or process, below the base of the driver', async () => {
    const storage = createStorage({ driver: unstorageDriver(open(t), { base: 'mine' }) });
    const { until, unwatch } = await watch(storage);
    const other = open(t);
    await storage.setItem('a', 1);
    await other.set('mine:b', '2');
    await other.set('yours:c', '3');
    await other.delete('mine:b');
    await storage.removeItem('a');
    expect(await until(4)).toEqual(['update a', 'update b', 'remove b', 'remove a']);
    await unwatch();
  });

  it('reports each item when the cache is cleared, also those from before the watch', async () => {
    const storage = createStorage({ driver: unstorageDriver(open(t)) });
    await storage.setItem('before', 1);
    const { until, unwatch } = await watch(storage);
    await storage.setItem('after', 1);
    await until(1);
    await open(t).clear();
    expect((await until(3)).slice(1).sort()).toEqual(['remove after', 'remove before']);
    await unwatch();
  });

  it('reports nothing after unwatching, or after the storage is disposed', async () => {
    const storage = createStorage({ driver: unstorageDriver(open(t)) });
    const first = await watch(storage);
    await first.unwatch();
    const second = await watch(storage);
    await storage.dispose();
    const witness = createStorage({ driver: unstorageDriver(open(t)) });
    const third = await watch(witness);
    await witness.setItem('a', 1);
    await third.until(1);
    expect([...first.events, ...second.events]).toEqual([]);
    await third.unwatch();
  });
});

it('after a page has missed changes, compares its keys with those that are there', async () => {
  const { kv } = t.host.stores;
  let onChange: (change: StoreChange) => void = () => undefined;
  function subscribe(listener: typeof onChange): () => void {
    onChange = listener;
    return () => undefined;
  }
  const watched = new Proxy(kv, {
    get: (cache, name) => (name === 'subscribe' ? subscribe : Reflect.get(cache, name).bind(cache)),
  });
  kv.set('gone', '1');
  const events: string[] = [];
  const unwatch = await unstorageDriver(watched).watch((event, key) => events.push(`${event} ${key}`));
  kv.delete('gone');
  kv.set('new', '1');
  onChange({ kind: 'reset' });
  await expect.poll(() => events).toEqual(['remove gone', 'update new']);
  unwatch();
});

it('clears in a page that may only write', async () => {
  const page = t.page({ stores: { kv: 'write' } });
  const storage = createStorage({ driver: unstorageDriver(page.cache('kv'), { base: 'mine' }) });
  await storage.setItem('a', 1);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
});

it('gives onError the reason when a page may not watch', async () => {
  const errors: unknown[] = [];
  const page = t.page({ stores: { entries: 'read' } });
  const driver = unstorageDriver(page.cache('kv'), { onError: (error) => errors.push(error) });
  await expect(driver.watch(() => undefined)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
});

describe('refuses', () => {
  it.each([
    [{ prefix: 'a' }, /unknown option "prefix"; valid options: base, ttl, onError/],
    [{ base: 1 }, /base has to be a string/],
    ['base', /options are a string/],
  ])('the options %j', (options, message) => {
    expect(() => unstorageDriver(t.host.stores.kv, options as never)).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(message) }),
    );
  });

  it('a value that cannot be stored, with the path to it', async () => {
    const storage = createStorage({ driver: unstorageDriver(t.host.stores.kv) });
    await expect(storage.setItemRaw('a', { f: () => 1 })).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });
});
