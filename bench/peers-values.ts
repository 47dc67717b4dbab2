/** How do the costs of a write and a read grow with the value, beside other embedded stores? */
import { setTimeout } from 'node:timers/promises';
import type { Benchmark, Comparison } from './harness/benchmark.ts';
import { createItems } from './harness/items.ts';
import { drawIndices, shuffleIndices } from './harness/keys-and-values.ts';
import { declineSize, measureDirectory, PeerSites } from './harness/peer-site.ts';
import { timeGets, timeSets } from './harness/peer-workload.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { CACACHE_PEER } from './peer/stores/files.ts';
import { FAST_PEERS } from './peer/stores/peers.ts';

const OPTIONS = { durability: 'process', form: 'bytes', remember: false } as const;
const MiB = 2 ** 20;

/** The larger the values, the fewer of them: a round stays at 20 MB or less for each contender, but for the smallest. */
const SIZES = [
  { bytes: 100, title: '100 B', share: 1 },
  { bytes: 1024, title: '1 KB', share: 1 },
  { bytes: 10 * 1024, title: '10 KB', share: 0.1 },
  { bytes: 100 * 1024, title: '100 KB', share: 0.02 },
] as const;
/** A file is verified at every read until it is older than two seconds; values are read at rest here. */
const FILE_AGE_MS = 2500;
/** Those that are files somewhere else too. */
const PEERS = [...FAST_PEERS, CACACHE_PEER];

export const benchmark: Benchmark = {
  name: 'peers-values',
  asks: 'How do the costs of a write and a read, and the disk, grow with the value, beside other stores and a table with row ids?',
  asGrid: true,
  async *comparisons({ operations }) {
    for (const { bytes, title, share } of SIZES) {
      using scratch = new Scratch();
      const count = Math.ceil(operations * share);
      const items = createItems('bytes', bytes);
      await using sites = await PeerSites.open(PEERS, scratch, OPTIONS, items, count);
      if (bytes > 10 * 1024) await setTimeout(FILE_AGE_MS);
      yield {
        title: `get any of ${count} of ${title}`,
        unit: 'µs',
        contenders: sites.contend((site, round) =>
          timeGets(site.store, items, site.select(drawIndices(count, count, round))),
        ),
        goals: [],
      } satisfies Comparison;
      yield {
        title: `${count} of ${title} on disk, closed`,
        unit: 'MiB',
        contenders: sites.contendExcept(declineSize, async (site) => {
          await site.close();
          const figure = measureDirectory(site.directory) / MiB;
          await site.reopen();
          return figure;
        }),
        goals: [],
      } satisfies Comparison;
      yield {
        title: `set over one of ${count} of ${title}`,
        unit: 'µs',
        contenders: sites.contend(async (site, round) =>
          timeSets(await site.reopen(), items, site.select(shuffleIndices(0, count, round)), round + 1),
        ),
        goals: [],
      } satisfies Comparison;
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
