/** The inspector: in a browser by `deskcache inspect`, and in a window of an application by `host.openInspector`. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { Cache } from '../main/engine/index.ts';
import { Queue } from '../main/queue/index.ts';
import { startApp } from './disk-cache-page.ts';
import { expect, test } from './fixture.ts';
import { type InspectCommand, startBrowser, startInspectCommand } from './inspector-browser.ts';

const MANY_ITEMS = 20_000;

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The rules of WCAG that a page breaks, with the first element of each. */
async function findAccessibilityFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate(`axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes[0].html + ' ' + nodes[0].failureSummary))`);
}

test.describe('deskcache inspect', () => {
  let browser: Browser;
  let page: Page;
  let command: InspectCommand;

  test.beforeAll(async ({ shell }) => {
    test.skip(shell === 'electron', 'it needs no application');
    browser = await startBrowser();
  });
  test.afterAll(() => browser?.close());
  test.beforeEach(async ({ userData }) => {
    seed(userData);
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1280, height: 800 } });
  });
  test.afterEach(async () => {
    await page.close();
    await command.stop();
  });

  function seed(directory: string): void {
    using cache = new Cache(join(directory, 'api'));
    for (const user of [1, 2, 3])
      cache.set(['user', user], { name: `User ${user}`, at: new Date(0) }, { tag: 'users' });
    cache.set('markup', '<img src=x onerror="document.title=1"><script>document.title=2</script>');
    cache.set('bytes', new Uint8Array(10_000));
    using many = new Cache(join(directory, 'many'));
    many.setMany(
      Array.from({ length: MANY_ITEMS }, (_, number) => [`item:${String(number).padStart(6, '0')}`, number]),
    );
    using queue = new Queue(join(directory, '_queues/outbox'));
    queue.enqueue({ to: 'Ada' });
  }

  async function open(directory: string, ...options: string[]): Promise<void> {
    command = await startInspectCommand(directory, ...options);
    await page.goto(command.link);
    await page.getByRole('heading', { name: 'All stores' }).waitFor();
  }

  const showStore = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  const getRow = (text: string) => page.getByRole('row').filter({ hasText: text });

  test('the link opens one session, which survives a reload and isn’t in the address', async ({ userData }) => {
    await open(userData);
    expect(page.url()).not.toContain(new URL(command.link).hash.slice(1));
    await page.reload();
    await page.getByRole('cell', { name: '20,000', exact: true }).waitFor();
    const other = await browser.newPage({ locale: 'en-US' });
    await other.goto(command.link);
    await expect(other.getByRole('alert')).toContainText('The link was used already');
    await other.close();
  });

  test('values are shown as what they are, and never become markup', async ({ userData }) => {
    await open(userData);
    await showStore('api');
    await getRow('["user",2]').click();
    await expect(page.getByRole('tabpanel').last()).toContainText('name: "User 2"');
    await expect(page.getByRole('tabpanel').last()).toContainText('1970-01-01T00:00:00.000Z');
    await getRow('markup').click();
    await expect(page.locator('pre.text')).toContainText('<script>document.title=2</script>');
    expect(await page.title()).toBe('deskcache inspector');
    await getRow('bytes').click();
    await page.getByRole('tab', { name: 'Hex' }).click();
    await expect(page.locator('pre.hex')).toContainText('00000ff0');
    await page.getByRole('button', { name: 'After' }).click();
    await expect(page.locator('pre.hex')).toContainText('00001000');
    await expect(page.getByRole('button', { name: 'Delete' })).toHaveCount(0);
  });

  test('keys are found by group and by pattern', async ({ userData }) => {
    await open(userData);
    await showStore('api');
    await page.getByRole('button', { name: 'user', exact: true }).click();
    await expect(page.getByRole('row')).toHaveCount(4);
    await page.getByRole('button', { name: 'all keys' }).click();
    await page.getByRole('searchbox').fill('mark');
    await expect(page.getByRole('row')).toHaveCount(2);
    await expect(getRow('markup')).toHaveCount(1);
  });

  test('an item is edited and deleted, and both are taken back', async ({ userData }) => {
    await open(userData, '--write');
    await showStore('api');
    await getRow('["user",1]').click();
    await page.getByRole('tab', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: /The value as JSON/ }).fill('{"name":"Ada"');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('alert')).toContainText('JSON');
    await page.getByRole('textbox', { name: /The value as JSON/ }).fill('{"name":"Ada"}');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(getRow('["user",1]')).toContainText('{ name: "Ada" }');
    await page.getByRole('button', { name: 'Delete' }).click();
    await expect(getRow('["user",1]')).toHaveCount(0);
    for (const name of ['Ada', 'User 1']) {
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByRole('button', { name: 'Search again' }).click();
      await expect(getRow('["user",1]')).toContainText(`name: "${name}"`);
    }
    await expect(page.getByRole('button', { name: 'Undo' })).toHaveCount(0);
  });

  test('the grid holds the rows in view only, and moves by the keyboard', async ({ userData }) => {
    await open(userData);
    await showStore('many');
    const grid = page.getByRole('grid');
    await expect(grid).toHaveAttribute('aria-rowcount', `${MANY_ITEMS + 1}`);
    await grid.focus();
    await page.keyboard.press('End');
    await expect(getRow('item:019999')).toHaveCount(1);
    expect(await page.getByRole('row').count()).toBeLessThan(60);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'item:019998' })).toBeVisible();
    await page.keyboard.press('Home');
    await expect(getRow('item:000000')).toHaveCount(1);
  });

  test('changes of another process appear', async ({ userData }) => {
    await open(userData, '--write');
    await page.getByRole('link', { name: 'Changes' }).click();
    const log = page.getByRole('log');
    await log.waitFor();
    using cache = new Cache(join(userData, 'api'));
    // The inspector may not have begun to follow yet.
    await expect(async () => {
      cache.set('live', Math.random());
      await wait(300);
      expect(await log.textContent()).toContain('set api live');
    }).toPass();
  });

  test('jobs are removed, and a queue paused', async ({ userData }) => {
    await open(userData, '--write');
    await showStore('_queues/outbox');
    await expect(page.getByRole('article', { name: 'Job 1' })).toContainText('to: "Ada"');
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect(page.getByText('Paused: no more jobs are started')).toBeVisible();
    await page.getByRole('button', { name: 'Remove' }).click();
    await expect(page.getByText('No jobs in this state.')).toBeVisible();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`every view is accessible, ${colorScheme}`, async ({ userData }) => {
      await page.emulateMedia({ colorScheme });
      await open(userData, '--write');
      expect(await findAccessibilityFaults(page)).toEqual([]);
      await showStore('api');
      await getRow('["user",1]').click();
      for (const name of ['Tree', 'Edit']) {
        await page.getByRole('tab', { name }).click();
        expect(await findAccessibilityFaults(page)).toEqual([]);
      }
      await showStore('_queues/outbox');
      await page.getByRole('article').waitFor();
      expect(await findAccessibilityFaults(page)).toEqual([]);
      for (const name of ['Changes', 'Over time']) {
        await page.getByRole('link', { name }).click();
        await page.getByRole('heading', { name, level: 2 }).waitFor();
        expect(await findAccessibilityFaults(page)).toEqual([]);
      }
    });
  }
});

