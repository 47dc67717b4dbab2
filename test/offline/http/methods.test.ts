import { describe, expect, it } from 'vitest';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

const SECOND_MS = 1000;

describe('methods', () => {
  it('serves HEAD and Range from a stored response', async () => {
    using setup = openHttpCache(
      () => new Response('0123456789', { headers: { 'cache-control': 'max-age=60', etag: '"a"' } }),
    );
    await fetchText(setup);
    const head = await setup.http.fetch(URL_A, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
    const part = await setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4' } });
    expect([
      part.status,
      part.headers.get('content-range'),
      part.headers.get('content-length'),
      await part.text(),
    ]).toEqual([206, 'bytes 2-4/10', '3', '234']);
    const outside = await setup.http.fetch(URL_A, { headers: { range: 'bytes=10-' } });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    const changed = await setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4', 'if-range': '"b"' } });
    expect([changed.status, await changed.text()]).toEqual([200, '0123456789']);
    expect(setup.originRequests.length).toBe(1);
  });

  it('forwards a Range request if nothing is stored, and stores no part', async () => {
    using setup = openHttpCache(() => new Response('234', { status: 206, headers: { 'cache-control': 'max-age=60' } }));
    const part = await setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4' } });
    expect([part.status, setup.originRequests[0]?.headers.get('range'), setup.cache.size]).toEqual([
      206,
      'bytes=2-4',
      0,
    ]);
  });

  it('forwards multi-range requests to the origin, even for stored responses', async () => {
    using setup = openHttpCache(
      (_, count) =>
        new Response(`parts ${count}`, { status: 206, headers: { 'content-type': 'multipart/byteranges' } }),
    );
    using whole = openHttpCache(() => new Response('0123456789', { headers: { 'cache-control': 'max-age=60' } }));
    await fetchText(whole);
    const http = setup.openAnother({ cache: whole.cache });
    const range = 'bytes=0-1,4-5';
    const parts = await http.fetch(URL_A, { headers: { range } });
    expect([parts.status, await parts.text(), getCacheStatus(parts)]).toEqual([206, 'parts 1', 'miss']);
    expect(setup.originRequests[0]?.headers.get('range')).toBe(range);
    const stored = await http.fetch(URL_A);
    expect([await stored.text(), getCacheStatus(stored)]).toEqual(['0123456789', 'hit']);
  });

  it('a Range for the whole body, as media elements send it, is served as a part and stored whole', async () => {
    using setup = openHttpCache(({ url }) => {
      const length = url.endsWith('unknown') ? undefined : { 'content-length': '10' };
      const control = url.endsWith('secret') ? 'no-store' : 'max-age=60';
      return new Response('0123456789', { headers: { 'cache-control': control, ...length } });
    });
    const ask = async (range: string, path = '') => {
      const response = await setup.http.fetch(URL_A + path, { headers: { range } });
      return [response.status, response.headers.get('content-range'), await response.text(), getCacheStatus(response)];
    };
    expect(await ask('bytes=0-')).toEqual([206, 'bytes 0-9/10', '0123456789', 'miss']);
    expect(setup.originRequests[0]?.headers.get('range')).toBeNull();
    expect(await ask('bytes=0-')).toEqual([206, 'bytes 0-9/10', '0123456789', 'hit']);
    expect(await ask('bytes=8-')).toEqual([206, 'bytes 8-9/10', '89', 'hit']);
    expect(await fetchText(setup)).toEqual(['0123456789', 'hit']);
    expect(await ask('bytes=0-', '/unknown')).toEqual([200, null, '0123456789', 'miss']);
    expect(await ask('bytes=0-', '/secret')).toEqual([206, 'bytes 0-9/10', '0123456789', 'miss']);
    expect(await setup.http.match(`${URL_A}/secret`)).toBeUndefined();
    await setup.http.fetch(`${URL_A}/past`, { headers: { range: 'bytes=0-' }, cache: 'no-store' });
    expect(setup.originRequests.at(-1)?.headers.get('range')).toBe('bytes=0-');
  });

  it('a HEAD shows whether the stored response is out of date', async () => {
    using setup = openHttpCache((request, count) =>
      request.method === 'HEAD'
        ? new Response(null, { headers: { etag: count > 2 ? '"b"' : '"a"', 'cache-control': 'max-age=60' } })
        : new Response(String(count), { headers: { etag: '"a"', 'cache-control': 'max-age=10' } }),
    );
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    await setup.http.fetch(URL_A, { method: 'HEAD' });
    expect(await fetchText(setup)).toEqual(['1', 'hit']); // freshened
    setup.advance(70 * SECOND_MS);
    await setup.http.fetch(URL_A, { method: 'HEAD' });
    expect(await fetchText(setup)).toEqual(['4', 'miss']);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s makes forget its URL and those it names, of the same origin',
    async (method) => {
      const named = { location: '/made', 'content-location': 'https://other.example/x' };
      using setup = openHttpCache(
        (request, count) =>
          new Response(String(count), {
            headers: request.method === 'GET' ? { 'cache-control': 'max-age=60' } : named,
          }),
      );
      const urls = [URL_A, 'https://a.example/made', 'https://other.example/x'];
      for (const url of urls) await fetchText(setup, {}, url);
      await setup.http.fetch(URL_A, { method, body: 'x' });
      const found = await Promise.all(urls.map((url) => setup.http.match(url)));
      expect(found.map((it) => it !== undefined)).toEqual([false, false, true]);
    },
  );

  it('a failed unsafe request invalidates nothing', async () => {
    using setup = openHttpCache((request) =>
      request.method === 'GET'
        ? new Response('x', { headers: { 'cache-control': 'max-age=60' } })
        : new Response('', { status: 500 }),
    );
    await fetchText(setup);
    await setup.http.fetch(URL_A, { method: 'DELETE' });
    expect(await fetchText(setup)).toEqual(['x', 'hit']);
  });
});
