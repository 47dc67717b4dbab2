/** Do a read and a write of a large store cost what they cost in a small one? */

import type { Benchmark, Comparison, Scale } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { Fixtures, type Store } from './harness/fixtures.ts';
import { drawIndices, shuffleIndices } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { deleteItems, timeGets, timeSets } from './harness/workload.ts';

/** A store and the items that are in it. */
interface SizedStore {
  readonly name: string;
  readonly stock: Fixtures;
  readonly store: Store;
}

const toName = (name: string, { count }: Fixtures) => `${name}, ${count.toLocaleString('en')} items`;
const createSizedStore = (name: string, stock: Fixtures, store: Store): SizedStore => ({
  name: toName(name, stock),
  stock,
  store,
});

export const benchmark: Benchmark = {
  name: 'scale',
  asks: 'Do a read and a write of a large store cost what they cost in a small one?',
  async *comparisons({ keys, many, operations }: Scale) {
    using small = new Fixtures(keys / 10);
    using large = new Fixtures(many);
    const sites = [small, large].flatMap((stock) => [
      createSizedStore(BASELINE, stock, stock.baseline()),
      createSizedStore(OURS, stock, stock.cache({ memory: 0 })),
    ]);
    const compared = (
      title: string,
      round: (site: SizedStore, number: number) => number,
      goals: Comparison['goals'] = [{ subject: toName(OURS, large), against: toName(OURS, small), atMost: 1.6 }],
    ): Comparison => ({
      title,
      unit: 'µs',
      contenders: sites.map((site) => ({ name: site.name, round: (number) => round(site, number) })),
      goals,
    });

    yield compared('get, not in memory', ({ stock, store }, number) =>
      timeGets(store, stock.values, drawIndices(operations, stock.count, number)),
    );
    yield compared('set over existing items', ({ stock, store }, number) => {
      const some = shuffleIndices(0, stock.count, number).subarray(0, Math.min(operations, small.count));
      return timeSets(store, stock.values, some, number + 1);
    });
    yield compared('set of new items', ({ stock, store }, number) => {
      const fresh = shuffleIndices(stock.count, stock.count + operations / 4, number);
      const figure = timeSets(store, stock.values, fresh);
      deleteItems(store, fresh);
      return figure;
    });
  },
};

if (import.meta.main) await runStandalone(benchmark);
