/** Helpers for specs of applications whose pages expose `diskCache`, as in the developer tools. */
import { fileURLToPath } from 'node:url';
import type { Frame, Page } from 'playwright-core';
import type { AppHandle } from './app-handle.ts';
import type { Launch } from './fixture.ts';

export const waitForDiskCache = (page: Page | Frame) => page.waitForFunction('globalThis.diskCache !== undefined');

/** Starts an application of this folder, by the name of its own. Resolves when its first page can be asked. */
export async function startApp(
  launch: Launch,
  name: string,
  ...args: string[]
): Promise<{ app: AppHandle; page: Page }> {
  const app = await launch({ main: fileURLToPath(new URL(`../dist/e2e/${name}/main.js`, import.meta.url)), args });
  const page = await app.waitForWindow(0);
  await waitForDiskCache(page);
  return { app, page };
}

/** The window that shows an address, as soon as it can be asked. */
export async function waitForPage(app: AppHandle, url: string): Promise<Page> {
  const page = await app.waitForWindow((it) => app.url(it) === url);
  await waitForDiskCache(page);
  return page;
}

/** The window that a page opens. */
export async function openWindowFrom(app: AppHandle, from: Page, url: string): Promise<Page> {
  await from.evaluate(`window.open(${JSON.stringify(url)})`);
  return waitForPage(app, url);
}

/** What a call in the page comes to: its value, or name, code and message of its error. */
export function evaluateCall(page: Page | Frame, call: string): Promise<unknown> {
  return page.evaluate(`(async () => {
    try { return await (${call}); }
    catch (error) { return { name: error.name, code: error.code, message: error.message }; }
  })()`);
}

/** How many pages are connected, as the main process of the application `bridge` says. */
export const countSessions = (page: Page): Promise<unknown> =>
  page.evaluate(`fetch('app://bridge/sessions').then((answer) => answer.json())`);
