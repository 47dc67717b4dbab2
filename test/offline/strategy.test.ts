import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { getCacheStatus, NetworkState, Offline, type OfflineOptions } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const BASE = 'https://a.example';

interface StrategyFixture extends Disposable {
  readonly offline: Offline;
  readonly networkRequests: string[];
  /** Body and cache status of the response. */
  fetchText(path: string, init?: Parameters<Offline['fetch']>[1]): Promise<[string, string | undefined]>;
  advance(time: number): void;
  /** Lets the origin respond again after `hold`, or fail. */
  holdNetwork(): (failure?: Error) => void;
}

function open(options: Partial<OfflineOptions>): StrategyFixture {
  let now = Date.parse('2026-03-01T12:00:00Z');
  let gate = Promise.resolve();
  const clock = () => now;
  const cache = new Cache(freshDirectory(), { clock });
  const networkRequests: string[] = [];
  const fetch = async (request: Request) => {
    networkRequests.push(new URL(request.url).pathname);
    const count = networkRequests.length;
    await gate;
    const body = String(count).padEnd(request.url.endsWith('/large') ? 3_000_000 : 0);
    return new Response(body, {
      headers: {
        'cache-control': request.url.endsWith('/must-revalidate') ? 'max-age=10, must-revalidate' : 'max-age=10',
        date: new Date(now).toUTCString(),
      },
    });
  };
  const offline = new Offline({ cache, fetch, clock, ...options });
  return {
    offline,
    networkRequests,
    async fetchText(path, init) {
      const response = await offline.fetch(BASE + path, init);
      return [(await response.text()).trimEnd(), getCacheStatus(response)];
    },
    advance: (time) => {
      now += time;
    },
    holdNetwork: () => {
      let settle: (failure?: Error) => void = () => {};
      gate = new Promise((resolve, reject) => {
        settle = (failure) => (failure === undefined ? resolve() : reject(failure));
      });
      return (failure) => settle(failure);
    },
    [Symbol.dispose]: () => cache.close(),
  };
}

