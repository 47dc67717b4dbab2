/** What builds a main process, as the users of each tool have it: the rows of the matrix. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import webpack from 'webpack';
import { ROOT, runProgram } from '../../e2e/templates/packed-library.ts';
import { BUNDLERS, type Bundler, type Format, importPlugin } from './bundlers.ts';
import type { InstalledApp } from './installed-app.ts';

export interface Tool {
  /** Builds `main.js` of the application's folder. Returns the path of the result in its output folder. */
  readonly build: (app: InstalledApp, output: string, format: Format) => Promise<string>;
  /**
   * What the installer takes along: the bundle with the files of the plugin, the build with `node_modules`, or a bundle that was made
   * without the plugin and can't work.
   */
  readonly contents: 'bundle' | 'node_modules' | 'incomplete bundle';
  /** Default: both. */
  readonly formats?: readonly Format[];
  /** For an incomplete bundle: the entry of deskcache with the plugin that it needs. */
  readonly plugin?: 'deskcache/vite' | 'deskcache/esbuild' | 'deskcache/webpack';
}

/** Whether every row and column is run, with webpack's minifier, which takes most of its time. */
export const IS_FULL = process.env['PACKAGING'] === 'full';

const bundle = (build: Tool['build']): Tool => ({ build, contents: 'bundle' });

const incomplete = (name: Bundler, plugin: NonNullable<Tool['plugin']>): Tool => ({
  ...{ build: bundleWithoutPlugin(name), contents: 'incomplete bundle', plugin },
});

export const TOOLS: Readonly<Record<string, Tool>> = {
  'tsc, unbundled': { build: transpileSources, contents: 'node_modules' },
  'electron-vite, in dependencies': { build: buildByElectronVite('dependencies'), contents: 'node_modules' },
  'electron-vite, in devDependencies': bundle(buildByElectronVite('devDependencies')),
  'Forge with Vite': bundle(buildByForge),
  'Forge with webpack': { ...bundle(buildByWebpackOfForge), formats: ['cjs'] },
  'webpack 5': bundle(bundleBy('webpack', IS_FULL)),
  esbuild: bundle(bundleBy('esbuild')),
  rolldown: bundle(bundleBy('rolldown')),
  rollup: bundle(bundleBy('rollup')),
  'vite ssr, no plugin': incomplete('vite ssr', 'deskcache/vite'),
  'vite lib, no plugin': incomplete('vite lib', 'deskcache/vite'),
  'webpack 5, no plugin': incomplete('webpack', 'deskcache/webpack'),
  'esbuild, no plugin': incomplete('esbuild', 'deskcache/esbuild'),
  'rolldown, no plugin': incomplete('rolldown', 'deskcache/vite'),
  // Rollup is the slowest, and leaves what Rolldown leaves.
  ...(IS_FULL && { 'rollup, no plugin': incomplete('rollup', 'deskcache/vite') }),
};

/** Leaves every import as it is, as `tsc` does. */
async function transpileSources({ folder, write }: InstalledApp, output: string, format: Format): Promise<string> {
  const { code } = await transform(readFileSync(join(folder, 'main.js'), 'utf8'), { format, platform: 'node' });
  write({ [`${output}/main.js`]: code, [`${output}/package.json`]: getManifest(format) });
  return 'main.js';
}

function bundleBy(name: Bundler, isMinified = false): Tool['build'] {
  return async ({ folder, write }, output, format) => {
    await BUNDLERS[name]({ folder, output, format, plugin: {}, isMinified });
    write({ [`${output}/package.json`]: getManifest(format) });
    return 'main.js';
  };
}

function bundleWithoutPlugin(name: Bundler): Tool['build'] {
  return async ({ folder, write }, output, format) => {
    await BUNDLERS[name]({ folder, output, format, plugin: false });
    write({ [`${output}/package.json`]: getManifest(format) });
    return 'main.js';
  };
}

/** electron-vite leaves `dependencies` external and bundles `devDependencies`; the plugin is used in both cases. */
function buildByElectronVite(dependencies: 'dependencies' | 'devDependencies'): Tool['build'] {
  return async (app, output, format) => {
    app.write({
      'package.json': JSON.stringify({
        name: 'app',
        main: `${output}/main.js`,
        type: format === 'esm' ? 'module' : 'commonjs',
        [dependencies]: { deskcache: '0.1.0' },
      }),
      'electron.vite.config.mjs': `
      import { deskcache } from 'deskcache/vite';
      export default {
        main: { plugins: [deskcache()], build: { outDir: '${output}', rollupOptions: { input: 'main.js' } } },
      };`,
    });
    const cli = join(ROOT, 'node_modules/electron-vite/bin/electron-vite.js');
    await runProgram(process.execPath, [cli, 'build', '--logLevel', 'error'], app.folder);
    app.write({ [`${output}/package.json`]: getManifest(format) });
    return 'main.js';
  };
}

async function buildByForge(app: InstalledApp, output: string, format: Format): Promise<string> {
  const name = format === 'esm' ? 'main.mjs' : 'main.cjs';
  const esm = `build: { lib: { entry: 'main.js', formats: ['es'], fileName: () => '[name].mjs' } },`;
  app.write({
    'package.json': JSON.stringify({ name: 'app', type: 'module', main: `.vite/build/${name}` }),
    'vite.main.config.mjs': `
      import { deskcache } from 'deskcache/vite';
      export default { ${format === 'esm' ? esm : ''} plugins: [deskcache()] };`,
    'forge.config.ts': `
      import { VitePlugin } from '@electron-forge/plugin-vite';
      const build = [{ entry: 'main.js', config: 'vite.main.config.mjs', target: 'main' }];
      export default { plugins: [new VitePlugin({ build, renderer: [] })] };`,
  });
  await runProgram(process.execPath, [join(ROOT, 'e2e/templates/forge-build.ts')], app.folder);
  cpSync(join(app.folder, '.vite/build'), join(app.folder, output), { recursive: true });
  return name;
}

/** What `@electron-forge/plugin-webpack` sets for the main process; it has no ES modules. */
async function buildByWebpackOfForge({ folder, write }: InstalledApp, output: string): Promise<string> {
  const { DeskcachePlugin } = await importPlugin(folder, 'webpack');
  const Plugin = DeskcachePlugin as unknown as new () => webpack.WebpackPluginInstance;
  const compiler = webpack({
    mode: 'development',
    devtool: 'source-map',
    target: 'electron-main',
    context: folder,
    entry: join(folder, 'main.js'),
    output: { path: join(folder, output), filename: 'index.js', libraryTarget: 'commonjs2' },
    node: { __dirname: false, __filename: false },
    plugins: [new Plugin()],
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  if (stats?.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
  write({ [`${output}/package.json`]: getManifest('cjs') });
  return 'index.js';
}

const getManifest = (format: Format): string => JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' });
