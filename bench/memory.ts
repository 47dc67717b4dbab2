/** How much memory does a large store take in the process that fills and reads it? */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Benchmark, Contender } from './harness/benchmark.ts';
import { BASELINE, OURS } from './harness/benchmark.ts';
import { VALUE_BYTES } from './harness/keys-and-values.ts';
import type { MemoryGrowth } from './harness/memory-growth.ts';
import { runStandalone } from './harness/run-standalone.ts';

/** What the process may grow by, MiB. */
const MAX_GROWTH_MIB = 64;
const ALLOWED = 'what is allowed';
const toFilledName = (name: string) => `${name}, filled`;
const toReadName = (name: string) => `${name}, filled and a fifth of it read`;

export const benchmark: Benchmark = {
  name: 'memory',
  asks: 'How much does the heap and the memory outside it grow when a large store is filled and read?',
  async *comparisons({ many }) {
    yield {
      title: `growth for ${many.toLocaleString('en')} items of ${VALUE_BYTES} bytes, in a process of its own each round`,
      unit: 'MiB',
      contenders: [
        ...createGrowthContenders(BASELINE, 'floor', many),
        ...createGrowthContenders(OURS, 'cache', many),
        { name: ALLOWED, round: () => MAX_GROWTH_MIB },
      ],
      goals: [toFilledName(OURS), toReadName(OURS)].map((subject) => ({ subject, against: ALLOWED, atMost: 1 })),
    };
  },
};

/** One process a round gives both figures. The warm-up round has nothing to warm. */
function createGrowthContenders(name: string, store: 'floor' | 'cache', items: number): Contender[] {
  const growths = new Map<number, MemoryGrowth>([[0, { filled: 0, read: 0 }]]);
  const growthOf = (round: number): MemoryGrowth => {
    const growth = growths.get(round) ?? measureGrowth(store, items);
    growths.set(round, growth);
    return growth;
  };
  return [
    { name: toFilledName(name), round: (round) => growthOf(round).filled },
    { name: toReadName(name), round: (round) => growthOf(round).read },
  ];
}

function measureGrowth(store: 'floor' | 'cache', items: number): MemoryGrowth {
  const script = join(import.meta.dirname, 'harness', 'memory-growth.ts');
  const printed = execFileSync(process.execPath, ['--expose-gc', script, store, String(items)], { encoding: 'utf8' });
  return JSON.parse(printed) as MemoryGrowth;
}

if (import.meta.main) await runStandalone(benchmark);
