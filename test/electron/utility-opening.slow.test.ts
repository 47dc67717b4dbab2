import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RemoteCache, RemoteIndex } from '../../client/remote.ts';
import type { RemoteSettings } from '../../client/remote-settings.ts';
import { DamageGuard } from '../../main/damage/damage-guard.ts';
import type { DamageReport } from '../../main/damage/report.ts';
import { Cache, Index } from '../../main/engine/index.ts';
import { placeEngine } from '../../main/engine-placement.ts';
import { electronStore } from '../../protocol/move-source.ts';
import { cache, deque, fanout, index, settings } from '../../protocol/stores.ts';
import { hostileMessage } from '../bridge/hostile-messages.ts';
import { corruptPages, getLeafPages } from '../engine/damaged-file.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { stores as withFunctions } from './stores-with-functions.ts';
import { crash, started } from './utility-double.ts';
import { openUtilityHost, toOutcomes, UTILITY_ENTRY } from './utility-fixture.ts';

vi.mock('electron', () => import('./utility-double.ts'));

const MODULE = new URL('./stores-with-functions.ts', import.meta.url);

beforeEach(() => {
  started.length = 0;
});

function getPaths(utilityPath: string) {
  const userData = freshDirectory();
  return { directory: join(userData, 'deskcache'), userData, utilityPath };
}

describe('opening and closing a utility process', () => {
  it('rejects with the error of opening a store, and leaves no process', async () => {
    const directory = freshDirectory();
    const holder = new Cache(`${directory}/api`, { exclusive: true });
    await expect(openUtilityHost({ directory, stores: { api: cache({ timeout: 50 }) } })).rejects.toMatchObject({
      code: 'BUSY',
    });
    holder.close();
    await using host = await openUtilityHost({ directory });
    expect(await host.api.get('k')).toBeUndefined();
    expect(started.length).toBe(2);
  });

  it('moves files of the application into settings, where paths start at its userData', async () => {
    const paths = getPaths(UTILITY_ENTRY);
    writeFileSync(join(paths.userData, 'config.json'), '{ "theme": "dark" }');
    const stores = { preferences: settings({ defaults: { theme: 'light' }, from: electronStore() }) };
    const host = await placeEngine(paths, { stores, placement: 'utility' });
    const { preferences } = host.stores as { readonly preferences: RemoteSettings };
    expect(await preferences.get(['theme'])).toBe('dark');
    await host.close();
  });

  it('repairs damaged stores, and tells main of it before the host is open, and of damage that a call meets', async () => {
    const paths = getPaths(UTILITY_ENTRY);
    for (const name of ['api', 'notes']) {
      const filled = name === 'api' ? new Cache(join(paths.directory, name)) : new Index(join(paths.directory, name));
      filled.set('a', 1);
      filled.close();
      writeFileSync(join(paths.directory, name, 'cache.db'), 'garbage '.repeat(2000));
    }
    const intact = new Index<number, string>(join(paths.directory, 'intact'));
    for (let n = 0; n < 300; n++) intact.set(n, 'x'.repeat(200));
    intact.close();
    corruptPages(join(paths.directory, 'intact'), [getLeafPages(join(paths.directory, 'intact'), 'entry')[3]!]);
    const told: DamageReport[] = [];
    const damage = new DamageGuard(paths.directory, { onDamaged: (report) => told.push(report) });
    const stores = { api: cache({ onDamage: 'set-aside' }), notes: index(), intact: index() };
    const host = await placeEngine(paths, { stores, placement: 'utility', damage });
    expect(told).toMatchObject([
      { store: 'api', outcome: 'set-aside' },
      { store: 'notes', outcome: 'restored' },
    ]);
    const { intact: remote } = host.stores as { readonly intact: RemoteIndex };
    await expect(remote.getMany(Array.from({ length: 300 }, (_, n) => n))).rejects.toMatchObject({ code: 'CORRUPT' });
    await vi.waitFor(() => expect(told[2]).toMatchObject({ store: 'intact', outcome: 'noticed' }));
    expect(damage.reports).toEqual(told);
    await host.close();
  });

  it('settles open calls when it is closed, and keeps resolved writes', async () => {
    const host = await openUtilityHost();
    const page = host.open('main').page();
    const api = page.cache('api');
    await api.set('connected', 1);
    const writes = Promise.allSettled(Array.from({ length: 300 }, (_, n) => api.set(n, n)));
    const own = Promise.allSettled([host.api.set('own', 1)]);
    await Promise.resolve();
    host.own.close();
    await host.engine.close();
    const fates = toOutcomes(await writes);
    expect(fates.every((fate) => fate === undefined || fate === 'CLOSED' || fate === 'DISCONNECTED')).toBe(true);
    expect(toOutcomes(await own)).toEqual(['DISCONNECTED']);
    await expect(api.get('k')).rejects.toMatchObject({ code: 'CLOSED' });
    using again = new Cache(`${host.directory}/api`, { exclusive: true });
    for (const [n, fate] of fates.entries()) if (fate === undefined) expect(again.get(n)).toBe(n);
    page.disconnect();
  });

  it('can be closed twice at the same time, and before a process has come back', async () => {
    const host = await openUtilityHost();
    await Promise.all([host.engine.close(), host.engine.close()]);
    const another = await openUtilityHost();
    const page = another.open('main').page();
    await crash();
    const read = page.cache('api').get('k');
    await another.engine.close();
    await expect(read).rejects.toMatchObject({ code: 'CLOSED' });
    expect(started.length).toBe(2);
  });

  it('refuses a grant that can’t be sent to it, and continues', async () => {
    await using host = await openUtilityHost();
    expect(() => host.rawPort({ stores: { api: (() => 'read') as never } })).toThrow(errorMatching('BAD_OPTION'));
    await crash();
    expect(await host.api.get('k')).toBeUndefined();
  });

  it('withstands messages of a hostile page', async () => {
    await using host = await openUtilityHost();
    const port = host.rawPort({ stores: { api: 'write', settings: 'write', outbox: 'write' } });
    port.start();
    const inner = host.rawPort();
    const orders = [{ order: 'close' }, { order: 'open' }, { report: 'opened' }, { report: 'failed' }];
    for (const message of [...orders, ...fc.sample(hostileMessage, { numRuns: 5000, seed: 1 })]) {
      try {
        port.postMessage(message);
      } catch (error) {
        // What can't be cloned doesn't leave the page.
        expect(String(error)).toContain('could not be cloned');
      }
    }
    port.postMessage('with a port', [inner]);
    await host.api.set('k', 1);
    expect(await host.api.get('k')).toBe(1);
    expect(started.length).toBe(1);
    port.close();
  });
});

