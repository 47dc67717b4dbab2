import { describe, expect, it } from 'vitest';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

describe('variants and partitions', () => {
  it('stores several responses for a URL, by Vary', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60', vary: 'Accept-Language, X-B' }));
    const in_ = (language: string) => fetchText(setup, { headers: { 'accept-language': language } });
    expect(await in_('de')).toEqual(['1', 'miss']);
    expect(await in_('en')).toEqual(['2', 'miss']);
    expect([await in_('de'), await in_('en'), await fetchText(setup)]).toEqual([
      ['1', 'hit'],
      ['2', 'hit'],
      ['3', 'miss'],
    ]);
    expect(await fetchText(setup, { headers: { 'accept-language': 'de', 'x-b': '1' } })).toEqual(['4', 'miss']);
  });

  it('stores the newest of many responses for a URL, each with its body, and deletes the others', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60', vary: 'X-B' }));
    const asking = (n: number) => fetchText(setup, { headers: { 'x-b': String(n) } });
    for (let n = 1; n <= 40; n++) await asking(n);
    expect(setup.cache.size).toBe(1 + 32);
    expect([await asking(40), await asking(9)]).toEqual([
      ['40', 'hit'],
      ['9', 'hit'],
    ]);
    expect(await asking(8)).toEqual(['41', 'miss']);
  });

  it('compares languages and codings case-insensitively, other fields exactly', async () => {
    using setup = openHttpCache(
      createNumberedAnswer({ 'cache-control': 'max-age=60', vary: 'Accept-Language, Accept-Encoding, X-B' }),
    );
    const asking = (language: string, coding: string, other: string) =>
      fetchText(setup, { headers: { 'accept-language': language, 'accept-encoding': coding, 'x-b': other } });
    expect(await asking('de-CH, en', 'gzip', 'b')).toEqual(['1', 'miss']);
    expect(await asking('DE-ch,  EN', 'GZIP', 'b')).toEqual(['1', 'hit']);
    expect(await asking('en, de-CH', 'gzip', 'b')).toEqual(['2', 'miss']);
    expect(await asking('de-CH, en', 'gzip', 'B')).toEqual(['3', 'miss']);
  });

  it('stores nothing that varies by a hidden field, also when a later 304 says so', async () => {
    using setup = openHttpCache(
      (request, count) =>
        new Response(request.headers.has('if-none-match') ? null : String(count), {
          status: request.headers.has('if-none-match') ? 304 : 200,
          headers: { 'cache-control': 'max-age=60', etag: '"a"', ...(count > 1 && { vary: 'Accept, COOKIE' }) },
        }),
      { hiddenHeaders: ['Cookie'] },
    );
    expect([await fetchText(setup), await fetchText(setup)]).toEqual([
      ['1', 'miss'],
      ['1', 'hit'],
    ]);
    setup.advance(100_000);
    expect(await fetchText(setup)).toEqual(['1', 'revalidated']);
    expect([await fetchText(setup), await fetchText(setup), setup.cache.size]).toEqual([
      ['3', 'miss'],
      ['4', 'miss'],
      0,
    ]);
  });

  it('never serves a response to other credentials, and writes no credentials to disk', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60', vary: 'cookie' }));
    const as = (authorization: string) => fetchText(setup, { headers: { authorization, cookie: 'sid=secret' } });
    expect([await as('Bearer a'), await as('Bearer b'), await as('Bearer a')]).toEqual([
      ['1', 'miss'],
      ['2', 'miss'],
      ['1', 'hit'],
    ]);
    expect(await fetchText(setup)).toEqual(['3', 'miss']);
    expect(JSON.stringify([...setup.cache.entries()])).not.toMatch(/Bearer|secret/);
  });

  it('shares nothing between partitions', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    const other = setup.openAnother({ partition: 'another user' });
    await fetchText(setup);
    expect(await (await other.fetch(URL_A)).text()).toBe('2');
    other.delete(URL_A);
    expect(await fetchText(setup)).toEqual(['1', 'hit']);
  });
});

it('clear deletes all of a partition, and keeps responses in flight from being stored', async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  using setup = openHttpCache(async (request, count) => {
    if (request.url.endsWith('/slow')) await gate;
    return new Response(String(count), { headers: { 'cache-control': 'max-age=60' } });
  });
  const other = setup.openAnother({ partition: 'other' });
  await (await other.fetch(URL_A)).text();
  for (const url of [URL_A, `${URL_A}/b`]) await fetchText(setup, {}, url);
  const slow = setup.http.fetch(`${URL_A}/slow`);
  expect(setup.http.clear()).toBe(2);
  release();
  expect(await (await slow).text()).toBe('4');
  expect([await setup.http.match(`${URL_A}/slow`), (await other.match(URL_A)) !== undefined, setup.cache.size]).toEqual(
    [undefined, true, 2],
  );
});
