/** Do a read and a write of a large store cost what they cost in a small one? */
import { draws, shuffled } from './harness/data.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Comparison, Question, Scale } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock, type Store } from './harness/stock.ts';
import { drop, timeGets, timeSets } from './harness/work.ts';

/** A store and the items that are in it. */
interface Site {
  readonly name: string;
  readonly stock: Stock;
  readonly store: Store;
}

const of = (name: string, { count }: Stock) => `${name}, ${count.toLocaleString('en')} items`;
const siteOf = (name: string, stock: Stock, store: Store): Site => ({ name: of(name, stock), stock, store });

export const question: Question = {
  name: 'scale',
  asks: 'Do a read and a write of a large store cost what they cost in a small one?',
  async *comparisons({ keys, many, operations }: Scale) {
    using small = new Stock(keys / 10);
    using large = new Stock(many);
    const sites = [small, large].flatMap((stock) => [
      siteOf(FLOOR, stock, stock.floor()),
      siteOf(OURS, stock, stock.cache({ memory: 0 })),
    ]);
    const compared = (
      title: string,
      round: (site: Site, number: number) => number,
      goals: Comparison['goals'] = [{ subject: of(OURS, large), against: of(OURS, small), atMost: 1.6 }],
    ): Comparison => ({
      title,
      unit: 'µs',
      contenders: sites.map((site) => ({ name: site.name, round: (number) => round(site, number) })),
      goals,
    });

    yield compared('get, not in memory', ({ stock, store }, number) =>
      timeGets(store, stock.values, draws(operations, stock.count, number)),
    );
    yield compared('set over existing items', ({ stock, store }, number) => {
      const some = shuffled(0, stock.count, number).subarray(0, Math.min(operations, small.count));
      return timeSets(store, stock.values, some, number + 1);
    });
    yield compared('set of new items', ({ stock, store }, number) => {
      const fresh = shuffled(stock.count, stock.count + operations / 4, number);
      const figure = timeSets(store, stock.values, fresh);
      drop(store, fresh);
      return figure;
    });
  },
};

if (import.meta.main) await runAlone(question);
