/** The contract of the two shells, as `electron-contract.spec.ts`: what `protocol.handle` is asked and what comes of its answers. */
import type { Page } from 'playwright-core';
import { expect, test } from './fixture.ts';
import { sendCommand, startContractApp } from './start-contract-app.ts';

test('requests and responses arrive unchanged', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const seen = await page.evaluate(async () => {
    const response = await fetch('store://shop/seen?a=1#part', { headers: { range: 'bytes=0-4' } });
    const echo = await fetch('store://shop/echo', { method: 'POST', body: new Uint8Array(300_000).fill(7) });
    const back = new Uint8Array(await echo.arrayBuffer());
    return {
      status: response.status,
      range: response.headers.get('x-range'),
      seen: await response.json(),
      echo: [echo.status, back.length, back.every((byte) => byte === 7)],
      missing: (await fetch('store://shop/nowhere')).status,
    };
  });
  expect(seen).toEqual({
    status: 206,
    range: 'bytes=0-4',
    seen: {
      url: expect.stringMatching(/^store:\/\/shop\/seen\?a=1/),
      ...{ method: 'GET', referrer: '', initiatorOrigin: 'app://tiny' },
      network: [],
    },
    echo: [201, 300_000, true],
    missing: 404,
  });
});

test('no response is cached, whatever its headers say', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const texts = await page.evaluate(async () => {
    const read: string[] = [];
    for (const name of ['first', 'first', 'second']) read.push(await (await fetch(`store://shop/${name}`)).text());
    return read;
  });
  expect(texts).toEqual(['/first 1', '/first 2', '/second 3']);
});

test('a body streams', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const text = await page.evaluate(async () => {
    const response = await fetch('store://shop/halves');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value;
    await tiny.ask('finish');
    const second = (await reader.read()).value;
    return [first, second, (await reader.read()).done];
  });
  expect(text).toEqual(['first half', ', second half', true]);
});

test('images load, whatever the policy names', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  const width = (window: Page) =>
    window.evaluate(
      () =>
        new Promise((resolve) => {
          const image = new Image();
          image.onload = () => resolve(image.naturalWidth);
          image.onerror = () => resolve('error');
          image.src = 'store://shop/image.svg';
        }),
    );
  expect(await width(page)).toBe(7);
  await sendCommand(page, 'open', 'app://tiny/policy');
  const strict = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/policy');
  // Not waitForFunction: it evaluates text in the page, which the policy forbids.
  await expect.poll(() => strict.evaluate(() => 'tiny' in globalThis)).toBe(true);
  expect(await width(strict)).toBe(7);
  expect(await strict.evaluate(async () => (await fetch('store://shop/seen')).status)).toBe(206);
  expect(await strict.evaluate(() => fetch('http://127.0.0.1:9/').catch((error: Error) => error.name))).toBe(
    'TypeError',
  );
});

test('a handler’s response reaches every page, whatever its headers say, and the handler gets no preflight', async ({
  launch,
}) => {
  const { page } = await startContractApp(launch);
  const closed = await page.evaluate(async () => {
    const response = await fetch('store://closed/');
    return [response.type, response.status, response.headers.get('x-own'), await response.text()];
  });
  expect(closed).toEqual(['basic', 200, '1', 'no header says who may read this']);
  const init = { method: 'PUT', headers: { 'x-extra': 'more' }, body: '{}', credentials: 'include' } as const;
  const seen = await page.evaluate(async (how) => (await fetch('store://shop/seen', how)).json(), init);
  expect(seen).toMatchObject({ method: 'PUT', initiatorOrigin: 'app://tiny', network: [] });
});

test('a scheme without corsEnabled gets requests of other origins only if they can’t read the response', async ({
  launch,
}) => {
  const { page } = await startContractApp(launch);
  const outcomes = await page.evaluate(() =>
    Promise.all(
      ['private://x/', 'store://shop/broken', 'unhandled://x/', 'unknown://x/'].map((url) =>
        fetch(url).then(
          () => `${url} answered`,
          (error: Error) => error.name,
        ),
      ),
    ),
  );
  expect(outcomes).toEqual(Array(4).fill('TypeError'));
  expect(await sendCommand(page, 'isHandled', 'store')).toBe(true);
  expect(await sendCommand(page, 'isHandled', 'unhandled')).toBe(false);
  const blind = await page.evaluate(async () => {
    const response = await fetch('private://blind/', { mode: 'no-cors', method: 'POST', body: 'x' });
    return [response.type, response.status, await response.text()];
  });
  expect(blind).toEqual(['opaque', 0, '']);
  const asked = ((await sendCommand(page, 'notes')) as string[]).filter((note) => note.startsWith('asked'));
  expect(asked).toEqual(['asked: POST private://blind/']);
});

test('a document uses the handlers registered when it was created: none before `handle`, and still after `unhandle`', async ({
  launch,
}) => {
  const { app, page } = await startContractApp(launch);
  const outcome = (window: Page) =>
    window.evaluate(() =>
      fetch('unhandled://late/').then(
        (response) => response.status,
        (error: Error) => error.name,
      ),
    );
  await sendCommand(page, 'handle', '', 'unhandled');
  expect(await outcome(page), 'it was open before').toBe('TypeError');
  await sendCommand(page, 'open', 'app://tiny/later');
  const later = await app.waitForWindow((it) => app.url(it) === 'app://tiny/later');
  await later.waitForFunction('globalThis.tiny !== undefined');
  expect(await outcome(later)).toBe(200);
  await sendCommand(page, 'unhandle', '', 'unhandled');
  expect(await outcome(later), 'it was open before').toBe(200);
  await sendCommand(page, 'reload', 'app://tiny/later');
  await expect.poll(() => outcome(later).catch(() => 'on its way')).toBe('TypeError');
});

test('a page that stops reading cancels the body, and nothing else', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const heard = await page.evaluate(async () => {
    const controller = new AbortController();
    const response = await fetch('store://shop/halves', { signal: controller.signal });
    const reader = response.body!.getReader();
    await reader.read();
    controller.abort();
    return reader.read().catch((error: Error) => error.name);
  });
  expect(heard).toBe('AbortError');
  await expect.poll(async () => await sendCommand(page, 'notes')).toContain('stream cancelled');
  expect(await sendCommand(page, 'signalled')).toBe(0);
});
