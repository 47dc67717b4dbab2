/** An engine in a utility process: what only that has to fear, and what the main process has of it. */
import type { Page } from 'playwright-core';
import { evaluateCall, openWindowFrom, startApp } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

async function startUtilityApp(launch: Launch) {
  const { app, page } = await startApp(launch, 'utility');
  return { app, page, openAnother: () => openWindowFrom(app, page, 'app://utility/?another') };
}

const callMain = (page: Page, command: string): Promise<unknown> =>
  page.evaluate(`fetch('app://utility/${command}').then((answer) => answer.json())`);

/** Takes the utility process down in the middle of a transaction. */
const crashUtility = (page: Page) => evaluateCall(page, `diskCache.index('numbers').set('n', 'crash')`);

test('functions in declarations run in the utility process, imported from their module', async ({ launch }) => {
  const { page } = await startUtilityApp(launch);
  expect(await evaluateCall(page, `diskCache.index('numbers').set('n', 'seven')`)).toMatchObject({ code: 'BAD_VALUE' });
  expect(
    await evaluateCall(page, `diskCache.index('numbers').set('n', 7).then(() => diskCache.index('numbers').get('n'))`),
  ).toBe(7);
});

test('the main process uses the stores by promises, coherent with the pages’ near caches', async ({ launch }) => {
  const { page } = await startUtilityApp(launch);
  await page.evaluate(`void diskCache.nearCache('api')`);
  await evaluateCall(page, `diskCache.cache('api').set('k', 'of the page')`);
  expect(await evaluateCall(page, `diskCache.cache('api').get('k')`)).toBe('of the page');
  expect(await callMain(page, 'get?k')).toBe('of the page');
  await callMain(page, 'set?k');
  expect(await evaluateCall(page, `diskCache.cache('api').get('k')`)).toBe('of the main process');
});

test('a crash during calls of two windows leaves no call open and loses no resolved write', async ({ launch }) => {
  const { page, openAnother } = await startUtilityApp(launch);
  const other = await openAnother();
  await other.evaluate(`void diskCache.nearCache('api')`);
  await evaluateCall(
    other,
    `(globalThis.heard = [], diskCache.cache('api').subscribe(({ kind }) => heard.push(kind)), diskCache.cache('api').get('n'))`,
  );
  for (let round = 1; round <= 2; round++) {
    await evaluateCall(page, `diskCache.cache('api').set('n', ${round})`);
    expect(await evaluateCall(other, `diskCache.cache('api').get('n')`)).toBe(round);
    const sets = evaluateCall(
      page,
      `Promise.allSettled(Array.from({ length: 600 }, (_, n) => diskCache.cache('api').set('${round}/' + n, n))
        .concat(diskCache.index('numbers').set('n', 'crash'))
        .concat(Array.from({ length: 600 }, (_, n) => diskCache.deque('outbox').push(n))))
        .then((all) => all.map(({ status, reason }) => status === 'fulfilled' || reason.code))`,
    );
    const read = evaluateCall(other, `diskCache.cache('api').getMany(['n', 'none'])`);
    const fates = (await sets) as (true | string)[];
    expect(await read).toEqual([round, undefined]);
    expect(fates[600]).toBe('DISCONNECTED');
    expect([...new Set(fates)].filter((fate) => fate !== true)).toEqual(['DISCONNECTED']);
    const kept = (await evaluateCall(
      page,
      `diskCache.cache('api').getMany(Array.from({ length: 600 }, (_, n) => '${round}/' + n))`,
    )) as unknown[];
    for (let n = 0; n < 600; n++) if (fates[n] === true) expect(kept[n]).toBe(n);
    await expect.poll(() => other.evaluate('heard')).toContain('reset');
    await other.evaluate('heard.length = 0');
    await evaluateCall(page, `diskCache.cache('api').set('n', 'after ${round}')`);
    expect(await evaluateCall(other, `diskCache.cache('api').get('n')`)).toBe(`after ${round}`);
    await expect.poll(() => other.evaluate('heard')).toContain('set');
    expect(await callMain(page, 'get?n')).toBe(`after ${round}`);
    await expect.poll(() => callMain(page, 'sessions')).toBe(2);
  }
  expect(await evaluateCall(page, `diskCache.cache('api').check({})`)).toEqual([]);
});

