/** The tests that the bindings of every framework pass in real windows, with the application of this folder. */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import type { AppHandle } from '../app-handle.ts';
import { expect as expectSoon, type Launch, test } from '../fixture.ts';

/** The machine may be busy with other tests. */
const expect = expectSoon.configure({ timeout: 20_000 });

/** Long enough for a p95 of some hundred frames. */
const MEASURED_MS = 5_000;

const getElement = (page: Page, name: string) => page.locator(`[data-test="${name}"]`);

/** Starts the application with this many rows. */
async function startBindings(launch: Launch, name: string, rows = 20): Promise<{ app: AppHandle; page: Page }> {
  const app = await launch({
    main: fileURLToPath(new URL('../../dist/e2e/bindings/main.js', import.meta.url)),
    args: [`--page=${name}`, `--rows=${rows}`],
  });
  return { app, page: await waitForRows(await app.waitForWindow(0)) };
}

/** Resolves when a page shows its rows. */
async function waitForRows(page: Page): Promise<Page> {
  await expect(getElement(page, 'row-count')).not.toHaveText('0');
  return page;
}

async function openSecondWindow(app: AppHandle, page: Page): Promise<Page> {
  await page.evaluate(`window.open(location.href + '?second')`);
  return waitForRows(await app.waitForWindow((it) => app.url(it).endsWith('?second')));
}

/** Records every text that an element shows from now on, beginning with the present one. */
const recordTexts = (page: Page, name: string) =>
  page.evaluate(`{
    const element = document.querySelector('[data-test="${name}"]');
    globalThis.texts = [element.textContent];
    new MutationObserver(() => {
      if (texts.at(-1) !== element.textContent) texts.push(element.textContent);
    }).observe(element, { childList: true, characterData: true, subtree: true });
  }`);

/** Types a value into an input and leaves it. */
async function enter(page: Page, name: string, text: string): Promise<void> {
  await getElement(page, name).fill(text);
  await getElement(page, name).blur();
}

/** Returns the values below which half, 95 % and 99 % of the others lie. */
function formatPercentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.95, 0.99].map((share) => sorted[Math.floor(sorted.length * share)]!.toFixed(1)).join(', ');
}

/** `name`: of the page, and of the folder of its components. */
export function describeBindings(name: string): void {
  test('a setting of one window is shown in the other, and after a reload', async ({ launch }) => {
    const { app, page } = await startBindings(launch, name);
    const other = await openSecondWindow(app, page);
    await getElement(page, 'theme').selectOption('dark');
    await expect(other.locator('main')).toHaveAttribute('data-theme', 'dark');
    await enter(other, 'size-input', '15');
    await expect(getElement(page, 'size')).toHaveText('15');
    await page.reload();
    await waitForRows(page);
    await expect(page.locator('main')).toHaveAttribute('data-theme', 'dark');
    await expect(getElement(page, 'size')).toHaveText('15');
  });

  test('a setting that is refused is shown at once and taken back, with the reason', async ({ launch }) => {
    const { page } = await startBindings(launch, name);
    await recordTexts(page, 'size');
    await enter(page, 'size-input', '99');
    await expect(getElement(page, 'size-error')).toContainText('the font is too large');
    await expect(getElement(page, 'size')).toHaveText('13');
    expect(await page.evaluate('texts')).toEqual(['13', '99', '13']);
    // The next one that is accepted takes the reason away.
    await enter(page, 'size-input', '14');
    await expect(getElement(page, 'size')).toHaveText('14');
    await expect(getElement(page, 'size-error')).toHaveText('');
  });

  test('an entry follows its key and both windows', async ({ launch }) => {
    const { app, page } = await startBindings(launch, name);
    const other = await openSecondWindow(app, page);
    await enter(page, 'note-input', 'Permits');
    await getElement(page, 'note-save').click();
    await expect(getElement(other, 'note')).toHaveText('Permits');
    await getElement(other, 'note-id').selectOption('second');
    await expect(getElement(other, 'note')).toHaveText('No such note');
    await enter(other, 'note-input', 'Photos');
    await getElement(other, 'note-save').click();
    await expect(getElement(other, 'note')).toHaveText('Photos');
    await expect(getElement(page, 'note')).toHaveText('Permits');
    await getElement(page, 'note-id').selectOption('second');
    await expect(getElement(page, 'note')).toHaveText('Photos');
    await getElement(page, 'note-delete').click();
    await expect(getElement(other, 'note')).toHaveText('No such note');
  });

  test('an entry that is refused is shown at once and taken back', async ({ launch }) => {
    const { page } = await startBindings(launch, name);
    await enter(page, 'note-input', 'Permits');
    await getElement(page, 'note-save').click();
    await expect(getElement(page, 'note')).toHaveText('Permits');
    await recordTexts(page, 'note');
    await enter(page, 'note-input', '');
    await getElement(page, 'note-save').click();
    await expect(getElement(page, 'note-error')).toContainText('a note has a title');
    await expect(getElement(page, 'note')).toHaveText('Permits');
    expect(await page.evaluate('texts')).toEqual(['Permits', '', 'Permits']);
  });

  test('a deque, the jobs of a queue and the connection are those of both windows', async ({ launch }) => {
    const { app, page } = await startBindings(launch, name);
    const other = await openSecondWindow(app, page);
    await getElement(page, 'draft-push').click();
    await expect(getElement(other, 'drafts').locator('li')).toHaveText(['Draft 1']);
    await getElement(other, 'draft-push').click();
    await expect(getElement(page, 'drafts').locator('li')).toHaveText(['Draft 1', 'Draft 2']);
    await getElement(page, 'job-enqueue').click();
    await expect(getElement(other, 'jobs').locator('li')).toHaveText(['A letter (ready)']);
    await expect(getElement(page, 'online')).toHaveText('online');
    await other.evaluate('diskCache.connection.goOffline()');
    await expect(getElement(page, 'online')).toHaveText('offline');
    await other.evaluate('diskCache.connection.goOnline()');
    await expect(getElement(page, 'online')).toHaveText('online');
  });

  test('10 000 rows that change 100 times a second are shown without dropped frames', async ({ launch }, info) => {
    const { app, page } = await startBindings(launch, name, 10_000);
    const other = await openSecondWindow(app, page);
    await page.evaluate(`fetch('/changes?on')`);
    const { intervals, work } = (await page.evaluate(`measureFrames(${MEASURED_MS})`)) as Record<string, number[]>;
    const changes = await page.evaluate(`fetch('/changes').then((response) => response.json())`);
    console.log(
      `${name}: ${changes} changes in ${MEASURED_MS} ms, ${intervals!.length} frames; p50, p95, p99 of the time`,
      `to render a frame ${formatPercentiles(work!)}, between frames ${formatPercentiles(intervals!)} ms`,
    );
    expect(changes).toBeGreaterThan(0);
    // Both windows end with the same rows, which are those of the store.
    const expected = await page.evaluate('readShownRows()');
    for (const window of [page, other])
      await expect.poll(() => window.locator('[data-row]').allTextContents()).toEqual(expected);
    await page.screenshot({ path: info.outputPath(`${name}.png`) });
  });
}
