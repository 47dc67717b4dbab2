/** What does it cost to read a value of 100 bytes? */
import { draws, FORMS } from './harness/data.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock } from './harness/stock.ts';
import { timeGets } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

export const question: Question = {
  name: 'get',
  asks: 'What does it cost to read a value of 100 bytes by a random key?',
  async *comparisons(scale) {
    for (const form of FORMS) {
      for (const recent of [true, false]) {
        using stock = new Stock(scale.keys, form);
        const floor = stock.floor();
        const cache = stock.cache(recent ? {} : { memory: 0 });
        const python = await stock.python();
        const among = recent ? scale.keys / 10 : scale.keys;
        // A hit takes so little that a round needs more of them to be one.
        const operations = recent ? scale.operations * 5 : scale.operations;
        const plan = (round: number) => draws(operations, among, round);
        yield {
          title: `get as ${form}, ${recent ? `used recently: ${among} of ` : 'not in memory: all of '}${scale.keys} items`,
          unit: 'µs',
          contenders: [
            { name: FLOOR, round: (round) => timeGets(floor, stock.values, plan(round)) },
            { name: OURS, round: (round) => timeGets(cache, stock.values, plan(round)) },
            python.contender(PYTHON, (round) => python.ask('get', plan(round))),
          ],
          goals: [
            { subject: OURS, against: FLOOR, atMost: recent ? 0.25 : 1.4 },
            { subject: OURS, against: PYTHON, timesFaster: recent ? 12 : 1.7 },
          ],
        };
      }
    }
  },
};

if (import.meta.main) await runAlone(question);
