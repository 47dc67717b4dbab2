import { builtinModules, createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild } from 'esbuild';
import { rolldown } from 'rolldown';
import { type Plugin as RollupPlugin, rollup } from 'rollup';
import { build as vite } from 'vite';
import webpack from 'webpack';

export type Format = 'esm' | 'cjs';

export interface Bundling {
  /** The application's folder: `main.js` in it is bundled into `main.js` of `output`, a folder in it. */
  readonly folder: string;
  readonly output: string;
  readonly format: Format;
  /** What is passed to deskcache's plugin; false: it is not used. */
  readonly plugin: false | { readonly platforms?: readonly string[] };
  readonly external?: readonly string[];
  /** Default: false, which saves most of webpack's time. The others don't minify. */
  readonly isMinified?: boolean;
}

/** Electron and Node's own modules, as every guide to a main process has them. */
const RUNTIME = ['electron', ...builtinModules, ...builtinModules.map((name) => `node:${name}`)];

/** The plugins as an application gets them: from the installed package. */
export async function importPlugin(folder: string, entry: 'vite' | 'esbuild' | 'webpack') {
  const path = createRequire(join(folder, 'main.js')).resolve(`deskcache/${entry}`);
  return (await import(pathToFileURL(path).href)) as Record<string, (options: object) => never>;
}

async function getVitePlugins({ folder, plugin }: Bundling) {
  if (plugin === false) return [];
  const { deskcache } = await importPlugin(folder, 'vite');
  return [deskcache!(plugin)];
}

/** Each as its users set it up for the main process, with nothing about deskcache but its plugin. */
export const BUNDLERS = {
  async rolldown(bundling: Bundling) {
    const { folder, output, format, external = [] } = bundling;
    const built = await rolldown({
      input: join(folder, 'main.js'),
      platform: 'node',
      external: ['electron', ...external],
      plugins: await getVitePlugins(bundling),
    });
    await built.write({ dir: join(folder, output), format });
    await built.close();
  },
  async rollup(bundling: Bundling) {
    const { folder, output, format, external = [] } = bundling;
    const built = await rollup({
      input: join(folder, 'main.js'),
      external: [...RUNTIME, ...external],
      plugins: [
        ...(await getVitePlugins(bundling)),
        nodeResolve({ preferBuiltins: true }),
        (commonjs.default as unknown as () => RollupPlugin)(),
      ],
      onwarn: () => {},
    });
    await built.write({ dir: join(folder, output), format });
    await built.close();
  },
  /** As electron-vite builds: for the server. */
  async 'vite ssr'(bundling: Bundling) {
    const { folder, output, format, external = [] } = bundling;
    await vite({
      root: folder,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      plugins: await getVitePlugins(bundling),
      build: {
        ssr: true,
        outDir: output,
        minify: false,
        rolldownOptions: {
          input: join(folder, 'main.js'),
          external: ['electron', ...external],
          output: { format, entryFileNames: 'main.js' },
        },
      },
    });
  },
  /** As Electron Forge builds: a library. */
  async 'vite lib'(bundling: Bundling) {
    const { folder, output, format, external = [] } = bundling;
    await vite({
      root: folder,
      configFile: false,
      logLevel: 'error',
      resolve: { mainFields: ['module', 'jsnext:main', 'jsnext'], conditions: ['node'] },
      plugins: await getVitePlugins(bundling),
      build: {
        outDir: output,
        minify: false,
        lib: { entry: join(folder, 'main.js'), fileName: () => 'main.js', formats: [format === 'esm' ? 'es' : 'cjs'] },
        rolldownOptions: { external: [...RUNTIME, ...external] },
      },
    });
  },
  async esbuild({ folder, output, format, plugin, external = [] }: Bundling) {
    await esbuild({
      entryPoints: [join(folder, 'main.js')],
      outfile: join(folder, output, 'main.js'),
      bundle: true,
      platform: 'node',
      format,
      logLevel: 'error',
      external: ['electron', ...external],
      plugins: plugin === false ? [] : [(await importPlugin(folder, 'esbuild'))['deskcache']!(plugin)],
    });
  },
  async webpack({ folder, output, format, plugin, external = [], isMinified = false }: Bundling) {
    const { DeskcachePlugin } = plugin === false ? {} : await importPlugin(folder, 'webpack');
    const Plugin = DeskcachePlugin as unknown as new (options: object) => webpack.WebpackPluginInstance;
    const compiler = webpack({
      mode: 'production',
      target: 'electron-main',
      context: folder,
      entry: join(folder, 'main.js'),
      externals: Object.fromEntries(
        external.map((name) => [name, `${format === 'esm' ? 'module' : 'commonjs2'} ${name}`]),
      ),
      optimization: { minimize: isMinified },
      experiments: { outputModule: format === 'esm' },
      output: {
        path: join(folder, output),
        filename: 'main.js',
        library: { type: format === 'esm' ? 'module' : 'commonjs2' },
        ...(format === 'esm' && { chunkFormat: 'module' as const }),
      },
      plugins: plugin === false ? [] : [new Plugin(plugin)],
    });
    await new Promise<void>((resolve, reject) => {
      compiler.run((error, stats) => {
        if (error || stats?.hasErrors()) reject(error ?? new Error(stats?.toString({ errors: true })));
        else compiler.close(() => resolve());
      });
    });
  },
} as const satisfies Readonly<Record<string, (bundling: Bundling) => Promise<unknown>>>;

export type Bundler = keyof typeof BUNDLERS;
