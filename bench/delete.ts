/** What does it cost to delete an item in a transaction of its own? */

import type { Benchmark, Contender } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { Fixtures, type Store } from './harness/fixtures.ts';
import { shuffleIndices, toKey } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { timeDeletes } from './harness/workload.ts';
import { PYTHON_NAME } from './peer/python.ts';

export const benchmark: Benchmark = {
  name: 'delete',
  asks: 'What does it cost to delete an item of 100 bytes in a transaction of its own?',
  async *comparisons({ keys, operations }) {
    using fixtures = new Fixtures(keys);
    const python = await fixtures.python();
    const plan = (round: number) => shuffleIndices(0, keys, round).subarray(0, operations);
    const contender = (name: string, store: Store): Contender => ({
      name,
      round(number) {
        const figure = timeDeletes(store, plan(number));
        putBack(store, plan(number));
        return figure;
      },
    });
    function putBack(store: Store, indices: Uint32Array): void {
      store.transact(() => {
        for (const index of indices) store.set(toKey(index), fixtures.values.at(index));
      });
    }
    yield {
      title: `delete ${operations} of ${keys} items`,
      unit: 'µs',
      contenders: [
        contender(BASELINE, fixtures.baseline()),
        contender(OURS, fixtures.cache()),
        python.createContender(PYTHON_NAME, async (number) => {
          const figure = await python.ask('delete_each', plan(number));
          await python.ask('fill', plan(number));
          return figure;
        }),
      ],
      goals: [
        { subject: OURS, against: BASELINE, atMost: 1.6 },
        { subject: OURS, against: PYTHON_NAME, timesFaster: 2.5 },
      ],
    };
  },
};

if (import.meta.main) await runStandalone(benchmark);
