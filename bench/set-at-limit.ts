/** What does a write cost when each has to make room, against one below the limit? */
import { Cache } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures } from './harness/fixtures.ts';
import { type PlainValue, shuffleIndices, toKey, toKeys, type Values } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { deleteItems, timeSets } from './harness/workload.ts';

const POLICIES = ['least-recently-stored', 'least-recently-used', 'least-frequently-used', 'sieve'] as const;
const HALF_FULL = `${OURS}, half full`;
const FULL = `${OURS}, full`;

/** A store of fewer items is all write-ahead log. */
const MIN_ITEMS = 10_000;

export const benchmark: Benchmark = {
  name: 'set-at-limit',
  asks: 'What does a set cost when the store is full and each has to make room?',
  async *comparisons({ keys, operations }) {
    const count = Math.max(keys, MIN_ITEMS);
    for (const evictionPolicy of POLICIES) {
      using fixtures = new Fixtures(count);
      using half = new Fixtures(count / 2);
      const directory = fixtures.scratch.directory();
      fixtures.cache({ evictionPolicy, sizeLimit: Number.POSITIVE_INFINITY }, directory).close();
      const sizeLimit = getStoredBytes(directory);
      using full = new Cache<string, PlainValue>(directory, { sizeLimit });
      full.cull();
      const below = half.cache({ evictionPolicy, sizeLimit });
      const plan = (round: number) => {
        const first = count + round * operations;
        return shuffleIndices(first, first + operations, round);
      };
      yield {
        title: `set of new items, limit of ${(sizeLimit / 2 ** 20).toFixed(1)} MiB, ${evictionPolicy}`,
        unit: 'µs',
        contenders: [
          {
            name: HALF_FULL,
            round(number) {
              const figure = timeSets(below, fixtures.values, plan(number));
              deleteItems(below, plan(number));
              return figure;
            },
          },
          { name: FULL, round: (number) => timeSetsAtLimit(full, fixtures.values, plan(number)) },
        ],
        goals: [{ subject: FULL, against: HALF_FULL, atMost: 2 }],
      };
    }
  },
};

function getStoredBytes(directory: string): number {
  using cache = new Cache(directory);
  return cache.volume();
}

/** Microseconds each. Later sets may evict earlier items; only the last one must be there. */
function timeSetsAtLimit(cache: Cache<string, PlainValue>, values: Values, indices: Uint32Array): number {
  const keys = toKeys(indices);
  const before = cache.size;
  const figure = measureMicroseconds(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) cache.set(keys[nth]!, values.at(indices[nth]!));
  });
  if (cache.size > before + keys.length / 2) throw new Error(`A store full with ${before} items grew to ${cache.size}`);
  const last = indices.at(-1)!;
  values.assertValue(last, cache.get(toKey(last)));
  return figure;
}

if (import.meta.main) await runStandalone(benchmark);
