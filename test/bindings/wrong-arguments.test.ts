import { expect, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import {
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

it('an unknown option of useJobs is the error that its component shows', async () => {
  using t = await testHost({ stores: {} });
  t.host.queue('letters');
  const jobs = observeJobs(t.page().queue('letters'), { state: ['ready'] } as never);
  await jobs.getSettled();
  expect(jobs.getSnapshot().error).toMatchObject({
    code: 'BAD_OPTION',
    message: 'useJobs: unknown option "state"; valid options: states, limit',
  });
});
