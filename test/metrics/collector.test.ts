import { channel } from 'node:diagnostics_channel';
import { dirname } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Cache, type DiagnosticsMessages } from '../../main/engine/index.ts';
import { MetricsCollector } from '../../main/metrics/metrics-collector.ts';
import { cache, deque, fanout, index, type StoreDeclarations, settings } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createNumberedAnswer, fetchText, openHttpCache } from '../offline/http/http-cache-fixture.ts';

const CHANNELS: readonly (keyof DiagnosticsMessages)[] = [
  'deskcache:transaction',
  'deskcache:eviction',
  'deskcache:checkpoint',
  'deskcache:session',
  'deskcache:call',
  'deskcache:http',
  'deskcache:queue',
];
const listened = () => CHANNELS.filter((name) => channel(name).hasSubscribers);

function openMetrics(stores: StoreDeclarations = { api: cache({ statistics: true, sizeLimit: 10_000_000 }) }) {
  const bridge = openBridge({ stores });
  const directory = dirname(bridge.cacheInMain('default').directory);
  const collector = new MetricsCollector({
    directory,
    listStores: () => Object.entries(bridge.registry.stores),
    listQueues: () => bridge.queues.list(),
  });
  return {
    bridge,
    collector,
    [Symbol.dispose]() {
      collector.close();
      bridge[Symbol.dispose]();
    },
  };
}

