import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type DamageReport, type HostOptions, openDiskCache } from '../../main/index.ts';
import { cache, defineStores, index } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const electron = vi.hoisted(() => ({ app: {} as EventEmitter }));
vi.mock('electron', () => ({ app: electron.app, net: {}, protocol: { isProtocolHandled: () => false } }));
Object.assign(electron.app, new EventEmitter(), {
  whenReady: async () => {},
  isPackaged: true,
  getPath: () => directory,
  hasSingleInstanceLock: () => true,
});
Object.setPrototypeOf(electron.app, EventEmitter.prototype);

const stores = defineStores({ api: cache<string, number>(), notes: index<string, number>() });

let directory: string;

beforeEach(() => {
  directory = freshDirectory();
});

const open = (options: Partial<HostOptions<typeof stores, 'main'>> = {}) =>
  openDiskCache({ stores, directory, ...options });

const spoil = (...folders: string[]): void =>
  writeFileSync(join(directory, ...folders, 'cache.db'), 'garbage '.repeat(2000));

async function fill(): Promise<void> {
  const host = await open();
  host.stores.api.set('a', 1);
  host.stores.notes.set('a', 1);
  host.queue('mail').enqueue('job');
  await host.caches.has('v1');
  await host.close();
}

describe('openDiskCache with damaged stores', () => {
  it('tells of nothing where nothing is damaged', async () => {
    await fill();
    const onDamaged = vi.fn();
    const host = await open({ onDamaged });
    host.queue('mail');
    expect(host.damage).toEqual([]);
    expect(onDamaged).not.toHaveBeenCalled();
    await host.close();
  });

  it('opens, and tells what happened to each store: at the start, and when a queue or the CacheStorage is opened', async () => {
    await fill();
    for (const store of [['api'], ['notes'], ['_queues', 'mail'], ['_caches']]) spoil(...store);
    const told: DamageReport[] = [];
    const published: unknown[] = [];
    const onMessage = (message: unknown) => void published.push(message);
    subscribe('deskcache:damage', onMessage);
    const host = await open({ onDamaged: (report) => told.push(report) });
    expect(host.damage).toMatchObject([
      { store: 'api', kind: 'cache', outcome: 'set-aside' },
      { store: 'notes', kind: 'index', outcome: 'restored' },
    ]);
    expect(host.queue('mail').counts()).toMatchObject({ ready: 0 });
    expect(await host.caches.has('v1')).toBe(false);
    expect(host.damage.slice(2)).toMatchObject([
      { store: '_queues/mail', kind: 'queue', outcome: 'restored' },
      { store: '_caches', kind: 'cache', outcome: 'set-aside' },
    ]);
    expect(told).toEqual(host.damage);
    expect(published).toEqual(told.map(({ store, outcome }) => ({ store, outcome, items: 0 })));
    unsubscribe('deskcache:damage', onMessage);
    await host.close();
  });

  it('opens also where the application’s listener throws, which becomes a warning', async () => {
    await fill();
    spoil('api');
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const host = await open({
      onDamaged: () => {
        throw new Error('of the application');
      },
    });
    expect((await warned).message).toContain('onDamaged');
    expect(host.stores.api.get('a')).toBeUndefined();
    await host.close();
  });

  it('rejects with CORRUPT where the option says so, and with BAD_OPTION for another value of it', async () => {
    await fill();
    spoil('notes');
    await expect(open({ onDamage: 'refuse' })).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(open({ onDamage: 'repair' as never })).rejects.toMatchObject({ code: 'BAD_OPTION' });
    await expect(open({ onDamaged: 'log' as never })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});
