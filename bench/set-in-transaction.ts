/** What does a write cost when a thousand of them are one transaction? */

import type { Benchmark } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { Fixtures, type Store } from './harness/fixtures.ts';
import { shuffleIndices, toKey, VALUE_FORMS } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { deleteItems, timeSetsInTransactions } from './harness/workload.ts';
import { PYTHON_NAME } from './peer/python.ts';

const BATCH_ITEMS = 1000;
const SET_MANY = 'deskcache, setMany';

export const benchmark: Benchmark = {
  name: 'set-in-transaction',
  asks: `What does a write of 100 bytes cost when ${BATCH_ITEMS} of them are one transaction?`,
  async *comparisons({ keys, operations }) {
    for (const form of VALUE_FORMS) {
      using fixtures = new Fixtures(keys, form);
      const floor = fixtures.baseline();
      const cache = fixtures.cache();
      const many = fixtures.cache();
      const python = await fixtures.python();
      const plan = (round: number) => shuffleIndices(keys, keys + operations, round);

      function round(store: Store, number: number): number {
        const figure = timeSetsInTransactions(store, fixtures.values, plan(number), BATCH_ITEMS);
        deleteItems(store, plan(number));
        return figure;
      }
      function setMany(number: number): number {
        const indices = plan(number);
        const entries = Array.from(indices, (index) => [toKey(index), fixtures.values.at(index)] as const);
        const figure = measureMicroseconds(entries.length, () => {
          for (let first = 0; first < entries.length; first += BATCH_ITEMS)
            many.setMany(entries.slice(first, first + BATCH_ITEMS));
        });
        for (const index of indices) fixtures.values.assertValue(index, many.get(toKey(index)));
        deleteItems(many, indices);
        return figure;
      }

      yield {
        title: `set as ${form}, ${BATCH_ITEMS} a transaction, new keys beside ${keys} items`,
        unit: 'µs',
        contenders: [
          { name: BASELINE, round: (number) => round(floor, number) },
          { name: OURS, round: (number) => round(cache, number) },
          { name: SET_MANY, round: setMany },
          python.createContender(PYTHON_NAME, async (number) => {
            const figure = await python.ask('set_in_transactions', plan(number), { batch: BATCH_ITEMS });
            await python.ask('drop', plan(number));
            return figure;
          }),
        ],
        goals: [OURS, SET_MANY].flatMap((subject) => [
          { subject, against: BASELINE, atMost: 2 },
          { subject, against: PYTHON_NAME, timesFaster: 5 },
        ]),
      };
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
