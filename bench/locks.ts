/** What do the recipes cost without contention? */
import { Averager, BoundedSemaphore, Lock, RLock, throttle } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { measureMicroseconds, measureMicrosecondsAsync } from './harness/timing.ts';
import { PYTHON_NAME } from './peer/python.ts';

const ASYNC_NAME = `${OURS}, acquireAsync`;

export const benchmark: Benchmark = {
  name: 'locks',
  asks: 'What does a recipe cost when nobody has to wait?',
  async *comparisons({ keys, operations }) {
    using fixtures = new Fixtures(keys / 10);
    const times = Math.ceil(operations / 10);
    const cache = fixtures.cache({ evictionPolicy: 'none' });
    const python = await fixtures.python({ eviction_policy: 'none' });

    const guards = [
      { recipe: 'Lock', guard: new Lock(cache, 'Lock'), depth: 1 },
      { recipe: 'RLock', guard: new RLock(cache, 'RLock'), depth: 2 },
      { recipe: 'BoundedSemaphore', guard: new BoundedSemaphore(cache, 'BoundedSemaphore'), depth: 1 },
    ] as const;
    for (const { recipe, guard, depth } of guards) {
      const onTheSpot = () =>
        measureMicroseconds(times, () => {
          for (let time = 0; time < times; time++) {
            for (let level = 0; level < depth; level++) guard.acquire();
            for (let level = 0; level < depth; level++) guard.release();
          }
        });
      const inTurn = () =>
        measureMicrosecondsAsync(times, async () => {
          for (let time = 0; time < times; time++) (await guard.acquireAsync()).release();
        });
      yield {
        title: `${recipe}, acquire and release${depth > 1 ? ', twice nested' : ''}`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: onTheSpot },
          ...(depth === 1 ? [{ name: ASYNC_NAME, round: inTurn }] : []),
          python.createContender(PYTHON_NAME, () =>
            python.ask('use_recipe', new Uint32Array(), { recipe, count: times }),
          ),
        ],
        goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 1 }],
      };
    }

    const mean = new Averager(cache, 'Averager');
    yield {
      title: 'Averager, add',
      unit: 'µs',
      contenders: [
        {
          name: OURS,
          round: () => {
            const figure = measureMicroseconds(times, () => {
              for (let number = 0; number < times; number++) mean.add(number);
            });
            if (mean.pop() !== (times - 1) / 2) throw new Error('the mean came out wrong');
            return figure;
          },
        },
        python.createContender(PYTHON_NAME, () =>
          python.ask('use_recipe', new Uint32Array(), { recipe: 'Averager', count: times }),
        ),
      ],
      goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 1 }],
    };

    let calls = 0;
    const call = throttle(cache, 1e9, 1000, { name: 'throttle' })(() => calls++);
    yield {
      title: 'throttle, a call that need not wait',
      unit: 'µs',
      contenders: [
        {
          name: OURS,
          round: () => {
            calls = 0;
            const figure = measureMicroseconds(times, () => {
              for (let time = 0; time < times; time++) call();
            });
            if (calls !== times) throw new Error(`${calls} calls instead of ${times}`);
            return figure;
          },
        },
        python.createContender(PYTHON_NAME, () =>
          python.ask('use_recipe', new Uint32Array(), { recipe: 'throttle', count: times }),
        ),
      ],
      goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 1 }],
    };
  },
};

if (import.meta.main) await runStandalone(benchmark);
