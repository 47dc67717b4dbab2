/** What a page's plain `fetch` is worth in a session that goes through `host.offline`. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, type Launch, test } from './fixture.ts';
import { type HttpOrigin, startOrigin } from './http-origin.ts';

const MAIN = fileURLToPath(new URL('../dist/e2e/offline/main.js', import.meta.url));

let origin: HttpOrigin;
/** What files say; another edition is another content. */
let setEdition = 1;
test.beforeEach(async () => {
  setEdition = 1;
  origin = await startOrigin(async (request, response, times) => {
    const [path = '/', query] = (request.url ?? '/').split('?', 2);
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('cache-control', 'max-age=0');
    const last = path.slice(path.lastIndexOf('/') + 1);
    if (last === 'tagged') {
      response.setHeader('etag', '"same"');
      if (request.headers['if-none-match'] === '"same"') return response.writeHead(304).end();
    }
    if (last === 'fresh' || last === 'slow') response.setHeader('cache-control', 'max-age=600');
    if (last === 'slow') await wait(300);
    if (last === 'later' && times > 1) await wait(5_000, undefined, { ref: false });
    if (last === 'me') {
      response.setHeader('cache-control', 'max-age=600');
      if (query === 'login') response.setHeader('set-cookie', 'name=ada; Path=/');
      return response.end(request.headers.cookie ?? 'nobody');
    }
    if (path.startsWith('/files/')) return response.end(`${last}, edition ${setEdition}`);
    if (path.startsWith('/missing/')) return response.writeHead(404).end();
    return response.end(`answer ${times}`);
  });
});
test.afterEach(() => origin.stop());

async function startOffline(launch: Launch) {
  const app = await launch({ main: MAIN });
  const page = await app.waitForWindow(0);
  await page.waitForFunction(`document.title === 'Offline'`);
  return { app, page };
}

/** What the main process answers to a command. */
const sendCommand = <T>(page: Page, ...command: [name: string, argument?: unknown]) =>
  page.evaluate<T, unknown[]>(
    async (words) => (await fetch('app://offline/do', { method: 'POST', body: JSON.stringify(words) })).json(),
    command,
  );

/** What a page's `fetch` comes to: the text and how the cache came to it, or the error's name. */
const fetchInPage = (page: Page, path: string, base = origin.url) =>
  page.evaluate(
    (url) =>
      fetch(url).then(
        async (response) => {
          const how = /deskcache;\s*(.*)$/.exec(response.headers.get('cache-status') ?? '')?.[1] ?? 'past the cache';
          return `${response.ok ? await response.text() : response.status}: ${how.replace(/ttl=-\d+/, 'stale')}`;
        },
        (error: Error) => error.name,
      ),
    base + path,
  );

test('a page sees where a response came from', async ({ launch }) => {
  const { page } = await startOffline(launch);
  expect(await fetchInPage(page, '/fresh')).toBe('answer 1: fwd=uri-miss; fwd-status=200');
  expect(await fetchInPage(page, '/fresh')).toMatch(/^answer 1: hit; ttl=\d+$/);
  expect(await fetchInPage(page, '/tagged')).toBe('answer 1: fwd=uri-miss; fwd-status=200');
  expect(await fetchInPage(page, '/tagged')).toBe('answer 1: fwd=stale; fwd-status=304');
  expect([origin.countRequests('/fresh'), origin.countRequests('/tagged')]).toEqual([1, 2]);
});

test('a custom scheme is served by the application’s fetch, and from disk', async ({ launch }) => {
  const { app, page } = await startOffline(launch);
  const feed = `feed://port/${new URL(origin.url).port}`;
  expect(await fetchInPage(page, '/tagged', feed)).toBe('answer 1: fwd=uri-miss; fwd-status=200');
  expect(await fetchInPage(page, '/tagged', feed)).toBe('answer 1: fwd=stale; fwd-status=304');
  await origin.stop();
  await app.kill();
  const { page: again } = await startOffline(launch);
  expect(await fetchInPage(again, '/tagged', feed)).toBe('answer 1: hit; stale');
  expect(await fetchInPage(again, '/never', feed)).toBe('TypeError');
});

test('each strategy does what its name says, with a network and without', async ({ launch }) => {
  const { page } = await startOffline(launch);
  expect(await fetchInPage(page, '/cache-only/x'), 'there are no CORS fields to compare').toBe(
    '504: detail=only-if-cached',
  );
  expect(await fetchInPage(page, '/stale-while-revalidate/x')).toMatch(/^answer 1: fwd/);
  expect(await fetchInPage(page, '/stale-while-revalidate/x')).toBe('answer 1: hit; stale');
  await expect.poll(() => fetchInPage(page, '/stale-while-revalidate/x')).toMatch(/^answer [2-9]: hit; stale$/);
  for (const strategy of ['cache-first', 'network-first', 'network-only']) {
    expect(await fetchInPage(page, `/${strategy}/x`), strategy).toMatch(/^answer 1: fwd/);
  }
  expect(await fetchInPage(page, '/cache-first/x')).toBe('answer 1: hit; stale');
  expect(await fetchInPage(page, '/network-first/x')).toMatch(/^answer 2: fwd/);
  expect(await fetchInPage(page, '/network-only/x')).toMatch(/^answer 2: fwd/);
  expect(await fetchInPage(page, '/impatient/later')).toMatch(/^answer 1: fwd/);
  expect(await fetchInPage(page, '/impatient/later'), 'the network takes too long').toBe('answer 1: hit; stale');
  await origin.stop();
  expect(await fetchInPage(page, '/cache-first/x')).toBe('answer 1: hit; stale');
  expect(await fetchInPage(page, '/network-first/x')).toBe('answer 2: hit; stale');
  expect(await fetchInPage(page, '/network-only/x')).toBe('TypeError');
  expect(await fetchInPage(page, '/cache-first/never')).toBe('TypeError');
});