const INSPECTOR_URL = 'https://inspector.deskcache/';

test('an application opens its inspector, once, and sees its windows and their grants', async ({ launch }) => {
  const { app, page } = await startApp(launch, 'bridge');
  await page.evaluate(`diskCache.set('shared', { a: 1 })`);
  const openInspector = (query = '') => page.evaluate(`fetch('app://bridge/inspect${query}').then((it) => it.text())`);
  expect(await openInspector('?write')).toBe('opened');
  const inspector = await app.waitForWindow((it) => app.url(it).startsWith(INSPECTOR_URL));
  await inspector.getByRole('navigation').getByRole('link', { name: 'default', exact: true }).click();
  await expect(inspector.getByRole('row').filter({ hasText: 'shared' })).toContainText('{ a: 1 }');
  await inspector.getByRole('link', { name: 'Windows' }).click();
  await expect(inspector.getByRole('row').filter({ hasText: 'app://bridge' }).first()).toContainText('secret: read');
  expect(await openInspector()).toBe('opened');
  expect(app.windows()).toHaveLength(2);
  expect(await inspector.evaluate(`typeof diskCache`)).toBe('undefined');
  // An open inspector doesn't keep the application from quitting.
  // The page may be gone before its request is answered.
  await page.evaluate(`fetch('app://bridge/quit').then(() => {})`).catch(() => {});
  await app.closed;
});

test('an application whose engine is in another process is told what to use instead', async ({ launch }) => {
  const { page } = await startApp(launch, 'bridge', '--utility');
  expect(await page.evaluate(`fetch('app://bridge/inspect').then((it) => it.text())`)).toContain(
    'use deskcache inspect on its directory',
  );
});
