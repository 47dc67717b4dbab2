import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Offline, Precache } from '../../main/offline/index.ts';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from '../offline/http/http-cache-fixture.ts';
import { recordMessages } from './record-messages.ts';

describe('deskcache:http', () => {
  it('publishes method, URL and what the cache did, in the terms of RFC 9211', async () => {
    using fixture = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60', etag: '"1"' }));
    const messages = recordMessages('deskcache:http');
    await fetchText(fixture);
    fixture.advance(1000);
    await fetchText(fixture);
    await fetchText(fixture, { method: 'POST', body: 'secret' });
    const common = {
      url: URL_A,
      status: 200,
      durationMs: expect.any(Number),
      failure: undefined,
      contentLength: undefined,
    };
    expect(messages.map((message) => ({ ...message }))).toEqual([
      { ...common, method: 'GET', cacheStatus: 'deskcache; fwd=uri-miss; fwd-status=200' },
      {
        ...common,
        method: 'GET',
        contentLength: 1,
        cacheStatus: expect.stringMatching(/^deskcache; hit; ttl=5[0-9]$/),
      },
      { ...common, method: 'POST', cacheStatus: 'deskcache; fwd=method' },
    ]);
  });

  it('publishes Content-Length where it is a number', async () => {
    const messages = recordMessages('deskcache:http');
    for (const length of ['5', '5, 5', '-1', '']) {
      using fixture = openHttpCache(() => new Response('12345', { headers: { 'content-length': length } }));
      await fetchText(fixture);
    }
    expect(messages.map(({ contentLength }) => contentLength)).toEqual([5, undefined, undefined, undefined]);
  });

  it('has the query only where it is asked for: it is not copied, printed or serialized', async () => {
    using fixture = openHttpCache(createNumberedAnswer({}));
    const [messages, url] = [recordMessages('deskcache:http'), `${URL_A}?token=secret#secret`];
    await fetchText(fixture, {}, url);
    const message = messages[0]!;
    expect(message.url).toBe(URL_A);
    expect(message.fullUrl).toBe(url);
    expect(
      [inspect(message, { showHidden: true }), JSON.stringify(message), inspect(structuredClone(message))].join(),
    ).not.toContain('secret');
  });

  it('publishes why a request failed', async () => {
    using fixture = openHttpCache(() => Promise.reject(new TypeError('no network')));
    const messages = recordMessages('deskcache:http');
    await expect(fetchText(fixture)).rejects.toThrow('no network');
    expect(messages).toMatchObject([{ status: undefined, cacheStatus: undefined, failure: 'TypeError' }]);
  });

  it('publishes each hop of a redirect, and what was precached', async () => {
    using fixture = openHttpCache((request) =>
      request.url === URL_A
        ? new Response(null, { status: 302, headers: { location: '/other' } })
        : new Response('other'),
    );
    const messages = recordMessages('deskcache:http');
    await fetchText(fixture);
    expect(messages.map(({ url, status }) => [url, status])).toEqual([
      [URL_A, 302],
      ['https://a.example/other', 200],
    ]);
    messages.length = 0;
    const fetch = async () => new Response('code');
    const precache = new Precache({ cache: fixture.cache, fetch });
    await precache.install({ version: '1', entries: [{ url: 'https://a.example/app.js', revision: '1' }] });
    await new Offline({ cache: fixture.cache, fetch, precache }).fetch('https://a.example/app.js');
    expect(messages).toMatchObject([{ url: 'https://a.example/app.js', cacheStatus: 'deskcache; hit' }]);
  });
});