test('a thousand concurrent requests are one for the origin', async ({ launch }) => {
  const { page } = await startOffline(launch);
  const bodies = await page.evaluate(async (url) => {
    const texts = Array.from({ length: 1000 }, async () => (await fetch(url)).text());
    return [...new Set(await Promise.all(texts))];
  }, `${origin.url}/slow`);
  expect(bodies).toEqual(['answer 1']);
  expect(origin.countRequests('/slow')).toBe(1);
  const other = `${origin.url}/main/slow`;
  expect(await sendCommand(page, 'fetchAtOnce', { url: other, times: 1000 })).toEqual(['answer 1']);
  expect(origin.countRequests('/main/slow')).toBe(1);
});

test('the offline switch applies to all windows, and stops all requests', async ({ launch }) => {
  const { app, page } = await startOffline(launch);
  await sendCommand(page, 'open');
  const other = await app.waitForWindow(1);
  await other.waitForFunction(`document.title === 'Offline'`);
  await fetchInPage(page, '/tagged');
  await sendCommand(page, 'setOnline', false);
  for (const window of [page, other]) {
    expect(await fetchInPage(window, '/tagged')).toBe('answer 1: hit; stale');
    expect(await fetchInPage(window, '/never')).toBe('TypeError');
  }
  expect([origin.countRequests('/tagged'), origin.countRequests('/never')]).toEqual([1, 0]);
  await sendCommand(page, 'setOnline', true);
  expect(await fetchInPage(other, '/tagged')).toBe('answer 1: fwd=stale; fwd-status=304');
});

test('precached files change all at once or not at all', async ({ launch }) => {
  const { page } = await startOffline(launch);
  const manifest = (version: string, ...paths: string[]) => ({
    version,
    entries: paths.map((path) => ({ url: origin.url + path, revision: version })),
  });
  const files = async () => [await fetchInPage(page, '/files/a.js'), await fetchInPage(page, '/files/b.js')];
  expect(await sendCommand(page, 'install', manifest('1', '/files/a.js', '/files/b.js'))).toEqual({
    ...{ version: '1', done: ['1 of 2', '2 of 2'] },
  });
  const first = ['a.js, edition 1: hit', 'b.js, edition 1: hit'];
  expect(await files()).toEqual(first);
  setEdition = 2;
  expect(await sendCommand(page, 'install', manifest('2', '/files/a.js', '/missing/b.js'))).toMatchObject({
    ...{ version: '1', failed: 'TypeError' },
  });
  expect(await files()).toEqual(first);
  await sendCommand(page, 'install', manifest('2', '/files/a.js', '/files/b.js'));
  expect(await files()).toEqual(['a.js, edition 2: hit', 'b.js, edition 2: hit']);
  await origin.stop();
  expect(await files()).toEqual(['a.js, edition 2: hit', 'b.js, edition 2: hit']);
});

test('stored responses are there after a restart, also after a kill', async ({ launch }) => {
  const first = await startOffline(launch);
  await fetchInPage(first.page, '/tagged');
  await first.app.close();
  const second = await startOffline(launch);
  await fetchInPage(second.page, '/fresh');
  await second.app.kill();
  await origin.stop();
  const { page } = await startOffline(launch);
  expect(await fetchInPage(page, '/tagged')).toBe('answer 1: hit; stale');
  expect(await fetchInPage(page, '/fresh')).toMatch(/^answer 1: hit; ttl=\d+$/);
});

test('sessions share neither responses nor cookies', async ({ launch }) => {
  const { app, page } = await startOffline(launch);
  const asOwn = (path: string) => sendCommand(page, 'fetch', { url: origin.url + path, as: 'own' });
  await asOwn('/me?login');
  expect(await asOwn('/me')).toMatchObject({ text: 'name=ada', status: 'deskcache; fwd=uri-miss; fwd-status=200' });
  expect(await asOwn('/me')).toMatchObject({ text: 'name=ada', status: expect.stringContaining('; hit;') });
  await sendCommand(page, 'openGuest');
  const guest = await app.waitForWindow(1);
  await guest.waitForFunction(`document.title === 'Offline'`);
  expect(await fetchInPage(guest, '/me')).toBe('nobody: fwd=uri-miss; fwd-status=200');
  expect(await fetchInPage(guest, '/me?login')).toBe('nobody: fwd=uri-miss; fwd-status=200');
  expect(await sendCommand(guest, 'fetch', { url: `${origin.url}/me?login`, as: 'guest' })).toMatchObject({
    text: 'nobody',
  });
  expect(await fetchInPage(guest, '/me?again'), 'its own cookie, which the network keeps').toMatch(
    /^name=ada: fwd=uri-miss/,
  );
  expect(await guest.evaluate('document.cookie')).toBe('');
  expect(await fetchInPage(page, '/me'), 'what its own session has stored').toMatch(/^name=ada: hit; ttl=\d+$/);
});
