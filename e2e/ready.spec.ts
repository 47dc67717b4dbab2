/** Settings that a page has in its first line: `ready` of `host.install` and `host.attach`. */
import { writeFile } from 'node:fs/promises';
import type { Frame, Page } from 'playwright-core';
import type { AppHandle } from './app-handle.ts';
import { openWindowFrom, startApp, waitForDiskCache } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

interface FirstLine {
  readonly theme?: string;
  /** Milliseconds since the navigation began. */
  readonly at?: number;
  readonly code?: string;
  readonly message?: string;
}

const startReadyApp = (launch: Launch, ...args: string[]) => startApp(launch, 'ready', ...args);
const openWindow = (app: AppHandle, from: Page, query: string) => openWindowFrom(app, from, `app://ready/?${query}`);
const readFirstLine = (page: Page | Frame): Promise<FirstLine> => page.evaluate('firstLine');
const callMain = (page: Page, command: string): Promise<unknown> =>
  page.evaluate(`fetch('app://ready/${command}').then(() => {})`);
const setInMain = (page: Page, patch: object) => callMain(page, `set?${encodeURIComponent(JSON.stringify(patch))}`);

async function reload(page: Page): Promise<FirstLine> {
  await page.reload();
  await waitForDiskCache(page);
  return readFirstLine(page);
}

/** Returns the page's `now`, or code and message of the error that it throws. */
const readNow = (page: Page | Frame, store = 'settings'): Promise<FirstLine> =>
  page.evaluate(`(() => {
    try { const { theme, word, text } = diskCache.settings('${store}').now; return { theme, word, length: text?.length }; }
    catch ({ code, message }) { return { code, message }; }
  })()`);

test('the first line of a page has what is stored, then follows every window', async ({ launch }) => {
  const { app, page } = await startReadyApp(launch);
  expect(await readFirstLine(page)).toMatchObject({ theme: 'light' });
  await setInMain(page, { theme: 'dark' });
  await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
  const other = await openWindow(app, page, 'other');
  expect(await readFirstLine(other)).toMatchObject({ theme: 'dark' });
  await other.evaluate(`diskCache.settings('settings').set('editor.fontSize', 20)`);
  await page.waitForFunction(`diskCache.settings('settings').now.editor.fontSize === 20`);
  await page.evaluate(`diskCache.settings('settings').set('theme', 'light')`);
  expect(await readNow(page)).toMatchObject({ theme: 'light' });
  await expect.poll(() => other.evaluate('document.documentElement.dataset.theme')).toBe('light');
});

test('a reload and a return have the present values; a page of another origin and subframes have none', async ({
  launch,
}) => {
  const { app, page } = await startReadyApp(launch);
  const other = await openWindow(app, page, 'frames');
  await setInMain(page, { theme: 'dark' });
  expect(await reload(page)).toMatchObject({ theme: 'dark' });
  await page.evaluate(`location.href = 'stranger://ready/'`);
  await expect.poll(() => app.url(page)).toBe('stranger://ready/');
  await waitForDiskCache(page);
  expect(await readFirstLine(page)).toMatchObject({
    code: 'NOT_ALLOWED',
    message: expect.stringContaining('stranger://ready'),
  });
  expect(await page.evaluate(`globalThis['deskcache:ready']('settings').code`)).toBe('NOT_ALLOWED');
  await setInMain(other, { theme: 'light' });
  await page.evaluate(`location.href = 'app://ready/'`);
  await expect.poll(() => app.url(page)).toBe('app://ready/');
  await waitForDiskCache(page);
  expect(await readFirstLine(page)).toMatchObject({ theme: 'light' });
  const frames = other.frames().filter((frame) => frame !== other.mainFrame());
  expect(frames.length).toBe(2);
  for (const frame of frames) {
    await waitForDiskCache(frame);
    expect(await frame.evaluate(`typeof globalThis['deskcache:ready']`)).toBe('undefined');
    expect(await readFirstLine(frame)).toMatchObject({ code: 'BAD_OPTION' });
  }
});

