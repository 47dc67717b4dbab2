import type { Page } from 'playwright-core';
import { countSessions, evaluateCall, openWindowFrom, startApp, waitForDiskCache } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

const startBridge = (launch: Launch) => startApp(launch, 'bridge');

test('a page gets values from the main process’s disk', async ({ launch }) => {
  const { page } = await startBridge(launch);
  expect(
    await evaluateCall(page, `diskCache.set('k', { list: [1, 2n, new Date(0)], map: new Map([['a', 1]]) })`),
  ).toBeUndefined();
  expect(
    await evaluateCall(page, `diskCache.get('k').then((v) => [v.list[1] === 2n, v.list[2].getTime(), v.map.get('a')])`),
  ).toEqual([true, 0, 1]);
  expect(await evaluateCall(page, 'diskCache.keys()')).toEqual(['k']);
});

test('a value set in one window is read in another', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  await evaluateCall(page, `diskCache.cache('api').set('shared', 'from the first')`);
  expect(await evaluateCall(other, `diskCache.cache('api').get('shared')`)).toBe('from the first');
});

test('a page without a grant gets NOT_ALLOWED with its origin', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const stranger = await openWindowFrom(app, page, 'stranger://page/');
  expect(await evaluateCall(stranger, `diskCache.get('k')`)).toMatchObject({
    name: 'DiskCacheError',
    code: 'NOT_ALLOWED',
    message: expect.stringContaining('stranger://page'),
  });
});

test('a page can do on a store only what its grant allows', async ({ launch }) => {
  const { page } = await startBridge(launch);
  expect(await evaluateCall(page, `diskCache.cache('secret').get('word')`)).toBe('swordfish');
  expect(await evaluateCall(page, `diskCache.cache('secret').set('word', 'x')`)).toMatchObject({ code: 'NOT_ALLOWED' });
  expect(await evaluateCall(page, `diskCache.cache('undeclared').get('k')`)).toMatchObject({ code: 'NO_SUCH_STORE' });
});

test('a page reloaded during a call gets an answer or DISCONNECTED', async ({ launch }) => {
  const { page } = await startBridge(launch);
  await evaluateCall(page, `diskCache.set('k', 1)`);
  for (let round = 0; round < 5; round++) {
    await page.evaluate(`
      sessionStorage.removeItem('answer');
      diskCache.get('k').then(
        (value) => sessionStorage.setItem('answer', 'value ' + value),
        (error) => sessionStorage.setItem('answer', error.code),
      );
      location.reload();
    `);
    await page.waitForFunction('globalThis.diskCache !== undefined && performance.now() > 0');
    await expect.poll(() => page.evaluate(`sessionStorage.getItem('answer')`)).toMatch(/^(value 1|DISCONNECTED)$/);
    expect(await evaluateCall(page, `diskCache.get('k')`)).toBe(1);
  }
  expect(await countSessions(page)).toBe(1);
});

test('an upload, a call and a subscription go on across a prevented link, a download and a 204', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  await page.evaluate(`
    globalThis.heard = [];
    diskCache.cache('api').subscribe(({ key }) => heard.push(key));
    globalThis.upload = diskCache.cache('api').writeStream('film', new ReadableStream({ start: (it) => void (globalThis.sink = it) }));
    upload.catch(() => {});
    sink.enqueue(new Uint8Array(300_000));
    diskCache.has('k')`);
  for (const path of ['/forbidden', '/file', '/nothing']) {
    const before = Math.random();
    await page.evaluate(
      `globalThis.asked = diskCache.cache('api').set('during', ${before}), location.href = '${path}'`,
    );
    expect(await evaluateCall(page, 'asked'), path).toBeUndefined();
    // The main process has heard of the navigation and of what became of it.
    await evaluateCall(other, `diskCache.cache('api').set('${path}', 1)`);
    await expect.poll(() => page.evaluate('heard'), { message: path }).toContain(path);
    await page.evaluate('sink.enqueue(new Uint8Array(300_000))');
    expect(await countSessions(other), path).toBe(2);
  }
  await page.evaluate('sink.close()');
  expect(await evaluateCall(page, 'upload')).toBeUndefined();
  expect(await evaluateCall(other, `diskCache.cache('api').get('film').then(({ length }) => length)`)).toBe(1_200_000);
});

