import { describe, expect, it } from 'vitest';
import { Cache } from '../../../main/engine/index.ts';
import { createHttpCache } from '../../../main/offline/index.ts';
import { freshDirectory } from '../../engine/fresh-directory.ts';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

const FRESH = { 'cache-control': 'max-age=60' };

describe('the response to one request is not served to another', () => {
  it.each([
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Anything', 'evil'],
    ['Forwarded', 'host=evil.example'],
    ['X-Original-URL', '/admin'],
    ['X-Rewrite-URL', '/admin'],
    ['X-Host', 'evil.example'],
    ['X-Real-IP', '127.0.0.1'],
  ])('that has no %s, before and after', async (name, value) => {
    using setup = openHttpCache(({ headers }) => new Response(headers.get(name) ?? 'good', { headers: FRESH }));
    const evil = { headers: { [name]: value } };
    expect(await fetchText(setup, evil)).toEqual([value, 'miss']);
    expect(await fetchText(setup)).toEqual(['good', 'miss']);
    expect(await fetchText(setup, evil)).toEqual([value, 'hit']);
    expect(await fetchText(setup)).toEqual(['good', 'hit']);
  });

  it.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method'])(
    'nor stored at all when %s overrides its method, which invalidates its URL',
    async (name) => {
      using setup = openHttpCache(createNumberedAnswer(FRESH));
      expect(await fetchText(setup)).toEqual(['1', 'miss']);
      expect(await fetchText(setup, { headers: { [name]: 'DELETE' } })).toEqual(['2', 'miss']);
      expect(await fetchText(setup)).toEqual(['3', 'miss']);
      expect(await fetchText(setup, { headers: { [name]: 'GET' } })).toEqual(['3', 'hit']);
    },
  );

  it('if only one of them has credentials', async () => {
    using setup = openHttpCache(createNumberedAnswer(FRESH));
    expect(await fetchText(setup, { credentials: 'include' })).toEqual(['1', 'miss']);
    expect(await fetchText(setup, { credentials: 'omit' })).toEqual(['2', 'miss']);
    expect(await fetchText(setup)).toEqual(['1', 'hit']);
    expect(await fetchText(setup, { credentials: 'omit' })).toEqual(['2', 'hit']);
  });

  it('not even while both are in flight', async () => {
    using setup = openHttpCache(({ credentials }) => new Response(credentials, { headers: FRESH }));
    const asked = (['include', 'omit', 'include', 'omit'] as const).map((credentials) =>
      fetchText(setup, { credentials }),
    );
    expect((await Promise.all(asked)).map(([body]) => body)).toEqual(['include', 'omit', 'include', 'omit']);
    expect(setup.originRequests.length).toBe(2);
  });

  it('and a response of an earlier version, which did not note credentials, is for requests with them', async () => {
    using cache = new Cache(freshDirectory());
    const selection = 'uAHwhalA2erm5jP53ICTWNUtHNiciEs8aRB5b9XkH48='; // of test/offline/frozen-format.test.ts
    const at = Date.parse('2026-03-01T12:00:00Z');
    const headers = Object.entries({ ...FRESH, vary: 'Accept-Language', 'set-cookie': 'sid=1' });
    const head = { status: 200, statusText: 'OK', headers, requestedAt: at, receivedAt: at };
    cache.set(['http', '', URL_A], [{ ...head, id: 'x', selectedBy: ['accept-language', 'authorization'], selection }]);
    cache.set(['http-body', '', URL_A, 'x'], new Uint8Array(Buffer.from('stored')));
    const http = createHttpCache({ cache, fetch: async () => new Response('new'), clock: () => at });
    expect(await (await http.fetch(URL_A, { credentials: 'omit' })).text()).toBe('new');
    expect(await (await http.fetch(URL_A, { headers: { 'x-forwarded-host': 'b' } })).text()).toBe('new');
    const stored = await http.fetch(URL_A);
    expect([await stored.text(), stored.headers.get('set-cookie')]).toEqual(['stored', null]);
  });
});

describe('Set-Cookie', () => {
  it('reaches the requester, and is neither stored nor served later', async () => {
    using setup = openHttpCache(({ headers }) => {
      const isKnown = headers.has('if-none-match');
      const fields = {
        'cache-control': 'max-age=10',
        etag: '"a"',
        'set-cookie': `sid=${isKnown ? 'second' : 'first'}`,
      };
      return new Response(isKnown ? null : 'x', { status: isKnown ? 304 : 200, headers: fields });
    });
    const cookies = async () => {
      const response = await setup.http.fetch(URL_A);
      await response.text();
      return response.headers.getSetCookie();
    };
    expect([await cookies(), await cookies()]).toEqual([['sid=first'], []]);
    setup.advance(20_000);
    expect([await cookies(), await cookies()]).toEqual([['sid=second'], []]);
    expect(JSON.stringify([...setup.cache.entries()])).not.toMatch(/sid=/);
  });
});

describe('fields that are expensive to compare', () => {
  it('are not stored: a response that varies by thousands of fields', async () => {
    const vary = Array.from({ length: 40_000 }, (_, n) => `h${n}`).join();
    using setup = openHttpCache(createNumberedAnswer({ ...FRESH, vary }));
    expect([await fetchText(setup), await fetchText(setup), setup.cache.size]).toEqual([
      ['1', 'miss'],
      ['2', 'miss'],
      0,
    ]);
  });

  it('are not compared: a request with more fields than servers accept', async () => {
    using setup = openHttpCache(createNumberedAnswer(FRESH));
    const headers = { 'accept-language': 'a,'.repeat(50_000) };
    await fetchText(setup);
    expect([await fetchText(setup, { headers }), await fetchText(setup)]).toEqual([
      ['2', 'miss'],
      ['1', 'hit'],
    ]);
  });

  it('are parsed up to their first member where only that counts', async () => {
    using setup = openHttpCache(
      createNumberedAnswer({ ...FRESH, age: '5,'.repeat(10_000), connection: 'x,'.repeat(10_000) }),
    );
    await fetchText(setup);
    expect((await setup.http.fetch(URL_A)).headers.get('age')).toBe('5');
  });
});
