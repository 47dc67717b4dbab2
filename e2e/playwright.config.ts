import { defineConfig } from '@playwright/test';

/** The same specs in both shells. `npm run e2e -- --project stand-in` runs one. */
export default defineConfig<object, { shell: 'electron' | 'stand-in' }>({
  testDir: '.',
  outputDir: '../test-results/e2e',
  timeout: 60_000,
  workers: 2,
  fullyParallel: false,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list'], ['./skips-reporter.ts'], ...(process.env['CI'] ? [['github'] as const] : [])],
  projects: [
    { name: 'electron', testIgnore: 'stand-in/**', use: { shell: 'electron' } },
    { name: 'stand-in', use: { shell: 'stand-in' } },
  ],
});