test('dates, maps, bytes and large integers arrive as they are, frozen', async ({ launch }) => {
  const { page } = await startReadyApp(launch);
  await page.reload();
  await waitForDiskCache(page);
  const seen = await page.evaluate(`(() => {
    const { since, shortcuts, key, limit, editor } = diskCache.settings('settings').now;
    return [since instanceof Date && since.getTime(), [...shortcuts], key instanceof Uint8Array && [...key], String(limit), Object.isFrozen(editor)];
  })()`);
  expect(seen).toEqual([0, [['save', 'Ctrl+S']], [1, 2, 3], String(2n ** 70n), true]);
});

test('`now` says why it has nothing: no grant, too large, not asked for', async ({ launch }) => {
  const { app, page } = await startReadyApp(launch);
  expect(await readNow(page, 'secret')).toMatchObject({
    code: 'NOT_ALLOWED',
    message: expect.stringMatching(/"read" on store "secret"/),
  });
  expect(await readNow(page, 'large')).toEqual({ length: 0 });
  await callMain(page, 'enlarge?300000');
  await reload(page);
  const tooLarge = { code: 'TOO_LARGE', message: expect.stringMatching(/"large" have 3000\d\d bytes/) };
  expect(await readNow(page, 'large')).toEqual(tooLarge);
  expect(await readNow(page, 'large')).toEqual(tooLarge);
  expect(await readNow(page)).toMatchObject({ theme: 'light' });
  expect(app.output().match(/DiskCacheWarning.*"large" have 3000\d\d bytes/g)).toHaveLength(1);
  await page.evaluate(`diskCache.settings('large').load()`);
  expect(await readNow(page, 'large')).toEqual({ length: 300000 });
});

test('a window that is attached by hand has them if it asks, and another one has nothing of it', async ({ launch }) => {
  const { app, page } = await startReadyApp(launch, '--attach');
  expect(await readFirstLine(page)).toMatchObject({ theme: 'light' });
  const without = await openWindow(app, page, 'ready=no');
  expect(await readFirstLine(without)).toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringMatching(/load\(\)/),
  });
  await without.waitForFunction(`document.documentElement.dataset.theme === 'light'`);
});

test('a session without `ready` gives its pages no second preload script', async ({ launch }) => {
  const { page } = await startReadyApp(launch, '--without');
  expect(await readFirstLine(page)).toMatchObject({ code: 'BAD_OPTION', message: 'now: await load() first' });
  expect(await page.evaluate(`typeof globalThis['deskcache:ready']`)).toBe('undefined');
});

test('a closed host is named, and the next one gives them again', async ({ launch }) => {
  const { page } = await startReadyApp(launch);
  await callMain(page, 'close');
  expect(await reload(page)).toMatchObject({ code: 'DISCONNECTED', message: expect.stringMatching(/open host/) });
  await callMain(page, 'reopen');
  await setInMain(page, { theme: 'dark' });
  expect(await reload(page)).toMatchObject({ theme: 'dark' });
  await setInMain(page, { theme: 'light' });
  await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe('light');
});

/** Medians of one reload each, in milliseconds since the navigation began. */
interface Figures {
  /** The page's first line begins. */
  readonly firstLine: number;
  /** The theme is known and set. */
  readonly value: number;
  readonly firstPaint: number;
}

const ROUNDS = 11;

async function measureReload(page: Page): Promise<Figures> {
  await reload(page);
  const paint = `performance.getEntriesByType('paint').find(({ name }) => name === 'first-paint')?.startTime`;
  await page.waitForFunction(paint);
  const [firstLine, value, firstPaint] = (await page.evaluate(
    `shown.then((value) => [startedAt, value, ${paint}])`,
  )) as [number, number, number];
  return { firstLine, value, firstPaint };
}

function getMedians(rounds: readonly Figures[]): Figures {
  const getMedian = (name: keyof Figures) =>
    Math.round(rounds.map((it) => it[name]).toSorted((a, b) => a - b)[ROUNDS >> 1]! * 10) / 10;
  return { firstLine: getMedian('firstLine'), value: getMedian('value'), firstPaint: getMedian('firstPaint') };
}

