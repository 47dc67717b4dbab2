import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { type HttpCacheFixture, openHttpCache } from './http-cache-fixture.ts';

const A = 'https://a.example';
const SECOND_MS = 1000;

/** Redirects by path or URL: status, Location and fields. Other URLs respond with their URL and the number of the request. */
function createSite(
  redirects: Record<string, readonly [status: number, location: string, control?: string]>,
): HttpCacheFixture {
  return openHttpCache((request, count) => {
    const [status, location, control = ''] = redirects[request.url.replace(A, '').replace(/#.*/, '')] ?? [
      200,
      '',
      'max-age=60',
    ];
    const headers = { ...(location !== '' && { location }), ...(control !== '' && { 'cache-control': control }) };
    return new Response(`${new URL(request.url).pathname} ${count}`, { status, headers });
  });
}

async function fetchText({ http }: HttpCacheFixture, path: string, init?: RequestInit): Promise<unknown[]> {
  const response = await http.fetch(A + path, init);
  const { url, redirected, status } = response;
  const body = await response.text();
  await http.idle();
  return [status, body, url.replace(A, ''), redirected, getCacheStatus(response)];
}

const asked = ({ originRequests }: HttpCacheFixture): string[] => originRequests.map(({ url }) => url.replace(A, ''));

describe('redirects', () => {
  it.each([301, 302, 308])('of %i are stored by their own fields, each response under its own URL', async (status) => {
    using setup = createSite({ '/old': [status, '/new', 'max-age=60'] });
    expect(await fetchText(setup, '/old#top')).toEqual([200, '/new 2', '/new', true, 'miss']);
    expect(await fetchText(setup, '/old')).toEqual([200, '/new 2', '/new', true, 'hit']);
    expect(await fetchText(setup, '/new')).toEqual([200, '/new 2', '/new', false, 'hit']);
    expect(asked(setup)).toEqual(['/old#top', '/new']);
    const kept = await setup.http.match(new Request(`${A}/old`, { redirect: 'manual' }));
    expect([kept?.status, kept?.headers.get('location')]).toEqual([status, '/new']);
  });

  it.each([
    [301, 1],
    [302, 0],
    [303, 0],
    [307, 0],
    [308, 1],
  ])(
    'of %i without cache fields are requested each time; %i is stored for when the origin can’t be reached',
    async (status, kept) => {
      using setup = createSite({ '/now': [status, '/x'] });
      for (const path of ['/now', '/now']) await fetchText(setup, path);
      expect(asked(setup)).toEqual(['/now', '/x', '/now']);
      const stored = await setup.http.match(new Request(`${A}/now`, { redirect: 'manual' }));
      expect(stored === undefined ? 0 : 1).toBe(kept);
    },
  );

  it('are requested again when stale, while their target is fresh', async () => {
    using setup = createSite({ '/old': [302, '/new', 'max-age=10'] });
    await fetchText(setup, '/old');
    setup.advance(20 * SECOND_MS);
    expect(await fetchText(setup, '/old')).toEqual([200, '/new 2', '/new', true, 'hit']);
    expect(asked(setup)).toEqual(['/old', '/new', '/old']);
  });

  it('are a response with manual, and a failure with error', async () => {
    using setup = createSite({ '/old': [301, '/new', 'max-age=60'] });
    expect(await fetchText(setup, '/old', { redirect: 'manual' })).toEqual([301, '/old 1', '', false, 'miss']);
    await expect(setup.http.fetch(`${A}/old`, { redirect: 'error' })).rejects.toThrow(TypeError);
    expect(asked(setup)).toEqual(['/old']);
  });

  it('keep credentials within an origin, and drop them for others', async () => {
    using setup = createSite({ '/in': [302, '/out'], '/out': [302, 'https://b.example/x'] });
    await fetchText(setup, '/in', { headers: { authorization: 'Bearer a', cookie: 'sid=1', 'x-own': 'kept' } });
    const sent = setup.originRequests.map(({ headers }) =>
      ['authorization', 'cookie', 'x-own'].map((it) => headers.get(it)),
    );
    expect(sent).toEqual([
      ['Bearer a', 'sid=1', 'kept'],
      ['Bearer a', 'sid=1', 'kept'],
      [null, null, 'kept'],
    ]);
  });

  it('fail after twenty, at an invalid address, and at another origin with mode same-origin', async () => {
    const bad = {
      '/round': [302, '/round'],
      '/file': [302, 'file:///etc/passwd'],
      '/none': [302, 'https://'],
    } as const;
    using setup = createSite({ ...bad, '/out': [302, 'https://b.example/x'] });
    await expect(setup.http.fetch(`${A}/round`)).rejects.toThrow('more than 20 times');
    expect(setup.originRequests.length).toBe(21);
    for (const path of ['/file', '/none'])
      await expect(setup.http.fetch(A + path)).rejects.toThrow("can't be followed");
    await expect(setup.http.fetch(`${A}/out`, { mode: 'same-origin' })).rejects.toThrow('another origin');
    expect(setup.originRequests.length).toBe(24);
  });

  it('lead to a stored response without a network, and fail if their target is not stored', async () => {
    using setup = createSite({ '/old': [301, '/new', 'max-age=60'], '/half': [301, '/gone', 'max-age=60'] });
    await fetchText(setup, '/old');
    expect(await (await setup.http.match(`${A}/old`))?.text()).toBe('/new 2');
    await fetchText(setup, '/half');
    setup.http.delete(`${A}/gone`);
    expect(await setup.http.match(`${A}/half`)).toBeUndefined();
    expect((await setup.http.respond(new Request(`${A}/half`), 'only-if-cached')).status).toBe(504);
  });

  it('of unsafe requests are left to fetch', async () => {
    using setup = createSite({});
    await setup.http.fetch(`${A}/form`, { method: 'POST', body: 'x' });
    expect(setup.originRequests[0]?.redirect).toBe('follow');
  });

  it('can be aborted in the middle', async () => {
    using setup = openHttpCache(async ({ url, signal }) => {
      if (url.endsWith('/old')) return new Response('', { status: 302, headers: { location: '/new' } });
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const controller = new AbortController();
    const response = setup.http.fetch(`${A}/old`, { signal: controller.signal });
    await expect.poll(() => setup.originRequests.length).toBe(2);
    controller.abort(new Error('enough'));
    await expect(response).rejects.toThrow('enough');
    expect(setup.originRequests[1]?.signal.aborted).toBe(true);
  });

  it('are stored as Node’s own fetch returns them', async () => {
    const paths: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      paths.push(url);
      response.setHeader('cache-control', 'max-age=60');
      if (url === '/old') response.writeHead(301, { location: '/new' }).end('<a href="/new">moved</a>');
      else response.end('here');
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const base = `http://localhost:${(server.address() as AddressInfo).port}`;
    using setup = openHttpCache(() => Response.error());
    const http = setup.openAnother({ fetch: (request) => fetch(request) });
    for (let time = 0; time < 2; time++) {
      const response = await http.fetch(`${base}/old`);
      expect([await response.text(), response.url, response.redirected]).toEqual(['here', `${base}/new`, true]);
      await http.idle();
    }
    server.close();
    expect(paths).toEqual(['/old', '/new']);
  });
});
