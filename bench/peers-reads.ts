/** What do reads cost beside other embedded stores? */
import { GOALS } from './goals.ts';
import type { Benchmark, Comparison } from './harness/benchmark.ts';
import { createItems } from './harness/items.ts';
import { drawIndices, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { PeerSites } from './harness/peer-site.ts';
import { timeGets } from './harness/peer-workload.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { PYTHON_NAME, type PythonAction, PythonPeer } from './peer/python.ts';
import { ALL_PEERS, READING_PEERS } from './peer/stores/peers.ts';
import type { ItemForm } from './peer/stores/store.ts';

/** Items that were used recently: a tenth; they fit into the memory of a store that has one. */
const RECENT_SHARE = 10;
/** A hit takes so little that a round needs more of them to be one. */
const RECENT_OPERATIONS = 2;

const FILL = { text: 'fill', object: 'set_objects' } as const satisfies Partial<Record<ItemForm, PythonAction>>;
const READ = { text: 'get', object: 'get_objects' } as const satisfies Partial<Record<ItemForm, PythonAction>>;
const TITLES = { text: 'get', object: 'object' } as const;

export const benchmark: Benchmark = {
  name: 'peers-reads',
  asks: 'What do reads of 100 bytes of text and of objects of five fields cost beside other stores?',
  asGrid: true,
  async *comparisons({ operations: count }) {
    for (const form of ['text', 'object'] as const) {
      using scratch = new Scratch();
      const items = createItems(form, VALUE_BYTES);
      const among = count / RECENT_SHARE;
      const recent = (round: number) => drawIndices(count * RECENT_OPERATIONS, among, round);
      const any = (round: number) => drawIndices(count, count, round);
      const everything = Uint32Array.from({ length: count }, (_, index) => index);
      using python = await PythonPeer.open(scratch, new Values('text', VALUE_BYTES));
      await python.ask(FILL[form], everything);

      const contend = (sites: PeerSites, plan: (round: number) => Uint32Array) => [
        ...sites.contend((site, round) => timeGets(site.store, items, site.select(plan(round)))),
        python.createContender(PYTHON_NAME, (round) => python.ask(READ[form], plan(round))),
      ];
      {
        const options = { durability: 'process', form, remember: true } as const;
        await using sites = await PeerSites.open(READING_PEERS, scratch, options, items, count);
        yield {
          title: `${TITLES[form]}, used recently`,
          unit: 'µs',
          contenders: contend(sites, recent),
          goals: GOALS[`${TITLES[form]}, used recently`],
        } satisfies Comparison;
      }
      const options = { durability: 'process', form, remember: false } as const;
      await using sites = await PeerSites.open(ALL_PEERS, scratch, options, items, count);
      yield {
        title: `${TITLES[form]}, any`,
        unit: 'µs',
        contenders: contend(sites, any),
        goals: GOALS[`${TITLES[form]}, any`],
      } satisfies Comparison;
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
