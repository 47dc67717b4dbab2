/** What do values of 10 and 100 MiB cost in time and memory, against plain files? */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Benchmark, Contender } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import type { HugeValueCost, HugeValueKind } from './harness/huge-value.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';

const MiB = 2 ** 20;
const SIZES_MIB = [10, 100];
/** Of a quick run. */
const SMALL_SIZES_MIB = [1];
const KINDS: readonly HugeValueKind[] = ['bytes', 'text'];
const FILE_NAMES = { set: 'writeFileSync', get: 'readFileSync' };

export const benchmark: Benchmark = {
  name: 'huge-values',
  asks: 'What do values of 10 and 100 MiB cost in time and memory, against plain files?',
  async *comparisons({ keys }) {
    const sizes = keys < 1000 ? SMALL_SIZES_MIB : SIZES_MIB;
    for (const size of sizes) {
      for (const kind of KINDS) yield* compare(kind, size);
    }
  },
};

/** Each figure is of a process of its own, which does one operation; that of a `get` is its first read, checksum included. */
function* compare(kind: HugeValueKind, size: number) {
  using scratch = new Scratch();
  const directory = scratch.directory();
  for (const what of ['set', 'get'] as const) {
    const costs = { file: new Map<number, HugeValueCost>(), deskcache: new Map<number, HugeValueCost>() };
    const createContenders = (figure: keyof HugeValueCost): Contender[] =>
      (['file', 'deskcache'] as const).map((where) => ({
        name: where === 'file' ? FILE_NAMES[what] : OURS,
        round: (round) => {
          const cost = costs[where].get(round) ?? measureInChild([where, what, kind, String(size * MiB), directory]);
          costs[where].set(round, cost);
          return cost[figure];
        },
      }));
    const title = `${what} of ${size} MiB of ${kind}`;
    yield { title, unit: 'ms', contenders: createContenders('ms'), goals: [] } as const;
    yield {
      title: `${title}, peak of memory over what the process had before`,
      unit: 'MiB',
      contenders: createContenders('peak'),
      goals: [],
    } as const;
  }
}

function measureInChild(args: readonly string[]): HugeValueCost {
  const script = join(import.meta.dirname, 'harness', 'huge-value.ts');
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', script, ...args], { encoding: 'utf8' }));
}

if (import.meta.main) await runStandalone(benchmark);
