import { expect, it } from 'vitest';
import { FanoutCache } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache, getCacheStatus, Precache } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const A = 'https://a.example';
const open = () => new FanoutCache(freshDirectory(), { shards: 4, evictionPolicy: 'none' });
const answer = async ({ url }: Request) =>
  new Response(url.slice(A.length).padEnd(url.endsWith('large') ? 200_000 : 0), {
    headers: { 'cache-control': 'max-age=60' },
  });

it('an HTTP cache over shards stores, serves, invalidates and clears', async () => {
  using cache = open();
  const http = createHttpCache({ cache, fetch: answer });
  const paths = Array.from({ length: 20 }, (_, n) => `/${n}`).concat('/large');
  for (const expected of ['miss', 'hit']) {
    for (const path of paths) {
      const response = await http.fetch(A + path);
      expect([(await response.text()).trimEnd(), getCacheStatus(response)]).toEqual([path, expected]);
    }
  }
  await http.fetch(`${A}/large`, { method: 'DELETE' });
  expect([await http.match(`${A}/large`), http.delete(`${A}/0`), http.delete(`${A}/0`)]).toEqual([
    undefined,
    true,
    false,
  ]);
  expect([http.clear(), cache.size, cache.check()]).toEqual([19, 0, []]);
});

it('CacheStorage over shards keeps the put order', async () => {
  using cache = open();
  const caches = new CacheStorage({ cache, fetch: answer });
  const shelf = await caches.open('v1');
  const urls = Array.from({ length: 40 }, (_, n) => `${A}/x?${(n * 7) % 40}`);
  for (const url of urls) await shelf.put(url, new Response(url));
  expect((await shelf.keys()).map(({ url }) => url)).toEqual(urls);
  const query = `${A}/x`;
  expect(await Promise.all((await shelf.matchAll(query, { ignoreSearch: true })).map((it) => it.text()))).toEqual(urls);
  expect(await (await shelf.match(query, { ignoreSearch: true }))?.text()).toBe(urls[0]);
  await shelf.addAll([`${A}/b`, `${A}/a`]);
  expect((await shelf.keys()).slice(-2).map(({ url }) => url)).toEqual([`${A}/b`, `${A}/a`]);
  expect([await caches.delete('v1'), cache.check()]).toEqual([true, []]);
});

it('a precache over shards switches in one step', async () => {
  using cache = open();
  const precache = new Precache({ cache, fetch: answer });
  const entries = Array.from({ length: 20 }, (_, n) => ({ url: `${A}/${n}` }));
  await precache.install({ version: '1', entries });
  await precache.install({ version: '2', entries: entries.slice(10) });
  const found = await Promise.all(entries.map(({ url }) => precache.match(url)));
  expect(found.map((it) => it !== undefined)).toEqual(entries.map((_, n) => n >= 10));
  expect([precache.version, cache.size]).toEqual(['2', 21]);
});