describe('metrics', () => {
  it('listen to nothing until they are asked or started, and when they are closed', async () => {
    using fixture = openMetrics();
    expect(listened()).toEqual([]);
    fixture.bridge.cacheInMain('api').set('k', 1);
    const { stores, countedSince } = await fixture.collector.read();
    expect(stores['api']!.transactions.committed).toBe(0);
    expect(Math.abs(Date.now() - countedSince)).toBeLessThan(60_000);
    expect(listened()).toEqual(CHANNELS);
    fixture.collector.close();
    expect(listened()).toEqual([]);
  });

  it('have the transactions of each store by its name, those of shards too, and of other directories none', async () => {
    using fixture = openMetrics({ api: cache(), many: fanout({ shards: 2 }), prefs: index() });
    fixture.collector.start();
    const [api, many] = [fixture.bridge.cacheInMain('api'), fixture.bridge.registry.get('many') as Cache];
    using elsewhere = new Cache(freshDirectory());
    elsewhere.set('k', 1);
    for (const key of ['a', 'b', 'c']) api.set(key, 1);
    for (const key of ['a', 'b', 'c', 'd']) many.set(key, 1);
    expect(() =>
      api.transact(() => {
        api.set('d', 1);
        throw new Error('undo');
      }),
    ).toThrow('undo');
    const { stores } = await fixture.collector.read();
    expect(Object.keys(stores).sort()).toEqual(['api', 'default', 'many', 'prefs']);
    expect(stores['api']!.transactions).toMatchObject({ committed: 3, rolledBack: 1 });
    expect(stores['api']!.transactions.duration.count).toBe(4);
    expect(stores['many']!.transactions).toMatchObject({ committed: 4, rolledBack: 0 });
    expect(stores['prefs']!.transactions.rows).toBe(0);
  });

  it('measure items, bytes, limit, hits and misses of every kind of store', async () => {
    using fixture = openMetrics({
      api: cache({ statistics: true, sizeLimit: 10_000_000 }),
      prefs: index(),
      log: deque(),
      config: settings({ defaults: { theme: 'light' } }),
    });
    const api = fixture.bridge.cacheInMain('api');
    api.set('k', 1);
    for (const key of ['k', 'k', 'gone']) api.get(key);
    const { stores } = await fixture.collector.read();
    expect(stores['api']!.now).toMatchObject({ items: 1, sizeLimit: 10_000_000, hits: 2, misses: 1 });
    expect(stores['api']!.now!.bytes).toBe(api.volume());
    expect(stores['default']!.now).toMatchObject({ items: 0, hits: undefined });
    expect(stores['prefs']!.now).toMatchObject({ items: 0, sizeLimit: undefined });
    expect(stores['log']!.now).toMatchObject({ items: 0 });
    expect(stores['config']!.now).toMatchObject({ items: 1 });
  });

  it('count evictions and checkpoints', async () => {
    using fixture = openMetrics({ api: cache({ sizeLimit: 1_000_000, workerThread: false }) });
    fixture.collector.start();
    const api = fixture.bridge.cacheInMain('api');
    for (let n = 0; n < 60; n++) api.set(n, 'x'.repeat(50_000));
    api.clear();
    const { api: counted } = (await fixture.collector.read()).stores;
    expect(counted!.evictions.items).toBeGreaterThan(0);
    expect(counted!.evictions.bytes).toBeGreaterThan(counted!.evictions.items * 10_000);
    const { completed, blocked, duration } = counted!.checkpoints;
    expect(completed).toBeGreaterThan(0);
    expect(duration.count).toBe(completed + blocked);
  });

  it('count the calls of pages by store and method, their failures by code, and those refused without their names', async () => {
    using fixture = openMetrics();
    fixture.collector.start();
    const page = fixture.bridge.diskCache;
    const api = page.cache('api');
    await Promise.all([
      api.set('secret', 'secret'),
      api.get('secret'),
      api.get('b'),
      api.incr('secret').catch(() => {}),
    ]);
    await page
      .cache('gone')
      .get('k')
      .catch(() => {});
    const { bridge } = await fixture.collector.read();
    expect(bridge).toMatchObject({ calls: 5, refused: 1, failures: { BAD_VALUE: 1, NO_SUCH_STORE: 1 } });
    expect(Object.keys(bridge.stores)).toEqual(['api']);
    expect(bridge.stores['api']).toMatchObject({
      calls: 4,
      failures: { BAD_VALUE: 1 },
      methods: { set: 1, get: 2, incr: 1 },
    });
    expect(bridge.duration.count).toBe(5);
    expect(bridge.blocked.count).toBe(5);
    expect(JSON.stringify(bridge)).not.toContain('secret');
    const port = fixture.bridge.rawPort();
    port.close();
    await vi.waitFor(async () =>
      expect((await fixture.collector.read()).bridge.sessions).toMatchObject({ closed: { DISCONNECTED: 1 } }),
    );
  });

  it('count jobs by what became of them, with the duration of attempts', async () => {
    using fixture = openMetrics();
    fixture.collector.start();
    const queue = fixture.bridge.queues.find<string>('outbox');
    queue.enqueueMany(
      ['good', 'bad', 'later'].map((payload) => ({ payload, delay: payload === 'later' ? 3_600_000 : 0 })),
    );
    const stopping = new AbortController();
    const working = queue.process(
      ({ payload }) => {
        if (payload === 'bad') throw new Error('bad');
      },
      { signal: stopping.signal, retry: { attempts: 2, backoff: { initial: 1, jitter: 'none' } } },
    );
    await vi.waitFor(() => expect(queue.counts()).toMatchObject({ done: 1, dead: 1 }), 10_000);
    stopping.abort();
    await working;
    const { queues, stores } = await fixture.collector.read();
    expect(queues['outbox']).toMatchObject({ enqueued: 3, claimed: 3, done: 1, retried: 1, dead: 1, returned: 0 });
    expect(queues['outbox']!.now).toMatchObject({ delayed: 1, dead: 1 });
    expect(queues['outbox']!.duration.count).toBe(3);
    expect(Object.keys(stores)).not.toContain('_queues');
  });

  it('count HTTP requests by what decided them', async () => {
    using fixture = openMetrics();
    fixture.collector.start();
    const answer = createNumberedAnswer({ 'cache-control': 'max-age=60', 'content-length': '8' });
    // From the store it has the length of what is there, one byte.
    using http = openHttpCache(answer);
    await fetchText(http);
    await fetchText(http);
    await fetchText(http, { method: 'POST', body: 'x' });
    using failing = openHttpCache(() => Promise.reject(new TypeError('no network')));
    await expect(fetchText(failing)).rejects.toThrow('no network');
    const { http: counted } = await fixture.collector.read();
    expect(counted).toMatchObject({
      requests: 4,
      decisions: { 'uri-miss': 1, hit: 1, method: 1 },
      failures: { TypeError: 1 },
      contentBytes: 17,
    });
    expect(counted.duration.count).toBe(4);
  });

  it('are plain data, with the delay of the event loop, and outlive a store that was closed', async () => {
    using fixture = openMetrics();
    const first = await fixture.collector.read();
    expect(structuredClone(first)).toEqual(first);
    fixture.bridge.cacheInMain('api').close();
    await vi.waitFor(async () => {
      const blockedUntil = performance.now() + 60;
      while (performance.now() < blockedUntil);
      const { eventLoopDelay, stores } = await fixture.collector.read();
      expect(stores['api']!.now).toBeUndefined();
      expect(eventLoopDelay.maxMs).toBeGreaterThanOrEqual(eventLoopDelay.p50Ms);
      expect(eventLoopDelay.maxMs).toBeGreaterThan(30);
    });
  });
});
