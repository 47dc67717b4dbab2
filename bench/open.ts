/** How long does it take to open and close an existing store? */
import { Cache } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { type PlainValue, toKey } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { PYTHON_NAME } from './peer/python.ts';

const WITH_GET = `${OURS}, with one get`;

export const benchmark: Benchmark = {
  name: 'open',
  asks: 'How long does it take to open a store that is there, and to close it again?',
  async *comparisons({ keys, operations }) {
    using fixtures = new Fixtures(keys / 10);
    const times = Math.ceil(operations / 100);
    const directory = fixtures.scratch.directory();
    fixtures.cache({}, directory).close();
    const python = await fixtures.python();
    await python.ask('close_store', new Uint32Array());

    function timeOpens(read: boolean): number {
      return measureMicroseconds(times, () => {
        for (let time = 0; time < times; time++) {
          const cache = new Cache<string, PlainValue>(directory);
          if (read) fixtures.values.assertValue(time, cache.get(toKey(time)));
          cache.close();
        }
      });
    }

    yield {
      title: `open and close, ${fixtures.count} items`,
      unit: 'µs',
      contenders: [
        { name: OURS, round: () => timeOpens(false) },
        { name: WITH_GET, round: () => timeOpens(true) },
        python.createContender(PYTHON_NAME, () =>
          python.ask('open_and_close', new Uint32Array(), { directory: python.directory, count: times }),
        ),
      ],
      goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 2 }],
    };
  },
};

if (import.meta.main) await runStandalone(benchmark);
