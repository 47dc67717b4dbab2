/** The contract of the two shells, continued: utility processes, and ports between them and pages. */
import type { Page } from 'playwright-core';
import { describe, SAMPLES } from './app/samples.ts';
import { expect, test } from './fixture.ts';
import { ask, start } from './tiny.ts';

const heard = (page: Page) => ask(page, 'fromChild') as Promise<string[]>;
const hears = (page: Page, text: string) => expect.poll(() => heard(page), { message: text }).toContain(text);

/** A port of the page that ends in the child, made in the page. */
async function portToChild(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const toMain = await tiny.connect();
    const { port1, port2 } = new MessageChannel();
    toMain.postMessage('hand this on', [port2]);
    Object.assign(globalThis, { toChild: port1 });
  });
  await expect.poll(() => ask(page, 'received')).toEqual(['"hand this on"']);
  await ask(page, 'passPortToChild');
}

/** What comes back over that port. */
const echo = (page: Page, value: string) =>
  page.evaluate(async (text) => {
    const { toChild } = globalThis as unknown as { toChild: MessagePort };
    const answer = tiny.next(toChild);
    toChild.postMessage(text);
    return (await answer).data;
  }, value);

test('a utility process spawns, has its arguments, and gets what was posted before', async ({ launch }) => {
  const { page } = await start(launch);
  await ask(page, 'fork', 'one', 'two');
  await hears(page, '"before it runs"');
  expect(await heard(page)).toEqual(['spawn', 'started with one two', '"before it runs"']);
});

test('values cross in both directions as a structured clone; what can’t be cloned is refused', async ({ launch }) => {
  const { page } = await start(launch);
  await ask(page, 'fork');
  const names = Object.keys(SAMPLES);
  for (const name of names) await ask(page, 'postToChild', name);
  await ask(page, 'tellChild', 'send samples');
  const expected = Object.values(SAMPLES).map((value) => describe(value));
  await expect.poll(async () => (await heard(page)).length).toBe(3 + 2 * names.length);
  expect((await heard(page)).slice(3, 3 + names.length)).toEqual(expected);
  expect((await heard(page)).slice(3 + names.length)).toEqual(
    Object.values(SAMPLES).map((value) => (typeof value === 'string' ? value : describe(value))),
  );
  await expect(ask(page, 'postUnclonableToChild')).rejects.toThrow('An object could not be cloned.');
});

test('a page talks to it over a port of its own, and ports travel there, too', async ({ launch }) => {
  const { page } = await start(launch);
  await ask(page, 'fork');
  await portToChild(page);
  expect(await echo(page, 'hello')).toBe('hello');
  const along = await page.evaluate(async () => {
    const { toChild } = globalThis as unknown as { toChild: MessagePort };
    const { port1, port2 } = new MessageChannel();
    const answer = tiny.next(port1);
    toChild.postMessage('a port', [port2]);
    return (await answer).data;
  });
  expect(along).toBe('on the port that came along');
  await page.evaluate(() => (globalThis as unknown as { toChild: MessagePort }).toChild.close());
  await hears(page, 'port closed');
});

test('its exit is told with its code, also when it was killed or failed, and the application goes on', async ({
  launch,
}) => {
  const { page } = await start(launch);
  await ask(page, 'fork');
  await portToChild(page);
  expect(await echo(page, 'hello')).toBe('hello');
  await ask(page, 'tellChild', 'exit');
  await hears(page, 'exit 7');
  await page.evaluate(() => (globalThis as unknown as { toChild: MessagePort }).toChild.postMessage('to nobody'));
  for (const end of ['kill', 'throw']) {
    await ask(page, 'fork');
    await hears(page, '"before it runs"');
    expect(await ask(page, ...(end === 'kill' ? ['killChild'] : ['tellChild', 'throw']))).toBe(
      end === 'kill' ? true : null,
    );
    const code = end === 'kill' ? /^exit 0$/ : /^exit [1-9]/;
    await expect.poll(async () => (await heard(page)).at(-1), { message: end }).toMatch(code);
  }
  expect(await ask(page, 'killChild')).toBe(false);
});

test('an application quits with its utility process', async ({ launch }) => {
  const { app, page } = await start(launch);
  await ask(page, 'fork');
  await hears(page, '"before it runs"');
  await app.close();
  expect(app.process.exitCode).toBe(0);
});