test('a crash of one page ends its session and leaves the other window alone', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?doomed');
  await evaluateCall(page, `diskCache.set('k', 1)`);
  await evaluateCall(other, `diskCache.get('k')`);
  expect(await countSessions(page)).toBe(2);
  await other.goto('chrome://crash').catch(() => {});
  await expect.poll(() => countSessions(page)).toBe(1);
  expect(await evaluateCall(page, `diskCache.get('k')`)).toBe(1);
});

test('values are there after the application was killed and restarted', async ({ launch }) => {
  const first = await startBridge(launch);
  await evaluateCall(first.page, `diskCache.set('kept', 'yes')`);
  await first.app.kill();
  const second = await startBridge(launch);
  expect(await evaluateCall(second.page, `diskCache.get('kept')`)).toBe('yes');
});

test('a page sees no function, port or ipc of deskcache', async ({ launch }) => {
  const { page } = await startBridge(launch);
  expect(await page.evaluate('[typeof require, typeof process, typeof ipcRenderer, typeof electron]')).toEqual(
    new Array(4).fill('undefined'),
  );
});

test('a page has an index and a deque of the main process, by name and by type', async ({ launch }) => {
  const { page } = await startBridge(launch);
  expect(
    await evaluateCall(
      page,
      `(async () => {
        const settings = diskCache.index('settings'), { outbox } = diskCache.as();
        await settings.set('theme', { dark: true });
        await outbox.push('a', 'b', 'c');
        const all = [];
        for await (const [key, { dark }] of settings) all.push(key, dark);
        return [...all, await outbox.shift(), await outbox.length, await outbox.reversed()];
      })()`,
    ),
  ).toEqual(['theme', true, 'a', 2, ['c', 'b']]);
});

test('each window has its own shard, there again after a restart', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  await evaluateCall(page, `diskCache.window.set('scroll', 120)`);
  expect(await evaluateCall(other, `diskCache.window.get('scroll')`)).toBeUndefined();
  await evaluateCall(other, `diskCache.window.set('scroll', 7)`);
  expect(await evaluateCall(page, `diskCache.window.get('scroll')`)).toBe(120);
  await app.kill();
  const again = await startBridge(launch);
  expect(await evaluateCall(again.page, `diskCache.window.get('scroll')`)).toBe(120);
});

test('of two windows that take the last item at the same time, one gets it', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  await evaluateCall(page, `diskCache.set('stock', 1)`);
  const take = `diskCache.batch([{ if: { key: 'stock', equals: 1 } }, { decr: ['stock'] }]).then(({ committed }) => committed)`;
  expect((await Promise.all([evaluateCall(page, take), evaluateCall(other, take)])).sort()).toEqual([false, true]);
  expect(await evaluateCall(page, `diskCache.get('stock')`)).toBe(0);
});

test('a page gets changes of another window, also after a reload, and its old subscriptions are gone', async ({
  launch,
}) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  const listen = `(globalThis.heard = [], diskCache.cache('api').subscribe(({ kind, key }) => heard.push(kind + ' ' + key)), diskCache.has('k'))`;
  await evaluateCall(page, listen);
  await evaluateCall(other, `diskCache.cache('api').set('a', 1)`);
  await expect.poll(() => page.evaluate('heard')).toEqual(['set a']);
  for (let round = 0; round < 3; round++) {
    await page.reload();
    await waitForDiskCache(page);
    await evaluateCall(page, listen);
  }
  await evaluateCall(other, `diskCache.cache('api').delete('a')`);
  await expect.poll(() => page.evaluate('heard')).toEqual(['delete a']);
  expect(await countSessions(page)).toBe(2);
});

