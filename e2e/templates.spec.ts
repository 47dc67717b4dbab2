/**
 * The templates, each built by its own tool on the packed library, with its main process as ES module and as CommonJS. The bundle runs
 * alone, in a folder without `node_modules` above it.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { AppHandle } from './app-handle.ts';
import { test as base, expect, type Launch } from './fixture.ts';
import { TemplateWorkspace } from './templates/template-workspace.ts';
import { type Format, TEMPLATES, type TemplateName, UTILITY_EDIT } from './templates/templates.ts';

const test = base.extend<object, { workbench: TemplateWorkspace }>({
  workbench: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern
    async ({}, use) => {
      const workbench = await TemplateWorkspace.open();
      await use(workbench);
      workbench.close();
    },
    { scope: 'worker' },
  ],
});
test.describe.configure({ mode: 'parallel' });

const SCREENSHOTS = join(import.meta.dirname, '../test-results/templates');

for (const name of Object.keys(TEMPLATES) as TemplateName[]) {
  for (const format of ['esm', 'cjs'] as Format[]) {
    test(`${name}, ${format} main: type-checks, builds, and runs without node_modules in both placements`, async ({
      launch,
      workbench,
    }) => {
      const edits = TEMPLATES[name].formats[format];
      const [inMain, inUtility] = [workbench.copy(name, edits), workbench.copy(name, [...edits, UTILITY_EDIT])];
      const [main, utility] = await Promise.all([inMain.build(), inUtility.build(), inMain.typeCheck()]);
      try {
        const first = await start(launch, main);
        await expectPersistence(first, 'Water the plants');
        await first.page.click('text=Dark');
        await expectTheme(first.page, 'dark');
        await first.page.screenshot({ path: join(SCREENSHOTS, `${name}-${format}-main.png`) });
        await first.app.close();

        // The same data, with the database in another process.
        const second = await start(launch, utility);
        await expectTheme(second.page, 'dark');
        await expectNote(second.page, 'Water the plants');
        await expectPersistence(second, 'Call Ada');
        await second.page.screenshot({ path: join(SCREENSHOTS, `${name}-${format}-utility.png`) });
        await second.app.close();
        expect(second.app.process.exitCode).toBe(0);
      } finally {
        for (const folder of [main, utility]) rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

async function start(launch: Launch, folder: string): Promise<{ app: AppHandle; page: Page }> {
  const app = await launch({ main: folder });
  return { app, page: await app.waitForWindow(0) };
}

/** A picture of the store is shown, and a note written in one window is in another at once. */
async function expectPersistence({ app, page }: { app: AppHandle; page: Page }, note: string): Promise<void> {
  await expect(page.locator('h1')).toHaveText('Desk notes');
  await expect.poll(() => page.evaluate(`document.querySelector('.cover img').naturalWidth`)).toBeGreaterThan(0);
  expect(await page.evaluate(`document.querySelector('.cover img').src`)).toBe('deskcache://pictures/cover.svg');
  await page.click('text=New window');
  const other = await app.waitForWindow(1);
  await other.locator('form').waitFor();
  await page.fill('textarea', note);
  await page.click('text=Keep');
  await expectNote(other, note);
  await expectNote(page, note);
  expect(await page.locator('#error, .error').textContent()).toBe('');
}

const expectNote = (page: Page, note: string) => expect(page.locator('.notes li', { hasText: note })).toBeVisible();

const expectTheme = (page: Page, theme: string) => expect(page.locator('html')).toHaveAttribute('data-theme', theme);
