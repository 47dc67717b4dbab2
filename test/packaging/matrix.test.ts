/**
 * Which tools build a main process that has the library, in which module format, with the database in which process, run from where. The
 * tools are called as their users have them, and the result is printed as a table.
 *
 * `packaged` is what an installer takes along, in a folder without `node_modules` above it: the bundle alone, or, where deskcache stays
 * external, the bundle and `node_modules` as docs/guide-packaging.md has electron-builder pack them. That the same files run inside an
 * asar archive can't be shown here: only Electron reads one.
 */
import { cpSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, matchesGlob, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { runProgram } from '../../e2e/templates/packed-library.ts';
import { BUILD_TOOLS, type Format } from './build-tools.ts';
import { type InstalledApp, installApp } from './installed-app.ts';
import { runMain } from './run-main.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FORMATS = ['esm', 'cjs'] as const;
const PLACEMENTS = ['main', 'utility'] as const;
const LAYOUTS = ['development', 'packaged'] as const;

const SOURCE = `
import { readFileSync } from 'node:fs';
import { cache, defineStores } from 'deskcache';
import { DiskCacheError, openDiskCache } from 'deskcache/main';
import { app, session } from 'electron';

const placement = process.env.PLACEMENT;

app.whenReady().then(async () => {
  const host = await openDiskCache({ stores: defineStores({ notes: cache() }), placement });
  host.install(session.defaultSession);
  const [preload] = session.defaultSession.getPreloadScripts();
  const answer = host.stores.notes.set('a', { n: 1n });
  await answer;
  const fault = await Promise.resolve().then(() => host.stores.notes.get(() => {})).catch((error) => error);
  console.log(JSON.stringify({
    value: String((await host.stores.notes.get('a')).n),
    placement: answer instanceof Promise ? 'utility' : 'main',
    preload: readFileSync(preload.filePath, 'utf8').includes('ipcRenderer'),
    fault: fault instanceof DiskCacheError && fault.code,
  }));
  await host.close();
});
`;

interface Tool {
  /** Builds `main.js` of the application's folder. Returns the path of the result in its output folder. */
  readonly build: (app: InstalledApp, output: string, format: Format) => Promise<string>;
  /** Whether the installer has to take `node_modules` along. */
  readonly needsModules?: true;
  /** Default: both. */
  readonly formats?: readonly Format[];
}

const TOOLS: Readonly<Record<string, Tool>> = {
  'tsc, unbundled': { build: transpile, needsModules: true },
  'electron-vite, in dependencies': { build: buildByElectronVite, needsModules: true },
  'electron-vite, in devDependencies': { build: buildByElectronVite },
  'Forge with Vite': { build: buildByForge },
  esbuild: { build: bundleBy('esbuild') },
  'Forge with webpack': { build: buildByWebpackOfForge, formats: ['cjs'] },
  'webpack 5': { build: bundleBy('webpack') },
  rolldown: { build: bundleBy('rolldown') },
};

const isGreen = new Map<string, boolean>();
const cellName = (tool: string, ...rest: readonly string[]): string => [tool, ...rest].join(' · ');

let app: InstalledApp;
beforeAll(() => {
  app = installApp();
  app.write({ 'main.js': SOURCE });
  // What the configurations of Forge and electron-vite import.
  for (const name of ['@electron-forge', 'electron', 'vite']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(app.folder, 'node_modules', name), 'junction');
  }
});
afterAll(() => {
  app.remove();
  printTable();
});

describe.each(Object.entries(TOOLS))('%s', (name, { build, needsModules, formats = FORMATS }) => {
  it.each(formats)('%s', async (format) => {
    const output = `out-${Object.keys(TOOLS).indexOf(name)}-${format}`;
    const main = await build(app, output, format);
    const shipped = app.ship(output);
    if (needsModules) shipModules(app.folder, shipped);
    const places = { development: join(app.folder, output), packaged: shipped };
    for (const layout of LAYOUTS) {
      const cell = (placement: string) => cellName(name, format, placement, layout);
      const isAway = layout === 'packaged';
      // Also the paths of its inputs, which a bundler may have written into the bundle, lead nowhere then.
      if (isAway) renameSync(app.folder, `${app.folder}-away`);
      try {
        const runs = PLACEMENTS.map((placement) => runMain(join(places[layout], main), { PLACEMENT: placement }));
        const results = await Promise.all(runs);
        for (const [index, ran] of results.entries()) {
          const placement = PLACEMENTS[index]!;
          const wanted = { printed: { value: '1', placement, preload: true, fault: 'BAD_KEY' } };
          isGreen.set(cell(placement), JSON.stringify(ran) === JSON.stringify(wanted));
          expect(ran, cell(placement)).toEqual(wanted);
        }
      } finally {
        if (isAway) renameSync(`${app.folder}-away`, app.folder);
      }
    }
  });
});

/** Leaves every import as it is, as `tsc` does. */
async function transpile({ write }: InstalledApp, output: string, format: Format): Promise<string> {
  const { code } = await transform(SOURCE, { format, platform: 'node' });
  write({ [`${output}/main.js`]: code, [`${output}/package.json`]: getManifest(format) });
  return 'main.js';
}

function bundleBy(name: keyof typeof BUILD_TOOLS): Tool['build'] {
  return async ({ folder, write }, output, format) => {
    await BUILD_TOOLS[name]!({ folder, output, format, plugin: {}, isMinified: false });
    write({ [`${output}/package.json`]: getManifest(format) });
    return 'main.js';
  };
}

