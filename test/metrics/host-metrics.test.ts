import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { type HostOptions, openDiskCache } from '../../main/index.ts';
import { cache, defineStores } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const electron = vi.hoisted(() => ({ app: {} as EventEmitter }));
vi.mock('electron', () => ({ app: electron.app, net: {}, protocol: { isProtocolHandled: () => false } }));
Object.assign(electron.app, new EventEmitter(), {
  whenReady: async () => {},
  isPackaged: true,
  hasSingleInstanceLock: () => true,
});
Object.setPrototypeOf(electron.app, EventEmitter.prototype);

const stores = defineStores({ api: cache<string, number>() });

const open = (options: Partial<HostOptions<typeof stores, 'main'>> = {}) =>
  openDiskCache({ stores, directory: freshDirectory(), exclusive: false, ...options });

const isListenedTo = () => channel('deskcache:transaction').hasSubscribers;

it('a host counts from the first call of metrics() on, with its HTTP caches and queues, until it is closed', async () => {
  const host = await open();
  host.stores.api.set('a', 1);
  expect(isListenedTo()).toBe(false);
  expect((await host.metrics()).main.stores['api']).toMatchObject({
    now: { items: 1 },
    transactions: { committed: 0 },
  });
  host.stores.api.set('b', 1);
  host.queue<string>('Outbox').enqueue('send');
  await host.caches.open('v1');
  const { main, utility } = await host.metrics();
  expect(main.stores['api']).toMatchObject({ now: { items: 2 }, transactions: { committed: 1 } });
  expect(main.queues).toMatchObject({ outbox: { enqueued: 1, now: { ready: 1 } } });
  expect(Object.keys(main.stores)).toContain('_caches');
  expect([main.pid, utility]).toEqual([process.pid, undefined]);
  await host.close();
  expect(isListenedTo()).toBe(false);
  await expect(host.metrics()).rejects.toMatchObject({ code: 'CLOSED' });
});

it('a host with metrics: true counts from the start', async () => {
  const host = await open({ metrics: true });
  host.stores.api.set('a', 1);
  expect((await host.metrics()).main.stores['api']!.transactions.committed).toBe(1);
  await host.close();
});

it('slowCallWarningMs listens to calls only, until the host is closed, and is a time', async () => {
  const host = await open({ slowCallWarningMs: 16.7 });
  expect([channel('deskcache:call').hasSubscribers, isListenedTo()]).toEqual([true, false]);
  await host.close();
  expect(channel('deskcache:call').hasSubscribers).toBe(false);
  for (const slowCallWarningMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '16' as never]) {
    await expect(open({ slowCallWarningMs })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('give a number of milliseconds above 0'),
    });
  }
});
