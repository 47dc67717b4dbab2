/** What does it cost to read a value of 100 bytes? */

import type { Benchmark } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { drawIndices, VALUE_FORMS } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { timeGets } from './harness/workload.ts';
import { PYTHON_NAME } from './peer/python.ts';

export const benchmark: Benchmark = {
  name: 'get',
  asks: 'What does it cost to read a value of 100 bytes by a random key?',
  async *comparisons(scale) {
    for (const form of VALUE_FORMS) {
      for (const recent of [true, false]) {
        using fixtures = new Fixtures(scale.keys, form);
        const floor = fixtures.baseline();
        const cache = fixtures.cache(recent ? {} : { memory: 0 });
        const python = await fixtures.python();
        const among = recent ? scale.keys / 10 : scale.keys;
        // A hit takes so little that a round needs more of them to be one.
        const operations = recent ? scale.operations * 5 : scale.operations;
        const plan = (round: number) => drawIndices(operations, among, round);
        yield {
          title: `get as ${form}, ${recent ? `used recently: ${among} of ` : 'not in memory: all of '}${scale.keys} items`,
          unit: 'µs',
          contenders: [
            { name: BASELINE, round: (round) => timeGets(floor, fixtures.values, plan(round)) },
            { name: OURS, round: (round) => timeGets(cache, fixtures.values, plan(round)) },
            python.createContender(PYTHON_NAME, (round) => python.ask('get', plan(round))),
          ],
          goals: [
            { subject: OURS, against: BASELINE, atMost: recent ? 0.25 : 1.4 },
            { subject: OURS, against: PYTHON_NAME, timesFaster: recent ? 12 : 1.7 },
          ],
        };
      }
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
