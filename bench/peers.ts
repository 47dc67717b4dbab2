/** What do writes cost beside other embedded stores, and what do they leave on disk? */
import { GOALS } from './goals.ts';
import type { Benchmark, Comparison, Scale } from './harness/benchmark.ts';
import { BuiltStores } from './harness/built-stores.ts';
import { createItems } from './harness/items.ts';
import { shuffleIndices, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { declineSize, declineTransactions, PeerSites, setAll } from './harness/peer-site.ts';
import { assertItems, timeDeletes, timeSets } from './harness/peer-workload.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { measureMicrosecondsAsync } from './harness/timing.ts';
import { PYTHON_NAME, PythonPeer } from './peer/python.ts';
import { ALL_PEERS } from './peer/stores/peers.ts';

const OPTIONS = { durability: 'process', form: 'text', remember: true } as const;
const BATCH_ITEMS = 1000;
const NONE = new Uint32Array();

export const benchmark: Benchmark = {
  name: 'peers',
  asks: 'What do writes of 100 bytes cost beside other stores, with the durability "process", and what do they leave on disk?',
  asGrid: true,
  async *comparisons({ operations: count }: Scale) {
    using scratch = new Scratch();
    const items = createItems('text', VALUE_BYTES);
    await using sites = await PeerSites.open(ALL_PEERS, scratch, OPTIONS, items, count);
    const built = new BuiltStores(scratch, count);
    using python = await PythonPeer.open(scratch, new Values('text', VALUE_BYTES));
    const openPython = (directory: string) => python.ask('open_store', NONE, { directory, options: {} });
    const everything = (round: number) => shuffleIndices(0, count, round);
    const contendPython = (round: (number: number) => Promise<number>) => python.createContender(PYTHON_NAME, round);

    yield {
      title: 'set, new',
      unit: 'µs',
      contenders: [
        ...sites.contend(async (site, round) => (await built.build(site, round)).set),
        contendPython(async (round) => {
          await openPython(scratch.directory());
          return python.ask('set_each', everything(round));
        }),
      ],
      goals: GOALS['set, new'],
    };
    yield {
      title: 'set, new, and the store closed',
      unit: 'µs',
      contenders: sites.contend(async (site, round) => (await built.build(site, round)).setAndClose),
      goals: [],
    };
    yield {
      title: 'on disk, open',
      unit: 'MiB',
      contenders: sites.contendExcept(
        declineSize,
        async (site, round) => (await built.build(site, round)).openMebibytes,
      ),
      goals: [],
    };
    yield {
      title: 'on disk, closed',
      unit: 'MiB',
      contenders: sites.contendExcept(
        declineSize,
        async (site, round) => (await built.build(site, round)).closedMebibytes,
      ),
      goals: GOALS['on disk, closed'],
    };
    yield {
      title: 'open and one get',
      unit: 'ms',
      contenders: sites.contend(async (site, round) => {
        await site.close();
        const [index] = site.select(everything(round));
        return measureMicrosecondsAsync(1000, async () => {
          const store = await site.reopen();
          await assertItems(store, items, Uint32Array.of(index!));
        });
      }),
      goals: [],
    };

    await openPython(python.directory);
    yield {
      title: '1000 in a transaction',
      unit: 'µs',
      contenders: [
        ...sites.contendExcept(declineTransactions, (site, round) =>
          built.timeNewTransactions(site, everything(round), BATCH_ITEMS),
        ),
        contendPython(async (round) => {
          await openPython(scratch.directory());
          return python.ask('set_in_transactions', everything(round), { batch: BATCH_ITEMS });
        }),
      ],
      goals: GOALS['1000 in a transaction'],
    } satisfies Comparison;

    yield {
      title: 'delete',
      unit: 'µs',
      contenders: [
        ...sites.contend(async (site, round) => {
          const some = site.select(everything(round));
          const figure = await timeDeletes(await site.reopen(), items, some);
          await setAll(site.store, items, some);
          return figure;
        }),
        contendPython(async (round) => {
          await python.ask('fill', everything(round));
          return python.ask('delete_each', everything(round));
        }),
      ],
      goals: GOALS.delete,
    };

    // Last, because it leaves other values.
    await python.ask('fill', everything(0));
    yield {
      title: 'set, over',
      unit: 'µs',
      contenders: [
        ...sites.contend(async (site, round) => {
          const some = site.select(everything(round));
          return timeSets(await site.reopen(), items, some, round + 1);
        }),
        contendPython((round) => python.ask('set_each', everything(round), { shift: round + 1 })),
      ],
      goals: GOALS['set, over'],
    };
  },
};

if (import.meta.main) await runStandalone(benchmark);
