import { describe, expect, it } from 'vitest';
import { serializeWithoutCookies } from '../../../main/bridge/http/parse-messages.ts';
import { toExposedResponse } from '../../../main/electron/foreign-pages.ts';
import { Cache } from '../../../main/engine/index.ts';
import { CacheStorage } from '../../../main/offline/index.ts';
import { freshDirectory } from '../../engine/fresh-directory.ts';
import { openHttpCache, URL_A } from './http-cache-fixture.ts';

/** As Node's `fetch` returns a reason phrase in another language: `new Response` refuses such a text. */
function createForeignResponse(statusText: string): Response {
  const response = new Response('hello', { headers: { 'cache-control': 'max-age=60' } });
  return Object.defineProperties(response, { statusText: { value: statusText }, url: { value: URL_A } });
}

describe('a reason phrase that is no byte string', () => {
  for (const statusText of ['\ufffd', '成功', 'a\0b']) {
    it(`doesn't cost the answer: ${JSON.stringify(statusText)}`, async () => {
      using setup = openHttpCache(() => createForeignResponse(statusText));
      for (const time of ['from the origin', 'from the store']) {
        const response = await setup.http.fetch(URL_A);
        expect([time, response.status, response.statusText, await response.text()]).toEqual([time, 200, '', 'hello']);
      }
    });
  }

  it('is left out of what CacheStorage keeps, of what is sent to a page, and of what a foreign page may read', async () => {
    const caches = new CacheStorage({
      cache: new Cache(freshDirectory()),
      fetch: async () => createForeignResponse('成功'),
    });
    const kept = await caches.open('v1');
    await kept.add(URL_A);
    expect((await kept.match(URL_A))?.statusText).toBe('');
    expect(serializeWithoutCookies(createForeignResponse('成功')).statusText).toBe('');
    expect(toExposedResponse(createForeignResponse('成功')).statusText).toBe('');
  });

  it('stays as it is where a response can have it', async () => {
    using setup = openHttpCache(() => createForeignResponse('Nicht geändert'));
    expect((await setup.http.fetch(URL_A)).statusText).toBe('Nicht geändert');
  });
});
