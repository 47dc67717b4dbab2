import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createPackageWithOptions, listPackage } from '@electron/asar';
import type { ForgeConfig } from '@electron-forge/shared-types';
import { expect, it, onTestFinished } from 'vitest';

const NATIVE = '.vite/build/deskcache/better-sqlite3/prebuilds/linux-x64.node';
const FILES = [
  'package.json',
  '.vite/build/index.cjs',
  '.vite/build/deskcache/preload.cjs',
  '.vite/build/deskcache/preload-ready.cjs',
  '.vite/build/deskcache/utility.cjs',
  '.vite/build/deskcache/worker.cjs',
  NATIVE,
];

it('the native file of SQLite is the one file that the Forge template leaves outside the archive', async () => {
  const path = '../../templates/forge-vite/forge.config.ts';
  const { default: config } = (await import(path)) as { default: ForgeConfig };
  const asar = config.packagerConfig?.asar;
  expect(asar).toBeTypeOf('object');

  const folder = mkdtempSync(join(tmpdir(), 'deskcache-asar-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of FILES) {
    mkdirSync(dirname(join(folder, 'app', file)), { recursive: true });
    writeFileSync(join(folder, 'app', file), '');
  }
  const archive = join(folder, 'app.asar');
  await createPackageWithOptions(join(folder, 'app'), archive, asar as object);

  const unpacked = readdirSync(`${archive}.unpacked`, { recursive: true, encoding: 'utf8' });
  const outside = unpacked.filter((name) => /\.\w+$/.test(name) && !name.endsWith('.vite'));
  expect(outside.map((name) => name.replaceAll('\\', '/'))).toEqual([NATIVE]);
  expect(listPackage(archive, { isPack: false })).toHaveLength(FILES.length + dirname(NATIVE).split('/').length);
});
