import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

/** Builds the pages of the bindings' application with the compilers of their frameworks. Its main process is rolldown's. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [vue(), svelte({ configFile: false })],
  build: {
    outDir: '../../dist/e2e/bindings',
    target: 'chrome145',
    rolldownOptions: {
      input: { vue: `${import.meta.dirname}/vue.html`, svelte: `${import.meta.dirname}/svelte.html` },
    },
  },
});
