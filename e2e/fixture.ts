import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import type { AppHandle, LaunchOptions, Shell } from './app-handle.ts';
import { isElectronRequired, NO_RUNTIME } from './find-electron.ts';
import { findElectron, launch } from './launch.ts';

export { expect } from '@playwright/test';

/** An application of this test: the same user data directory at each launch unless it names another. */
export type Launch = (options: Omit<LaunchOptions, 'shell' | 'userData'> & { userData?: string }) => Promise<AppHandle>;

interface Fixtures {
  /** Starts an application; whatever still runs at the end of the test is ended, and its data removed. */
  launch: Launch;
  userData: string;
}

interface WorkerFixtures {
  shell: Shell;
  /** Additional arguments for each application of a project. */
  extraArgs: readonly string[];
  electron: string | undefined;
}

/**
 * The `test` of every spec here. In project `electron` it is skipped, with the reason, if there is no Electron: a report never
 * passes an Electron test that did not run in Electron. With `REQUIRE_ELECTRON=1` it fails instead.
 */
export const test = base.extend<Fixtures, WorkerFixtures>({
  shell: ['stand-in', { option: true, scope: 'worker' }],
  extraArgs: [[], { option: true, scope: 'worker' }],
  electron: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern
    async ({}, use) => use(await findElectron()),
    { scope: 'worker' },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: as above
  userData: async ({}, use) => {
    const directory = await mkdtemp(join(tmpdir(), 'deskcache-e2e-'));
    await use(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  },
  launch: async ({ shell, extraArgs, electron, userData }, use, info) => {
    const lacks = shell === 'electron' && electron === undefined;
    if (lacks && isElectronRequired()) throw new Error(`REQUIRE_ELECTRON is set, but ${NO_RUNTIME}`);
    base.skip(lacks, 'no Electron runtime');
    const apps: AppHandle[] = [];
    await use(async ({ args = [], ...options }) => {
      const app = await launch({ shell, userData, visible: false, args: [...extraArgs, ...args], ...options });
      apps.push(app);
      return app;
    });
    const failed = info.status !== info.expectedStatus;
    for (const [index, app] of apps.entries()) {
      if (failed) await attachTraces(app, (name) => info.outputPath(`app-${index}-${name}`));
      if (app.process.exitCode === null && app.process.signalCode === null) await app.kill();
    }
  },
});

/** Screenshots and output of an application whose test failed. */
async function attachTraces(app: AppHandle, path: (name: string) => string): Promise<void> {
  await base.info().attach(path('output.txt'), { body: app.output(), contentType: 'text/plain' });
  for (const [index, page] of app.windows().entries()) {
    await page.screenshot({ path: path(`window-${index}.png`), timeout: 5_000 }).catch(() => {});
  }
}
