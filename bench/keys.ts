/** Does walking the keys in key order stay linear? */
import type { Cache } from '../main/engine/index.ts';
import { keyAt } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock } from './harness/stock.ts';
import { microsecondsEach } from './harness/timing.ts';
import { PYTHON, type Python } from './peer/python.ts';

const of = (name: string, count: number) => `${name}, ${count.toLocaleString('en')} keys`;

export const question: Question = {
  name: 'keys',
  asks: 'What does it cost to walk all keys in key order, and does ten times as many cost ten times as much?',
  async *comparisons({ keys, many }) {
    using some = new Stock(keys);
    using lots = new Stock(many);
    using few = new Stock(keys / 10);
    const smaller = some.cache();
    const larger = lots.cache();
    const python = await few.python();
    const pythonLarger = await some.python();
    yield {
      title: 'all keys in key order',
      unit: 'ms',
      contenders: [
        { name: of(OURS, keys), round: () => timeWalk(smaller, keys) },
        { name: of(OURS, many), round: () => timeWalk(larger, many) },
        python.contender(of(PYTHON, keys / 10), () => pythonWalk(python, keys / 10)),
        pythonLarger.contender(of(PYTHON, keys), () => pythonWalk(pythonLarger, keys)),
      ],
      goals: [
        { subject: of(OURS, many), against: of(OURS, keys), atMost: 12 },
        { subject: of(OURS, keys), against: of(PYTHON, keys), timesFaster: 1 },
      ],
    };
  },
};

/** Milliseconds of one walk. */
const pythonWalk = async (python: Python, count: number) =>
  (await python.ask('walk_keys', new Uint32Array(), { count })) / 1000;

/** Milliseconds of one walk. */
function timeWalk(cache: Cache<string>, count: number): number {
  let next = 0;
  const figure = microsecondsEach(1000, () => {
    for (const key of cache.keys({ order: 'key' })) {
      if (key !== keyAt(next++)) throw new Error(`Key number ${next} of the walk is ${key}`);
    }
  });
  if (next !== count) throw new Error(`The walk met ${next} keys of ${count}`);
  return figure;
}

if (import.meta.main) await runAlone(question);
