/** Applications that hold the single-instance lock: their stores are open exclusively. In each placement, see playwright.config.ts. */
import { join } from 'node:path';
import { Index } from 'deskcache/engine';
import { evaluateCall, startApp } from './disk-cache-page.ts';
import { expect, test } from './fixture.ts';

const ITEMS = 400;
const setAll = `Promise.all(Array.from({ length: ${ITEMS} }, (_, n) => diskCache.set('k' + n, n))).then(() => true)`;
const readAll = `diskCache.getMany(Array.from({ length: ${ITEMS} }, (_, n) => 'k' + n))`;
const all = Array.from({ length: ITEMS }, (_, n) => n);

test('a second instance quits at once, and the first one is not disturbed', async ({ launch }) => {
  const { app, page } = await startApp(launch, 'bridge');
  expect(await evaluateCall(page, setAll)).toBe(true);
  await expect(startApp(launch, 'bridge')).rejects.toThrow('ended with code 0 and printed nothing');
  expect(await evaluateCall(page, readAll)).toEqual(all);
  await app.close();
});

test('after a kill the next instance gets lock and stores, with every resolved write', async ({ launch }) => {
  test.slow();
  for (let round = 1; round <= 2; round++) {
    const { app, page } = await startApp(launch, 'bridge');
    if (round > 1) expect(await evaluateCall(page, readAll)).toEqual(all);
    expect(await evaluateCall(page, setAll)).toBe(true);
    await app.kill();
  }
  const { app, page } = await startApp(launch, 'bridge');
  expect(await evaluateCall(page, readAll)).toEqual(all);
  expect(await evaluateCall(page, 'diskCache.check({})')).toEqual([]);
  await app.close();
});

test('another program that opens a store of the application is told why it can’t', async ({ launch, userData }) => {
  const { app, page } = await startApp(launch, 'bridge');
  await evaluateCall(page, `diskCache.index('settings').set('theme', { dark: true })`);
  const open = () => new Index(join(userData, 'deskcache', 'settings'), { timeout: 20 });
  expect(open).toThrow(/single-instance lock of Electron: to share one, declare it with exclusive: false/);
  expect(await evaluateCall(page, `diskCache.index('settings').get('theme')`)).toEqual({ dark: true });
  await app.close();
  using settings = open();
  expect(settings.get('theme')).toEqual({ dark: true });
});
