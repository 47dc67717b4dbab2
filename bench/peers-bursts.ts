/** What do many writes in a row cost that meet the same keys again, or whose items go soon? */
import { GOALS } from './goals.ts';
import type { Benchmark, Comparison } from './harness/benchmark.ts';
import { createItems } from './harness/items.ts';
import { drawIndices, VALUE_BYTES } from './harness/keys-and-values.ts';
import { PeerSites } from './harness/peer-site.ts';
import { QUEUE_BACKLOG, timeQueue, timeRepeatedSets } from './harness/peer-workload.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { FAST_PEERS } from './peer/stores/peers.ts';

const OPTIONS = { durability: 'process', form: 'text', remember: true } as const;
/** How many random sets there are for each operation of a usual round: 200 000. */
const BURST = 10;
/** Operations by hot keys: each of 1000 is set twenty times. */
const HOT_SHARE = 20;

export const benchmark: Benchmark = {
  name: 'peers-bursts',
  asks: 'What do many writes in a row cost beside other stores: at random, on hot keys, and of items that go soon?',
  asGrid: true,
  async *comparisons({ keys, operations }) {
    using scratch = new Scratch();
    const items = createItems('text', VALUE_BYTES);
    await using sites = await PeerSites.open(FAST_PEERS, scratch, OPTIONS, items, keys);

    for (const [title, count, among] of [
      ['200 000 random sets', operations * BURST, keys],
      ['1000 hot keys', operations, operations / HOT_SHARE],
    ] as const) {
      yield {
        title,
        unit: 'µs',
        contenders: sites.contend(async (site, round) =>
          timeRepeatedSets(await site.reopen(), items, drawIndices(count, among, round), round + 1),
        ),
        goals: GOALS[title],
      } satisfies Comparison;
    }
    const next = new Map<unknown, number>();
    yield {
      title: 'queue: push, get, delete',
      unit: 'µs',
      contenders: sites.contend(async (site) => {
        const first = next.get(site) ?? keys;
        next.set(site, first + operations + QUEUE_BACKLOG);
        return timeQueue(await site.reopen(), items, first, operations);
      }),
      goals: GOALS['queue: push, get, delete'],
    } satisfies Comparison;
  },
};

if (import.meta.main) await runStandalone(benchmark);