describe('strategies', () => {
  it('http: as the responses and the request say', async () => {
    using setup = open({});
    await setup.fetchText('/');
    expect(await setup.fetchText('/')).toEqual(['1', 'hit']);
    expect(await setup.fetchText('/', { cache: 'no-store' })).toEqual(['2', 'miss']);
    expect(await setup.fetchText('/', { cache: 'reload' })).toEqual(['3', 'miss']);
    setup.advance(1_000_000);
    expect(await setup.fetchText('/', { cache: 'force-cache' })).toEqual(['3', 'stale']);
  });

  it('cache-first: the stored response, however old', async () => {
    using setup = open({ strategy: 'cache-first' });
    expect(await setup.fetchText('/')).toEqual(['1', 'miss']);
    setup.advance(1_000_000);
    expect(await setup.fetchText('/')).toEqual(['1', 'stale']);
  });

  it('network-first: the network, even if the stored response is fresh; the stored response if the network fails', async () => {
    using setup = open({ strategy: 'network-first' });
    expect([await setup.fetchText('/'), await setup.fetchText('/')]).toEqual([
      ['1', 'miss'],
      ['2', 'miss'],
    ]);
    setup.offline.connection.set(false);
    expect(await setup.fetchText('/')).toEqual(['2', 'hit']);
    setup.advance(1_000_000);
    expect(await setup.fetchText('/')).toEqual(['2', 'stale']);
    await expect(setup.fetchText('/other')).rejects.toThrow(TypeError);
  });

  it('network-first: the stored response if the network is too slow, whose response is stored later', async () => {
    using setup = open({ routes: [{ match: /./, strategy: 'network-first', timeout: 20 }] });
    await setup.fetchText('/large');
    const release = setup.holdNetwork();
    expect(await setup.fetchText('/large')).toEqual(['1', 'hit']);
    const unknown = setup.fetchText('/other');
    release();
    expect(await unknown).toEqual(['3', 'miss']); // nothing else to show: it waits
    await expect.poll(() => setup.fetchText('/large', { strategy: 'cache-only' })).toEqual(['2', 'hit']);
  });

  it.each([2 ** 31, Number.POSITIVE_INFINITY])(
    'network-first: waits for a network that is slow (%d ms)',
    async (timeout) => {
      using setup = open({ routes: [{ match: /./, strategy: 'network-first', timeout }] });
      await setup.fetchText('/large');
      const release = setup.holdNetwork();
      const answer = setup.fetchText('/large');
      await new Promise((resolve) => setTimeout(resolve, 20));
      release();
      expect(await answer).toEqual(['2', 'miss']);
    },
  );

  it.each(['50', Number.NaN, 0, -1, [50], null])(
    'refuses a timeout that is not a number of milliseconds: %j',
    (timeout) => {
      const options = { routes: [{ match: /./, strategy: 'network-first', timeout: timeout as number }] } as const;
      expect(() => open(options)).toThrow('The timeout of a strategy');
    },
  );

  it('network-first: a failing store hides neither a slow network nor a failing one', async () => {
    using setup = open({ routes: [{ match: /./, strategy: 'network-first', timeout: 20 }] });
    const release = setup.holdNetwork();
    setup[Symbol.dispose]();
    const late = setup.fetchText('/');
    await new Promise((resolve) => setTimeout(resolve, 40));
    release();
    expect(await late).toEqual(['1', 'miss']);
    setup.offline.connection.set(false);
    await expect(setup.fetchText('/')).rejects.toThrow('was not sent');
  });

  it('network-first: reports a network failure after the stored response has been served', async () => {
    const told: unknown[] = [];
    using setup = open({
      routes: [{ match: /./, strategy: 'network-first', timeout: 20 }],
      onRevalidationFailure: (error) => told.push(String(error)),
    });
    await setup.fetchText('/must-revalidate');
    setup.advance(60_000);
    const fail = setup.holdNetwork();
    expect(await setup.fetchText('/must-revalidate')).toEqual(['1', 'stale']);
    fail(new TypeError('fetch failed'));
    await setup.offline.http.idle();
    expect(told).toEqual(['TypeError: fetch failed']);
  });

  it('stale-while-revalidate: the stored response, revalidated if it is stale', async () => {
    using setup = open({ strategy: 'stale-while-revalidate' });
    await setup.fetchText('/');
    expect([await setup.fetchText('/'), setup.networkRequests.length]).toEqual([['1', 'hit'], 1]);
    setup.advance(60_000);
    expect(await setup.fetchText('/')).toEqual(['1', 'stale']);
    await setup.offline.http.idle();
    expect(await setup.fetchText('/')).toEqual(['2', 'hit']);
  });

  it('network-only and cache-only', async () => {
    using setup = open({});
    await setup.fetchText('/');
    expect(await setup.fetchText('/', { strategy: 'network-only' })).toEqual(['2', 'miss']);
    expect(await setup.fetchText('/', { strategy: 'cache-only' })).toEqual(['1', 'hit']);
    expect((await setup.offline.fetch(`${BASE}/other`, { strategy: 'cache-only' })).status).toBe(504);
    expect(setup.networkRequests.length).toBe(2);
  });

  it('the first matching route counts, and only for GET and HEAD', async () => {
    const routes = [
      { match: /\/static\//g, strategy: 'cache-first' },
      { match: (request: Request) => request.headers.has('x-live'), strategy: 'network-only' },
      { match: { test: (url: string) => url.endsWith('/api') }, strategy: 'stale-while-revalidate' },
    ] as const;
    using setup = open({ routes, strategy: 'http' });
    for (const path of ['/static/a', '/static/a', '/api', '/other']) await setup.fetchText(path);
    setup.advance(60_000);
    expect(await setup.fetchText('/static/a', { headers: { 'x-live': '1' } })).toEqual(['1', 'stale']);
    expect(await setup.fetchText('/static/a')).toEqual(['1', 'stale']); // each time, though the RegExp is global
    expect(await setup.fetchText('/api', { headers: { 'x-live': '1' } })).toEqual(['4', 'miss']);
    expect(await setup.fetchText('/api')).toEqual(['2', 'stale']);
    expect((await setup.fetchText('/other'))[1]).toBe('miss');
    expect((await setup.fetchText('/static/a', { method: 'POST', body: 'x' }))[1]).toBe('miss');
    expect(await setup.fetchText('/static/a')).not.toEqual(['1', 'stale']); // changed, so forgotten
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40])(
    'network-first waits for the network for %d ms',
    async (timeout) => {
      using setup = open({});
      await setup.fetchText('/');
      const release = setup.holdNetwork();
      const answer = setup.fetchText('/', { strategy: 'network-first', timeout });
      await expect.poll(() => setup.networkRequests.length).toBe(2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      release();
      expect(await answer).toEqual(['2', 'miss']);
    },
  );

  it.each([404, 500])(
    'cache-first and stale-while-revalidate serve an error (%i) only while it is fresh',
    async (status) => {
      const answers: Response[] = [];
      using setup = open({ fetch: async () => answers.shift()! });
      for (const strategy of ['cache-first', 'stale-while-revalidate'] as const) {
        const headers = { 'cache-control': 'max-age=10', date: new Date('2026-03-01T12:00:00Z').toUTCString() };
        answers.push(new Response('error', { status, headers }));
        expect(await setup.fetchText(`/${strategy}`, { strategy })).toEqual(['error', 'miss']);
        expect(await setup.fetchText(`/${strategy}`, { strategy })).toEqual(['error', 'hit']);
      }
      setup.advance(20_000);
      for (const strategy of ['cache-first', 'stale-while-revalidate'] as const) {
        answers.push(new Response('good'));
        expect(await setup.fetchText(`/${strategy}`, { strategy })).toEqual(['good', 'miss']);
      }
    },
  );

  it('refuses an invalid strategy, time or route', () => {
    const refusal = expect.objectContaining({ code: 'BAD_OPTION' });
    expect(() => open({ strategy: 'cache-last' as 'http' })).toThrow(refusal);
    expect(() => open({ routes: [{ match: /./, strategy: 'network-first', timeout: 0 }] })).toThrow(refusal);
    const text = { match: /./, strategy: 'network-first', timeout: '5' as unknown as number } as const;
    expect(() => open({ routes: [text] })).toThrow(refusal);
    expect(() => open({ routes: [{ match: '/x' as unknown as RegExp, strategy: 'http' }] })).toThrow(refusal);
  });
});

describe('the network state', () => {
  it('calls its listeners until they unsubscribe', () => {
    const connection = new NetworkState();
    const told: boolean[] = [];
    const stop = connection.subscribe((online) => told.push(online));
    for (const online of [true, false, false, true]) connection.set(online);
    stop();
    connection.set(false);
    expect([told, connection.isOnline()]).toEqual([[false, true], false]);
  });

  it('sends nothing while offline, and serves stored responses', async () => {
    const connection = new NetworkState();
    using setup = open({ connection });
    await setup.fetchText('/');
    setup.advance(60_000);
    connection.set(false);
    expect(await setup.fetchText('/')).toEqual(['1', 'stale']);
    await expect(setup.fetchText('/other')).rejects.toThrow('Offline: GET https://a.example/other was not sent');
    expect(setup.networkRequests).toEqual(['/']);
    connection.set(true);
    expect(await setup.fetchText('/')).toEqual(['2', 'miss']);
  });
});
