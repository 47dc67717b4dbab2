/** What a page has of HTTP: `diskCache.fetch`, `diskCache.caches`, and the connection that all windows share. */
import type * as renderer from 'deskcache/renderer';
import type { Page } from 'playwright-core';
import { openWindowFrom, startApp } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';
import { type HttpOrigin, startOrigin } from './http-origin.ts';

const MIB = 2 ** 20;

declare const diskCache: renderer.DiskCache;

let origin: HttpOrigin;
/** Requests whose answer was broken off by who asked. */
let brokenOff = 0;
test.beforeEach(async () => {
  brokenOff = 0;
  origin = await startOrigin((request, response, times) => {
    const path = request.url ?? '/';
    response.setHeader('cache-control', path === '/fresh' ? 'max-age=600' : 'no-store');
    response.setHeader('set-cookie', 'name=ada');
    if (path === '/large') return response.end(Buffer.alloc(20 * MIB, 7));
    if (path === '/echo') return request.pipe(response);
    if (path === '/endless') {
      const more = setInterval(() => response.write(Buffer.alloc(MIB)), 5);
      return response.on('close', () => {
        clearInterval(more);
        brokenOff++;
      });
    }
    return response.end(`answer ${times}`);
  });
});
test.afterEach(() => origin.stop());

const startPagesApp = (launch: Launch) => startApp(launch, 'pages-offline');

/** What a `diskCache.fetch` in the page comes to: the text and the field that says where it came from, or the error. */
const fetchInPage = (
  page: Page,
  path: string,
  init: { strategy?: renderer.Strategy; method?: string; body?: string } = {},
) =>
  page.evaluate(
    ([url, options]) =>
      diskCache.fetch(url, options).then(
        async (it) => [await it.text(), it.headers.get('cache-status'), it.url, it.headers.get('set-cookie')],
        (error: Error & { code?: string }) => [error.code ?? error.name],
      ),
    [origin.url + path, init] as const,
  );
const told = (page: Page, path: string) => page.evaluate((at) => fetch(at).then((answer) => answer.json()), path);

test('a page fetches what it may not by CORS, without the cookies, and again from the disk', async ({ launch }) => {
  const { page } = await startPagesApp(launch);
  const url = `${origin.url}/fresh`;
  expect(await fetchInPage(page, '/fresh')).toEqual(['answer 1', expect.stringContaining('fwd=uri-miss'), url, null]);
  expect(await fetchInPage(page, '/fresh')).toEqual(['answer 1', expect.stringContaining('hit'), url, null]);
  expect(await fetchInPage(page, '/fresh', { strategy: 'network-only' })).toEqual([
    'answer 2',
    expect.stringContaining('fwd=bypass'),
    url,
    null,
  ]);
  expect(await fetchInPage(page, '/echo', { method: 'POST', body: 'hello' })).toEqual(
    expect.arrayContaining(['hello']),
  );
  await origin.stop();
  expect(await fetchInPage(page, '/fresh')).toEqual(expect.arrayContaining(['answer 1']));
  expect(await fetchInPage(page, '/other')).toEqual(['TypeError']);
  expect(await told(page, '/sessions')).toBe(1);
});

test('large bodies travel in chunks both ways, and aborting one aborts it at the origin', async ({ launch }) => {
  const { page } = await startPagesApp(launch);
  const sizes = await page.evaluate(async (url) => {
    const large = await (await diskCache.fetch(`${url}/large`)).blob();
    const echo = await diskCache.fetch(`${url}/echo`, { method: 'POST', body: large.stream() });
    return [large.size, (await echo.arrayBuffer()).byteLength];
  }, origin.url);
  expect(sizes).toEqual([20 * MIB, 20 * MIB]);
  await page.evaluate(async (url) => {
    const controller = new AbortController();
    const { body } = await diskCache.fetch(`${url}/endless`, { signal: controller.signal });
    await body!.getReader().read();
    controller.abort();
  }, origin.url);
  await expect.poll(() => brokenOff).toBe(1);
  await page.evaluate(async (url) => {
    const { body } = await diskCache.fetch(`${url}/endless`);
    await body!.getReader().read();
    location.reload();
  }, origin.url);
  await expect.poll(() => brokenOff).toBe(2);
});

// Absolute URLs, because in the stand-in a relative one resolves against the mapped host.
test('caches are shared by all windows and the main process, also after a restart', async ({ launch }) => {
  // It starts the application twice.
  test.slow();
  const { app, page } = await startPagesApp(launch);
  await page.evaluate(async (url) => {
    const cache = await diskCache.caches.open('shell');
    await cache.put('app://pages/settings', Response.json({ theme: 'dark' }));
    await cache.put('app://pages/large', await diskCache.fetch(`${url}/large`));
    await cache.addAll([`${url}/fresh`, 'app://pages/page.js']);
  }, origin.url);
  expect(await told(page, '/kept')).toEqual([['shell', 4]]);
  const second = await openWindowFrom(app, page, 'app://pages/?second');
  const found = async (by: Page) =>
    by.evaluate(async () => {
      const settings = await diskCache.caches.match('app://pages/settings');
      const large = await diskCache.caches.match('app://pages/large');
      return [settings?.url, await settings?.json(), (await large?.blob())?.size];
    });
  expect(await found(second)).toEqual(['', { theme: 'dark' }, 20 * MIB]);
  await app.close();
  const again = await startPagesApp(launch);
  expect(await found(again.page)).toEqual(['', { theme: 'dark' }, 20 * MIB]);
});

test('a window that goes offline switches all windows; one without a grant has no access', async ({ launch }) => {
  const { app, page } = await startPagesApp(launch);
  const second = await openWindowFrom(app, page, 'app://pages/?second');
  await second.evaluate(`globalThis.heard = []; diskCache.connection.subscribe((online) => heard.push(online))`);
  expect(await second.evaluate('diskCache.connection.online')).toBe(true);
  await page.evaluate('diskCache.connection.goOffline()');
  await expect.poll(() => second.evaluate('heard')).toEqual([false]);
  expect(await fetchInPage(second, '/any')).toEqual(['TypeError']);
  await second.evaluate('diskCache.connection.goOnline()');
  expect(await fetchInPage(page, '/any')).toEqual(expect.arrayContaining(['answer 1']));
  expect(origin.countRequests('/any')).toBe(1);

  const stranger = await openWindowFrom(app, page, 'app://stranger/');
  expect(await fetchInPage(stranger, '/fresh')).toEqual(['NOT_ALLOWED']);
  expect(await stranger.evaluate(`diskCache.caches.keys().catch((error) => error.code)`)).toBe('NOT_ALLOWED');
  expect(await stranger.evaluate(`diskCache.connection.goOffline().catch((error) => error.code)`)).toBe('NOT_ALLOWED');
});
