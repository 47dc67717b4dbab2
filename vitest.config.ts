import { defineConfig } from 'vitest/config';

const fast = ['test/**/*.test.ts'];
const slow = ['test/crash/**/*.test.ts', 'test/processes/**/*.test.ts', 'test/model/long/**/*.test.ts'];

/** `fast` needs no window and no second process and is what `npm run check` runs; `slow` joins it in `npm test`. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'fast', include: fast, exclude: slow } },
      { test: { name: 'slow', include: slow, testTimeout: 120_000, hookTimeout: 60_000 } },
    ],
  },
});
