import type { Frame, Page } from 'playwright-core';
import { countSessions, evaluateCall, openWindowFrom, startApp, waitForDiskCache } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

/** A window whose subframes have the preload script, or, without `?framed`, have not. */
async function start(launch: Launch, search: string) {
  const { app, page: first } = await startApp(launch, 'bridge');
  return { first, page: await openWindowFrom(app, first, `app://bridge/${search}`) };
}

/** A subframe of the page, as soon as it shows what it should. */
async function addFrame(page: Page, url: string, sandbox?: string): Promise<Frame> {
  const before = page.frames().length;
  await page.evaluate(
    ([address, rights]) => {
      const frame = document.createElement('iframe');
      if (rights) frame.sandbox.value = rights;
      frame.src = address!;
      document.body.append(frame);
    },
    [url, sandbox],
  );
  await expect.poll(() => page.frames()[before]?.title()).toBe('Bridge');
  const frame = page.frames()[before]!;
  if (!sandbox) await waitForDiskCache(frame);
  return frame;
}

test('a subframe gets what authorize(frame) grants it, without the window’s own shard', async ({ launch }) => {
  const { page } = await start(launch, '?framed');
  const frame = await addFrame(page, 'app://bridge/?inner');
  await evaluateCall(page, `diskCache.window.set('k', 'of the page')`);
  expect(await evaluateCall(frame, `diskCache.set('k', 'of the frame')`)).toBeUndefined();
  expect(await evaluateCall(page, `diskCache.get('k')`)).toBe('of the frame');
  expect(await evaluateCall(frame, `diskCache.window.get('k')`)).toMatchObject({
    code: 'NOT_ALLOWED',
    message: expect.stringContaining('"@window"'),
  });
});

test('a subframe without a grant gets NOT_ALLOWED, as does a sandboxed one, whose origin is opaque', async ({
  launch,
}) => {
  const { page } = await start(launch, '?framed');
  const stranger = await addFrame(page, 'stranger://page/');
  expect(await evaluateCall(stranger, `diskCache.get('k')`)).toMatchObject({
    code: 'NOT_ALLOWED',
    message: expect.stringContaining('subframe of stranger://page'),
  });
  const boxed = await addFrame(page, 'app://bridge/?boxed', 'allow-scripts');
  const answer = await boxed.evaluate(
    (nonce) =>
      new Promise((resolve) => {
        window.addEventListener('message', ({ data, ports }) => {
          if (data.deskcache === 'port') resolve([data.error?.code, ports.length]);
        });
        window.postMessage({ deskcache: 'connect', nonce }, '*');
      }),
    'b0'.repeat(16),
  );
  expect(answer).toEqual(['NOT_ALLOWED', 0]);
});

test('replacing or removing a subframe ends its session and keeps that of the page', async ({ launch }) => {
  const { first, page } = await start(launch, '?framed');
  await evaluateCall(first, 'diskCache.set("before", 1)');
  await evaluateCall(page, 'diskCache.set("kept", 1)');
  const frame = await addFrame(page, 'app://bridge/?inner');
  await evaluateCall(frame, 'diskCache.get("kept")');
  expect(await countSessions(first)).toBe(3);
  await frame.evaluate(`location.replace('stranger://page/')`);
  await expect.poll(() => countSessions(first)).toBe(2);
  await addFrame(page, 'app://bridge/?again').then((again) => evaluateCall(again, 'diskCache.get("kept")'));
  expect(await countSessions(first)).toBe(3);
  await page.evaluate(`for (const frame of document.querySelectorAll('iframe')) frame.remove()`);
  await expect.poll(() => countSessions(first)).toBe(2);
  expect(await evaluateCall(page, 'diskCache.get("kept")')).toBe(1);
});

test('a subframe of a window without nodeIntegrationInSubFrames is told what it lacks', async ({ launch }) => {
  const { page } = await start(launch, '?plain');
  const frame = await addFrame(page, 'app://bridge/?inner');
  expect(await evaluateCall(frame, `diskCache.get('k')`)).toMatchObject({
    code: 'DISCONNECTED',
    message: expect.stringContaining('nodeIntegrationInSubFrames'),
  });
});
