import { defineConfig } from 'vite';
import { licensesOfInlined } from '../../../inlined-licenses.ts';

/** Builds the inspector's page: three files with fixed names, beside its server's. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [licensesOfInlined('PAGE-LICENSES.txt')],
  build: {
    outDir: '../../../dist/deskcache/inspector',
    emptyOutDir: false,
    modulePreload: false,
    rolldownOptions: {
      output: { entryFileNames: 'page.js', assetFileNames: 'page.[ext]', codeSplitting: false },
    },
  },
});
