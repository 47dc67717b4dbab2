import { defineConfig } from 'rolldown';

const external = [/^node:/, 'electron', 'better-sqlite3', 'comlink'];

/** The package's entry points. The ESM ones are built together so that they share one `DiskCacheError`. */
export default defineConfig([
  {
    input: {
      index: 'protocol/index.ts',
      engine: 'main/engine/index.ts',
      main: 'main/index.ts',
      renderer: 'renderer-api/index.ts',
    },
    external,
    platform: 'neutral',
    output: { dir: 'dist', format: 'esm', chunkFileNames: 'shared-[hash].js', sourcemap: true },
  },
  {
    // A sandboxed preload can require nothing of ours: one CommonJS file.
    input: 'preload/index.ts',
    external: ['electron'],
    output: { file: 'dist/preload.cjs', format: 'cjs' },
  },
]);
