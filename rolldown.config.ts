import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CodeSplittingNameFunction, defineConfig, type Plugin } from 'rolldown';
import { licensesOfInlined } from './inlined-licenses.ts';

const external = [
  /^@bomb\.sh\/tab/,
  /^node:/,
  'better-sqlite3',
  'cli-progress',
  'commander',
  'comlink',
  'dequal',
  'http-cache-semantics',
  'mrmime',
  'semver',
  'tar-stream',
];
const publicFaces = [/^node:/, 'electron', /^deskcache/];

/** Makes `dist/cjs` a folder of CommonJS, with declarations of its own: TypeScript takes a `.d.ts` for what the nearest package.json says. */
function commonJsFolder(): Plugin {
  return {
    name: 'common-js-folder',
    writeBundle() {
      writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
      for (const room of ['client', 'main', 'preload', 'protocol', 'renderer-api']) {
        cpSync(join('dist/types', room), join('dist/cjs/types', room), {
          recursive: true,
          // The command and the inspector have no declarations.
          filter: (path) => !/\.tsbuildinfo$|command-line|main.inspector/.test(path),
        });
      }
    },
  };
}

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

/** The bindings of frameworks have no client of their own: `diskCache` is that of `deskcache/renderer`. */
const oneClient: Plugin = {
  name: 'one-client',
  async resolveId(source, importer) {
    const resolved = await this.resolve(source, importer, { skipSelf: true });
    return resolved?.id === pageEntry && importer !== undefined ? { id: './renderer.js', external: true } : null;
  },
};

