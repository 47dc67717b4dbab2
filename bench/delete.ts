/** What does it cost to delete an item in a transaction of its own? */
import { keyAt, shuffled } from './harness/data.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock, type Store } from './harness/stock.ts';
import { timeDeletes } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

export const question: Question = {
  name: 'delete',
  asks: 'What does it cost to delete an item of 100 bytes in a transaction of its own?',
  async *comparisons({ keys, operations }) {
    using stock = new Stock(keys);
    const python = await stock.python();
    const plan = (round: number) => shuffled(0, keys, round).subarray(0, operations);
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
        for (const index of indices) store.set(keyAt(index), stock.values.at(index));
      });
    }
    yield {
      title: `delete ${operations} of ${keys} items`,
      unit: 'µs',
      contenders: [
        contender(FLOOR, stock.floor()),
        contender(OURS, stock.cache()),
        python.contender(PYTHON, async (number) => {
          const figure = await python.ask('delete_each', plan(number));
          await python.ask('fill', plan(number));
          return figure;
        }),
      ],
      goals: [
        { subject: OURS, against: FLOOR, atMost: 1.6 },
        { subject: OURS, against: PYTHON, timesFaster: 2.5 },
      ],
    };
  },
};

if (import.meta.main) await runAlone(question);
