/** What does a write cost when each has to make room, against one below the limit? */
import { Cache } from '../main/engine/index.ts';
import { keyAt, keysOf, type Plain, shuffled, type Values } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock } from './harness/stock.ts';
import { microsecondsEach } from './harness/timing.ts';
import { drop, timeSets } from './harness/work.ts';

const POLICIES = ['least-recently-stored', 'least-recently-used', 'least-frequently-used', 'sieve'] as const;
const BELOW = `${OURS}, half full`;
const FULL = `${OURS}, full`;

/** A store of fewer items is all write-ahead log. */
const LEAST_ITEMS = 10_000;

export const question: Question = {
  name: 'evicting',
  asks: 'What does a set cost when the store is full and each has to make room?',
  async *comparisons({ keys, operations }) {
    const count = Math.max(keys, LEAST_ITEMS);
    for (const evictionPolicy of POLICIES) {
      using stock = new Stock(count);
      using half = new Stock(count / 2);
      const directory = stock.scratch.directory();
      stock.cache({ evictionPolicy, sizeLimit: Number.POSITIVE_INFINITY }, directory).close();
      const sizeLimit = lengthOnDisk(directory);
      using full = new Cache<string, Plain>(directory, { sizeLimit });
      full.cull();
      const below = half.cache({ evictionPolicy, sizeLimit });
      const plan = (round: number) => {
        const first = count + round * operations;
        return shuffled(first, first + operations, round);
      };
      yield {
        title: `set of new items, limit of ${(sizeLimit / 2 ** 20).toFixed(1)} MiB, ${evictionPolicy}`,
        unit: 'µs',
        contenders: [
          {
            name: BELOW,
            round(number) {
              const figure = timeSets(below, stock.values, plan(number));
              drop(below, plan(number));
              return figure;
            },
          },
          { name: FULL, round: (number) => timeSetsAtLimit(full, stock.values, plan(number)) },
        ],
        goals: [{ subject: FULL, against: BELOW, atMost: 2 }],
      };
    }
  },
};

function lengthOnDisk(directory: string): number {
  using cache = new Cache(directory);
  return cache.volume();
}

/** Microseconds each; what is set may be evicted by what comes later, only the last item has to be there. */
function timeSetsAtLimit(cache: Cache<string, Plain>, values: Values, indices: Uint32Array): number {
  const keys = keysOf(indices);
  const before = cache.size;
  const figure = microsecondsEach(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) cache.set(keys[nth]!, values.at(indices[nth]!));
  });
  if (cache.size > before + keys.length / 2) throw new Error(`A store full with ${before} items grew to ${cache.size}`);
  const last = indices.at(-1)!;
  values.demand(last, cache.get(keyAt(last)));
  return figure;
}

if (import.meta.main) await runAlone(question);
