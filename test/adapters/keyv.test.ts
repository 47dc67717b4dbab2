import Keyv5, { type KeyvOptions, type KeyvStoreAdapter } from 'keyv';
import Keyv6, { type KeyvStorageAdapter } from 'keyv-6';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type KeyvStore, keyv5Store, keyvStore } from '../../main/adapters/keyv.ts';
import { Cache, temporaryDirectory } from '../../main/engine/index.ts';
import { type AdapterTestHost, CACHES, clearStores, openHost } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => clearStores(t));
afterAll(() => t.close());

/** The methods that both versions have, for tests of both. */
interface AnyKeyv {
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<boolean[]>;
  get(key: string): Promise<unknown>;
  get(keys: string[]): Promise<unknown[]>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  delete(key: string): Promise<boolean>;
  clear(): Promise<void>;
  iterator?(argument?: unknown): AsyncGenerator<unknown>;
  disconnect(): Promise<void>;
  on(event: string, listener: (error: unknown) => void): unknown;
}

type Create = (
  cache: Parameters<typeof keyvStore>[0],
  options?: { readonly namespace?: string | undefined },
) => AnyKeyv;

const VERSIONS: Readonly<Record<string, Create>> = {
  'Keyv 5': (cache, options) =>
    new Keyv5({ store: keyv5Store(cache), throwOnErrors: true, ...options } as KeyvOptions) as AnyKeyv,
  'Keyv 6': (cache, options) => new Keyv6({ store: keyvStore(cache), ...options } as object) as AnyKeyv,
};

describe.each(Object.entries(CACHES))('over %s', (_, open) => {
  describe.each(Object.entries(VERSIONS))('%s', (_, create) => {
    it('keeps, finds and deletes values, one or many', async () => {
      const keyv = create(open(t));
      expect(await keyv.set('a', { n: 1 })).toBe(true);
      expect(
        await keyv.setMany([
          { key: 'b', value: 2 },
          { key: 'c', value: null },
        ]),
      ).toEqual([true, true]);
      expect(await keyv.get(['a', 'b', 'c', 'd'])).toEqual([{ n: 1 }, 2, null, undefined]);
      expect(await keyv.has('a')).toBe(true);
      expect(await keyv.hasMany(['a', 'd', 'b'])).toEqual([true, false, true]);
      expect(await keyv.delete('a')).toBe(true);
      expect(await keyv.delete('a')).toBe(false);
    });

    it('lets entries expire in the cache itself, each at its own time', async () => {
      using own = await openHost();
      const cache = open(own);
      const keyv = create(cache);
      await keyv.set('short', 1, 1000);
      await keyv.setMany([
        { key: 'long', value: 2, ttl: 5000 },
        { key: 'kept', value: 3 },
      ]);
      own.clock.advance(1001);
      expect(await keyv.get(['short', 'long', 'kept'])).toEqual([undefined, 2, 3]);
      own.clock.advance(5000);
      expect(await keyv.hasMany(['short', 'long', 'kept'])).toEqual([false, false, true]);
      expect(await cache.size).toBe(1);
    });

    it('clears its namespace, and neither another nor keys of the application', async () => {
      const cache = open(t);
      const [one, other, none] = [
        create(cache, { namespace: 'one' }),
        create(cache, { namespace: 'one:more' }),
        create(cache, { namespace: undefined }),
      ];
      for (const keyv of [one, other, none]) await keyv.set('a', 1);
      await cache.set('a', 'mine');
      await one.clear();
      expect(await Promise.all([one, other, none].map((keyv) => keyv.get('a')))).toEqual([undefined, 1, 1]);
      await none.clear();
      expect(await Promise.all([other, none].map((keyv) => keyv.get('a')))).toEqual([1, undefined]);
      expect(await cache.get('a')).toBe('mine');
    });

    it('iterates over the entries of its namespace only, without the namespace', async () => {
      const cache = open(t);
      await create(cache, { namespace: 'other' }).set('x', 0);
      const keyv = create(cache, { namespace: 'mine' });
      await keyv.set('a:1', 1);
      await keyv.set('b', 2);
      const seen = [];
      for await (const entry of keyv.iterator!()) seen.push(entry);
      expect(new Map(seen as [string, number][])).toEqual(
        new Map([
          ['a:1', 1],
          ['b', 2],
        ]),
      );
    });

    it('leaves the cache open when it disconnects', async () => {
      const cache = open(t);
      const keyv = create(cache);
      await keyv.set('a', 1);
      await keyv.disconnect();
      expect(await create(cache).get('a')).toBe(1);
    });

    it('emits an error for a failed read and a failed write', async () => {
      const keyv = create(open(t));
      const errors: unknown[] = [];
      keyv.on('error', (error: unknown) => errors.push(error));
      t.fail('DISK_FULL', { method: 'set' });
      const isSet = await keyv.set('a', 1).catch(() => false);
      expect(isSet).toBe(false);
      t.fail('CORRUPT', { method: 'get' });
      await Promise.resolve(keyv.get('a')).catch(() => undefined);
      expect(errors.map((error) => (error as { code: string }).code)).toEqual(['DISK_FULL', 'CORRUPT']);
    });
  });

  it('both versions work at once, and see the same entries in the same namespace', async () => {
    const cache = open(t);
    const five = new Keyv5({ store: keyv5Store(cache), namespace: 'app' });
    const six = new Keyv6({ store: keyvStore(cache), namespace: 'app' });
    await five.set('from five', { n: 5 }, 60_000);
    await six.set('from six', { n: 6 }, 60_000);
    expect(await six.get('from five')).toEqual({ n: 5 });
    expect(await five.get('from six')).toEqual({ n: 6 });
    await five.clear();
    expect(await six.has('from six')).toBe(false);
  });

  it('keeps what JSON loses if serialization is off', async () => {
    const value = { at: new Date(0), tags: new Set(['a']), bytes: new Uint8Array([1, 2]) };
    const five = new Keyv5({
      store: keyv5Store(open(t)),
      serialize: undefined as never,
      deserialize: undefined as never,
    });
    await five.set('a', value);
    expect(await five.get('a')).toEqual(value);
    const six = new Keyv6({ store: keyvStore(open(t)), serialization: false });
    await six.set('a', value);
    expect(await six.get('a')).toEqual(value);
  });

  it('several Keyvs of version 5 share one store', async () => {
    const store = keyv5Store(open(t));
    const first = new Keyv5({ store, namespace: 'first' });
    await first.set('a', 1);
    const second = new Keyv5({ store, namespace: 'second' });
    await second.set('a', 2);
    await first.set('b', 1);
    expect(await first.get(['a', 'b'])).toEqual([1, 1]);
    expect(await second.get(['a', 'b'])).toEqual([2, undefined]);
  });
});

