import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { NEAR_LEASE_MS } from '../../protocol/notifications.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';

const stores = { api: cache(), shards: fanout({ shards: 2 }), settings: index(), outbox: deque() };

/** How often the main process is asked for a value. */
function countReads(bridge: BridgeFixture, name = 'api'): () => number {
  const read = vi.spyOn(bridge.cacheInMain(name), 'get');
  return () => read.mock.calls.length;
}

/** A page that keeps a store near and has its lease. */
async function openNearPage(bridge: BridgeFixture, bytes?: number, name = 'api') {
  const page = bridge.anotherPage();
  page.nearCache(name, bytes === undefined ? {} : { maxBytes: bytes });
  const store = page.cache<string, unknown>(name);
  await page.has('its code was loaded');
  await store.get('nothing');
  await page.has('the lease has come');
  return { page, store };
}

describe('the near cache', () => {
  it.each(['api', 'shards', 'settings'])('is read from the main process once: %s', async (name) => {
    using bridge = openBridge({ stores });
    bridge.cacheInMain(name).set('k', { list: [1] });
    const { store } = await openNearPage(bridge, undefined, name);
    const reads = countReads(bridge, name);
    for (let n = 0; n < 10; n++) expect(await store.get('k')).toEqual({ list: [1] });
    expect(reads()).toBe(1);
    expect(await store.get('none')).toBeUndefined();
    expect(await store.get('none')).toBeUndefined();
    expect(reads()).toBe(3);
  });

  it('forgets what a prefix has deleted, in this page and in others', async () => {
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').setMany([
      ['a:1', 1],
      ['a:2', 2],
      ['b:1', 3],
    ]);
    const { store } = await openNearPage(bridge);
    const { store: other } = await openNearPage(bridge);
    const keys = ['a:1', 'a:2', 'b:1'];
    const read = (from: typeof store) => Promise.all(keys.map((key) => from.get(key)));
    expect([await read(store), await read(other)]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(await store.deletePrefix('a:')).toBe(2);
    expect([await read(store), await read(other)]).toEqual([
      [undefined, undefined, 3],
      [undefined, undefined, 3],
    ]);
    expect(await store.clear({ prefix: 'b:' })).toBe(1);
    expect([await store.get('b:1'), await other.get('b:1')]).toEqual([undefined, undefined]);
  });

  it('is a copy of its own for each reader', async () => {
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('k', { list: [1] });
    const { store } = await openNearPage(bridge);
    const shared = { n: 1 };
    const values = [
      { plain: [{ a: 'text', b: null }], c: [] },
      new Uint8Array([1, 2]).subarray(1),
      new Map([[1, new Set([new Date(5)])]]),
      [shared, shared],
      JSON.parse('{"__proto__":{"own":1}}'),
      10n,
      null,
    ];
    for (const [nth, value] of values.entries()) {
      const key = String(nth);
      await store.set(key, value);
      const copies = [await store.get(key), await store.get(key), await store.get(key)];
      expect(copies).toEqual([value, value, value]);
      if (typeof value === 'object' && value !== null) expect(new Set(copies).size).toBe(3);
    }
    for (let n = 0; n < 3; n++) {
      const value = (await store.get('k')) as { list: number[] };
      expect(value).toEqual({ list: [1] });
      value.list.push(2);
    }
  });

  it.each(['api', 'shards', 'settings'])(
    'is never read once a write of another page has resolved: %s',
    async (name) => {
      using bridge = openBridge({ stores });
      const [reader, other] = [
        await openNearPage(bridge, undefined, name),
        await openNearPage(bridge, undefined, name),
      ];
      for (let n = 0; n < 200; n++) {
        await reader.store.get('k');
        const write = n % 3 === 0 ? other.store.delete('k') : other.store.set('k', n);
        await Promise.all([write, n % 2 ? reader.store.get('k') : reader.store.get('another')]);
        expect(await reader.store.get('k')).toBe(n % 3 === 0 ? undefined : n);
      }
    },
  );

  it('is coherent with what the page itself writes, also before that is answered', async () => {
    using bridge = openBridge({ stores });
    const { store } = await openNearPage(bridge);
    await store.set('k', 0);
    for (let n = 1; n < 50; n++) {
      await store.get('k');
      const old = store.get('k');
      void store.set('k', n);
      expect(await store.get('k')).toBe(n);
      expect(await old).toBe(n - 1);
      expect(await store.get('k')).toBe(n);
      void store.batch([{ incr: ['k', 1] }, { decr: ['k', 1] }, { set: ['k', -n] }]);
      expect(await store.get('k')).toBe(-n);
      await store.set('k', n);
    }
  });

  it('is never old, whatever three pages do at the same time', { timeout: 20_000 }, async () => {
    const move = fc.record({
      page: fc.nat(2),
      verb: fc.constantFrom('get', 'get', 'get', 'incr', 'both', 'await'),
      key: fc.constantFrom('a', 'b'),
    });
    const property = fc.asyncProperty(fc.array(move, { minLength: 60, maxLength: 120 }), async (moves) => {
      using bridge = openBridge({ stores });
      const pages = [await openNearPage(bridge), await openNearPage(bridge), await openNearPage(bridge)];
      // Numbers only grow: who reads less than what was resolved before it asked has read something old.
      const resolved: Record<string, number> = { a: 0, b: 0 };
      const read = async (store: (typeof pages)[number]['store'], key: string) => {
        const least = resolved[key]!;
        expect((await store.get(key)) ?? 0).toBeGreaterThanOrEqual(least);
      };
      const grow = async (work: Promise<unknown>, key: string) => {
        resolved[key] = Math.max(resolved[key]!, Number(await work));
      };
      let open: Promise<void>[] = [];
      for (const { page, verb, key } of moves) {
        const { store } = pages[page]!;
        if (verb === 'get') open.push(read(store, key));
        else if (verb === 'incr') open.push(grow(store.incr(key), key));
        else if (verb === 'both') {
          const batch = store.batch([{ incr: [key] }]).then((result) => result.committed && result.results[0]);
          open.push(read(store, 'b'), grow(batch, key), read(store, 'a'));
        } else {
          await Promise.all(open);
          open = [];
        }
      }
      await Promise.all(open);
    });
    await fc.assert(property, { numRuns: 4, endOnFailure: true });
  });

  it('is bounded in bytes: what was read longest ago leaves', async () => {
    using bridge = openBridge({ stores });
    for (const key of ['a', 'b', 'c']) bridge.cacheInMain('api').set(key, 'x'.repeat(1000));
    bridge.cacheInMain('api').set('large', 'x'.repeat(5000));
    const { store } = await openNearPage(bridge, 2500);
    const reads = countReads(bridge);
    for (const key of ['a', 'b', 'a', 'c', 'a', 'large', 'large']) await store.get(key);
    expect(reads()).toBe(5);
    await store.get('b');
    expect(reads()).toBe(6);
  });

  it('never is what the main process has replaced before it answered anything, even on another store', async () => {
    using bridge = openBridge({ stores });
    const { page, store } = await openNearPage(bridge);
    const inMain = bridge.cacheInMain('api');
    for (let n = 0; n < 50; n++) {
      inMain.set('k', n);
      await page.has('anything');
      expect(await store.get('k')).toBe(n);
    }
    inMain.clear();
    await page.has('anything');
    expect(await store.get('k')).toBeUndefined();
  });

  it('is invalidated by a write of the main process in its next turn, without a request', async () => {
    using bridge = openBridge({ stores });
    const { store } = await openNearPage(bridge);
    const inMain = bridge.cacheInMain('api');
    inMain.set('k', 1);
    const reads = countReads(bridge);
    await vi.waitFor(async () => {
      const before = reads();
      expect(await store.get('k')).toBe(1);
      expect(reads(), 'read near').toBe(before);
    });
    inMain.set('k', 2);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await store.get('k')).toBe(2);
  });

  it('delays no writer longer than the lease of a hung page, and that page reads nothing stale', async () => {
    using bridge = openBridge({ stores });
    const hung = delayMessages(bridge);
    hung.page.nearCache('api');
    const store = hung.page.cache('api');
    bridge.cacheInMain('api').setMany([
      ['k', 1],
      ['other', 1],
    ]);
    await store.get('nothing');
    await hung.page.has('the lease has come');
    for (let n = 0; n < 2; n++) expect(await Promise.all([store.get('k'), store.get('other')])).toEqual([1, 1]);
    hung.hold();
    const started = performance.now();
    await bridge.diskCache.cache('api').set('k', 2);
    const waited = performance.now() - started;
    expect(waited).toBeGreaterThan(NEAR_LEASE_MS / 4);
    // The machine may have other things to do: it only tells a lease from a time-out.
    expect(waited).toBeLessThan(NEAR_LEASE_MS * 15);
    // Nobody tells a page without a lease: what it has is old when it comes back.
    await bridge.diskCache.cache('api').set('other', 2);
    const read = store.get('k');
    hung.release();
    expect(await read).toBe(2);
    await hung.page.has('the lease has come');
    expect(await Promise.all([store.get('k'), store.get('other')])).toEqual([2, 2]);
  });

  it('makes no writer wait twice for a page that doesn’t answer', async () => {
    using bridge = openBridge({ stores });
    const port = bridge.rawPort();
    const near = () =>
      port.postMessage({ id: 'n', type: 'APPLY', path: ['near'], argumentList: [{ type: 'RAW', value: 'api' }] });
    const answers: unknown[] = [];
    port.on('message', (message) => answers.push(message));
    near();
    await vi.waitFor(() => expect(answers).toEqual([{ id: 'n', type: 'RAW', value: { value: false } }]));
    await bridge.diskCache.cache('api').set('k', 1);
    near();
    await vi.waitFor(() => expect(answers).toHaveLength(3));
    expect(answers[2]).toMatchObject({ value: { error: { code: 'BUSY' } } });
    const started = performance.now();
    for (let n = 0; n < 10; n++) await bridge.diskCache.cache('api').set('k', n);
    // Ten leases if each waited for one.
    expect(performance.now() - started).toBeLessThan(NEAR_LEASE_MS * 5);
  });

  it('is cached again over the next connection, even if one was lost during a lease request', async () => {
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('k', 1);
    const page = bridge.anotherPage();
    await page.has('there is a line');
    page.nearCache('api');
    const store = page.cache('api');
    const reading = store.get('k');
    // What is asked was posted, and main reads nothing before the next turn of the loop.
    for (let n = 0; n < 20; n++) await Promise.resolve();
    bridge.sessions.at(-1)!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    await expect(reading).rejects.toMatchObject({ code: 'DISCONNECTED' });
    await store.get('k');
    await page.has('the lease has come');
    await store.get('k');
    const reads = countReads(bridge);
    for (let n = 0; n < 5; n++) expect(await store.get('k')).toBe(1);
    expect(reads()).toBe(0);
  });

  it('ends with the page, on unsubscribe, and where it isn’t granted or possible', async () => {
    using bridge = openBridge({ stores, grant: { stores: { api: 'write', outbox: 'write' } } });
    const page = bridge.anotherPage();
    const stop = page.nearCache('api');
    const store = page.cache('api');
    await store.set('k', 1);
    for (let n = 0; n < 5; n++) expect(await store.get('k')).toBe(1);
    stop();
    const reads = countReads(bridge);
    for (let n = 0; n < 5; n++) await store.get('k');
    expect(reads()).toBe(5);
    page.nearCache('settings');
    page.nearCache('outbox');
    await expect(page.index('settings').get('k')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(page.cache('outbox').get('k')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(() => page.nearCache('../api')).toThrow(/name a store/);
    expect(() => page.nearCache('api', { maxBytes: -1 })).toThrow(/maxBytes/);
    page.disconnect();
    expect(await store.get('k')).toBe(1);
  });
});

/** A page whose port holds back what comes, as a page does that is busy with itself. */
function delayMessages(bridge: BridgeFixture) {
  let delayed: (() => void)[] | undefined;
  const page = new DiskCache(async () => {
    const port = bridge.rawPort() as unknown as MessagePortLike;
    return {
      postMessage: (message: unknown) => port.postMessage(message),
      start: () => port.start(),
      close: () => port.close(),
      removeEventListener: () => {},
      addEventListener: (type: string, listener: (event: { readonly data?: unknown }) => void) =>
        port.addEventListener(type, (event) => {
          if (delayed) delayed.push(() => listener(event));
          else listener(event);
        }),
    };
  });
  return {
    page,
    hold: () => {
      delayed = [];
    },
    release: () => {
      for (const deliver of delayed?.splice(0) ?? []) deliver();
      delayed = undefined;
    },
  };
}
