import { describe, expect, it } from 'vitest';
import type { Grant } from '../../../main/bridge/grant.ts';
import { errorMatching } from '../../matchers.ts';
import { openHttpPage } from './http-port-fixture.ts';

/* What a page that may read by `fetch` can't make others read, and can't change. */

const URL_A = 'https://a.example/a';
const READER: Grant = { stores: { '*': 'admin', '@fetch': 'read' } };
const WRITER: Grant = { stores: { '*': 'admin', '@fetch': 'write' } };
const OVERRIDES = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Method', '_method'];

/** An origin that says what it was asked with. */
function open(grant: Grant) {
  const asked: [string, Record<string, string>][] = [];
  const page = openHttpPage({
    grant,
    fetch: ({ method, url, headers }) => {
      asked.push([`${method} ${url}`, Object.fromEntries(headers)]);
      return new Response(JSON.stringify(Object.fromEntries(headers)), { headers: { 'cache-control': 'max-age=60' } });
    },
  });
  return { page, asked, [Symbol.dispose]: () => page[Symbol.dispose]() };
}

describe('a page that may read', () => {
  it.each([
    ...[
      'X-Forwarded-Host',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
      'X-Forwarded-Prefix',
      'X_Forwarded_Host',
      'Forwarded',
    ],
    ...['X-Original-URL', 'X-Original-Host', 'X-Rewrite-URL', 'X-Host', 'X-Real-IP', 'True-Client-IP', 'X-Proxy-URL'],
  ])('does not send %s', async (name) => {
    using opened = open(READER);
    const { page, asked } = opened;
    await page.diskCache.fetch(URL_A, { headers: { [name]: 'evil.example', 'x-kept': '1' } });
    await (await page.diskCache.caches.open('a')).add(
      new Request(`${URL_A}/b`, { headers: { [name]: 'evil.example' } }),
    );
    expect(asked.length).toBe(2);
    expect(asked[0]?.[1]).toMatchObject({ 'x-kept': '1' });
    for (const [, headers] of asked) expect(JSON.stringify(headers)).not.toContain('evil.example');
    expect(await (await page.offline.fetch(URL_A)).text()).not.toContain('evil.example');
  });

  it.each(OVERRIDES)('does not write by %s, of fetch and of add', async (name) => {
    using opened = open(READER);
    const { page, asked } = opened;
    const request = () => new Request(URL_A, { headers: { [name]: 'DELETE' } });
    const refused = errorMatching('NOT_ALLOWED');
    await expect(page.diskCache.fetch(request())).rejects.toThrow(refused);
    await expect(page.diskCache.fetch(new Request(request(), { method: 'HEAD' }))).rejects.toThrow(refused);
    await expect((await page.diskCache.caches.open('a')).add(request())).rejects.toThrow(refused);
    expect(asked).toEqual([]);
  });

  it.each(['?_method=DELETE', '?a=1&_METHOD=put', '?%5Fmethod=PATCH'])('nor by %s', async (search) => {
    using opened = open(READER);
    await expect(opened.page.diskCache.fetch(URL_A + search)).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    expect((await opened.page.diskCache.fetch(`${URL_A}?_method=GET&method=delete`)).status).toBe(200);
    expect(opened.asked.length).toBe(1);
  });
});

it.each(OVERRIDES)(
  'one that may write does so by %s, past the cache, and makes its URL be asked for again',
  async (name) => {
    using opened = open(WRITER);
    const { page, asked } = opened;
    const request = () => new Request(URL_A, { headers: { [name]: 'DELETE' } });
    await (await page.diskCache.fetch(URL_A)).text();
    for (let time = 0; time < 2; time++) await (await page.diskCache.fetch(request())).text();
    expect(await (await page.offline.fetch(URL_A)).json()).toEqual({});
    expect(asked.map(([, headers]) => headers[name.toLowerCase()])).toEqual([undefined, 'DELETE', 'DELETE', undefined]);
  },
);

it('answers to requests with the session’s credentials and without are kept apart', async () => {
  using page = openHttpPage({
    fetch: ({ credentials }) => new Response(credentials, { headers: { 'cache-control': 'max-age=60' } }),
  });
  const ask = async (init: RequestInit) => (await page.diskCache.fetch(URL_A, init)).text();
  expect(await ask({ credentials: 'include' })).toBe('include');
  expect(await ask({ credentials: 'omit' })).toBe('omit');
  expect(await ask({ credentials: 'include' })).toBe('include');
});
