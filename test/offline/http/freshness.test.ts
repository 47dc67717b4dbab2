import { describe, expect, it } from 'vitest';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

const SECOND_MS = 1000;

describe('freshness', () => {
  it('serves a stored response with Age while it is fresh, and sends a request when it is stale', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60', 'x-a': 'b' }));
    expect(await fetchText(setup)).toEqual(['1', 'miss']);
    setup.advance(59 * SECOND_MS);
    const response = await setup.http.fetch(`${URL_A}#fragment`);
    expect([response.headers.get('age'), response.headers.get('x-a'), response.url]).toEqual(['59', 'b', URL_A]);
    expect([await response.text(), getCacheStatus(response)]).toEqual(['1', 'hit']);
    setup.advance(SECOND_MS);
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
    expect(await fetchText(setup)).toEqual(['2', 'hit']);
    expect(setup.cache.check()).toEqual([]);
    expect(setup.cache.size).toBe(2);
  });

  it.each([
    ['no-store', 200],
    ['private', 200],
    ['max-age=60', 206],
  ])('stores nothing with %s and %i', async (control, status) => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': control }, status), { shared: true });
    await fetchText(setup);
    expect(setup.cache.size).toBe(0);
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
  });

  it('uses 10 % of the time since Last-Modified when no lifetime is given', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'last-modified': 'Sun, 01 Mar 2026 11:58:20 GMT' })); // 100 s before
    await fetchText(setup);
    setup.advance(9 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['1', 'hit']);
    setup.advance(2 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
  });

  it.each([
    ['30, 0', 'hit'],
    ['0, 90', 'hit'],
    ['90', 'miss'],
    ['90; of=somebody', 'miss'],
    ['90s', 'hit'],
    ['-90', 'hit'],
  ])('an Age of %s makes the next request a %s', async (age, provenance) => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60', age }));
    await fetchText(setup);
    expect((await fetchText(setup))[1]).toBe(provenance);
  });

  it('follows the directives of requests', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    const asking = (control: string) => fetchText(setup, { headers: { 'cache-control': control } });
    await fetchText(setup);
    setup.advance(50 * SECOND_MS);
    expect(await asking('max-age=49')).toEqual(['2', 'miss']);
    expect(await asking('max-age=1')).toEqual(['2', 'hit']);
    setup.advance(50 * SECOND_MS);
    expect(await asking('min-fresh=20')).toEqual(['3', 'miss']);
    setup.advance(70 * SECOND_MS);
    expect(await asking('max-stale=20')).toEqual(['3', 'stale']);
    expect(await asking('max-stale=5')).toEqual(['4', 'miss']);
    expect(await asking('no-store')).toEqual(['5', 'miss']);
    expect(await asking('only-if-cached')).toEqual(['4', 'hit']);
    const unknown = await setup.http.fetch('https://a.example/other', {
      headers: { 'cache-control': 'only-if-cached' },
    });
    expect([unknown.status, setup.originRequests.length]).toEqual([504, 5]);
  });

  it('takes Pragma for a missing Cache-Control', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    const asking = (headers: Record<string, string>) => fetchText(setup, { headers });
    await fetchText(setup);
    expect(await asking({ pragma: 'no-cache' })).toEqual(['2', 'miss']);
    expect(await asking({ pragma: 'no-cache', 'cache-control': 'max-stale=5' })).toEqual(['2', 'hit']);
    expect(await asking({ pragma: 'other' })).toEqual(['2', 'hit']);
  });

  it('sends a request with max-age=0, even for a response that has just arrived', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    await fetchText(setup);
    expect(await fetchText(setup, { headers: { 'cache-control': 'max-age=0' } })).toEqual(['2', 'miss']);
  });

  it('implements the cache modes of fetch', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    await fetchText(setup);
    expect(await fetchText(setup, { cache: 'no-store' })).toEqual(['2', 'miss']);
    expect(await fetchText(setup)).toEqual(['1', 'hit']);
    expect(await fetchText(setup, { cache: 'reload' })).toEqual(['3', 'miss']);
    expect(await fetchText(setup)).toEqual(['3', 'hit']);
    expect(await fetchText(setup, { cache: 'no-cache' })).toEqual(['4', 'miss']);
    setup.advance(100 * SECOND_MS);
    expect(await fetchText(setup, { cache: 'force-cache' })).toEqual(['4', 'stale']);
    expect(await fetchText(setup, { cache: 'only-if-cached', mode: 'same-origin' })).toEqual(['4', 'stale']);
  });
});
