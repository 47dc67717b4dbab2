import { setImmediate as nextLoop } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import { Principal } from '../../main/bridge/principal.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { NEAR_LEASE_MS } from '../../protocol/notifications.ts';
import { cache, deque, index } from '../../protocol/stores.ts';
import { openBridge } from './bridge-fixture.ts';
import { openRawPort } from './raw-port.ts';

/*
 * Ports that are used otherwise than our client uses them: late, never read, held open. Others are served as if they weren't there, and
 * what they hold is bounded.
 */

const MIB = 2 ** 20;
const stores = { api: cache(), other: cache(), settings: index(), outbox: deque() };
const READ: Grant = { stores: { api: 'read' } };

/** How long each of some calls took, in milliseconds. */
async function measureDurations(times: number, work: (n: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < times; n++) {
    const started = performance.now();
    await work(n);
    took.push(performance.now() - started);
  }
  return took;
}

describe('a page that is late to drop invalidated items', () => {
  it('lets writers wait once or twice, and keeps nothing near from then on', async () => {
    using bridge = openBridge({ stores });
    const late = openRawPort(bridge.rawPort(READ));
    late.listeners.add(({ deskcache, number }) => {
      if (deskcache === 'stale') setTimeout(() => void late.call('dropped', number), NEAR_LEASE_MS * 0.7);
    });
    expect(await late.call('near', 'api')).toMatchObject({ value: { value: false } });
    const renewing = setInterval(() => void late.call('near', 'api'), NEAR_LEASE_MS / 4);
    const took = await measureDurations(10, (n) => bridge.diskCache.cache('api').set('k', n));
    clearInterval(renewing);
    expect(took.filter((ms) => ms > NEAR_LEASE_MS / 4).length).toBeLessThanOrEqual(2);
    await vi.waitFor(async () => {
      const answer = await late.call('near', 'api');
      expect(answer.value?.error).toMatchObject({
        code: 'BUSY',
        message: expect.stringMatching(/had to wait too long/),
      });
    });
  });

  it('is remembered by its window and origin, over whatever connection it comes again', async () => {
    const principal = new Principal();
    using bridge = openBridge({ stores });
    const late = openRawPort(bridge.rawPort(READ, principal));
    await late.call('near', 'api');
    await bridge.diskCache.cache('api').set('k', 1);
    const again = openRawPort(bridge.rawPort(READ, principal));
    expect((await again.call('near', 'api')).value?.error).toMatchObject({ code: 'BUSY' });
    const stranger = openRawPort(bridge.rawPort(READ, new Principal()));
    expect(await stranger.call('near', 'api')).toMatchObject({ value: { value: false } });
  });

  it('holds up no reader, nor a writer of another store', async () => {
    using bridge = openBridge({ stores });
    const late = openRawPort(bridge.rawPort({ stores: { api: 'write' } }));
    await late.call('near', 'api');
    const honest = bridge.anotherPage();
    await honest.cache('other').set('k', 0);
    // Its own write is told to nobody yet when the others' calls are done: in one turn of the loop.
    bridge.cacheInMain('api').set('k', 1);
    const writing = bridge.diskCache.cache('api').set('k', 2);
    const started = performance.now();
    await Promise.all([
      honest.cache('api').get('k'),
      honest.cache('other').get('k'),
      honest.cache('other').set('k', 1),
    ]);
    expect(performance.now() - started).toBeLessThan(NEAR_LEASE_MS / 2);
    await writing;
  });

  it('is waited for by the writer of what it keeps, also where another call was answered first', async () => {
    using bridge = openBridge({ stores });
    const near = openRawPort(bridge.rawPort(READ));
    let dropped = false;
    near.listeners.add(({ deskcache, number }) => {
      if (deskcache !== 'stale') return;
      setTimeout(() => {
        dropped = true;
        void near.call('dropped', number);
      }, 50);
    });
    await near.call('near', 'api');
    bridge.cacheInMain('api').set('k', 1);
    // The read tells the page what main has written; the write that comes with it waits all the same.
    const read = bridge.anotherPage().cache('other').get('k');
    await bridge.diskCache.cache('api').set('k', 2);
    expect(dropped).toBe(true);
    await read;
  });

  it('accumulates nothing without bound by renewing its lease and dropping nothing', async () => {
    using bridge = openBridge({ stores });
    const late = openRawPort(bridge.rawPort(READ));
    let told = 0;
    late.listeners.add(({ deskcache }) => void (deskcache === 'stale' && told++));
    await late.call('near', 'api');
    const until = performance.now() + NEAR_LEASE_MS * 2.5;
    for (let n = 0; performance.now() < until; n++) {
      bridge.cacheInMain('api').set('k', n);
      await late.call('near', 'api');
      await nextLoop();
    }
    const before = told;
    for (let n = 0; n < 20; n++) {
      bridge.cacheInMain('api').set('k', n);
      await nextLoop();
    }
    expect(told).toBe(before);
    expect((await late.call('near', 'api')).value?.error).toMatchObject({ code: 'BUSY' });
  });
});

