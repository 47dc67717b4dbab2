/** What does it cost a read that the eviction policy wants to know of it? */
import { draws } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock } from './harness/stock.ts';
import { timeGets } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

const DEFAULT = 'least-recently-stored';
const TOLD = ['least-recently-used', 'least-frequently-used', 'sieve'] as const;
const PYTHON_LRU = `${PYTHON}, least-recently-used`;

const ours = (policy: string) => `${OURS}, ${policy}`;

export const question: Question = {
  name: 'policies',
  asks: 'What does it cost a get that the eviction policy wants to know of it?',
  async *comparisons({ keys, operations }) {
    for (const recent of [false, true]) {
      using stock = new Stock(keys);
      const python = await stock.python({ eviction_policy: 'least-recently-used' });
      const among = recent ? keys / 10 : keys;
      const plan = (round: number) => draws(operations, among, round);
      const caches = ([DEFAULT, ...TOLD] as const).map((evictionPolicy) => ({
        name: ours(evictionPolicy),
        cache: stock.cache({ evictionPolicy, ...(recent ? {} : { memory: 0 }) }),
      }));
      yield {
        title: `get, ${recent ? `used recently: ${among} of` : 'not in memory: all of'} ${keys} items, by policy`,
        unit: 'µs',
        contenders: [
          ...caches.map(({ name, cache }) => ({
            name,
            round: (number: number) => timeGets(cache, stock.values, plan(number)),
          })),
          python.contender(PYTHON_LRU, (number) => python.ask('get', plan(number))),
        ],
        goals: TOLD.flatMap((policy) => [
          { subject: ours(policy), against: ours(DEFAULT), atMost: 1.2 },
          { subject: ours(policy), against: PYTHON_LRU, timesFaster: 8 },
        ]),
      };
    }
  },
};

if (import.meta.main) await runAlone(question);