test('a near cache is never outdated once another window’s write has resolved', async ({ launch }) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  await evaluateCall(page, `(diskCache.nearCache('api'), diskCache.cache('api').set('n', 0))`);
  for (let n = 1; n <= 20; n++) {
    await evaluateCall(page, `diskCache.cache('api').get('n')`);
    await evaluateCall(other, `diskCache.cache('api').set('n', ${n})`);
    expect(await evaluateCall(page, `diskCache.cache('api').get('n')`)).toBe(n);
  }
  /** How many messages the page posts for 500 reads. */
  const posts = (store: string) =>
    evaluateCall(
      page,
      `(async () => {
        const { postMessage } = MessagePort.prototype;
        let posted = 0;
        MessagePort.prototype.postMessage = function (...args) {
          posted++;
          return postMessage.apply(this, args);
        };
        for (let n = 0; n < 500; n++) await ${store}.get('n');
        MessagePort.prototype.postMessage = postMessage;
        return posted;
      })()`,
    );
  expect(await posts('diskCache')).toBeGreaterThanOrEqual(500);
  expect(await posts(`diskCache.cache('api')`), 'but for the lease').toBeLessThan(20);
});

const LETTERS = `diskCache.queue('letters')`;
const listenToLetters = `(globalThis.heard = [], ${LETTERS}.subscribe(({ kind, id }) => heard.push(kind + ' ' + id)), ${LETTERS}.counts())`;
const callHandler = (page: Page) => page.evaluate(`fetch('app://bridge/postman').then(({ ok }) => ok)`);

test('windows share a queue: one enqueues, the main process works, another sees how far it is, also after a reload', async ({
  launch,
}) => {
  const { app, page } = await startBridge(launch);
  const other = await openWindowFrom(app, page, 'app://bridge/?second');
  await evaluateCall(other, listenToLetters);
  await other.reload();
  await waitForDiskCache(other);
  await evaluateCall(other, listenToLetters);
  expect(await evaluateCall(page, `${LETTERS}.enqueue('Dear Ada', { dedupeKey: 'Ada' })`)).toEqual({
    id: 1,
    duplicate: false,
  });
  expect(await evaluateCall(other, `${LETTERS}.enqueue('Dear Ada', { dedupeKey: 'Ada' })`)).toEqual({
    id: 1,
    duplicate: true,
  });
  await expect.poll(() => other.evaluate('heard')).toEqual(['enqueued 1', 'started 1', 'progress 1']);
  const running = `${LETTERS}.jobs('running').then(([{ payload, progress }]) => [payload, progress.percent])`;
  expect(await evaluateCall(other, running)).toEqual(['Dear Ada', 50]);
  await callHandler(page);
  await expect.poll(() => other.evaluate('heard')).toEqual(['enqueued 1', 'started 1', 'progress 1', 'done 1']);
  expect(await evaluateCall(page, `${LETTERS}.counts()`)).toMatchObject({ done: 1, running: 0 });
  expect(await evaluateCall(page, `diskCache.queue('nowhere').enqueue(1)`)).toMatchObject({ code: 'NO_SUCH_STORE' });
});

test('a window’s job is done after the application was killed during it', async ({ launch }) => {
  const first = await startBridge(launch);
  await evaluateCall(
    first.page,
    `Promise.all(['a', 'b'].map((it) => ${LETTERS}.enqueue(it, { group: 'one by one' })))`,
  );
  await expect.poll(() => evaluateCall(first.page, `${LETTERS}.counts()`)).toMatchObject({ running: 1, held: 1 });
  await first.app.kill();
  const { page } = await startBridge(launch);
  await expect.poll(() => evaluateCall(page, `${LETTERS}.get(1)`)).toMatchObject({ state: 'running', attempts: 2 });
  await callHandler(page);
  await expect.poll(() => evaluateCall(page, `${LETTERS}.get(2)`)).toMatchObject({ state: 'running', attempts: 1 });
  await callHandler(page);
  await expect.poll(() => evaluateCall(page, `${LETTERS}.counts()`)).toMatchObject({ done: 2, ready: 0, running: 0 });
});