describe('declarations for a utility process', () => {
  it('are imported there from storesModule, with their functions', async () => {
    const directory = freshDirectory();
    {
      await using older = await openUtilityHost({ directory, stores: { counts: index(), api: cache() } });
      await (older.own.stores['counts'] as unknown as RemoteIndex<string, unknown>).set('a', 1);
    }
    await using host = await openUtilityHost({ directory, stores: withFunctions, storesModule: MODULE });
    const counts = host.own.stores['counts'] as unknown as RemoteIndex<string, unknown>;
    expect(await counts.get('migrated from')).toBe(1);
    await expect(counts.set('a', 'text')).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await crash();
    await expect(counts.set('a', 'text')).rejects.toMatchObject({ code: expect.stringMatching(/BAD_VALUE|DISC/) });
    expect(await counts.get('a')).toBe(1);
  });

  it('with a function and no module are refused, naming store and option', async () => {
    await expect(openUtilityHost({ stores: withFunctions })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/"counts".*migrate is a function.*storesModule/),
    });
    await expect(openUtilityHost({ stores: { api: cache({ clock: () => 0 }) } })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('clock is a function'),
    });
    expect(started.length).toBe(0);
  });

  it.each<[string, Parameters<typeof openUtilityHost>[0], RegExp]>([
    [
      'another kind',
      { stores: { counts: deque(), api: cache() }, storesModule: MODULE },
      /"counts" as index.*as deque/,
    ],
    ['a store too few', { stores: { api: cache() }, storesModule: MODULE }, /"counts" as index.*no "counts"/],
    [
      'a store too many',
      { stores: { ...withFunctions, more: fanout() }, storesModule: MODULE },
      /no "more".*as fanout/,
    ],
    ['no module', { storesModule: new URL('./nothing-here.ts', import.meta.url) }, /can't be imported/],
    [
      'a module without stores',
      { storesModule: new URL('./electron-double.ts', import.meta.url) },
      /exports no stores/,
    ],
    ['a relative path', { storesModule: './stores.js' }, /absolute path/],
  ])('of a module with %s are refused', async (_, options, message) => {
    await expect(openUtilityHost(options)).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(message),
    });
  });
});

