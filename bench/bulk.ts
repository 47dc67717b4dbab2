/** What does a write cost when a thousand of them are one transaction? */
import { FORMS, keyAt, shuffled } from './harness/data.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock, type Store } from './harness/stock.ts';
import { microsecondsEach } from './harness/timing.ts';
import { drop, timeSetsInTransactions } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

const BATCH = 1000;
const SET_MANY = 'deskcache, setMany';

export const question: Question = {
  name: 'bulk',
  asks: `What does a write of 100 bytes cost when ${BATCH} of them are one transaction?`,
  async *comparisons({ keys, operations }) {
    for (const form of FORMS) {
      using stock = new Stock(keys, form);
      const floor = stock.floor();
      const cache = stock.cache();
      const many = stock.cache();
      const python = await stock.python();
      const plan = (round: number) => shuffled(keys, keys + operations, round);

      function round(store: Store, number: number): number {
        const figure = timeSetsInTransactions(store, stock.values, plan(number), BATCH);
        drop(store, plan(number));
        return figure;
      }
      function setMany(number: number): number {
        const indices = plan(number);
        const entries = Array.from(indices, (index) => [keyAt(index), stock.values.at(index)] as const);
        const figure = microsecondsEach(entries.length, () => {
          for (let first = 0; first < entries.length; first += BATCH) many.setMany(entries.slice(first, first + BATCH));
        });
        for (const index of indices) stock.values.demand(index, many.get(keyAt(index)));
        drop(many, indices);
        return figure;
      }

      yield {
        title: `set as ${form}, ${BATCH} a transaction, new keys beside ${keys} items`,
        unit: 'µs',
        contenders: [
          { name: FLOOR, round: (number) => round(floor, number) },
          { name: OURS, round: (number) => round(cache, number) },
          { name: SET_MANY, round: setMany },
          python.contender(PYTHON, async (number) => {
            const figure = await python.ask('set_in_transactions', plan(number), { batch: BATCH });
            await python.ask('drop', plan(number));
            return figure;
          }),
        ],
        goals: [OURS, SET_MANY].flatMap((subject) => [
          { subject, against: FLOOR, atMost: 2 },
          { subject, against: PYTHON, timesFaster: 5 },
        ]),
      };
    }
  },
};

if (import.meta.main) await runAlone(question);
