/** Windows of a session that deskcache is installed in: none has a preload script of its own, none is attached by hand. */
import type { Page } from 'playwright-core';
import type { AppHandle } from './app-handle.ts';
import { countSessions, openWindowFrom as openPage, startApp, waitForDiskCache } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

const startInstallApp = (launch: Launch) => startApp(launch, 'bridge', '--install');

const openWindow = (app: AppHandle, from: Page, query: string) => openPage(app, from, `app://bridge/?${query}`);

/** What the window keeps for itself, as soon as it may ask for it. */
const readOwnValue = (page: Page) => page.evaluate(`diskCache.window.get('who')`);
const writeOwnValue = (page: Page, who: string) => page.evaluate(`diskCache.window.set('who', '${who}')`);
const listWindowNames = (page: Page) =>
  page.evaluate(`fetch('app://bridge/windows').then((it) => it.json()).then((all) => all.map(({ name }) => name))`);

test('every window has the cache, and its own shard by the lowest number, again after a restart', async ({
  launch,
}) => {
  const { app, page } = await startInstallApp(launch);
  const second = await openWindow(app, page, 'second');
  await writeOwnValue(page, 'the first');
  await writeOwnValue(second, 'the second');
  await page.evaluate(`diskCache.set('shared', 1)`);
  expect(await second.evaluate(`diskCache.get('shared')`)).toBe(1);
  expect(await listWindowNames(page)).toEqual(['window-1', 'window-2']);
  await app.close();
  const again = await startInstallApp(launch);
  expect(await readOwnValue(again.page)).toBe('the first');
  expect(await readOwnValue(await openWindow(again.app, again.page, 'second'))).toBe('the second');
  expect(await readOwnValue(await openWindow(again.app, again.page, 'third'))).toBeUndefined();
});

test('a closed window frees its number, with the data stored under it', async ({ launch }) => {
  const { app, page } = await startInstallApp(launch);
  const second = await openWindow(app, page, 'second');
  await writeOwnValue(second, 'the second');
  const third = await openWindow(app, page, 'third');
  await writeOwnValue(third, 'the third');
  await second.close();
  await expect.poll(() => app.windows().length).toBe(2);
  expect(await readOwnValue(await openWindow(app, page, 'fourth'))).toBe('the second');
  expect(await readOwnValue(third)).toBe('the third');
});

test('a window that is attached by name, with the preload script twice, connects once and by that name', async ({
  launch,
}) => {
  const { app, page } = await startInstallApp(launch);
  const panel = await openWindow(app, page, 'name=panel');
  const errors: string[] = [];
  panel.on('pageerror', (error) => errors.push(error.message));
  await writeOwnValue(panel, 'the panel');
  await panel.reload();
  await waitForDiskCache(panel);
  expect(await readOwnValue(panel)).toBe('the panel');
  await writeOwnValue(page, 'the first');
  expect(await listWindowNames(page)).toEqual(['panel', 'window-1']);
  expect(await countSessions(page)).toBe(2);
  expect(errors).toEqual([]);
});
