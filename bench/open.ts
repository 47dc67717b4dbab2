/** How long does it take to open a store that is there, and to close it again? */
import { Cache } from '../main/engine/index.ts';
import { keyAt, type Plain } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock } from './harness/stock.ts';
import { microsecondsEach } from './harness/timing.ts';
import { PYTHON } from './peer/python.ts';

const WITH_GET = `${OURS}, with one get`;

export const question: Question = {
  name: 'open',
  asks: 'How long does it take to open a store that is there, and to close it again?',
  async *comparisons({ keys, operations }) {
    using stock = new Stock(keys / 10);
    const times = Math.ceil(operations / 100);
    const directory = stock.scratch.directory();
    stock.cache({}, directory).close();
    const python = await stock.python();
    await python.ask('close_store', new Uint32Array());

    function timeOpens(read: boolean): number {
      return microsecondsEach(times, () => {
        for (let time = 0; time < times; time++) {
          const cache = new Cache<string, Plain>(directory);
          if (read) stock.values.demand(time, cache.get(keyAt(time)));
          cache.close();
        }
      });
    }

    yield {
      title: `open and close, ${stock.count} items`,
      unit: 'µs',
      contenders: [
        { name: OURS, round: () => timeOpens(false) },
        { name: WITH_GET, round: () => timeOpens(true) },
        python.contender(PYTHON, () =>
          python.ask('open_and_close', new Uint32Array(), { directory: python.directory, count: times }),
        ),
      ],
      goals: [{ subject: OURS, against: PYTHON, timesFaster: 2 }],
    };
  },
};

if (import.meta.main) await runAlone(question);
