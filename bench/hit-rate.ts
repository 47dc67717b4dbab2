/** Which eviction policy keeps the items that are requested again? */
import { Cache } from '../main/engine/index.ts';
import type { Benchmark, Contender } from './harness/benchmark.ts';
import { toKey } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { TRACES, type Trace } from './harness/traces.ts';

const POLICIES = ['least-recently-stored', 'least-frequently-used', 'least-recently-used', 'sieve'] as const;
type Policy = (typeof POLICIES)[number];

/** Long enough that pages and write-ahead log are little beside the values. */
const ITEM_BYTES = 4 * 1024;

export const benchmark: Benchmark = {
  name: 'hit-rate',
  asks: 'How often is what is asked for not there, by eviction policy?',
  asGrid: true,
  async *comparisons({ operations }) {
    const requests = operations;
    const room = Math.max(128, operations / 40);
    for (const { name, trace, scans } of TRACES) {
      yield {
        title: `${name}, ${requests} requests, room for ${room}`,
        unit: '% misses',
        contenders: POLICIES.map(
          (policy): Contender => ({
            name: policy,
            round: (round) => measureMissRate(policy, trace, requests, room, round),
          }),
        ),
        goals: scans ? [{ subject: 'sieve', against: 'least-recently-used', atMost: 1 }] : [],
      };
    }
  },
};

/** A store that is asked, and given what it did not have; counted once it is full. The warm-up round has nothing to warm. */
function measureMissRate(
  evictionPolicy: Policy,
  trace: Trace,
  requests: number,
  capacity: number,
  round: number,
): number {
  if (round === 0) return 0;
  using scratch = new Scratch();
  using cache = new Cache<string, Uint8Array>(scratch.directory(), {
    evictionPolicy,
    sizeLimit: capacity * ITEM_BYTES * 1.3,
  });
  const value = new Uint8Array(ITEM_BYTES).fill(round);
  const warm = requests / 4;
  let missed = 0;
  trace(requests, capacity, round).forEach((index, nth) => {
    const key = toKey(index);
    const found = cache.get(key);
    if (found?.[0] === round) return;
    if (nth >= warm) missed++;
    cache.set(key, value);
  });
  if (cache.size > capacity * 1.1) throw new Error(`${cache.size} items are in a store with room for ${capacity}`);
  return (100 * missed) / (requests - warm);
}

if (import.meta.main) await runStandalone(benchmark);