describe('a page with thousands of subscriptions', () => {
  it('makes a turn of the main process no slower than one with a single one', async () => {
    using bridge = openBridge({ stores });
    const write = () => {
      const started = performance.now();
      bridge.cacheInMain('api').transact(() => {
        for (let n = 0; n < 3000; n++) bridge.cacheInMain('api').set(`k${n}`, n);
      });
      return performance.now() - started;
    };
    const one = openRawPort(bridge.rawPort(READ));
    await one.call('watch', { id: 1, store: 'api', range: {} });
    write();
    const alone = Math.min(write(), write(), write());
    for (let page = 0; page < 16; page++) {
      const many = openRawPort(bridge.rawPort(READ));
      await Promise.all(
        Array.from({ length: 256 }, (_, id) =>
          many.call('watch', { id, store: 'api', range: id % 2 ? {} : { prefix: `k${id}` } }),
        ),
      );
    }
    await nextLoop();
    const beside = Math.min(write(), write(), write());
    // It was twenty times as long.
    expect(beside).toBeLessThan(alone * 5 + 50);
  });

  it('has one subscription of each store, and none a second after it stops', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    using bridge = openBridge({ stores });
    const subscribe = vi.spyOn(bridge.cacheInMain('api'), 'subscribe');
    const page = openRawPort(bridge.rawPort(READ));
    await page.call('near', 'api');
    for (let id = 0; id < 100; id++) await page.call('watch', { id, store: 'api', range: { from: id } });
    expect(subscribe).toHaveBeenCalledOnce();
    for (let id = 0; id < 100; id++) await page.call('unwatch', id);
    await page.call('far', 'api');
    vi.advanceTimersByTime(1000);
    await page.call('near', 'api');
    expect(subscribe).toHaveBeenCalledTimes(2);
  });

  it('starts no further subscription of the store when it stops and starts again, because that would write to it', async () => {
    using bridge = openBridge({ stores });
    const subscribe = vi.spyOn(bridge.cacheInMain('api'), 'subscribe');
    const page = openRawPort(bridge.rawPort(READ));
    for (let id = 0; id < 50; id++) {
      await page.call('near', 'api');
      await page.call('far', 'api');
      await page.call('watch', { id, store: 'api', range: {} });
      await page.call('unwatch', id);
    }
    expect(subscribe).toHaveBeenCalledOnce();
  });

  it('receives for each subscription its changes, from its start', async () => {
    using bridge = openBridge({ stores });
    const page = openRawPort(bridge.rawPort(READ));
    const told: [number, { key: unknown }[]][] = [];
    let last = 0;
    page.listeners.add(({ deskcache, changes, number }) => {
      if (deskcache !== 'changes') return;
      told.push(...(changes as typeof told));
      last = number as number;
    });
    const api = bridge.cacheInMain('api');
    await page.call('watch', { id: 1, store: 'api', range: { prefix: 'a' } });
    api.set('a0', 1);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    // The page has not seen it: what follows gathers.
    api.set('a1', 1);
    api.set('b1', 1);
    await page.call('watch', { id: 2, store: 'api', range: { prefix: 'a' } });
    await page.call('watch', { id: 3, store: 'api', range: {} });
    await page.call('watch', { id: 4, store: 'api', range: { from: ['x'], to: ['x', 5] } });
    for (const key of ['a2', 'b2', ['x', 4], ['x', 5], 7]) api.set(key as string, 1);
    await page.call('seen', last);
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(1));
    const keys = new Map(told.slice(1).map(([id, changes]) => [id, changes.map(({ key }) => key)]));
    expect(keys).toEqual(
      new Map<number, unknown>([
        [1, ['a1', 'a2']],
        [2, ['a2']],
        [3, ['a2', 'b2', ['x', 4], ['x', 5], 7]],
        [4, [['x', 4]]],
      ]),
    );
  });

  it('receives a reset if its changes and ranges are too many to compare', async () => {
    using bridge = openBridge({ stores });
    const page = openRawPort(bridge.rawPort(READ));
    const told: [number, { kind: string }[]][] = [];
    page.listeners.add(
      ({ deskcache, changes }) => void (deskcache === 'changes' && told.push(...(changes as typeof told))),
    );
    for (let id = 0; id < 200; id++) await page.call('watch', { id, store: 'api', range: { from: id } });
    const entries = Array.from({ length: 1000 }, (_, n): [number, number] => [n, n]);
    bridge.cacheInMain('api').setMany(entries);
    await vi.waitFor(() => expect(told).toHaveLength(200));
    expect(new Set(told.flatMap(([, changes]) => changes.map(({ kind }) => kind)))).toEqual(new Set(['reset']));
  });
});

