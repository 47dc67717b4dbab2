import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { CacheStorage } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { cacheStorageBehaviour, type OpenCacheStorage } from '../suites/cache-storage.ts';

const setup: OpenCacheStorage = (options, answer = (url) => new Response(url)) => {
  const cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const requests: string[] = [];
  const fetch = async ({ url, signal }: Request) => {
    requests.push(url);
    await new Promise(setImmediate);
    signal.throwIfAborted();
    return answer(url);
  };
  const reopen = () => new CacheStorage({ cache, fetch, ...options });
  return { caches: reopen(), cache, requests, reopen, [Symbol.dispose]: () => cache.close() };
};

cacheStorageBehaviour('CacheStorage in the main process', setup);

describe('CacheStorage in the main process alone', () => {
  it('shares nothing between storages with different names', async () => {
    using made = setup();
    await (await made.caches.open('v1')).put('https://a.example/a', new Response('mine'));
    const other = new CacheStorage({ cache: made.cache, fetch, name: 'https://b.example' });
    expect([await other.keys(), await other.match('https://a.example/a')]).toEqual([[], undefined]);
  });

  it('stores no cookies, which belong to one response', async () => {
    using made = setup();
    const cache = await made.caches.open('v1');
    await cache.put('https://a.example/a', new Response('', { headers: { 'set-cookie': 'a=b' } }));
    expect((await cache.match('https://a.example/a'))?.headers.getSetCookie()).toEqual([]);
  });
});
