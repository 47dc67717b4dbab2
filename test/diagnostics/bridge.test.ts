import { describe, expect, it, vi } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { Principal } from '../../main/bridge/principal.ts';
import type { Deque } from '../../main/engine/index.ts';
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

  it('tells the longest time without a pause apart from the whole time', async () => {
    using bridge = openBridge({ stores: { api: cache(), outbox: deque() } });
    const outbox = bridge.registry.get('outbox') as Deque<string>;
    outbox.extend(Array.from({ length: 20_000 }, () => 'x'));
    const messages = recordMessages('deskcache:call');
    await bridge.diskCache.deque('outbox').indexOf('y');
    const [search] = messages;
    expect(search!.blockedMs).toBeGreaterThan(0);
    // It ran in several slices.
    expect(search!.blockedMs).toBeLessThan(search!.durationMs);
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
