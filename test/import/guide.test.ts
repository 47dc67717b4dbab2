import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import * as importing from '../../main/import/index.ts';
import { testHost } from '../../main/testing/index.ts';
import * as shared from '../../protocol/index.ts';
import { adopt } from '../../renderer-api/adopt.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { FIXTURES } from './python-value.ts';

const GUIDE = 'docs/guide-moving-in.md';
const modules = { deskcache: shared, 'deskcache/engine': engine, 'deskcache/import': importing };

it('the declaration of the guide moves the file of an electron-store', async () => {
  const { stores } = (await runExample(GUIDE, 'declare', { modules, returns: ['stores'] })) as {
    readonly stores: shared.StoreDeclarations;
  };
  const directory = freshDirectory();
  writeFileSync(join(directory, 'config.json'), '{ "theme": "dark", "editor": { "fontSize": 15 } }');
  await using t = await testHost({ stores, directory });
  const { preferences } = t.host.stores as { readonly preferences: engine.Settings };
  expect(preferences.all()).toEqual({ theme: 'dark', editor: { fontSize: 15, font: 'Iosevka' } });
});

it('the class of the guide moves it, too', async () => {
  const directory = freshDirectory();
  const oldFile = join(directory, 'config.json');
  writeFileSync(oldFile, '{ "theme": "dark" }');
  const scope = { directory: join(directory, 'store'), oldFile };
  expect(await runExample(GUIDE, 'from', { modules, scope, returns: ['theme'] })).toEqual({ theme: 'dark' });
});

it('the page of the guide adopts its localStorage', async () => {
  const stores = shared.defineStores({ preferences: shared.settings({ defaults: { theme: 'light' } }) });
  await using t = await testHost({ stores });
  const localStorage = { length: 1, key: () => 'theme', getItem: () => 'dark' };
  const console = { log: vi.fn(), warn: vi.fn() };
  const renderer = { adopt, diskCache: t.page() };
  await runExample(GUIDE, 'adopt', { modules: { 'deskcache/renderer': renderer }, scope: { localStorage, console } });
  expect(t.host.stores.preferences.get('theme')).toBe('dark');
  expect(console.log.mock.calls).toEqual([['1 of 1, last theme']]);
});

it('the import of the guide reads a directory of Python', async () => {
  const console = { log: vi.fn(), warn: vi.fn() };
  const scope = { directory: freshDirectory(), pythonDirectory: join(FIXTURES, 'index'), console };
  const returns = ['imported', 'existing', 'expired'];
  expect(await runExample(GUIDE, 'import', { modules, scope, returns })).toEqual({
    imported: 3,
    existing: 0,
    expired: 0,
  });
});
