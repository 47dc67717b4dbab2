import { join } from 'node:path';
import { type CodeSplittingNameFunction, defineConfig, type Plugin } from 'rolldown';

const external = [/^node:/, 'electron', 'better-sqlite3', 'comlink', 'http-cache-semantics', 'mrmime'];
const publicFaces = [/^node:/, 'electron', /^deskcache/];

const errorClass = join(import.meta.dirname, 'protocol/error.ts');
const pageEntry = join(import.meta.dirname, 'renderer-api/index.ts');

/** What is built apart has no `DiskCacheError` of its own: `instanceof` works with that of every entry point. */
const oneErrorClass: Plugin = {
  name: 'one-error-class',
  async resolveId(source, importer) {
    const resolved = await this.resolve(source, importer, { skipSelf: true });
    return resolved?.id === errorClass ? { id: './shared/error.js', external: true } : null;
  },
};

/** What a page loads at start is one file: an application's bundler can't join what was split here, and each file costs a page something. */
const startOfPage: CodeSplittingNameFunction = (id, modules) => {
  const start = new Set([pageEntry]);
  for (const module of start)
    for (const imported of modules.getModuleInfo(module)?.importedIds ?? []) start.add(imported);
  return id !== pageEntry && start.has(id) ? 'start' : null;
};

/** The package's entry points, and the error class that they share. */
export default defineConfig([
  {
    input: {
      index: 'protocol/index.ts',
      engine: 'main/engine/index.ts',
      offline: 'main/offline/index.ts',
      main: 'main/index.ts',
      utility: 'main/utility.ts',
      'shared/error': errorClass,
    },
    external,
    platform: 'neutral',
    output: { dir: 'dist', format: 'esm', chunkFileNames: 'shared/[name].js', sourcemap: true },
  },
  {
    // Apart, for what a page loads must not be split by what the main process has in common with it.
    input: { renderer: pageEntry },
    external: 'comlink',
    platform: 'neutral',
    plugins: [oneErrorClass],
    preserveEntrySignatures: 'allow-extension',
    output: {
      dir: 'dist',
      format: 'esm',
      chunkFileNames: 'page-[name].js',
      sourcemap: true,
      codeSplitting: { groups: [{ name: startOfPage, debugName: 'start', includeDependenciesRecursively: false }] },
    },
  },
  {
    // A sandboxed preload can require nothing of ours: one CommonJS file.
    input: 'preload/index.ts',
    external: ['electron'],
    output: { file: 'dist/preload.cjs', format: 'cjs' },
  },
  {
    // The demo application's main process. Its page is Vite's: demo-app/vite.config.ts.
    input: 'demo-app/main/main.ts',
    external: publicFaces,
    platform: 'node',
    output: { file: 'dist/demo/main.js', format: 'esm' },
  },
  // The applications of the end-to-end tests. Those with `diskCache` in their pages have the page of the bridge.
  ...['bridge', 'assets', 'offline', 'pages-offline', 'app'].map((name) => ({
    input: `e2e/${name}/main.ts`,
    external: publicFaces,
    platform: 'node' as const,
    output: { file: `dist/e2e/${name}/main.js`, format: 'esm' as const },
  })),
  {
    // This one's utility process imports the stores by itself.
    input: { main: 'e2e/utility/main.ts', stores: 'e2e/utility/stores.ts' },
    external: publicFaces,
    platform: 'node',
    output: { dir: 'dist/e2e/utility', format: 'esm' },
  },
  {
    input: 'e2e/bridge/page.ts',
    platform: 'browser',
    // In chunks, as most applications are bundled.
    output: { dir: 'dist/e2e/bridge', format: 'esm', chunkFileNames: 'page-[name].js' },
  },
  {
    // The rest of `app`, by which Electron and its stand-in are compared: a utility process, a preload script, a page.
    input: 'e2e/app/child.ts',
    platform: 'node',
    output: { file: 'dist/e2e/app/child.js', format: 'esm' },
  },
  {
    input: 'e2e/app/preload.ts',
    external: ['electron'],
    output: { file: 'dist/e2e/app/preload.cjs', format: 'cjs' },
  },
  {
    input: 'e2e/app/page.ts',
    platform: 'browser',
    output: { file: 'dist/e2e/app/page.js', format: 'iife', name: 'tinyPage' },
  },
]);
