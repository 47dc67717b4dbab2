import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, type Launch } from './fixture.ts';

const CONTRACT_APP = fileURLToPath(new URL('../dist/e2e/contract-app/main.js', import.meta.url));

/** The tiny application of the contract of both shells, with its first window. */
export async function startContractApp(launch: Launch) {
  const app = await launch({ main: CONTRACT_APP });
  const page = await app.waitForWindow(0);
  await page.waitForFunction('globalThis.tiny !== undefined');
  await expect.poll(() => sendCommand(page, 'notes')).toContain('loaded');
  return { app, page };
}

/** What the main process answers to a command of `app/commands.ts`. */
export const sendCommand = (page: Page, ...command: string[]): Promise<unknown> =>
  page.evaluate((words) => globalThis.tiny.ask(...words), command);
