import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openWindowFrom, startApp } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

const SCREENSHOTS = join(import.meta.dirname, '../test-results/react');

async function openTwo(launch: Launch) {
  const { app, page } = await startApp(launch, 'react');
  await page.waitForSelector('#word');
  const other = await openWindowFrom(app, page, 'app://react/?second');
  await other.waitForSelector('#word');
  return { app, page, other };
}

const text = (page: Page, selector: string) => expect.poll(() => page.textContent(selector), { message: selector });

test('two windows show the same settings, entries, deque and jobs, after a reload as well', async ({ launch }) => {
  const { page, other } = await openTwo(launch);
  await page.click('#theme');
  await page.click('#larger');
  await page.click('#larger');
  for (const window of [page, other]) {
    await text(window, '#theme').toBe('dark');
    await text(window, '#size').toBe('15');
  }
  for (let n = 0; n < 3; n++) {
    await other.click('#add');
    await text(page, '#notes li').toBe(`Note ${n + 1}`);
  }
  await page.evaluate(
    `Promise.all([diskCache.deque('outbox').push('one', 'two'), diskCache.queue('letters').enqueue('a letter')])`,
  );
  for (const window of [page, other]) await text(window, '#outbox').toBe('one,two; a letter; 1 ready');
  await page.fill('#draft', 'Water the plants');
  await expect.poll(() => other.inputValue('#draft')).toBe('Water the plants');
  await page.screenshot({ path: join(SCREENSHOTS, 'first-window.png') });
  await other.screenshot({ path: join(SCREENSHOTS, 'second-window.png') });

  await page.reload();
  await page.waitForSelector('#word');
  await text(page, '#theme').toBe('dark');
  await text(page, '#notes').toBe('Note 3Note 2Note 1');
  await expect.poll(() => page.inputValue('#draft')).toBe('Water the plants');
  await other.click('#reset');
  await text(page, '#size').toBe('13');
});

test('settings that are ready are in the first render: no other theme is ever shown', async ({ launch }) => {
  const { page } = await startApp(launch, 'react');
  await page.waitForSelector('#word');
  await page.click('#theme');
  await text(page, '#theme').toBe('dark');
  await page.evaluate(`diskCache.settings('app').all()`);
  await page.reload();
  await page.waitForSelector('#word');
  expect(await page.evaluate('[...new Set(firstThemes)]')).toEqual(['dark']);
});

test('a refused write is shown at once and taken back, and a field keeps what is typed', async ({ launch }) => {
  const { page } = await startApp(launch, 'react');
  await page.waitForSelector('#word');
  await page.evaluate(`
    globalThis.words = [];
    new MutationObserver(() => words.push(document.querySelector('#word').textContent))
      .observe(document.querySelector('#word'), { childList: true, characterData: true, subtree: true });`);
  await page.click('#word');
  await text(page, '#refused').toBe('NOT_ALLOWED');
  await text(page, '#word').toBe('swordfish');
  expect(await page.evaluate('words')).toEqual(['open sesame', 'swordfish']);

  const typed = 'the quick brown fox jumps over the lazy dog';
  await page.locator('#draft').pressSequentially(typed);
  expect(await page.inputValue('#draft')).toBe(typed);
  await expect.poll(() => page.evaluate(`diskCache.index('notes').get('draft')`)).toEqual({ text: typed });
});

/** Resolves with the time between frames while the list scrolls, in milliseconds, in ascending order. */
const measureFrames = (page: Page, frames: number) =>
  page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('#list');
    const times = [];
    let last;
    requestAnimationFrame(function next(now) {
      if (last !== undefined) times.push(now - last);
      last = now;
      list.scrollTop += 7;
      if (times.length < ${frames}) requestAnimationFrame(next);
      else resolve(times.sort((a, b) => a - b));
    });
  })`) as Promise<number[]>;

test('10 000 rows with 100 changes a second', async ({ launch }) => {
  const { app, page } = await startApp(launch, 'react');
  await page.evaluate(`fetch('/fill')`);
  const list = await openWindowFrom(app, page, 'app://react/?rows');
  await expect.poll(() => list.getAttribute('#rows', 'data-count')).toBe('10000');
  const calm = await measureFrames(list, 300);
  await page.evaluate(`fetch('/churn')`);
  await expect.poll(() => list.evaluate(`diskCache.index('rows').get('row 00000')`)).toBeGreaterThan(0);
  const churned = await measureFrames(list, 600);
  await page.evaluate(`fetch('/calm')`);
  const format = (times: readonly number[]) =>
    [0.5, 0.95, 0.99]
      .map((share) => `p${share * 100} ${times[Math.floor(times.length * share)]!.toFixed(1)} ms`)
      .join(', ');
  console.log(`frames without changes: ${format(calm)}; with 100 changes a second: ${format(churned)}`);
  await list.screenshot({ path: join(SCREENSHOTS, 'rows.png') });

  // The page shows the stored rows, also at the place to which it was scrolled.
  await list.evaluate(`document.querySelector('#list').scrollTop = 0`);
  const stored = (await list.evaluate(`diskCache.index('rows').entries({ limit: 5 })`)) as [string, number][];
  await expect
    .poll(() =>
      list
        .locator('.row')
        .allTextContents()
        .then((shown) => shown.slice(0, 5)),
    )
    .toEqual(stored.map(([key, value]) => `${key}: ${value}`));
});
