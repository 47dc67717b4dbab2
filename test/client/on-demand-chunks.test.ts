import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DiskCacheError } from '../../protocol/error.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { openHttpPage } from '../bridge/http/http-port-fixture.ts';
import { errorMatching } from '../matchers.ts';

/** How chunks come: not at all, or they are still under way. */
const chunks = vi.hoisted(() => ({ load: async (): Promise<void> => {} }));
vi.mock('../../client/faults.ts', async (original) => chunks.load().then(original));
vi.mock('../../client/updates.ts', async (original) => chunks.load().then(original));
vi.mock('../../client/value-chunks.ts', async (original) => chunks.load().then(original));
vi.mock('../../renderer-api/http/http-client.ts', async (original) => chunks.load().then(original));

const expectedLoss = (part: string) =>
  errorMatching('DISCONNECTED', new RegExp(`The part "${part}" .* can.t be loaded \\(.+\\).*CSP.*one file`));
const large = new Uint8Array(3 * 2 ** 20).fill(7);
const createStream = (bytes: Uint8Array) => new Response(bytes as Uint8Array<ArrayBuffer>).body!;

beforeEach(() => {
  vi.resetModules();
});
afterEach(() => {
  chunks.load = async () => {};
});

describe('chunks', () => {
  describe('that can’t be loaded', () => {
    beforeEach(() => {
      chunks.load = async () => {
        throw new TypeError('Failed to fetch dynamically imported module: app://page/assets/chunk-4711.js');
      };
    });

    it('are named in the errors of the calls that need them; stored items stay, and other calls go on', async () => {
      using bridge = openBridge();
      const api = bridge.diskCache.cache('api');
      await api.set('large', 'small');
      const onError = vi.fn();
      api.subscribe(() => {}, { onError });
      const [written] = await Promise.allSettled([api.set('large', large), api.set('k', 1)]);
      expect(written).toMatchObject({ status: 'rejected', reason: expectedLoss('streams') });
      await vi.waitFor(() => expect(onError).toHaveBeenCalledExactlyOnceWith(expectedLoss('subscriptions')));
      expect([await api.get('large'), await api.get('k')]).toEqual(['small', 1]);
      await expect(api.openReadStream('large')).rejects.toEqual(expectedLoss('streams'));
      await expect(api.writeStream('s', createStream(large))).rejects.toEqual(expectedLoss('streams'));
      expect(await api.openReadStream('none')).toBeUndefined();
      bridge.cacheInMain('api').set('huge', new Uint8Array(80 * 2 ** 20));
      await expect(api.get('huge')).rejects.toEqual(expectedLoss('streams'));
      // Nothing of them stays open in the main process, and nothing half-written.
      await vi.waitFor(() => expect(bridge.sessions.map(({ streams }) => streams)).toEqual([0]));
      expect([await api.get('large'), await api.has('s')]).toEqual(['small', false]);
    });

    it('of faults leave a message that says less, and the order of the calls', async () => {
      using bridge = openBridge();
      const api = bridge.diskCache.cache('api');
      const results = await Promise.allSettled([
        api.set('a', 1),
        api.set('b', { user: () => 1 } as never),
        api.setMany([
          ['c', 1],
          ['d', (() => 1) as never],
        ]),
        api.get(Symbol('key') as never),
        api.get('a'),
      ]);
      const refused = (code: 'BAD_KEY' | 'BAD_VALUE', message: RegExp) => ({
        status: 'rejected',
        reason: errorMatching(code, message),
      });
      expect(results).toEqual([
        { status: 'fulfilled', value: undefined },
        refused('BAD_VALUE', /^value has a part that can't be sent, such as a function$/),
        refused('BAD_VALUE', /^entries\[1\]: value has a part that can't be sent/),
        refused('BAD_KEY', /^key has a part that can't be sent/),
        { status: 'fulfilled', value: 1 },
      ]);
    });

    it('of HTTP are named by each of its calls', async () => {
      using page = openHttpPage({ fetch: () => new Response('x') });
      const { diskCache } = page;
      const onError = vi.fn();
      diskCache.connection.subscribe(() => {}, { onError });
      for (const call of [
        diskCache.fetch('https://a.example/'),
        diskCache.caches.open('v1'),
        diskCache.caches.match('https://a.example/'),
        diskCache.connection.online,
        diskCache.connection.goOffline(),
      ]) {
        await expect(call).rejects.toEqual(expectedLoss('http'));
      }
      expect(onError).toHaveBeenCalledExactlyOnceWith(expectedLoss('http'));
    });
  });

  describe('that are on their way', () => {
    let come: () => void;
    beforeEach(() => {
      const coming = new Promise<void>((resolve) => {
        come = resolve;
      });
      chunks.load = () => coming;
    });

    it('keep nothing waiting that is given up', async () => {
      using page = openHttpPage({ fetch: () => new Response('x') });
      const { diskCache } = page;
      const leaving = new AbortController();
      const aborted = diskCache.fetch('https://a.example/', { signal: leaving.signal });
      leaving.abort(new Error('no more'));
      await expect(aborted).rejects.toThrow('no more');
      const calls = [diskCache.fetch('https://a.example/'), diskCache.caches.keys(), diskCache.connection.online];
      diskCache.disconnect('gone');
      for (const call of calls) await expect(call).rejects.toEqual(errorMatching('DISCONNECTED', 'gone'));
      come();
      expect(await (await diskCache.fetch('https://a.example/')).text()).toBe('x');
      expect(page.sessions.length).toBe(1);
    });

    it('change no order: a subscription receives the write of the same turn, and the calls on a store run one after the other', async () => {
      using bridge = openBridge();
      const api = bridge.diskCache.cache('api');
      await api.set('stays', 1);
      const heard: unknown[] = [];
      api.subscribe((change) => heard.push(change));
      const written = api.set('k', large);
      const before = api.has('k');
      const deleted = api.delete('k');
      const after = api.has('k');
      setTimeout(come, 50);
      await written;
      expect([await before, await deleted, await after]).toEqual([true, true, false]);
      await vi.waitFor(() =>
        expect(heard).toEqual([
          { kind: 'set', key: 'k' },
          { kind: 'delete', key: 'k' },
        ]),
      );
    });

    it('open no stream late: an item deleted afterwards in the same turn is still read', async () => {
      using bridge = openBridge();
      const api = bridge.diskCache.cache('api');
      await api.set('k', new Uint8Array([1, 2, 3]));
      const opened = api.openReadStream('k');
      const deleted = api.delete('k');
      await deleted;
      come();
      expect(new Uint8Array(await new Response(await opened).arrayBuffer())).toEqual(new Uint8Array([1, 2, 3]));
    });

    it('are not waited for by a stream whose connection ends', async () => {
      using bridge = openBridge();
      const api = bridge.diskCache.cache('api');
      await api.set('k', 1);
      const writing = api.writeStream('s', createStream(large)).catch((error: DiskCacheError) => error);
      await api.get('k');
      bridge.diskCache.disconnect('gone');
      expect(await writing).toEqual(errorMatching('DISCONNECTED'));
      come();
    });
  });
});
