import { defineConfig } from 'vitest/config';

const fast = ['test/**/*.test.ts'];
/** Node would take Svelte's modules for servers, in which nothing is reactive. */
const alias = ['', '/store', '/reactivity'].map((part) => ({
  find: new RegExp(`^svelte${part}$`),
  replacement: `${import.meta.dirname}/node_modules/svelte/src${part}/index-client.js`,
}));
const slow = ['test/**/*.slow.test.ts'];

/**
 * `fast` is what `npm run check` runs: no window, no second process, no store filled to its limit over and over. `slow` joins
 * it in `npm test`.
 */
export default defineConfig({
  test: {
    projects: [
      // What is fast may still have to wait for a machine that is not.
      { test: { name: 'fast', alias, include: fast, exclude: slow, testTimeout: 30_000, hookTimeout: 30_000 } },
      { test: { name: 'slow', include: slow, testTimeout: 120_000, hookTimeout: 60_000 } },
    ],
  },
});
