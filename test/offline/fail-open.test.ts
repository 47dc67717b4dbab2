import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache, getCacheStatus, Offline, Precache } from '../../main/offline/index.ts';
import { STRATEGIES } from '../../protocol/strategy.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createFailingStore, createStoreError, STORE_FAILURES, WRITE_METHODS } from './failing-store.ts';

const URL_A = 'https://a.example/a';
const MANIFEST = { version: '1', entries: [{ url: URL_A, revision: '1' }] };

/** A body in several chunks, so that the store can fail in the middle. */
function createChunkedBody(size: number): ReadableStream<Uint8Array> {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const chunk = Math.min(left, 50_000);
      left -= chunk;
      if (chunk > 0) controller.enqueue(new Uint8Array(chunk).fill(7));
      else controller.close();
    },
  });
}

describe.each(STORE_FAILURES)('a failing store (%s)', (code) => {
  const error = createStoreError(code);

  it.each([9, 100_000])(
    'does not cost an HTTP response of %i bytes, whether it fails to write, to read, or always',
    async (size) => {
      for (const fails of [
        (name: string) => WRITE_METHODS.has(name),
        (name: string) => !WRITE_METHODS.has(name),
        () => true,
      ]) {
        using store = createFailingStore();
        const told: unknown[] = [];
        const offline = new Offline({
          cache: store.cache,
          fetch: async () =>
            new Response(createChunkedBody(size), { headers: { 'cache-control': 'max-age=1', etag: '"a"' } }),
          onStoreFailure: (failure) => told.push(failure),
        });
        const read = async (init: Parameters<Offline['fetch']>[1]) =>
          (await (await offline.fetch(URL_A, init)).arrayBuffer()).byteLength;
        // First without a stored response, then with one.
        for (const filled of [false, true]) {
          if (filled) await read({});
          store.failing = (name) => (fails(name) ? error : undefined);
          for (const strategy of STRATEGIES.filter((it) => it !== 'cache-only'))
            expect(await read({ strategy })).toBe(size);
          expect((await offline.fetch(URL_A, { method: 'DELETE' })).status).toBe(200);
          await offline.http.idle();
          store.failing = () => undefined;
        }
        expect(new Set(told)).toEqual(new Set([error]));
      }
    },
  );

  it('in the middle of a body leaves the reader the rest', async () => {
    using store = createFailingStore();
    const told: unknown[] = [];
    const { cache } = store;
    const failing = new Proxy(cache, {
      get: (target, name) =>
        name === 'writeStream'
          ? async (_: unknown, chunks: AsyncIterable<Uint8Array>) => {
              let taken = 0;
              for await (const { length } of chunks) {
                taken += length;
                if (taken > 200_000) throw error;
              }
            }
          : Reflect.get(target, name),
    });
    const http = createHttpCache({
      cache: failing,
      fetch: async () => new Response(createChunkedBody(3_000_000), { headers: { 'cache-control': 'max-age=60' } }),
      onStoreFailure: (failure) => told.push(failure),
    });
    const bodies = await Promise.all([1, 2, 3].map(async () => (await http.fetch(URL_A)).arrayBuffer()));
    expect(bodies.map(({ byteLength }) => byteLength)).toEqual([3_000_000, 3_000_000, 3_000_000]);
    expect([told.includes(error), cache.size]).toEqual([true, 0]);
  });

  it('with precached files lets requests go to the network, and is reported', async () => {
    using store = createFailingStore();
    using http = new Cache(freshDirectory());
    const told: unknown[][] = [[], []];
    const [of, by] = told.map((list) => (failure: unknown) => void list.push(failure));
    const fetch = async () => new Response('network');
    const precache = new Precache({ cache: store.cache, fetch: async () => new Response('file'), onStoreFailure: of! });
    await precache.install(MANIFEST);
    const offline = new Offline({ cache: http, fetch, precache, onStoreFailure: by! });
    expect(await (await offline.fetch(URL_A)).text()).toBe('file');
    store.failing = () => error;
    expect(await (await offline.fetch(URL_A)).text()).toBe('network');
    expect(await precache.match(URL_A)).toBeUndefined();
    expect(told).toEqual([[error, error], [error]]);
    await expect(precache.install(MANIFEST)).rejects.toBe(error);
  });

  it('with a CacheStorage finds nothing, and is reported; puts reject', async () => {
    using store = createFailingStore();
    const told: unknown[] = [];
    const options = { cache: store.cache, fetch: async () => new Response('network') };
    const caches = new CacheStorage({ ...options, onStoreFailure: (failure) => told.push(failure) });
    const cache = await caches.open('a');
    await cache.put(URL_A, new Response('stored'));
    expect(await (await caches.match(URL_A))?.text()).toBe('stored');
    store.failing = () => error;
    expect([await caches.match(URL_A), await cache.match(URL_A), await cache.matchAll(URL_A)]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect(told).toEqual([error, error, error]);
    await expect(cache.put(URL_A, new Response('new'))).rejects.toBe(error);
    await expect(cache.add(URL_A)).rejects.toBe(error);
  });
});

describe('a store that recovers', () => {
  it('still has its responses: a temporary failure deletes nothing', async () => {
    using store = createFailingStore();
    const fetch = async () => new Response(createChunkedBody(100_000), { headers: { 'cache-control': 'max-age=60' } });
    const http = createHttpCache({ cache: store.cache, fetch });
    await (await http.fetch(URL_A)).arrayBuffer();
    store.failing = (name) => (name === 'openBytes' ? createStoreError('IO') : undefined);
    const response = await http.fetch(URL_A, { cache: 'only-if-cached', mode: 'same-origin' });
    expect(response.status).toBe(504);
    store.failing = () => undefined;
    const again = await http.fetch(URL_A);
    expect([getCacheStatus(again), (await again.arrayBuffer()).byteLength]).toEqual(['hit', 100_000]);
  });
});

it('HTTP cache, Precache and CacheStorage refuse a codec that can’t store bytes', () => {
  using cache = new Cache(freshDirectory(), { codec: 'json' });
  const fetch = async () => new Response();
  const refused = expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(/codec "json"/) });
  for (const Face of [Offline, Precache, CacheStorage]) expect(() => new Face({ cache, fetch })).toThrow(refused);
  expect(() => createHttpCache({ cache, fetch })).toThrow(refused);
});

it('a fetch that returns something else is named in the error', async () => {
  using cache = new Cache(freshDirectory());
  const given = { cache, fetch: async () => undefined as unknown as Response };
  const refused = expect.objectContaining({
    code: 'BAD_OPTION',
    message: expect.stringMatching(/returned undefined for GET https:\/\/a\.example\/a; it has to return a Response/),
  });
  await expect(new Offline(given).fetch(URL_A)).rejects.toEqual(refused);
  await expect(createHttpCache(given).fetch(URL_A)).rejects.toEqual(refused);
  await expect(new Precache(given).install(MANIFEST)).rejects.toEqual(refused);
  await expect((await new CacheStorage(given).open('a')).add(URL_A)).rejects.toEqual(refused);
});
