/** The contract of the two shells, continued: utility processes, and ports between them and pages. */
import type { Page } from 'playwright-core';
import { describeValue, SAMPLES } from './contract-app/sample-values.ts';
import { expect, test } from './fixture.ts';
import { sendCommand, startContractApp } from './start-contract-app.ts';

const getReceived = (page: Page) => sendCommand(page, 'fromChild') as Promise<string[]>;
const expectReceived = (page: Page, text: string) =>
  expect.poll(() => getReceived(page), { message: text }).toContain(text);

/** A port of the page that ends in the child, made in the page. */
async function openPortToChild(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const toMain = await tiny.connect();
    const { port1, port2 } = new MessageChannel();
    toMain.postMessage('hand this on', [port2]);
    Object.assign(globalThis, { toChild: port1 });
  });
  await expect.poll(() => sendCommand(page, 'received')).toEqual(['"hand this on"']);
  await sendCommand(page, 'passPortToChild');
}

/** What comes back over that port. */
const echo = (page: Page, value: string) =>
  page.evaluate(async (text) => {
    const { toChild } = globalThis as unknown as { toChild: MessagePort };
    const answer = tiny.next(toChild);
    toChild.postMessage(text);
    return (await answer).data;
  }, value);

test('a utility process spawns, gets its arguments and earlier messages', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  await sendCommand(page, 'fork', 'one', 'two');
  await expectReceived(page, '"before it runs"');
  expect(await getReceived(page)).toEqual(['spawn', 'started with one two', '"before it runs"']);
});

test('values cross in both directions as a structured clone; what can’t be cloned is refused', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  await sendCommand(page, 'fork');
  const names = Object.keys(SAMPLES);
  for (const name of names) await sendCommand(page, 'postToChild', name);
  await sendCommand(page, 'tellChild', 'send samples');
  const expected = Object.values(SAMPLES).map((value) => describeValue(value));
  await expect.poll(async () => (await getReceived(page)).length).toBe(3 + 2 * names.length);
  expect((await getReceived(page)).slice(3, 3 + names.length)).toEqual(expected);
  expect((await getReceived(page)).slice(3 + names.length)).toEqual(
    Object.values(SAMPLES).map((value) => (typeof value === 'string' ? value : describeValue(value))),
  );
  await expect(sendCommand(page, 'postUnclonableToChild')).rejects.toThrow('An object could not be cloned.');
});

test('a page talks to it over a port of its own, and ports travel there, too', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  await sendCommand(page, 'fork');
  await openPortToChild(page);
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
  await expectReceived(page, 'port closed');
});

test('its exit is reported with its code, also after a kill or a failure, and the application continues', async ({
  launch,
}) => {
  const { page } = await startContractApp(launch);
  await sendCommand(page, 'fork');
  await openPortToChild(page);
  expect(await echo(page, 'hello')).toBe('hello');
  await sendCommand(page, 'tellChild', 'exit');
  await expectReceived(page, 'exit 7');
  await page.evaluate(() => (globalThis as unknown as { toChild: MessagePort }).toChild.postMessage('to nobody'));
  for (const end of ['kill', 'throw']) {
    await sendCommand(page, 'fork');
    await expectReceived(page, '"before it runs"');
    expect(await sendCommand(page, ...(end === 'kill' ? ['killChild'] : ['tellChild', 'throw']))).toBe(
      end === 'kill' ? true : null,
    );
    const code = end === 'kill' ? /^exit 0$/ : /^exit [1-9]/;
    await expect.poll(async () => (await getReceived(page)).at(-1), { message: end }).toMatch(code);
  }
  expect(await sendCommand(page, 'killChild')).toBe(false);
});

test('an application quits with its utility process', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  await sendCommand(page, 'fork');
  await expectReceived(page, '"before it runs"');
  await app.close();
  expect(app.process.exitCode).toBe(0);
});
