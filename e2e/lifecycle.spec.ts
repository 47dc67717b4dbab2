/** What happens to pages and to the application while calls are under way. */
import { countSessions, startApp, waitForDiskCache, waitForPage } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

const startLifecycleApp = (launch: Launch, ...args: string[]) => startApp(launch, 'bridge', ...args);

/** Writes without end, fifty at a time; `settled` says how far, and with what it ended. */
const WRITE_SCRIPT = `
  globalThis.settled = { through: 0, codes: [] };
  (async () => {
    for (let n = 0; ; n += 50) {
      const all = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => diskCache.cache('api').set(n + i, n + i)));
      for (const { status, reason } of all) status === 'fulfilled' ? settled.through++ : settled.codes.push(reason.code);
      localStorage.setItem('through', settled.through);
      if (settled.codes.length > 0) return;
    }
  })();
  undefined`;

/** Lines in which Node says that something has failed. Chromium's own, such as `[123:0901/101500.1:ERROR:…]`, are not ours. */
const findFailures = (output: string): string[] =>
  output
    .split(/\r?\n/)
    .filter((line) => !/^\[[\d:/.]+:[A-Z]+:/.test(line) && /\b\w*(Error|Rejection)\b|unhandled|uncaught/i.test(line));

test('a page that is reloaded, left and returned to has one session and gets changes once', async ({ launch }) => {
  const { app, page } = await startLifecycleApp(launch);
  const listen = `(globalThis.heard = [], diskCache.cache('api').subscribe(({ key }) => heard.push(key)), diskCache.has('k'))`;
  for (let round = 0; round < 5; round++) {
    await page.evaluate(listen);
    await page.evaluate(WRITE_SCRIPT);
    await page.evaluate(round % 2 ? 'location.reload()' : `location.href = 'app://bridge/?round=${round}'`);
    await waitForPage(app, round % 2 ? `app://bridge/?round=${round - 1}` : `app://bridge/?round=${round}`);
  }
  await page.goBack();
  await waitForDiskCache(page);
  await page.evaluate(listen);
  await page.evaluate(`diskCache.cache('api').set('mark', 1)`);
  await expect.poll(() => page.evaluate(`heard.filter((key) => key === 'mark').length`)).toBe(1);
  expect(await countSessions(page)).toBe(1);
});

test('a page that crashes while writing leaves no session; reloaded, it has its cache and its own shard', async ({
  launch,
}) => {
  const { app, page } = await startLifecycleApp(launch);
  await page.evaluate(`window.open('app://bridge/?doomed')`);
  const doomed = await waitForPage(app, 'app://bridge/?doomed');
  const loads = () => page.evaluate(`diskCache.cache('api').get('loads')`);
  await expect.poll(loads).toBe(1);
  await doomed.evaluate(WRITE_SCRIPT);
  for (const load of [2, 3]) {
    await page.evaluate(`fetch('app://bridge/crash?doomed')`);
    await expect.poll(() => countSessions(page)).toBe(1);
    await page.evaluate(`fetch('app://bridge/reload?doomed')`);
    await expect.poll(loads).toBe(load);
    expect(await countSessions(page)).toBe(2);
  }
});

test('an application that quits while a page writes ends with every resolved write on disk', async ({ launch }) => {
  const { app, page } = await startLifecycleApp(launch);
  await page.evaluate(WRITE_SCRIPT);
  await expect.poll(() => page.evaluate('settled.through')).toBeGreaterThan(100);
  await page.evaluate(`void fetch('app://bridge/quit').catch(() => {})`).catch(() => {});
  await app.closed;
  expect([app.process.exitCode, findFailures(app.output())]).toEqual([0, []]);
  const again = await startLifecycleApp(launch);
  const through = Number(await again.page.evaluate(`localStorage.getItem('through')`));
  expect(through).toBeGreaterThan(0);
  const kept = `diskCache.cache('api').getMany(Array.from({ length: ${through} }, (_, n) => n))`;
  expect(await again.page.evaluate(`${kept}.then((all) => all.filter((value, n) => value !== n).length)`)).toBe(0);
  expect(await again.page.evaluate(`diskCache.cache('api').check({}).catch((error) => error.code)`)).toEqual([]);
});

test('an application can write in before-quit, and keeps its cache if it prevents quitting', async ({ launch }) => {
  const { app, page } = await startLifecycleApp(launch, '--asks-to-stay');
  await page.evaluate(`void fetch('app://bridge/quit').catch(() => {})`).catch(() => {});
  const stayed = await waitForPage(app, 'app://bridge/?stayed');
  expect(await stayed.evaluate(`diskCache.cache('secret').get('word')`)).toBe('farewell');
  await app.close();
  expect(app.process.exitCode).toBe(0);
});

test('an application without windows has no session, and its cache works when it opens a window again', async ({
  launch,
}) => {
  const { app, page } = await startLifecycleApp(launch, '--stays');
  await page.evaluate(`diskCache.set('k', 1)`);
  await page.close();
  const again = await waitForPage(app, 'app://bridge/?again');
  expect(await again.evaluate(`diskCache.get('k')`)).toBe(1);
  expect(await countSessions(again)).toBe(1);
});
