import { describe, expect, it } from 'vitest';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

const SECOND_MS = 1000;

describe('validation', () => {
  it.each(['must-revalidate', 'no-cache'])(
    'serves no stale response if %s forbids it, whatever the other directives say',
    async (directive) => {
      using setup = openHttpCache(
        createNumberedAnswer({ 'cache-control': `max-age=10, stale-while-revalidate=60, ${directive}` }),
      );
      await fetchText(setup);
      setup.advance(20 * SECOND_MS);
      expect(await fetchText(setup)).toEqual(['2', 'miss']);
      setup.advance(20 * SECOND_MS);
      expect(await fetchText(setup, { headers: { 'cache-control': 'max-stale' } })).toEqual(['3', 'miss']);
    },
  );

  it('does not revalidate immutable responses while they are fresh', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60, immutable' }));
    await fetchText(setup);
    expect(await fetchText(setup, { cache: 'no-cache' })).toEqual(['1', 'hit']);
    setup.advance(60 * SECOND_MS);
    expect(getCacheStatus((await setup.http.match(URL_A))!)).toBe('stale');
    expect(await fetchText(setup, { cache: 'no-cache' })).toEqual(['2', 'miss']);
  });

  it('deletes a stored response that a response without permission to store has replaced', async () => {
    using setup = openHttpCache((_, count) => {
      if (count > 2) throw new TypeError('fetch failed');
      return new Response(String(count), { headers: { 'cache-control': count === 1 ? 'max-age=10' : 'no-store' } });
    });
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
    await expect(fetchText(setup)).rejects.toThrow('fetch failed');
  });

  const tagged = (fields: Record<string, string> = {}) =>
    ((request, count) =>
      request.headers.get('if-none-match') === '"v1"'
        ? new Response(null, {
            status: 304,
            headers: { 'cache-control': 'max-age=60', 'x-count': String(count), ...fields },
          })
        : new Response('body', {
            headers: {
              etag: '"v1"',
              'cache-control': 'max-age=10',
              'x-count': String(count),
              'x-kept': 'yes',
              age: '3',
            },
          })) satisfies Parameters<typeof openHttpCache>[0];

  it('a 304 confirms the stored response and updates its fields', async () => {
    using setup = openHttpCache(tagged({ 'content-length': '999' }));
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    const response = await setup.http.fetch(URL_A);
    expect([response.status, await response.text(), getCacheStatus(response)]).toEqual([200, 'body', 'revalidated']);
    const fields = ['x-count', 'x-kept', 'content-length', 'age'].map((name) => response.headers.get(name));
    expect(fields).toEqual(['2', 'yes', '4', '0']);
    setup.advance(59 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['body', 'hit']); // by the new max-age
  });

  it('a 304 with another tag confirms nothing', async () => {
    using setup = openHttpCache(tagged({ etag: '"v2"' }));
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['body', 'miss']);
    expect(setup.originRequests.map((it) => it.headers.get('if-none-match'))).toEqual([null, '"v1"', null]);
  });

  it('also validates by date', async () => {
    const modified = 'Sun, 01 Mar 2026 11:00:00 GMT';
    using setup = openHttpCache((request) =>
      request.headers.get('if-modified-since') === modified
        ? new Response(null, { status: 304 })
        : new Response('body', { headers: { 'last-modified': modified, 'cache-control': 'max-age=1' } }),
    );
    await fetchText(setup);
    setup.advance(5 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['body', 'revalidated']);
  });

  it('responds with 304 to a client that has the stored response', async () => {
    using setup = openHttpCache(tagged());
    await fetchText(setup);
    const known = (tag: string) => setup.http.fetch(URL_A, { headers: { 'if-none-match': tag } });
    const response = await known('"v0", W/"v1"');
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, '"v1"', '']);
    expect((await known('"v0"')).status).toBe(200);
    setup.advance(20 * SECOND_MS);
    expect((await known('"v1"')).status).toBe(304); // validated with ours, answered about theirs
    expect(setup.originRequests.length).toBe(2);
  });

  it('serves a stale response while it revalidates once in the background', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=10, stale-while-revalidate=60' }));
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    expect(await Promise.all([fetchText(setup), fetchText(setup), fetchText(setup)])).toEqual([
      ['1', 'stale'],
      ['1', 'stale'],
      ['1', 'stale'],
    ]);
    await setup.http.idle();
    expect(await fetchText(setup)).toEqual(['2', 'hit']);
    setup.advance(71 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['3', 'miss']);
  });

  it('keeps serving the stored response when the background request fails', async () => {
    using setup = openHttpCache((_, count) => {
      if (count > 1) throw new TypeError('fetch failed');
      return new Response('x'.repeat(300_000), {
        headers: { 'cache-control': 'max-age=1, stale-while-revalidate=60' },
      });
    });
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    const response = await setup.http.fetch(URL_A);
    await setup.http.idle();
    expect([getCacheStatus(response), setup.originRequests.length]).toEqual(['stale', 2]);
    expect((await response.text()).length).toBe(300_000);
  });

  it.each([
    ['max-age=10', 'error', 'stale'],
    ['max-age=10', 503, 'miss'],
    ['max-age=10, stale-if-error=60', 503, 'stale'],
    ['max-age=10, stale-if-error=5', 503, 'miss'],
    ['max-age=10, stale-if-error=60, must-revalidate', 503, 'miss'],
  ] as const)('with %s, an origin that responds with %s: %s', async (control, failure, provenance) => {
    using setup = openHttpCache((_, count) => {
      if (count === 1) return new Response('good', { headers: { 'cache-control': control } });
      if (failure === 'error') throw new TypeError('fetch failed');
      return new Response('bad', { status: failure });
    });
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    expect(await fetchText(setup)).toEqual([provenance === 'stale' ? 'good' : 'bad', provenance]);
  });

  it('does not serve a response in place of an error if it was stored by a clock a year ahead', async () => {
    using setup = openHttpCache((_, count) =>
      count === 1
        ? new Response('good', { headers: { 'cache-control': 'max-age=10, stale-if-error=60' } })
        : new Response('bad', { status: 503 }),
    );
    setup.advance(365 * 86_400 * SECOND_MS);
    await fetchText(setup);
    setup.advance(-364 * 86_400 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['bad', 'miss']);
  });

  it.each(['must-revalidate', 'no-cache'])(
    'rejects when the origin can’t be reached and %s forbids a stale response',
    async (directive) => {
      using setup = openHttpCache((_, count) => {
        if (count > 1) throw new TypeError('fetch failed');
        return new Response('good', { headers: { 'cache-control': `max-age=10, ${directive}` } });
      });
      await fetchText(setup);
      setup.advance(20 * SECOND_MS);
      await expect(setup.http.fetch(URL_A)).rejects.toThrow('fetch failed');
    },
  );
});
