/** Synchronous messages and `contextBridge`: what a preload script may rely on in both shells. */
import { describeValue, SAMPLES } from './contract-app/sample-values.ts';
import { expect, test } from './fixture.ts';
import { startContractApp } from './start-contract-app.ts';

test('a synchronous message returns what main has set, at once or later, and the first of two', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  expect(await page.evaluate(() => ['twice', 'later', 'twice'].map((what) => bridged.ask(what)))).toEqual([
    'first',
    'late',
    'first',
  ]);
  // A message that main sends during `sendSync` is received after the script has ended.
  const last = await page.evaluate(() => {
    bridged.ask('later');
    return bridged.getOrder().at(-1);
  });
  expect(last).toBe('answered later');
  await expect
    .poll(() => page.evaluate(() => bridged.getOrder().slice(-2)))
    .toEqual(['answered later', 'sent before the answer']);
});

test('values cross as a structured clone if a map holds them', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const seen = await page.evaluate(() =>
    Object.fromEntries(
      Object.keys(tiny.SAMPLES).map((name) => [name, tiny.describe(bridged.askWhole(name).get('value'))]),
    ),
  );
  const expected = Object.fromEntries(Object.entries(SAMPLES).map(([name, value]) => [name, describeValue(value)]));
  expect(seen).toEqual(expected);
});

test('what is exposed is copied part by part, frozen, and stays', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const seen = await page.evaluate(() => {
    const { list, sameList, map, bytes, big, error, point } = bridged;
    const item = list[1] as { date: Date };
    return {
      frozen: [bridged, list, item, map].map(Object.isFrozen),
      notFrozen: [map.get('entry'), bytes].map(Object.isFrozen),
      own: [list, item.date, map, bytes, error].map(
        (value, nth) => value instanceof [Array, Date, Map, Uint8Array, Error][nth]!,
      ),
      isSame: list === sameList,
      big: String(big),
      error: [error.name, error.message],
      point: [Object.getPrototypeOf(point) === Object.prototype, point.x, typeof point.getX],
      property: Object.getOwnPropertyDescriptor(globalThis, 'bridged')?.configurable,
      isIsolated: bridged.isIsolated,
      again: bridged.exposeAgain(),
    };
  });
  expect(seen).toEqual({
    frozen: [true, true, true, true],
    notFrozen: [false, false],
    own: [true, true, true, true, true],
    isSame: true,
    big: String(2n ** 80n),
    error: ['Error', 'no type'],
    point: [true, 1, 'undefined'],
    property: false,
    isIsolated: true,
    again: 'Cannot bind an API on top of an existing property on the window object',
  });
});

test('an exposed function returns copies, and its error keeps the message', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const seen = await page.evaluate(() => {
    const [first, second] = [bridged.getOrder(), bridged.getOrder()];
    let message = '';
    try {
      bridged.fail();
    } catch (error) {
      message = `${(error as Error).name}: ${(error as Error).message}`;
    }
    return [first === second, Object.isFrozen(first), message];
  });
  expect(seen).toEqual([false, false, 'Error: Uncaught RangeError: out of range']);
});
