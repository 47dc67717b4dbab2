/** Does walking the keys in key order stay linear? */
import type { Cache } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { toKey } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { PYTHON_NAME, type PythonPeer } from './peer/python.ts';

const toName = (name: string, count: number) => `${name}, ${count.toLocaleString('en')} keys`;

export const benchmark: Benchmark = {
  name: 'keys',
  asks: 'What does it cost to walk all keys in key order, and does ten times as many cost ten times as much?',
  async *comparisons({ keys, many }) {
    using some = new Fixtures(keys);
    using lots = new Fixtures(many);
    using few = new Fixtures(keys / 10);
    const smaller = some.cache();
    const larger = lots.cache();
    const python = await few.python();
    const pythonLarger = await some.python();
    yield {
      title: 'all keys in key order',
      unit: 'ms',
      contenders: [
        { name: toName(OURS, keys), round: () => timeWalk(smaller, keys) },
        { name: toName(OURS, many), round: () => timeWalk(larger, many) },
        python.createContender(toName(PYTHON_NAME, keys / 10), () => timePythonWalk(python, keys / 10)),
        pythonLarger.createContender(toName(PYTHON_NAME, keys), () => timePythonWalk(pythonLarger, keys)),
      ],
      goals: [
        { subject: toName(OURS, many), against: toName(OURS, keys), atMost: 12 },
        { subject: toName(OURS, keys), against: toName(PYTHON_NAME, keys), timesFaster: 1 },
      ],
    };
  },
};

/** Milliseconds of one walk. */
const timePythonWalk = async (python: PythonPeer, count: number) =>
  (await python.ask('walk_keys', new Uint32Array(), { count })) / 1000;

/** Milliseconds of one walk. */
function timeWalk(cache: Cache<string>, count: number): number {
  let next = 0;
  const figure = measureMicroseconds(1000, () => {
    for (const key of cache.keys({ order: 'key' })) {
      if (key !== toKey(next++)) throw new Error(`Key number ${next} of the walk is ${key}`);
    }
  });
  if (next !== count) throw new Error(`The walk met ${next} keys of ${count}`);
  return figure;
}

if (import.meta.main) await runStandalone(benchmark);
