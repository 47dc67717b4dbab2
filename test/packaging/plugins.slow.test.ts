import { existsSync, globSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLERS, importPlugin } from './bundlers.ts';
import { type InstalledApp, installApp } from './installed-app.ts';
import { getExpected, runMain } from './run-main.ts';

const PLATFORM = `${process.platform}-${process.arch}`;
const OTHER_PLATFORM = process.platform === 'darwin' ? 'win32-x64' : 'darwin-x64';

let app: InstalledApp;
beforeAll(async () => {
  app = await installApp();
  app.write({ 'package.json': '{ "type": "module" }', 'lazy.js': "await import('./main.js');" });
});
afterAll(() => app.remove());

describe.each(['rolldown', 'esbuild', 'webpack'] as const)('the plugin of %s', (tool) => {
  const build = (output: string, more: object) =>
    BUNDLERS[tool]({ folder: app.folder, output: `${tool}-${output}`, format: 'cjs', plugin: {}, ...more });

  it('copies the native files of the requested platforms', async () => {
    await build('universal', { plugin: { platforms: ['darwin-x64', 'darwin-arm64'] } });
    const natives = globSync('**/*.node', { cwd: join(app.folder, `${tool}-universal`) });
    expect(natives.map((path) => path.split(/[\\/]/).at(-1)).sort()).toEqual(['darwin-arm64.node', 'darwin-x64.node']);
  });

  it('fails the build for a platform without a native file', async () => {
    await expect(build('nowhere', { plugin: { platforms: ['beos-x64'] } })).rejects.toThrow(/beos-x64.*linux-x64/s);
  });

  it.each([
    [{ platform: ['linux-x64'] }, /unknown option "platform"; valid options: platforms/],
    [{ platforms: 'linux-x64' }, /platforms is "linux-x64"; it has to be an array, such as \['linux-x64'\]/],
    [{ platforms: [] }, /platforms is empty/],
    [{ inspector: 'yes' }, /inspector is "yes"; it has to be true or false/],
  ])('refuses the options %j', async (plugin, said) => {
    await expect(build('misspelt', { plugin })).rejects.toThrow(said);
  });

  it('copies the inspector if asked; otherwise nothing of it is in the bundle or beside it', async () => {
    const inspector = 'deskcache/inspector';
    await build('inspecting', { plugin: { inspector: true } });
    const files = globSync('*', { cwd: join(app.folder, `${tool}-inspecting`, inspector) });
    expect(files).toEqual(expect.arrayContaining(['index.html', 'page.css', 'page.js', 'server.cjs']));
    await build('plain', {});
    const plain = join(app.folder, `${tool}-plain`);
    expect(existsSync(join(plain, inspector))).toBe(false);
    const bundled = globSync('**/*.js', { cwd: plain }).map((path) => readFileSync(join(plain, path), 'utf8'));
    expect(bundled.some((text) => text.includes('openInspector'))).toBe(true);
    // The header that the inspector's page and server share.
    expect(bundled.filter((text) => text.includes('x-deskcache-proof'))).toEqual([]);
  });

  it('copies nothing if deskcache is external', async () => {
    await build('external', { external: ['deskcache', 'deskcache/main'] });
    expect(existsSync(join(app.folder, `${tool}-external`, 'main.js'))).toBe(true);
    expect(existsSync(join(app.folder, `${tool}-external`, 'deskcache'))).toBe(false);
  });

  it('leaves an identical file alone, because the running application may have it loaded', async () => {
    await build('again', {});
    const [native] = globSync('**/*.node', { cwd: join(app.folder, `${tool}-again`) });
    const path = join(app.folder, `${tool}-again`, native!);
    const { ino } = statSync(path);
    utimesSync(path, 1, 1);
    await build('again', {});
    expect(statSync(path)).toMatchObject({ ino, mtimeMs: 1000 });
  });
});

it('a native file for another platform fails with an error that names the option to set', async () => {
  const plugin = { platforms: [OTHER_PLATFORM] };
  await BUNDLERS.rolldown({ folder: app.folder, output: 'foreign', format: 'cjs', plugin });
  app.write({ 'foreign/package.json': '{ "type": "commonjs" }' });
  const { main } = await runMain(join(app.ship('foreign'), 'main.js'), ['main']);
  expect(main).toMatchObject({ code: 'BAD_OPTION' });
  expect(main?.message).toContain(`no native file for ${PLATFORM}`);
  expect(main?.message).toContain(`{ platforms: ['${PLATFORM}'] }`);
});

it('esbuild with write: false returns the files in its output', async () => {
  const { deskcache } = await importPlugin(app.folder, 'esbuild');
  const { outputFiles } = await esbuild({
    entryPoints: [join(app.folder, 'main.js')],
    outdir: join(app.folder, 'unwritten'),
    bundle: true,
    write: false,
    platform: 'node',
    plugins: [deskcache!({})],
  });
  expect(outputFiles.map(({ path }) => path)).toContain(join(app.folder, 'unwritten', 'deskcache', 'utility.cjs'));
  expect(existsSync(join(app.folder, 'unwritten'))).toBe(false);
});

it('files beside the entry are found from a chunk in a folder below it', async () => {
  const { deskcache } = await importPlugin(app.folder, 'vite');
  const built = await rolldown({
    input: { entry: join(app.folder, 'lazy.js') },
    platform: 'node',
    plugins: [deskcache!({})],
  });
  await built.write({
    dir: join(app.folder, 'chunked'),
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: 'chunks/[name].mjs',
  });
  expect(existsSync(join(app.folder, 'chunked', 'chunks'))).toBe(true);
  const { utility } = await runMain(join(app.ship('chunked'), 'entry.mjs'), ['utility']);
  expect(utility).toEqual(getExpected('utility'));
});
