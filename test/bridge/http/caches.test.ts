import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { DiskCache } from '../../../renderer-api/disk-cache.ts';
import { errorMatching } from '../../matchers.ts';
import { cacheStorageBehaviour, type OpenCacheStorage } from '../../suites/cache-storage.ts';
import { openHttpPage } from './http-port-fixture.ts';

const URL_A = 'https://a.example/a';

const setup: OpenCacheStorage = ({ schemes = [] } = {}, answer = (url) => new Response(url)) => {
  const requests: string[] = [];
  const page = openHttpPage({
    schemes,
    async fetch({ url, signal }) {
      requests.push(url);
      await new Promise(setImmediate);
      signal.throwIfAborted();
      return answer(url);
    },
  });
  return {
    caches: page.diskCache.caches,
    cache: page.stored,
    requests,
    reopen: () => page.anotherPage().caches,
    [Symbol.dispose]: () => page[Symbol.dispose](),
  };
};

cacheStorageBehaviour('CacheStorage in a page', setup);

describe('CacheStorage in a page', () => {
  it('is one to the compiler, too', () => {
    expectTypeOf<DiskCache['caches']>().toExtend<CacheStorage>();
    expectTypeOf<DiskCache['fetch']>().toExtend<typeof fetch>();
  });

  it('is the one of the main process and of all other pages', async () => {
    using page = openHttpPage();
    const cache = await page.diskCache.caches.open('v1');
    await cache.put(URL_A, new Response('of the page'));
    expect(await (await page.caches.match(URL_A))?.text()).toBe('of the page');
    await (await page.caches.open('v1')).put(
      `${URL_A}b`,
      Response.json({ of: 'main' }, { headers: { 'set-cookie': 'a=b' } }),
    );
    const found = await page.anotherPage().caches.match(`${URL_A}b`, { cacheName: 'v1' });
    expect([found?.headers.get('content-type'), found?.headers.get('set-cookie'), await found?.json()]).toEqual([
      'application/json',
      null,
      { of: 'main' },
    ]);
    expect(await page.diskCache.caches.match(`${URL_A}b`, { cacheName: 'v2' })).toBeUndefined();
  });

  it('stores the response that a page has fetched, with its URL', async () => {
    const body = new Uint8Array(900_000).map((_, n) => n % 241);
    const fetch = ({ url }: Request) => Object.defineProperty(new Response(body), 'url', { value: url });
    using page = openHttpPage({ fetch });
    const cache = await page.diskCache.caches.open('v1');
    await cache.put(URL_A, await page.diskCache.fetch(URL_A));
    const kept = (await cache.match(URL_A))!;
    expect(kept.url).toBe(URL_A);
    expect(Buffer.compare(Buffer.from(await kept.clone().arrayBuffer()), body)).toBe(0);
    expect(Buffer.compare(Buffer.from(await kept.arrayBuffer()), body)).toBe(0);
    await vi.waitFor(() => expect(page.sessions.map(({ open }) => open)).toEqual([0]));
  });

  it('stores a whole body or nothing, whichever side aborts it', async () => {
    using page = openHttpPage();
    const cache = await page.diskCache.caches.open('v1');
    const broken = new Error('The file was removed');
    const breaking = (chunks: number) => {
      let left = chunks;
      return new ReadableStream({
        pull: (controller) => (left-- > 0 ? controller.enqueue(new Uint8Array(100_000)) : controller.error(broken)),
      });
    };
    for (const chunks of [0, 1, 30])
      await expect(cache.put(URL_A, new Response(breaking(chunks)))).rejects.toBe(broken);
    const halfway = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
    });
    const putting = cache.put(URL_A, new Response(halfway));
    await vi.waitFor(() => expect(page.sessions[0]!.open).toBeGreaterThan(1));
    page.diskCache.disconnect('The page was left');
    await expect(putting).rejects.toThrow(errorMatching('DISCONNECTED'));
    await vi.waitFor(() => expect(page.sessions[0]!.open).toBe(0));
    expect(await page.caches.match(URL_A)).toBeUndefined();
    expect([...page.stored.keys({ prefix: ['cached-body'] })]).toEqual([]);
  });

  it('aborts the requests of add, which then stores nothing', async () => {
    let aborted = 0;
    using page = openHttpPage({
      fetch: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted++;
            reject(signal.reason);
          });
        }),
    });
    const cache = await page.diskCache.caches.open('v1');
    const controller = new AbortController();
    const adding = cache.addAll([URL_A, new Request(`${URL_A}b`, { signal: controller.signal })]);
    await vi.waitFor(() => expect(page.sessions[0]!.open).toBe(1));
    controller.abort();
    await expect(adding).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect([aborted, page.sessions[0]!.open]).toEqual([2, 0]));
    expect(await cache.keys()).toEqual([]);
  });

  it('does what the grant "@caches" allows, which "*" includes', async () => {
    using page = openHttpPage({ fetch: () => new Response('x') });
    await (await page.caches.open('v1')).put(URL_A, new Response('x'));
    const reader = page.anotherPage({ stores: { '@caches': 'read' } }).caches;
    const cache = await reader.open('v1');
    expect([await reader.keys(), await reader.has('v2'), (await cache.matchAll()).length]).toEqual([['v1'], false, 1]);
    const refused = [
      reader.open('v2'),
      reader.delete('v1'),
      cache.put(URL_A, new Response('y')),
      cache.add(URL_A),
      cache.delete(URL_A),
      page.anotherPage({ stores: { api: 'admin', '@fetch': 'admin' } }).caches.match(URL_A),
    ];
    for (const it of await Promise.allSettled(refused))
      expect(it).toEqual({ status: 'rejected', reason: errorMatching('NOT_ALLOWED') });
    const limited = await page
      .anotherPage({ stores: { '*': 'write', '@fetch': 'read' }, bytes: 500_000 })
      .caches.open('v3');
    await limited.put(URL_A, new Response('x'.repeat(400_000)));
    await expect(limited.put(`${URL_A}b`, new Response('x'.repeat(400_000)))).rejects.toThrow(
      errorMatching('TOO_LARGE'),
    );
    await expect(limited.put(`${URL_A}b`, new Response('x'.repeat(200_000)))).rejects.toThrow(
      errorMatching('TOO_LARGE'),
    );
    await expect(limited.add(URL_A)).rejects.toThrow(/500000 bytes/);
    const writer = await page.anotherPage({ stores: { '*': 'admin' } }).caches.open('v3');
    await expect(writer.add(URL_A)).rejects.toThrow(/"@fetch"/);
    expect(await page.caches.keys()).toEqual(['v1', 'v3']);
    expect((await limited.keys()).length).toBe(1);
  });
});