/** By the framework of each. */
const bindingEntries = {
  react: 'renderer-api/react/index.ts',
  vue: 'renderer-api/vue/index.ts',
  svelte: 'renderer-api/svelte/index.ts',
};
const frameworks = ['react', 'vue', /^svelte\//];
/** Svelte has no CommonJS, so neither have its bindings. */
const { svelte: _, ...commonJsBindingEntries } = bindingEntries;

const electronModule = join(import.meta.dirname, 'main/electron/electron.ts');

/** Outside of Electron's main process, importing deskcache/main says what to use instead. */
const checkedElectron: Plugin = {
  name: 'checked-electron',
  resolveId(source, importer) {
    if (source !== 'electron') return null;
    return importer === electronModule ? { id: source, external: true } : electronModule;
  },
};

/** What a page loads at start is one file: an application's bundler can't join what was split here, and each file costs a page something. */
const startOfPage: CodeSplittingNameFunction = (id, modules) => {
  const start = new Set([pageEntry]);
  for (const module of start)
    for (const imported of modules.getModuleInfo(module)?.importedIds ?? []) start.add(imported);
  return id !== pageEntry && start.has(id) ? 'start' : null;
};

/** The package's entry points. Those of one format share one `DiskCacheError`. */
const mainEntries = {
  index: 'protocol/index.ts',
  engine: 'main/engine/index.ts',
  offline: 'main/offline/index.ts',
  queue: 'main/queue/index.ts',
  archive: 'main/archive/index.ts',
  import: 'main/import/index.ts',
  main: 'main/index.ts',
  testing: 'main/testing/index.ts',
  vite: 'main/bundling/vite.ts',
  esbuild: 'main/bundling/esbuild.ts',
  webpack: 'main/bundling/webpack.ts',
  ...Object.fromEntries(
    ['apollo', 'cache-manager', 'jotai', 'keyv', 'redux-persist', 'tanstack-query', 'unstorage', 'zustand'].map(
      (name) => [`adapters/${name}`, `main/adapters/${name}.ts`],
    ),
  ),
};

export default defineConfig([
  {
    input: { ...mainEntries, cli: 'main/command-line/index.ts', 'shared/error': errorClass },
    external,
    platform: 'neutral',
    plugins: [checkedElectron],
    output: { dir: 'dist', format: 'esm', chunkFileNames: 'shared/[name].js', sourcemap: true },
  },
  {
    // Apart, for what a page loads must not be split by what the main process has in common with it.
    input: { renderer: pageEntry },
    external: ['comlink', 'dequal'],
    platform: 'neutral',
    // What splitting by a group below takes.
    preserveEntrySignatures: 'allow-extension',
    plugins: [oneErrorClass],
    output: {
      dir: 'dist',
      format: 'esm',
      chunkFileNames: 'page-[name].js',
      sourcemap: true,
      codeSplitting: { groups: [{ name: startOfPage, debugName: 'start', includeDependenciesRecursively: false }] },
    },
  },
  {
    input: bindingEntries,
    external: frameworks,
    platform: 'neutral',
    plugins: [oneClient],
    output: { dir: 'dist', format: 'esm', chunkFileNames: 'page-[name].js', sourcemap: true },
  },
  {
    // What `require` gets. `import.meta` is not looked at there: see main/engine/runtime-files.ts.
    input: { ...mainEntries, renderer: pageEntry },
    external,
    platform: 'node',
    output: { dir: 'dist/cjs', format: 'cjs', exports: 'named', chunkFileNames: 'shared/[name].js' },
    plugins: [checkedElectron, commonJsFolder()],
  },
  {
    input: commonJsBindingEntries,
    external: frameworks,
    platform: 'node',
    plugins: [oneClient],
    output: { dir: 'dist/cjs', format: 'cjs', exports: 'named', chunkFileNames: 'page-[name].js' },
  },
  {
    // A sandboxed preload can require nothing of ours: one CommonJS file.
    input: 'preload/index.ts',
    external: ['electron'],
    output: { file: 'dist/deskcache/preload.cjs', format: 'cjs' },
  },
  {
    input: 'preload/ready.ts',
    external: ['electron'],
    output: { file: 'dist/deskcache/preload-ready.cjs', format: 'cjs' },
  },
  {
    // The utility process may run it from beside a bundle, where there is no package: one file with all that it needs but better-sqlite3.
    input: 'main/utility.ts',
    external: /^node:/,
    platform: 'node',
    output: { file: 'dist/deskcache/utility.cjs', format: 'cjs' },
    plugins: [licensesOfInlined()],
  },
  {
    // The worker thread: it gets the path of better-sqlite3 and needs nothing else.
    input: 'main/engine/worker/worker-main.ts',
    external: /^node:/,
    platform: 'node',
    output: { file: 'dist/deskcache/worker.cjs', format: 'cjs' },
  },
  {
    // The inspector's server. Its page is Vite's, beside it: main/inspector/page/vite.config.ts.
    input: 'main/inspector/index.ts',
    external: /^node:/,
    platform: 'node',
    output: { file: 'dist/deskcache/inspector/server.cjs', format: 'cjs' },
    plugins: [licensesOfInlined()],
  },
  {
    // The demo application's main process. Its page is Vite's: demo-app/vite.config.ts.
    input: 'demo-app/main/main.ts',
    external: publicFaces,
    platform: 'node',
    output: { file: 'dist/demo/main.js', format: 'esm' },
  },
  // The applications of the end-to-end tests. Those with `diskCache` in their pages have the page of the bridge.
  ...['bridge', 'assets', 'offline', 'foreign-page', 'pages-offline', 'ready', 'contract-app', 'bindings'].map(
    (name) => ({
      input: `e2e/${name}/main.ts`,
      external: publicFaces,
      platform: 'node' as const,
      output: { file: `dist/e2e/${name}/main.js`, format: 'esm' as const },
    }),
  ),
  {
    input: 'e2e/react/main.ts',
    external: publicFaces,
    platform: 'node',
    output: { file: 'dist/e2e/react/main.js', format: 'esm' },
  },
  {
    input: 'e2e/react/page.ts',
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    output: { dir: 'dist/e2e/react', format: 'esm', chunkFileNames: 'page-[name].js' },
  },
  {
    // This one's utility process imports the stores by itself.
    input: { main: 'e2e/utility/main.ts', stores: 'e2e/utility/stores.ts' },
    external: publicFaces,
    platform: 'node',
    output: { dir: 'dist/e2e/utility', format: 'esm' },
  },
  {
    // The experiments of e2e/experiments; `top-level` is an application by itself.
    input: {
      main: 'e2e/experiments/app/main.ts',
      stores: 'e2e/experiments/app/stores.ts',
      'top-level': 'e2e/experiments/app/top-level.ts',
    },
    external: publicFaces,
    platform: 'node',
    output: { dir: 'dist/e2e/experiments', format: 'esm' },
  },
  ...['bridge', 'ready'].map((name) => ({
    input: `e2e/${name}/page.ts`,
    platform: 'browser' as const,
    // In chunks, as most applications are bundled.
    output: { dir: `dist/e2e/${name}`, format: 'esm' as const, chunkFileNames: 'page-[name].js' },
  })),
  {
    // The same page as one classic script.
    input: 'e2e/ready/page.ts',
    platform: 'browser',
    output: { file: 'dist/e2e/ready/page-classic.js', format: 'iife', codeSplitting: false },
  },
  {
    // The rest of `app`, by which Electron and its stand-in are compared: a utility process, a preload script, a page.
    input: 'e2e/contract-app/utility-child.ts',
    platform: 'node',
    output: { file: 'dist/e2e/contract-app/child.js', format: 'esm' },
  },
  {
    input: 'e2e/contract-app/preload.ts',
    external: ['electron'],
    output: { file: 'dist/e2e/contract-app/preload.cjs', format: 'cjs' },
  },
  {
    input: 'e2e/contract-app/page.ts',
    platform: 'browser',
    output: { file: 'dist/e2e/contract-app/page.js', format: 'iife', name: 'tinyPage' },
  },
]);
