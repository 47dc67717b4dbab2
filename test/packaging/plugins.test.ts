import { existsSync, globSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILD_TOOLS, pluginOf } from './build-tools.ts';
import { type InstalledApp, installApp } from './installed-app.ts';
import { runMain } from './run-main.ts';

const MAIN = readFileSync(join(import.meta.dirname, 'bundled-main.js'), 'utf8');

let app: InstalledApp;
beforeAll(() => {
  app = installApp();
  app.write({ 'main.js': MAIN, 'package.json': '{ "type": "module" }', 'lazy.js': "await import('./main.js');" });
}, 60_000);
afterAll(() => app.remove());

describe.each(['rolldown', 'esbuild', 'webpack'])('the plugin of %s', (tool) => {
  const build = (output: string, more: object) =>
    BUILD_TOOLS[tool]!({ folder: app.folder, output: `${tool}-${output}`, format: 'cjs', plugin: {}, ...more });

  it('copies the native files of the platforms that are asked for', async () => {
    await build('universal', { plugin: { platforms: ['darwin-x64', 'darwin-arm64'] } });
    const natives = globSync('**/*.node', { cwd: join(app.folder, `${tool}-universal`) });
    expect(natives.map((path) => path.split(/[\\/]/).at(-1)).sort()).toEqual(['darwin-arm64.node', 'darwin-x64.node']);
  });

  it('fails the build for a platform there is no native file for', async () => {
    await expect(build('nowhere', { plugin: { platforms: ['beos-x64'] } })).rejects.toThrow(/beos-x64.*linux-x64/s);
  });

  it.each([
    [{ platform: ['linux-x64'] }, /"platform" is no option here; there is platforms/],
    [{ platforms: 'linux-x64' }, /platforms is "linux-x64"; it has to be an array, such as \['linux-x64'\]/],
    [{ platforms: [] }, /platforms is empty/],
  ])('refuses the options %j', async (plugin, said) => {
    await expect(build('misspelt', { plugin })).rejects.toThrow(said);
  });

  it('copies nothing where deskcache stays external', async () => {
    await build('external', { external: ['deskcache', 'deskcache/main'] });
    expect(existsSync(join(app.folder, `${tool}-external`, 'main.js'))).toBe(true);
    expect(existsSync(join(app.folder, `${tool}-external`, 'deskcache'))).toBe(false);
  });

  it('leaves a file alone that is the same already: the running application may have it loaded', async () => {
    await build('again', {});
    const [native] = globSync('**/*.node', { cwd: join(app.folder, `${tool}-again`) });
    const path = join(app.folder, `${tool}-again`, native!);
    const { ino } = statSync(path);
    utimesSync(path, 1, 1);
    await build('again', {});
    expect(statSync(path)).toMatchObject({ ino, mtimeMs: 1000 });
  });
});

it('esbuild with write: false gets the files among its output', async () => {
  const { deskcache } = await pluginOf(app.folder, 'esbuild');
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
  const { deskcache } = await pluginOf(app.folder, 'vite');
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
  const ran = await runMain(join(app.ship('chunked'), 'entry.mjs'), { PLACEMENT: 'utility' });
  expect(ran).toMatchObject({ printed: { preload: true } });
});
