import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache, Precache } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/*
 * What version 1 wrote, by docs/disk-format.md. Users have such items on disk, so lines are only added here, never changed.
 */

const URL_A = 'https://a.example/a?q=1';
const STORED_AT_MS = Date.parse('2026-03-01T12:00:00Z');
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const failFetch = (request: Request) => Promise.reject(new TypeError(`${request.url} was asked for`));

it('an HTTP cache reads the responses of version 1', async () => {
  using cache = new Cache(freshDirectory());
  const variant = {
    status: 200,
    statusText: 'OK',
    headers: [
      ['cache-control', 'max-age=60'],
      ['vary', 'Accept-Language'],
    ],
    requestedAt: STORED_AT_MS,
    receivedAt: STORED_AT_MS,
    selectedBy: ['accept-language', 'authorization'],
  };
  cache.set(
    ['http', 'ada', URL_A],
    [
      { ...variant, id: 'x', selection: 'yXSz/UGpdj9Xe+zgSNXxodY4A3zo1JCWL38yxNf8ijM=' }, // de, en
      { ...variant, id: 'y', selection: 'uAHwhalA2erm5jP53ICTWNUtHNiciEs8aRB5b9XkH48=' }, // neither field
    ],
  );
  cache.set(['http-body', 'ada', URL_A, 'x'], bytes('de'));
  cache.set(['http-body', 'ada', URL_A, 'y'], bytes('any'));
  const http = createHttpCache({ cache, fetch: failFetch, partition: 'ada', clock: () => STORED_AT_MS + 1000 });
  const response = await http.fetch(URL_A, { headers: { 'accept-language': ' de,en' } });
  expect([await response.text(), response.headers.get('age')]).toEqual(['de', '1']);
  expect(await (await http.fetch(`${URL_A}#f`)).text()).toBe('any');
});

it('CacheStorage reads the caches of version 1', async () => {
  using cache = new Cache(freshDirectory());
  const response = {
    url: '',
    redirected: false,
    type: 'default',
    status: 201,
    statusText: 'Made',
    headers: [['x-a', 'b']],
  };
  cache.set(['caches', 'ada'], [['v1', 'c']]);
  cache.set(['cached-order', 'ada'], 2);
  cache.set(['cached', 'ada', 'c', 'https://a.example/a', '?q=1', 1], {
    order: 1,
    request: { url: URL_A, method: 'GET', headers: [['x-c', 'd']] },
    response,
    bodyId: 'b',
  });
  cache.set(['cached-body', 'ada', 'c', 'b'], bytes('kept'));
  cache.set(['cached', 'ada', 'c', 'https://a.example/b', '', 2], {
    order: 2,
    request: { url: 'https://a.example/b', method: 'GET', headers: [] },
    response: { ...response, status: 204 },
    bodyId: undefined,
  });
  const v1 = await new CacheStorage({ cache, fetch: failFetch, name: 'ada' }).open('v1');
  const [first, second] = await v1.matchAll();
  expect([first?.status, first?.headers.get('x-a'), await first?.text()]).toEqual([201, 'b', 'kept']);
  expect([second?.status, second?.body]).toEqual([204, null]);
  expect((await v1.keys(URL_A)).map((it) => it.headers.get('x-c'))).toEqual(['d']);
  expect(await v1.delete(URL_A)).toBe(true);
});

it('a precache reads the version of version 1', async () => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  cache.set(['precache', 'ada'], '7');
  cache.set(['precache', 'ada', URL_A], {
    id: 'x',
    revision: 'r',
    status: 200,
    statusText: 'OK',
    headers: [['content-type', 'text/css']],
    receivedAt: STORED_AT_MS,
  });
  cache.set(['precache-body', 'ada', 'x'], bytes('kept'));
  const precache = new Precache({ cache, fetch: failFetch, name: 'ada' });
  const response = await precache.match(URL_A);
  expect([precache.version, response?.headers.get('content-type'), await response?.text()]).toEqual([
    '7',
    'text/css',
    'kept',
  ]);
  await precache.install({ version: '8', entries: [{ url: URL_A, revision: 'r' }] }); // nothing is fetched
  expect(precache.version).toBe('8');
});