describe('a session', () => {
  it('ends with all that it holds, also where the store can’t be written to any more', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const principal = new Principal();
    using bridge = openBridge({ stores });
    bridge.cacheInMain('other').set('large', new Uint8Array(2 * MIB));
    const page = openRawPort(bridge.rawPort({ stores: { '*': 'write' } }, principal));
    vi.spyOn(bridge.cacheInMain('api'), 'subscribe').mockReturnValue(() => {
      throw new Error('disk I/O error');
    });
    await page.call('watch', { id: 1, store: 'api', range: {} });
    await page.one('other', 'openStream', 'large');
    bridge.sessions.at(-1)!.close(new DiskCacheError('CLOSED', 'The host was closed'));
    expect(await page.ended).toBe('CLOSED: The host was closed');
    expect(bridge.sessions.at(-1)!.streams).toBe(0);
    expect(principal.isIdle).toBe(true);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'disk I/O error' }));
    warn.mockRestore();
  });
});

describe('a port whose answers are not read', () => {
  it('is closed when too much waits there, with the reason', async () => {
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('k', { bytes: new Uint8Array(8 * MIB) });
    const port = bridge.rawPort(READ);
    for (let n = 1; n <= 40; n++) port.postMessage([n, [['api', 'get', 'k']]]);
    const session = bridge.sessions.at(-1)!;
    await vi.waitFor(() => expect(session.isOpen).toBe(false), { timeout: 60_000 });
    let answers = 0;
    const goodbye = await new Promise((resolve) => {
      port.on('message', (message) => (Array.isArray(message) ? answers++ : resolve(message)));
    });
    expect(goodbye).toMatchObject({
      reason: {
        code: 'DISCONNECTED',
        message: expect.stringMatching(/responses that it has not received|none of its responses/),
      },
    });
    // Not more than fills the memory of the main process a little.
    expect(answers).toBeLessThanOrEqual(5);
  });

  it('is read no further until the page takes its results, and then gets all of them', async () => {
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('k', { bytes: new Uint8Array(8 * MIB) });
    const principal = new Principal();
    const port = bridge.rawPort(READ, principal);
    for (let n = 1; n <= 12; n++) port.postMessage([n, [['api', 'get', 'k']]]);
    await vi.waitFor(() => expect(principal.isBehind).toBe(true), { timeout: 30_000 });
    const ids: number[] = [];
    await new Promise<void>((resolve) => {
      port.on('message', ([id, , failures, receipt]) => {
        expect(failures).toEqual([]);
        if (receipt !== undefined) port.postMessage([receipt]);
        if (ids.push(id) === 12) resolve();
      });
    });
    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(bridge.sessions.at(-1)!.isOpen).toBe(true);
  });

  it('is not that of a page that takes them, however many there are', async () => {
    using bridge = openBridge({ stores });
    const value = { bytes: new Uint8Array(8 * MIB) };
    bridge.cacheInMain('api').set('k', value);
    for (let n = 0; n < 40; n++) {
      const [one, other] = await Promise.all([bridge.diskCache.cache('api').get('k'), bridge.diskCache.has('k')]);
      expect([(one as typeof value).bytes.length, other]).toEqual([8 * MIB, false]);
    }
    expect(bridge.sessions).toHaveLength(1);
    expect(bridge.sessions[0]!.isOpen).toBe(true);
  });

  it('counts with the others of its window and origin', async () => {
    const principal = new Principal();
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('k', { bytes: new Uint8Array(8 * MIB) });
    const ports = Array.from({ length: 4 }, () => bridge.rawPort(READ, principal));
    for (const port of ports) for (let n = 1; n <= 10; n++) port.postMessage([n, [['api', 'get', 'k']]]);
    await vi.waitFor(() => expect(bridge.sessions.some(({ isOpen }) => !isOpen)).toBe(true), { timeout: 60_000 });
  });
});

