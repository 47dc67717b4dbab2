import { defineConfig } from 'vite';

/** Builds the page of Atlas. Paths are relative, so that it can be served from any scheme. */
export default defineConfig({
  root: `${import.meta.dirname}/page`,
  base: './',
  build: { outDir: '../../dist/demo/page', emptyOutDir: true, target: 'chrome145' },
});
