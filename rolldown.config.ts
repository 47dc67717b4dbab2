import { defineConfig } from 'rolldown';

const external = [/^node:/, 'electron', 'better-sqlite3', 'comlink', 'http-cache-semantics', 'mrmime'];
const publicFaces = [/^node:/, 'electron', /^deskcache/];

/** The package's entry points. The ESM ones are built together so that they share one `DiskCacheError`. */
export default defineConfig([
  {
    input: {
      index: 'protocol/index.ts',
      engine: 'main/engine/index.ts',
      offline: 'main/offline/index.ts',
      main: 'main/index.ts',
      utility: 'main/utility.ts',
      renderer: 'renderer-api/index.ts',
    },
    external,
    platform: 'neutral',
    output: { dir: 'dist', format: 'esm', chunkFileNames: 'shared/[name].js', sourcemap: true },
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
  ...['bridge', 'assets', 'offline', 'foreign-page', 'pages-offline', 'app'].map((name) => ({
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
    output: { file: 'dist/e2e/bridge/page.js', format: 'esm' },
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