it('several processes keep a Keyv in one directory', async () => {
  using directory = temporaryDirectory();
  using one = new Cache(directory.path);
  using other = new Cache(directory.path);
  await new Keyv6({ store: keyvStore(one) }).set('a', 1);
  expect(await new Keyv6({ store: keyvStore(other) }).get('a')).toBe(1);
});

it('has the types of both versions', () => {
  const five: KeyvStoreAdapter = keyv5Store(t.host.stores.kv);
  // Without an event emitter's methods, which Keyv 6 declares and doesn't call.
  const six: Pick<KeyvStorageAdapter, keyof KeyvStorageAdapter & Exclude<keyof KeyvStore, 'on' | 'capabilities'>> =
    keyvStore(t.page().cache('kv'));
  expect([five, six]).toHaveLength(2);
});

describe.each(['Keyv 5', 'Keyv 6'])('%s in a page that may only write', (version) => {
  it('clears its namespace', async () => {
    const page = t.page({ stores: { kv: 'write' } });
    const keyv = VERSIONS[version]!(page.cache('kv'), { namespace: 'mine' });
    await keyv.set('a', 1);
    await keyv.clear();
    expect(await keyv.has('a')).toBe(false);
  });
});

describe('refuses', () => {
  it('the store of one version in the other, when the Keyv is created', () => {
    expect(() => new Keyv5({ store: keyvStore(t.host.stores.kv) })).toThrow(/use keyv5Store\(cache\)/);
    expect(() => new Keyv6({ store: keyv5Store(t.host.stores.kv) })).toThrow(/use keyvStore\(cache\)/);
  });

  it.each([
    ['nothing', undefined, /not undefined/],
    ['a directory', '/cache', /not a string/],
    ['a Map', new Map(), /a Map, which has no getMany\(\)/],
    ['a promise', Promise.resolve(), /await it first/],
    ['a declaration', { kind: 'cache', options: {} }, /host\.stores\.name/],
    ['a host', { stores: {} }, /pass one of its stores/],
  ])('%s', (_, given, message) => {
    for (const create of [keyvStore, keyv5Store])
      expect(() => create(given as never)).toThrow(
        expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(message) }),
      );
  });

  it('an index, whose entries never expire', () => {
    expect(() => keyvStore(t.host.stores.entries as never)).toThrow(
      /takes a cache or a fanout .* an? Index, which has no/,
    );
  });
});
