import { describe, expect, it, vi } from 'vitest';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, index } from '../../protocol/stores.ts';
import { openBridge } from './bridge-fixture.ts';

const stores = { api: cache(), settings: index(), outbox: deque() };
const disconnected = new DiskCacheError('DISCONNECTED', 'The page is being replaced by another');

describe('pages that come and go', () => {
  it('leave nothing behind: no subscription, no lease, no change log, no stream, no timer', {
    timeout: 30_000,
  }, async () => {
    using bridge = openBridge({ stores });
    const stops = ['api', 'settings', 'outbox'].map((name) => {
      const store = bridge.registry.get(name);
      const counted = { open: 0 };
      const subscribe = store.subscribe.bind(store) as (...args: unknown[]) => () => void;
      vi.spyOn(store, 'subscribe').mockImplementation(((...args: unknown[]) => {
        counted.open++;
        const stop = subscribe(...args);
        return () => {
          counted.open--;
          stop();
        };
      }) as never);
      return counted;
    });
    const timers = () => process.getActiveResourcesInfo().filter((it) => it === 'Timeout' || it === 'Immediate').length;
    const before = timers();
    const large = new Uint8Array(1_200_000);
    bridge.cacheInMain('api').set('large', large);
    async function* endless() {
      yield large;
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield large;
    }
    for (let round = 0; round < 100; round++) {
      const page = bridge.anotherPage();
      page.nearCache('api');
      page.cache('api').subscribe(() => {}, { onError: () => {} });
      page.index('settings').subscribe(() => {}, { prefix: 'a', onError: () => {} });
      page.deque('outbox').subscribe(() => {}, { onError: () => {} });
      await Promise.all([
        page.cache('api').get('k'),
        page.cache('api').set('k', round),
        page.deque('outbox').push(round),
      ]);
      await page.cache('api').openReadStream('large');
      const writing = page.cache('api').writeStream('stream', endless());
      await vi.waitFor(() => expect(bridge.sessions.at(-1)!.streams).toBe(2), { interval: 1 });
      const unanswered = Promise.allSettled([
        page.cache('api').get('k'),
        page.index('settings').set('a', round),
        page.cache('api').set('large', large),
        writing,
      ]);
      // Half of them are left, half are ended by the main process.
      if (round % 2) page.disconnect();
      bridge.sessions.at(-1)!.close(disconnected);
      if (round % 2 === 0) page.disconnect();
      await unanswered;
    }
    await vi.waitFor(() => expect(stops.map(({ open }) => open)).toEqual([0, 0, 0]));
    for (const session of bridge.sessions) expect([session.subscriptions, session.streams]).toEqual([0, 0]);
    await vi.waitFor(() => expect(bridge.cacheInMain('api').check()).toEqual([]));
    expect(bridge.lobby.nearCacheLeases.size).toBe(0);
    expect(timers()).toBeLessThanOrEqual(before + 3);
    await bridge.diskCache.cache('api').set('k', 'after all');
    expect(await bridge.diskCache.cache('api').get('k')).toBe('after all');
  });
});
