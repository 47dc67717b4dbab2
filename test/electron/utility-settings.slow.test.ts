import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { RemoteSettings } from '../../client/remote-settings.ts';
import { serializeStores } from '../../main/electron/utility/engine-messages.ts';
import { Settings } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { stores } from './settings-with-functions.ts';
import { openUtilityHost } from './utility-fixture.ts';

type AppSettings = ReturnType<Settings<{ theme: string; zoom: number }>['all']>;

vi.mock('electron', () => import('./utility-double.ts'));

it('settings with a schema and migrations need storesModule for a utility process', () => {
  expect(() => serializeStores(stores, undefined)).toThrow(errorMatching('BAD_OPTION', /"app".*storesModule/));
});

it('settings are in a utility process: migrated and validated there, with `now` in the main process and in pages', async () => {
  const directory = freshDirectory();
  using old = new Settings<AppSettings>(join(directory, 'app'), { defaults: { theme: 'light', zoom: 1 }, version: 1 });
  old.set('theme', 'dark');
  old.close();
  await using host = await openUtilityHost({
    directory,
    stores,
    storesModule: new URL('./settings-with-functions.ts', import.meta.url),
  });
  const inMain = host.own.stores['app'] as unknown as RemoteSettings<AppSettings>;
  const inPage = host.open('main').page().settings<AppSettings>('app');
  await Promise.all([inMain.load(), inPage.load()]);
  expect([inMain.now, inPage.now]).toEqual(Array(2).fill({ theme: 'migrated dark', zoom: 1 }));
  await expect(inMain.set('zoom', -1)).rejects.toEqual(errorMatching('BAD_VALUE', /zoom/));
  await inPage.set('zoom', 2);
  expect(inPage.now.zoom).toBe(2);
  await vi.waitFor(() => expect(inMain.now.zoom).toBe(2));
});
