/** What do writes cost beside other embedded stores that survive a power cut? */
import type { Benchmark, Comparison } from './harness/benchmark.ts';
import { createItems } from './harness/items.ts';
import { shuffleIndices, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { declineTransactions, PeerSites } from './harness/peer-site.ts';
import { timeSets, timeTransactions } from './harness/peer-workload.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { PYTHON_NAME, PythonPeer } from './peer/python.ts';
import { ALL_PEERS } from './peer/stores/peers.ts';

const OPTIONS = { durability: 'power', form: 'text', remember: true } as const;
/** A sync takes many times as long as a set without. */
const SYNC_SHARE = 10;
const BATCH_ITEMS = 1000;
const PYTHON_SETTINGS = { sqlite_synchronous: 2 };

export const benchmark: Benchmark = {
  name: 'peers-power',
  asks: 'What do writes of 100 bytes cost beside other stores that survive a power cut (durability "power")?',
  asGrid: true,
  async *comparisons({ operations: count }) {
    using scratch = new Scratch();
    const items = createItems('text', VALUE_BYTES);
    await using sites = await PeerSites.open(ALL_PEERS, scratch, OPTIONS, items, count);
    using python = await PythonPeer.open(scratch, new Values('text', VALUE_BYTES), PYTHON_SETTINGS);
    const everything = (round: number) => shuffleIndices(0, count, round);
    await python.ask('fill', everything(0));
    const some = (round: number) => everything(round).subarray(0, count / SYNC_SHARE);

    yield {
      title: 'set, over',
      unit: 'µs',
      contenders: [
        ...sites.contend(async (site, round) =>
          timeSets(await site.reopen(), items, site.select(some(round)), round + 1),
        ),
        python.createContender(PYTHON_NAME, (round) => python.ask('set_each', some(round), { shift: round + 1 })),
      ],
      goals: [],
    } satisfies Comparison;
    yield {
      title: '1000 in a transaction, over',
      unit: 'µs',
      contenders: [
        ...sites.contendExcept(declineTransactions, async (site, round) =>
          timeTransactions(await site.reopen(), items, everything(round), BATCH_ITEMS, round + 1),
        ),
        python.createContender(PYTHON_NAME, (round) =>
          python.ask('set_in_transactions', everything(round), { shift: round + 1, batch: BATCH_ITEMS }),
        ),
      ],
      goals: [],
    } satisfies Comparison;
  },
};

if (import.meta.main) await runStandalone(benchmark);