test('a window’s session data survives a crash, and can be listed and cleared by the main process', async ({
  launch,
}) => {
  const { page, openAnother } = await startUtilityApp(launch);
  const other = await openAnother();
  await evaluateCall(page, `diskCache.window.set('scroll', 120)`);
  await evaluateCall(other, `diskCache.window.set('scroll', 7)`);
  await crashUtility(page);
  expect(await evaluateCall(page, `diskCache.window.get('scroll')`)).toBe(120);
  const names = async () => ((await callMain(page, 'windows')) as { name: string }[]).map(({ name }) => name);
  expect(await names()).toEqual(['window-1', 'window-2']);
  await callMain(page, 'clear?window-2');
  expect(await evaluateCall(other, `diskCache.window.get('scroll')`)).toBeUndefined();
  await other.close();
  await expect.poll(names).toEqual(['window-1']);
});

test('items are served by their address, also after a crash; a store that can’t be opened twice is refused', async ({
  launch,
}) => {
  const { page } = await startUtilityApp(launch);
  const read = () =>
    evaluateCall(
      page,
      `fetch(diskCache.url('assets', 'a.txt')).then(async (it) => it.status + ' ' + (await it.text()))`,
    );
  await evaluateCall(page, `diskCache.cache('assets').set('a.txt', 'one')`);
  expect(await read()).toBe('200 one');
  await crashUtility(page);
  await evaluateCall(page, `diskCache.cache('assets').set('a.txt', 'two')`);
  expect(await read()).toBe('200 two');
  expect(await callMain(page, 'serveAlone')).toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringContaining('"alone" is exclusive'),
  });
});

test('a utility process that crashes repeatedly is not restarted, and calls report it', async ({ launch }) => {
  const { app, page } = await startUtilityApp(launch);
  for (let times = 1; times <= 5; times++) expect(await crashUtility(page)).toMatchObject({ code: 'DISCONNECTED' });
  expect(await evaluateCall(page, `diskCache.get('k')`)).toMatchObject({ code: 'CLOSED' });
  expect(await callMain(page, 'get?k')).toMatchObject({ code: 'CLOSED', message: expect.stringContaining('code 9') });
  await app.close();
  expect(app.process.exitCode).toBe(0);
});

test('the host can be closed with calls under way, and all of them settle', async ({ launch }) => {
  const { app, page } = await startUtilityApp(launch);
  await evaluateCall(page, `diskCache.set('k', 1)`);
  const sets = evaluateCall(
    page,
    `Promise.allSettled(Array.from({ length: 500 }, (_, n) => diskCache.set(n, n)))
      .then((all) => [...new Set(all.map(({ status, reason }) => status === 'fulfilled' || reason.code))])`,
  );
  expect(await callMain(page, 'close')).toBeNull();
  for (const fate of (await sets) as unknown[]) expect([true, 'DISCONNECTED']).toContain(fate);
  expect(await callMain(page, 'get?k')).toMatchObject({ code: 'CLOSED' });
  await app.close();
  expect(app.process.exitCode).toBe(0);
});

test('HTTP for pages runs in the main process, unaffected by a crash', async ({ launch }) => {
  const { page } = await startUtilityApp(launch);
  await evaluateCall(
    page,
    `diskCache.caches.open('v1').then((cache) => cache.put('https://a.example/', new Response('kept')))`,
  );
  const text = `diskCache.caches.match('https://a.example/').then((found) => found.text())`;
  const half = `globalThis.half = diskCache.caches.open('v1').then((cache) => cache.put('https://a.example/half', new Response(
    new ReadableStream({ start: (it) => void (globalThis.sink = it) }))))`;
  await page.evaluate(`void (${half})`);
  expect(await crashUtility(page)).toMatchObject({ code: 'DISCONNECTED' });
  expect(await evaluateCall(page, text)).toBe('kept');
  await page.evaluate(`sink.enqueue(new Uint8Array(1_000_000)), sink.close()`);
  expect(await evaluateCall(page, `half`)).toBe(undefined);
  expect(await evaluateCall(page, `diskCache.fetch('https://a.example/')`)).toMatchObject({ code: 'NOT_ALLOWED' });
});
