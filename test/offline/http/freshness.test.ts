import { describe, expect, it } from 'vitest';
import { provenanceOf } from '../../../main/offline/http/provenance.ts';
import { got, inFrontOf, numbered, URL_A } from './origin.ts';

const SECOND = 1000;

describe('freshness', () => {
  it('answers from the store while fresh, with Age, and asks again when stale', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60', 'x-a': 'b' }));
    expect(await got(setup)).toEqual(['1', 'miss']);
    setup.pass(59 * SECOND);
    const response = await setup.http.fetch(`${URL_A}#fragment`);
    expect([response.headers.get('age'), response.headers.get('x-a'), response.url]).toEqual(['59', 'b', URL_A]);
    expect([await response.text(), provenanceOf(response)]).toEqual(['1', 'hit']);
    setup.pass(SECOND);
    expect(await got(setup)).toEqual(['2', 'miss']);
    expect(await got(setup)).toEqual(['2', 'hit']);
    expect(setup.cache.check()).toEqual([]);
    expect(setup.cache.size).toBe(2);
  });

  it.each([
    ['no-store', 200],
    ['private', 200],
    ['max-age=60', 206],
  ])('stores nothing with %s and %i', async (control, status) => {
    using setup = inFrontOf(numbered({ 'cache-control': control }, status), { shared: true });
    await got(setup);
    expect(setup.cache.size).toBe(0);
    expect(await got(setup)).toEqual(['2', 'miss']);
  });

  it('takes a tenth of the age since the last modification where nothing is said', async () => {
    using setup = inFrontOf(numbered({ 'last-modified': 'Sun, 01 Mar 2026 11:58:20 GMT' })); // 100 s before
    await got(setup);
    setup.pass(9 * SECOND);
    expect(await got(setup)).toEqual(['1', 'hit']);
    setup.pass(2 * SECOND);
    expect(await got(setup)).toEqual(['2', 'miss']);
  });

  it.each([
    ['30, 0', 'hit'],
    ['0, 90', 'hit'],
    ['90', 'miss'],
    ['90; of=somebody', 'miss'],
    ['90s', 'hit'],
    ['-90', 'hit'],
  ])('believes an Age of %s: %s', async (age, provenance) => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60', age }));
    await got(setup);
    expect((await got(setup))[1]).toBe(provenance);
  });

  it('follows the directives of requests', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    const asking = (control: string) => got(setup, { headers: { 'cache-control': control } });
    await got(setup);
    setup.pass(50 * SECOND);
    expect(await asking('max-age=49')).toEqual(['2', 'miss']);
    expect(await asking('max-age=1')).toEqual(['2', 'hit']);
    setup.pass(50 * SECOND);
    expect(await asking('min-fresh=20')).toEqual(['3', 'miss']);
    setup.pass(70 * SECOND);
    expect(await asking('max-stale=20')).toEqual(['3', 'stale']);
    expect(await asking('max-stale=5')).toEqual(['4', 'miss']);
    expect(await asking('no-store')).toEqual(['5', 'miss']);
    expect(await asking('only-if-cached')).toEqual(['4', 'hit']);
    const unknown = await setup.http.fetch('https://a.example/other', {
      headers: { 'cache-control': 'only-if-cached' },
    });
    expect([unknown.status, setup.asked.length]).toEqual([504, 5]);
  });

  it('takes Pragma for Cache-Control where there is none', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    const asking = (headers: Record<string, string>) => got(setup, { headers });
    await got(setup);
    expect(await asking({ pragma: 'no-cache' })).toEqual(['2', 'miss']);
    expect(await asking({ pragma: 'no-cache', 'cache-control': 'max-stale=5' })).toEqual(['2', 'hit']);
    expect(await asking({ pragma: 'other' })).toEqual(['2', 'hit']);
  });

  it('asks again for max-age=0, also what has only come', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    expect(await got(setup, { headers: { 'cache-control': 'max-age=0' } })).toEqual(['2', 'miss']);
  });

  it('knows the cache modes of fetch', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    expect(await got(setup, { cache: 'no-store' })).toEqual(['2', 'miss']);
    expect(await got(setup)).toEqual(['1', 'hit']);
    expect(await got(setup, { cache: 'reload' })).toEqual(['3', 'miss']);
    expect(await got(setup)).toEqual(['3', 'hit']);
    expect(await got(setup, { cache: 'no-cache' })).toEqual(['4', 'miss']);
    setup.pass(100 * SECOND);
    expect(await got(setup, { cache: 'force-cache' })).toEqual(['4', 'stale']);
    expect(await got(setup, { cache: 'only-if-cached', mode: 'same-origin' })).toEqual(['4', 'stale']);
  });
});