describe('a port that sends useless messages', () => {
  it.each<[string, (n: number) => unknown]>([
    ['writes that it was not granted', (n) => [n, [['api', 'set', 'k', new Uint8Array(20 * MIB)]]]],
    ['stores that there are not', (n) => [n, [['x'.repeat(20 * MIB), 'get', 'k']]]],
    ['requests that are none', (n) => [n, new Uint8Array(20 * MIB)]],
    ['calls that are none', () => ({ id: 'x', type: 'GET', path: [], more: new Uint8Array(20 * MIB) })],
    ['what has no id', () => new Uint8Array(20 * MIB)],
    [
      'subscriptions that it was not granted',
      () => call('watch', { id: 1, store: 'other', range: new Uint8Array(20 * MIB) }),
    ],
    ['numbers that are none', () => call('seen', new Uint8Array(20 * MIB))],
  ])('is closed after some large messages, and not before: %s', { timeout: 60_000 }, async (_what, message) => {
    using bridge = openBridge({ stores });
    const page = openRawPort(bridge.rawPort(READ));
    for (let n = 1; n <= 4; n++) page.port.postMessage(message(-n));
    expect(await page.one('api', 'has', 'k')).toBe(false);
    for (let n = 5; n <= 12; n++) page.port.postMessage(message(-n));
    expect(await page.ended).toMatch(
      /^DISCONNECTED: This page has sent more than \d+ bytes in messages of which nothing/,
    );
  });

  it('is closed after many small messages of odd shapes', { timeout: 60_000 }, async () => {
    const principal = new Principal();
    using bridge = openBridge({ stores });
    const page = openRawPort(bridge.rawPort(READ, principal));
    const other = openRawPort(bridge.rawPort(READ, principal));
    for (let n = 0; n < 20_000; n++) page.port.postMessage({ odd: n });
    for (let n = 0; n < 20_000; n++) other.port.postMessage(null);
    expect(await Promise.race([page.ended, other.ended])).toMatch(/^DISCONNECTED: .* messages that are not calls/);
    const honest = openRawPort(bridge.rawPort(READ, new Principal()));
    expect(await honest.one('api', 'has', 'k')).toBe(false);
  });

  it('costs no more than its size, even if it expands to far more', async () => {
    using bridge = openBridge({ stores });
    const page = openRawPort(bridge.rawPort(READ));
    const holes: unknown[] = [];
    holes.length = 2 ** 32 - 1;
    for (const odd of [[-1, holes], holes, { id: 'x', holes }, call('seen', holes), [-2, [['api', 'get', holes]]]])
      page.port.postMessage(odd);
    expect(await page.one('api', 'has', 'k')).toBe(false);
  });

  it('tells our client why, which connects again', async () => {
    using bridge = openBridge({ stores, grant: READ });
    const api = bridge.diskCache.cache('api');
    const bytes = 'x'.repeat(30 * MIB);
    const failures: unknown[] = [];
    for (let n = 0; n < 6; n++) await api.set('k', bytes).catch((error: unknown) => failures.push(error));
    expect(failures).toHaveLength(6);
    expect(failures[0]).toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(api.has('k')).resolves.toBe(false);
  });
});

function call(method: string, value: unknown) {
  return { id: `m${method}`, type: 'APPLY', path: [method], argumentList: [{ type: 'RAW', value }] };
}
