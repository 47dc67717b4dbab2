/** What does a read cost that is the only one of its turn, and so can't share the look at what others have written? */

import type { Benchmark, Contender } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { Fixtures, type Store } from './harness/fixtures.ts';
import { drawIndices, toKeys } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { measureMicrosecondsAsync } from './harness/timing.ts';

export const benchmark: Benchmark = {
  name: 'get-per-turn',
  asks: 'What does a get cost that is the only one of its turn of the event loop?',
  async *comparisons({ keys, operations }) {
    using fixtures = new Fixtures(keys, 'text');
    const among = keys / 10;
    const contender = (name: string, store: Pick<Store, 'get'>): Contender => ({
      name,
      round: (number) => timeTurns(store, toKeys(drawIndices(operations, among, number))),
    });
    yield {
      title: `a turn with one get as text, ${among} of ${keys} items`,
      unit: 'µs',
      contenders: [
        contender('a turn with nothing in it', { get: () => true }),
        contender(BASELINE, fixtures.baseline()),
        contender(`${OURS}, used recently`, fixtures.cache()),
        contender(`${OURS}, not in memory`, fixtures.cache({ memory: 0 })),
      ],
      goals: [],
    };
  },
};

/** Microseconds for each turn. */
async function timeTurns(store: Pick<Store, 'get'>, keys: readonly string[]): Promise<number> {
  let found = 0;
  const figure = await measureMicrosecondsAsync(
    keys.length,
    () =>
      new Promise((resolve) => {
        let turn = 0;
        function next(): void {
          if (store.get(keys[turn++]!) !== undefined) found++;
          if (turn < keys.length) setImmediate(next);
          else resolve();
        }
        next();
      }),
  );
  if (found !== keys.length) throw new Error(`${keys.length} gets found ${found} values`);
  return figure;
}

if (import.meta.main) await runStandalone(benchmark);
