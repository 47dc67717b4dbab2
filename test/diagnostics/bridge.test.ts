import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AuthorizedCall } from '../../main/bridge/authorize-batch.ts';
import { CallTimer } from '../../main/bridge/diagnostics.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { Principal } from '../../main/bridge/principal.ts';
import { cache, deque } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { openHttpPage } from '../bridge/http/http-port-fixture.ts';
import { recordMessages } from './record-messages.ts';

describe('deskcache:call', () => {
  it('publishes store, method and time of each call, and the code of one that failed', async () => {
    using bridge = openBridge({ grant: { stores: { api: 'write' } } });
    const messages = recordMessages('deskcache:call');
    const api = bridge.diskCache.cache('api');
    await Promise.all([api.set('secret', 'secret'), api.get('secret'), api.incr('secret').catch(() => {})]);
    const [durationMs, blockedMs] = [expect.any(Number), expect.any(Number)];
    expect(messages).toEqual([
      { store: 'api', method: 'set', durationMs, blockedMs, code: undefined },
      { store: 'api', method: 'get', durationMs, blockedMs, code: undefined },
      { store: 'api', method: 'incr', durationMs, blockedMs, code: 'BAD_VALUE' },
    ]);
    expect(JSON.stringify(messages)).not.toContain('secret');
    messages.length = 0;
    await api.clear().catch(() => {});
    await bridge.diskCache
      .cache('gone')
      .get('k')
      .catch(() => {});
    expect(messages).toMatchObject([
      { store: 'api', method: 'clear', code: 'NOT_ALLOWED' },
      { store: 'gone', method: 'get', code: 'NOT_ALLOWED' },
    ]);
  });

  it('publishes a batch, a search in slices and a streamed value, when they have ended', async () => {
    using bridge = openBridge({ stores: { api: cache(), outbox: deque() } });
    const messages = recordMessages('deskcache:call');
    await bridge.diskCache.cache('api').batch([{ set: ['k', 1] }]);
    await bridge.diskCache.deque('outbox').indexOf('x');
    await bridge.diskCache.cache('api').writeStream('film', new Blob([new Uint8Array(100_000)]).stream());
    const methods = messages.map(({ store, method }) => `${store}.${method}`);
    expect(methods.slice(0, 2)).toEqual(['api.batch', 'outbox.indexOf']);
    expect(methods.slice(2).every((name) => name.startsWith('api.'))).toBe(true);
    expect(methods.length).toBeGreaterThan(2);
    expect(messages.filter(({ code }) => code !== undefined)).toEqual([]);
  });

  it('has the time of all slices, and apart from it the longest time without a pause', async () => {
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    onTestFinished(() => void vi.restoreAllMocks());
    const work = <T>(ms: number, result: T): T => {
      nowMs += ms;
      return result;
    };
    const messages = recordMessages('deskcache:call');
    const timer = CallTimer.create()!;
    const wrap = (place: number, call: object) => timer.wrap(place, call as AuthorizedCall) as Required<AuthorizedCall>;
    const budget = {} as never;
    const slices = function* (): Generator<undefined, void> {
      for (const ms of [3, 5, 2]) yield work(ms, undefined);
    };
    Array.from(wrap(0, { openSlices: slices }).openSlices!(budget));
    let resolve = () => {};
    const promise = new Promise<void>((resolved) => {
      resolve = resolved;
    });
    wrap(1, { run: () => work(4, promise) }).run(budget);
    const failing = () => {
      work(6, undefined);
      throw new Error('no');
    };
    expect(() => wrap(2, { run: failing }).run(budget)).toThrow('no');
    work(100, resolve());
    await promise;
    timer.publish(
      ['search', 'stream', 'set'].map((method) => ['api', method]),
      { failures: [] },
    );
    const published = messages.map(({ method, durationMs, blockedMs }) => [method, durationMs, blockedMs]);
    // 100 ms passed until the stream had ended; the failed call took 6 of the stream's.
    expect(published).toEqual([
      ['search', 10, 5],
      ['stream', 110, 4],
      ['set', 6, 6],
    ]);
  });

  it('publishes placeholders for names that are not strings, and cuts long ones', async () => {
    using bridge = openBridge();
    const messages = recordMessages('deskcache:call');
    const port = bridge.rawPort();
    port.postMessage([1, [[{ secret: 1 }, 'x'.repeat(100_000)], 'secret', ['api', 5, 'secret']]]);
    await vi.waitFor(() => expect(messages).toHaveLength(3));
    expect(messages).toMatchObject([
      { store: '(no name)', method: 'x'.repeat(64), code: 'NOT_ALLOWED' },
      { store: '(no name)', method: '(no name)', code: 'NOT_ALLOWED' },
      { store: 'api', method: '(no name)', code: 'NOT_ALLOWED' },
    ]);
  });
});

describe('deskcache:session', () => {
  it('publishes when a page connects and disconnects, by window, origin and kind', async () => {
    const all = recordMessages('deskcache:session');
    using bridge = openBridge();
    using http = openHttpPage();
    const principal = new Principal('main', 'app://atlas');
    bridge.rawPort(FULL_GRANT, principal).close();
    http.rawPort(FULL_GRANT, principal).close();
    const ofPrincipal = () => all.filter(({ window }) => window === 'main');
    await vi.waitFor(() => expect(ofPrincipal()).toHaveLength(4));
    const messages = ofPrincipal();
    const page = { window: 'main', origin: 'app://atlas' };
    expect(messages.slice(0, 2)).toEqual([
      { event: 'opened', kind: 'stores', ...page, code: undefined },
      { event: 'opened', kind: 'http', ...page, code: undefined },
    ]);
    expect(messages.slice(2)).toEqual(
      expect.arrayContaining([
        { event: 'closed', kind: 'stores', ...page, code: 'DISCONNECTED' },
        { event: 'closed', kind: 'http', ...page, code: 'DISCONNECTED' },
      ]),
    );
  });
});