test('the theme is known before the first paint; measured with and without', async ({ launch, shell }) => {
  test.slow();
  const { app, page } = await startReadyApp(launch, '--classic', '--attach');
  const loading = await openWindow(app, page, 'load');
  await setInMain(page, { theme: 'dark' });
  const [ready, loaded]: [Figures[], Figures[]] = [[], []];
  // By turns, since what else the machine does should slow down both.
  for (let round = 0; round < ROUNDS; round++) {
    ready.push(await measureReload(page));
    expect(await readFirstLine(page)).toMatchObject({ theme: 'dark' });
    loaded.push(await measureReload(loading));
  }
  for (const { value, firstPaint } of ready) expect(value).toBeLessThan(firstPaint);
  console.log(
    `ready (${shell}), medians of ${ROUNDS}: ${JSON.stringify({ ready: getMedians(ready), load: getMedians(loaded) })}`,
  );
});

/** The colour in a corner of each picture that the window shows while it reloads, the first time each; with the pictures. */
async function filmReload(page: Page): Promise<{ colors: string[]; pictures: Buffer[] }> {
  const cdp = await page.context().newCDPSession(page);
  const frames: string[] = [];
  cdp.on('Page.screencastFrame', ({ data, sessionId }) => {
    frames.push(data);
    cdp.send('Page.screencastFrameAck', { sessionId }).catch(() => {});
  });
  await cdp.send('Page.startScreencast', { format: 'png', everyNthFrame: 1 });
  await reload(page);
  await page.waitForFunction(`document.documentElement.dataset.theme === 'dark'`);
  // The last picture is of now.
  await expect.poll(async () => (await getCornerColors(page, frames)).at(-1)).toBe('28,39,51');
  await cdp.send('Page.stopScreencast');
  await cdp.detach();
  const all = await getCornerColors(page, frames);
  const shown = all.map((_, nth) => nth).filter((nth) => all[nth] !== all[nth - 1]);
  return { colors: shown.map((nth) => all[nth]!), pictures: shown.map((nth) => Buffer.from(frames[nth]!, 'base64')) };
}

const getCornerColors = (page: Page, pictures: readonly string[]): Promise<string[]> =>
  page.evaluate(
    (all) =>
      Promise.all(
        all.map(async (data) => {
          const bytes = Uint8Array.from(atob(data), (it) => it.charCodeAt(0));
          const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
          const canvas = new OffscreenCanvas(1, 1).getContext('2d')!;
          canvas.drawImage(bitmap, 0, 0);
          return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].join();
        }),
      ),
    pictures,
  );

/** One picture of several, side by side. */
const joinPictures = (page: Page, pictures: readonly Buffer[]): Promise<string> =>
  page.evaluate(
    async (all) => {
      const bitmaps = await Promise.all(
        all.map((data) => createImageBitmap(new Blob([Uint8Array.from(atob(data), (it) => it.charCodeAt(0))]))),
      );
      const { width, height } = bitmaps[0]!;
      const canvas = new OffscreenCanvas((width + 8) * all.length - 8, height);
      const context = canvas.getContext('2d')!;
      for (const [nth, bitmap] of bitmaps.entries()) context.drawImage(bitmap, nth * (width + 8), 0);
      const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
      return btoa(String.fromCharCode(...bytes));
    },
    pictures.map((picture) => picture.toString('base64')),
  );

test('a reload shows no other theme for a moment', async ({ launch }, info) => {
  const { app, page } = await startReadyApp(launch, '--classic', '--attach');
  const loading = await openWindow(app, page, 'load');
  await setInMain(page, { theme: 'dark' });
  for (const window of [page, loading])
    await window.waitForFunction(`document.documentElement.dataset.theme === 'dark'`);
  const [ready, loaded] = [await filmReload(page), await filmReload(loading)];
  const path = info.outputPath('reload.png');
  await writeFile(path, await joinPictures(page, [...ready.pictures, ...loaded.pictures]), 'base64');
  await info.attach('the pictures of a reload with `ready`, then those without', { path });
  expect(ready.colors).toEqual(['28,39,51']);
});
