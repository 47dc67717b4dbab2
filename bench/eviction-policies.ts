/** What does it cost a read that the eviction policy wants to know of it? */

import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { drawIndices } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { timeGets } from './harness/workload.ts';
import { PYTHON_NAME } from './peer/python.ts';

const DEFAULT = 'least-recently-stored';
const EXPLICIT = ['least-recently-used', 'least-frequently-used', 'sieve'] as const;
const PYTHON_LRU = `${PYTHON_NAME}, least-recently-used`;

const toName = (policy: string) => `${OURS}, ${policy}`;

export const benchmark: Benchmark = {
  name: 'eviction-policies',
  asks: 'What does it cost a get that the eviction policy wants to know of it?',
  async *comparisons({ keys, operations }) {
    for (const recent of [false, true]) {
      using fixtures = new Fixtures(keys);
      const python = await fixtures.python({ eviction_policy: 'least-recently-used' });
      const among = recent ? keys / 10 : keys;
      const plan = (round: number) => drawIndices(operations, among, round);
      const caches = ([DEFAULT, ...EXPLICIT] as const).map((evictionPolicy) => ({
        name: toName(evictionPolicy),
        cache: fixtures.cache({ evictionPolicy, ...(recent ? {} : { memory: 0 }) }),
      }));
      yield {
        title: `get, ${recent ? `used recently: ${among} of` : 'not in memory: all of'} ${keys} items, by policy`,
        unit: 'µs',
        contenders: [
          ...caches.map(({ name, cache }) => ({
            name,
            round: (number: number) => timeGets(cache, fixtures.values, plan(number)),
          })),
          python.createContender(PYTHON_LRU, (number) => python.ask('get', plan(number))),
        ],
        goals: EXPLICIT.flatMap((policy) => [
          { subject: toName(policy), against: toName(DEFAULT), atMost: 1.2 },
          { subject: toName(policy), against: PYTHON_LRU, timesFaster: 8 },
        ]),
      };
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