/** With deskcache in `dependencies` electron-vite leaves it external, else it bundles it; the plugin is there in both cases. */
async function buildByElectronVite(application: InstalledApp, output: string, format: Format): Promise<string> {
  const isExternal = output.startsWith(`out-${Object.keys(TOOLS).indexOf('electron-vite, in dependencies')}-`);
  application.write({
    'package.json': JSON.stringify({
      name: 'app',
      main: `${output}/main.js`,
      type: format === 'esm' ? 'module' : 'commonjs',
      [isExternal ? 'dependencies' : 'devDependencies']: { deskcache: '0.1.0' },
    }),
    'electron.vite.config.mjs': `
      import { deskcache } from 'deskcache/vite';
      export default {
        main: { plugins: [deskcache()], build: { outDir: '${output}', rollupOptions: { input: 'main.js' } } },
      };`,
  });
  const cli = join(ROOT, 'node_modules/electron-vite/bin/electron-vite.js');
  await runProgram(process.execPath, [cli, 'build', '--logLevel', 'error'], application.folder);
  application.write({ [`${output}/package.json`]: getManifest(format) });
  return 'main.js';
}

async function buildByForge(application: InstalledApp, output: string, format: Format): Promise<string> {
  const name = format === 'esm' ? 'main.mjs' : 'main.cjs';
  const esm = `build: { lib: { entry: 'main.js', formats: ['es'], fileName: () => '[name].mjs' } },`;
  application.write({
    'package.json': JSON.stringify({ name: 'app', type: 'module', main: `.vite/build/${name}` }),
    'vite.main.config.mjs': `
      import { deskcache } from 'deskcache/vite';
      export default { ${format === 'esm' ? esm : ''} plugins: [deskcache()] };`,
    'forge.config.ts': `
      import { VitePlugin } from '@electron-forge/plugin-vite';
      const build = [{ entry: 'main.js', config: 'vite.main.config.mjs', target: 'main' }];
      export default { plugins: [new VitePlugin({ build, renderer: [] })] };`,
  });
  await runProgram(process.execPath, [join(ROOT, 'e2e/templates/forge-build.ts')], application.folder);
  cpSync(join(application.folder, '.vite/build'), join(application.folder, output), { recursive: true });
  return name;
}

/** What `@electron-forge/plugin-webpack` sets for the main process; it has no ES modules. */
async function buildByWebpackOfForge({ folder, write }: InstalledApp, output: string): Promise<string> {
  const entry = createRequire(join(folder, 'main.js')).resolve('deskcache/webpack');
  const { DeskcachePlugin } = (await import(pathToFileURL(entry).href)) as {
    readonly DeskcachePlugin: new () => webpack.WebpackPluginInstance;
  };
  const compiler = webpack({
    mode: 'development',
    devtool: 'source-map',
    target: 'electron-main',
    context: folder,
    entry: join(folder, 'main.js'),
    output: { path: join(folder, output), filename: 'index.js', libraryTarget: 'commonjs2' },
    node: { __dirname: false, __filename: false },
    plugins: [new DeskcachePlugin()],
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  expect(stats?.toString({ all: false, errors: true })).toBe('');
  write({ [`${output}/package.json`]: getManifest('cjs') });
  return 'index.js';
}

const getManifest = (format: Format): string => JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' });

/** `node_modules` as electron-builder packs them with the patterns of the guide. */
function shipModules(from: string, to: string): void {
  const excluded = getExcludedPatterns();
  for (const name of ['deskcache', 'better-sqlite3', 'comlink', 'http-cache-semantics', 'mrmime']) {
    const source = join(from, 'node_modules', name);
    cpSync(source, join(to, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter(path) {
        const inApp = `node_modules/${name}/${relative(source, path).split(sep).join('/')}`;
        return !excluded.some((pattern) => matchesGlob(inApp, pattern));
      },
    });
  }
}

/** The lines `- '!…'` of the guide's electron-builder.yml, for the platform that this runs on. */
function getExcludedPatterns(): string[] {
  const guide = readFileSync(join(ROOT, 'docs/guide-packaging.md'), 'utf8');
  const yaml = /```yaml\n# electron-builder\.yml, deskcache in node_modules\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const patterns = [...yaml.matchAll(/^ *- '!([^']+)'/gm)].map(([, pattern]) =>
    pattern!.replace(/\$\{(platform|arch)\}/g, (_, name: 'platform' | 'arch') => process[name]),
  );
  expect(patterns.length).toBeGreaterThan(1);
  return patterns;
}

function printTable(): void {
  const columns = FORMATS.flatMap((format) =>
    PLACEMENTS.flatMap((place) => LAYOUTS.map((layout) => [format, place, layout])),
  );
  const width = Math.max(...Object.keys(TOOLS).map((name) => name.length));
  const mark = (tool: string, column: readonly string[]) => {
    const green = isGreen.get(cellName(tool, ...column));
    if (TOOLS[tool]!.formats?.includes(column[0] as Format) === false) return '–';
    return green === undefined ? 'not run' : green ? 'works' : 'FAILS';
  };
  const head = [0, 1, 2].map((part) => ['', ...columns.map((column) => column[part]!)]);
  const rows = [...head, ...Object.keys(TOOLS).map((tool) => [tool, ...columns.map((column) => mark(tool, column))])];
  console.log(
    rows
      .map(([first, ...cells]) => `${first!.padEnd(width)}  ${cells.map((cell) => cell.padEnd(11)).join(' ')}`)
      .join('\n'),
  );
}
