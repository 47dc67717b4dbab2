/** What does it cost to write a value of 100 bytes in a transaction of its own? */
import { FORMS, shuffled } from './harness/data.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock, type Store } from './harness/stock.ts';
import { drop, timeSets } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

const ALONE = ', exclusive';

export const question: Question = {
  name: 'set',
  asks: 'What does it cost to write a value of 100 bytes in a transaction of its own?',
  async *comparisons({ keys, operations }) {
    for (const form of FORMS) {
      for (const fresh of [true, false]) {
        using stock = new Stock(keys, form);
        const python = await stock.python();
        const plan = (round: number) =>
          fresh ? shuffled(keys, keys + operations, round) : shuffled(0, keys, round).subarray(0, operations);
        const contender = (name: string, store: Store): Contender => ({
          name,
          round(number) {
            const figure = timeSets(store, stock.values, plan(number), number + 1);
            if (fresh) drop(store, plan(number));
            return figure;
          },
        });
        yield {
          title: `set as ${form}, ${fresh ? 'new keys beside' : 'over existing ones of'} ${keys} items`,
          unit: 'µs',
          contenders: [
            contender(FLOOR, stock.floor()),
            contender(OURS, stock.cache()),
            contender(FLOOR + ALONE, stock.floor({ exclusive: true })),
            contender(OURS + ALONE, stock.cache({ exclusive: true })),
            python.contender(PYTHON, async (number) => {
              const figure = await python.ask('set_each', plan(number), { shift: number + 1 });
              if (fresh) await python.ask('drop', plan(number));
              return figure;
            }),
          ],
          goals: [
            { subject: OURS, against: FLOOR, atMost: 1.6 },
            { subject: OURS, against: PYTHON, timesFaster: 3.5 },
            { subject: OURS + ALONE, against: FLOOR + ALONE, atMost: 1.1 },
            { subject: OURS + ALONE, against: PYTHON, timesFaster: 5 },
          ],
        };
      }
    }
  },
};

if (import.meta.main) await runAlone(question);
