import { expect, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import {
  type Observer,
  observeDeque,
  observeEntries,
  observeEntry,
  observeJobs,
  observeSetting,
} from '../../renderer-api/bindings/index.ts';

it.each([undefined, null, 'notes'])('%j in place of a store is refused by name', (store) => {
  const calls = [observeEntry, observeEntries, observeDeque, observeJobs, observeSetting];
  for (const observe of calls as readonly ((...args: unknown[]) => unknown)[])
    expect(() => observe(store, 'k')).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: `Not a store: ${store}` }),
    );
});

/** Returns the error that a component shows. */
async function readError(observer: Observer<unknown>): Promise<unknown> {
  await observer.getSettled();
  return observer.getSnapshot().error;
}

it.each([
  [{ state: ['ready'] }, 'unknown option "state"; valid options: states, limit'],
  [null, 'the options must be an object; valid options: states, limit'],
  ['ready', 'the options must be an object; valid options: states, limit'],
  [{ states: 'ready' }, 'states has to be an array'],
  [{ states: null }, 'states has to be an array'],
  [{ limit: '10' }, 'limit has to be a number from 0'],
  [{ limit: -1 }, 'limit has to be a number from 0'],
  [{ limit: Number.NaN }, 'limit has to be a number from 0'],
])('%j as options of useJobs is the error that its component shows', async (options, message) => {
  using t = await testHost({ stores: {} });
  t.host.queue('letters');
  expect(await readError(observeJobs(t.page().queue('letters'), options as never))).toMatchObject({
    code: 'BAD_OPTION',
    message: `useJobs: ${message}`,
  });
});

it.each([[null], ['note '], [5]])(
  '%j as a range of useEntries is the error that its component shows',
  async (range) => {
    using t = await testHost({ stores: {} });
    expect(await readError(observeEntries(t.page(), range as never))).toMatchObject({
      code: 'BAD_OPTION',
      message: 'useEntries: the range must be an object',
    });
  },
);

it('an unknown property of a range of useEntries is the error that its component shows', async () => {
  using t = await testHost({ stores: {} });
  expect(await readError(observeEntries(t.page(), { prefx: 'note ' } as never))).toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringContaining('unknown option "prefx"'),
  });
});
