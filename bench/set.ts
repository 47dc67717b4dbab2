/** What does it cost to write a value of 100 bytes in a transaction of its own? */

import type { Benchmark, Contender } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { Fixtures, type Store } from './harness/fixtures.ts';
import { shuffleIndices, VALUE_FORMS } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { deleteItems, timeSets } from './harness/workload.ts';
import { PYTHON_NAME } from './peer/python.ts';

const ALONE = ', exclusive';

export const benchmark: Benchmark = {
  name: 'set',
  asks: 'What does it cost to write a value of 100 bytes in a transaction of its own?',
  async *comparisons({ keys, operations }) {
    for (const form of VALUE_FORMS) {
      for (const fresh of [true, false]) {
        using fixtures = new Fixtures(keys, form);
        const python = await fixtures.python();
        const plan = (round: number) =>
          fresh
            ? shuffleIndices(keys, keys + operations, round)
            : shuffleIndices(0, keys, round).subarray(0, operations);
        const contender = (name: string, store: Store): Contender => ({
          name,
          round(number) {
            const figure = timeSets(store, fixtures.values, plan(number), number + 1);
            if (fresh) deleteItems(store, plan(number));
            return figure;
          },
        });
        yield {
          title: `set as ${form}, ${fresh ? 'new keys beside' : 'over existing ones of'} ${keys} items`,
          unit: 'µs',
          contenders: [
            contender(BASELINE, fixtures.baseline()),
            contender(OURS, fixtures.cache()),
            contender(BASELINE + ALONE, fixtures.baseline({ exclusive: true })),
            contender(OURS + ALONE, fixtures.cache({ exclusive: true })),
            python.createContender(PYTHON_NAME, async (number) => {
              const figure = await python.ask('set_each', plan(number), { shift: number + 1 });
              if (fresh) await python.ask('drop', plan(number));
              return figure;
            }),
          ],
          goals: [
            { subject: OURS, against: BASELINE, atMost: 1.6 },
            { subject: OURS, against: PYTHON_NAME, timesFaster: 3.5 },
            { subject: OURS + ALONE, against: BASELINE + ALONE, atMost: 1.1 },
            { subject: OURS + ALONE, against: PYTHON_NAME, timesFaster: 5 },
          ],
        };
      }
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
