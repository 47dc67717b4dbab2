/** Settings that a page has in its first line: `ready` of `host.install` and `host.attach`. */
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

/** What the page's `now` has, or the error that it throws. */
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

test('a reload and a return have the present values, a page of another origin and subframes none', async ({
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

test('the first paint has the right theme; measured with and without', async ({ launch, shell }, info) => {
  const rounds = 15;
  const figures: Record<string, object> = {};
  for (const [name, args] of [
    ['with', []],
    ['without', ['--without']],
  ] as const) {
    const { app, page } = await startReadyApp(launch, '--classic', ...args);
    await setInMain(page, { theme: 'dark' });
    const [values, paints]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      await reload(page);
      values.push((await page.evaluate('shown')) as number);
      const paint = `performance.getEntriesByType('paint').find(({ name }) => name === 'first-paint')?.startTime`;
      await page.waitForFunction(paint);
      paints.push((await page.evaluate(paint)) as number);
      if (name === 'with') {
        const { theme, at } = await readFirstLine(page);
        expect(theme).toBe('dark');
        expect(at).toBeLessThan(paints.at(-1)!);
      }
    }
    if (name === 'with') {
      const picture = await page.screenshot();
      await info.attach('first-paint', { body: picture, contentType: 'image/png' });
    }
    figures[name] = { value: getMedian(values), firstPaint: getMedian(paints) };
    await app.close();
  }
  console.log(`ready (${shell}), median of ${rounds} in ms since the navigation began: ${JSON.stringify(figures)}`);
});

const getMedian = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