describe('a host whose engine is in a utility process', () => {
  const stores = { api: cache(), settings: index(), alone: cache({ exclusive: true }) };

  it('opens served stores in the main process, and refuses those that can’t be opened twice', async () => {
    const host = await placeEngine(getPaths(UTILITY_ENTRY), { stores, placement: 'utility' });
    const { api } = host.stores as { api: RemoteCache };
    await api.set('k', 'served');
    const served = host.getAssetStores({}).stores as Record<string, Partial<Cache>>;
    expect(served['api']!.openBytes!('k')).toMatchObject({ size: 6 });
    expect([served['settings'], served['alone']]).toEqual([{}, {}]);
    expect(() => host.getAssetStores({ stores: ['alone'] })).toThrow(errorMatching('BAD_OPTION'));
    expect(host.getResponseStores('api')['api']).toBeInstanceOf(Cache);
    expect(host.getResponseStores('nowhere')).not.toHaveProperty('nowhere');
    expect(() => host.getResponseStores('alone')).toThrow(errorMatching('BAD_OPTION'));
    await host.close();
    await host.close();
  });

  it('has exclusive collections while the application holds the lock, and caches that can still be served', async () => {
    const paths = getPaths(UTILITY_ENTRY);
    const host = await placeEngine(paths, { stores, placement: 'utility', exclusive: 'collections' });
    const { api, settings } = host.stores as { api: RemoteCache; settings: RemoteIndex };
    await settings.set('theme', 'dark');
    expect(() => new Index(join(paths.directory, 'settings'), { timeout: 20 })).toThrow(errorMatching('BUSY'));
    await api.set('k', 'served');
    const served = host.getAssetStores({}).stores as Record<string, Partial<Cache>>;
    expect(served['api']!.openBytes!('k')).toMatchObject({ size: 6 });
    expect(host.getResponseStores('api')['api']).toBeInstanceOf(Cache);
    host.queue<string>('letters', undefined).enqueue('Dear Ada');
    await crash();
    await settings.set('theme', 'light');
    expect(await settings.get('theme')).toBe('light');
    expect(() => new Index(join(paths.directory, 'settings'), { timeout: 20 })).toThrow(errorMatching('BUSY'));
    await host.close();
    using again = new Index(join(paths.directory, 'settings'), { exclusive: true });
    expect(again.get('theme')).toBe('light');
  });

  it('has exclusive caches only if the application has chosen that, and then refuses to serve them', async () => {
    const paths = getPaths(UTILITY_ENTRY);
    const shared = { ...stores, shared: cache({ exclusive: false }) };
    const host = await placeEngine(paths, { stores: shared, placement: 'utility', exclusive: 'all' });
    expect(() => new Cache(join(paths.directory, 'api'), { timeout: 20 })).toThrow(errorMatching('BUSY'));
    expect(() => host.getAssetStores({ stores: ['api'] })).toThrow(errorMatching('BAD_OPTION', 'exclusive: false'));
    expect(() => host.getResponseStores('default')).toThrow(errorMatching('BAD_OPTION', 'exclusive: false'));
    expect(host.getResponseStores('shared')['shared']).toBeInstanceOf(Cache);
    expect(() => host.queue('letters', { exclusive: true })).toThrow(errorMatching('BAD_OPTION', 'utility process'));
    await host.close();
  });

  it('has its queues in the main process, with options that can be sent', async () => {
    const host = await placeEngine(getPaths(UTILITY_ENTRY), { stores: {}, placement: 'utility' });
    expect(() => host.queue('letters', { clock: () => 0 })).toThrow(errorMatching('BAD_OPTION'));
    host.queue<string>('letters', { lease: 1000 }).enqueue('Dear Ada');
    expect(host.queue('letters', undefined).counts().ready).toBe(1);
    await host.close();
  });

  it.each<[string, Parameters<typeof placeEngine>[1], string]>([
    ['another placement', { stores: {}, placement: 'nowhere' as never }, UTILITY_ENTRY],
    [
      'options of windows that can’t be sent',
      { stores: {}, placement: 'utility', windows: { clock: () => 0 } },
      UTILITY_ENTRY,
    ],
    ['a module that is not there', { stores: {}, placement: 'utility' }, '/nowhere/utility.js'],
  ])('is refused with %s before a process starts', async (_, options, path) => {
    await expect(placeEngine(getPaths(path), options)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    expect(started.length).toBe(0);
  });
});
