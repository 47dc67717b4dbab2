import { defineConfig } from '@playwright/test';

/** Specs of pages on the bridge, which hold wherever the engine is. */
const PLACEMENT_SPECS = [
  'assets.spec.ts',
  'bridge.spec.ts',
  'frames.spec.ts',
  'install.spec.ts',
  'lifecycle.spec.ts',
  'pages-offline.spec.ts',
  'ready.spec.ts',
  'single-instance.spec.ts',
];

/**
 * The same specs in both shells, and some once more with the engine in a utility process. `npm run e2e -- --project stand-in` runs
 * one.
 */
export default defineConfig<object, { shell: 'electron' | 'stand-in'; extraArgs: readonly string[] }>({
  testDir: '.',
  outputDir: '../test-results/e2e',
  timeout: 60_000,
  workers: 2,
  fullyParallel: false,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list'], ['./skip-reporter.ts'], ...(process.env['CI'] ? [['github'] as const] : [])],
  projects: [
    { name: 'electron', testIgnore: 'stand-in/**', use: { shell: 'electron' } },
    { name: 'stand-in', use: { shell: 'stand-in' } },
    { name: 'electron-utility', testMatch: PLACEMENT_SPECS, use: { shell: 'electron', extraArgs: ['--utility'] } },
    {
      name: 'stand-in-utility',
      testMatch: PLACEMENT_SPECS,
      use: { shell: 'stand-in', extraArgs: ['--utility'] },
    },
  ],
});
