/** What does the way from a page to the engine cost? The page is a worker thread, the port a real one, the engine in this thread. */
import { COMLINK, COMLINK_EXCLUSIVE, GOALS } from './goals.ts';
import type { Benchmark, Contender } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { drawIndices } from './harness/keys-and-values.ts';
import { PageWorker } from './harness/page-worker.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { timeGets } from './harness/workload.ts';
import type { PageAction } from './peer/page-worker.ts';
import { EXCLUSIVE } from './peer/stores/deskcache.ts';

const ECHO = 'bare echo over the port';
const ENGINE = 'the engine’s own get';
const ECHO_GET = 'bare echo with the engine’s own get';
const NEAR = 'deskcache, kept near';

export const benchmark: Benchmark = {
  name: 'bridge',
  asks: 'What does the way from a page to the engine cost, one call at a time and many in flight?',
  async *comparisons({ keys, operations }) {
    using fixtures = new Fixtures(keys / 10);
    const cache = fixtures.cache();
    await using page = new PageWorker(cache);
    await using exclusivePage = new PageWorker(fixtures.cache({ exclusive: true }));
    const plan = (round: number) => drawIndices(operations / 2, fixtures.count, round);
    const contender = (name: string, action: PageAction, on: PageWorker = page): Contender => ({
      name,
      round: (round) => on.time(action, round, plan(round)),
    });

    yield {
      title: `one get of 100 bytes at a time, ${operations / 2} of them`,
      unit: 'µs',
      contenders: [
        contender(ECHO, 'echo'),
        { name: ENGINE, round: (round) => timeGets(cache, fixtures.values, plan(round)) },
        contender(ECHO_GET, 'echo get'),
        contender(OURS, 'get'),
        contender(COMLINK, 'comlink get'),
      ],
      goals: [{ subject: OURS, against: ECHO_GET, atMost: 1.5 }],
    };
    yield {
      title: `${operations / 2} gets of 100 bytes in flight`,
      unit: 'µs',
      contenders: [
        contender(OURS, 'gets'),
        contender(EXCLUSIVE, 'gets', exclusivePage),
        contender(COMLINK, 'comlink gets'),
        contender(COMLINK_EXCLUSIVE, 'comlink gets', exclusivePage),
      ],
      goals: [{ subject: OURS, against: COMLINK, timesFaster: 5 }, ...GOALS['gets in flight']],
    };
    yield {
      title: `${operations / 2} sets of 100 bytes in flight`,
      unit: 'µs',
      contenders: [
        contender(OURS, 'sets'),
        contender(EXCLUSIVE, 'sets', exclusivePage),
        contender(COMLINK, 'comlink sets'),
        contender(COMLINK_EXCLUSIVE, 'comlink sets', exclusivePage),
      ],
      goals: [{ subject: OURS, against: COMLINK, timesFaster: 5 }, ...GOALS['sets in flight']],
    };
    yield {
      title: `one get of 100 bytes that the page has read before, ${operations / 2} of them`,
      unit: 'µs',
      contenders: [contender(NEAR, 'get near'), contender(ECHO, 'echo')],
      goals: [{ subject: NEAR, against: ECHO, timesFaster: 10 }],
    };
    const few = drawIndices(4, 4, 1);
    yield {
      title: 'a value of 16 MiB set and read, one after the other',
      unit: 'µs',
      contenders: [
        { name: OURS, round: (round) => page.time('large sets and gets', round, few) },
        { name: COMLINK, round: (round) => page.time('comlink large sets and gets', round, few) },
      ],
      goals: [],
    };
  },
};

if (import.meta.main) await runStandalone(benchmark);
