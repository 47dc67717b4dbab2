import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, type Launch } from './fixture.ts';

const TINY = fileURLToPath(new URL('../dist/e2e/app/main.js', import.meta.url));

/** The tiny application of the contract of both shells, with its first window. */
export async function start(launch: Launch) {
  const app = await launch({ main: TINY });
  const page = await app.waitForWindow(0);
  await page.waitForFunction('globalThis.tiny !== undefined');
  await expect.poll(() => ask(page, 'notes')).toContain('loaded');
  return { app, page };
}

/** What the main process answers to a command of `app/commands.ts`. */
export const ask = (page: Page, ...command: string[]): Promise<unknown> =>
  page.evaluate((words) => globalThis.tiny.ask(...words), command);
