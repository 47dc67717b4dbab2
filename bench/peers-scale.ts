/** What do time, disk, memory and opening become as a store grows, beside other embedded stores? */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ALLOWED, GOALS, MAX_OPEN_MS } from './goals.ts';
import type { Benchmark, Comparison, Contender, SkippedContender, Unit } from './harness/benchmark.ts';
import type { GrownStore } from './harness/grown-store.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { GROWING_PEERS } from './peer/stores/peers.ts';

const execFileAsync = promisify(execFile);
const SCRIPT = join(import.meta.dirname, 'harness', 'grown-store.ts');
const TIMEOUT_MS = 3 * 60 * 60_000;

/** What is shown of a store of each size. */
const ROWS: readonly { readonly title: string; readonly figure: keyof GrownStore['figures']; readonly unit: Unit }[] = [
  { title: 'filled, 1000 in a transaction', figure: 'fill', unit: 'µs' },
  { title: 'get any', figure: 'get', unit: 'µs' },
  { title: 'set over', figure: 'set', unit: 'µs' },
  { title: 'open and one get', figure: 'open', unit: 'ms' },
  { title: 'on disk, closed', figure: 'disk', unit: 'MiB' },
  { title: 'memory more than before, filled and read', figure: 'memory', unit: 'MiB' },
];

export const benchmark: Benchmark = {
  name: 'peers-scale',
  asks: 'What do time, disk, memory and opening become as a store of values of 100 bytes grows, beside other stores?',
  asGrid: true,
  async *comparisons({ keys, many, operations, huge }) {
    using scratch = new Scratch();
    for (const items of [keys / 10, many, ...(huge > 0 ? [huge] : [])]) {
      const grown = new GrownStores(scratch, items, operations);
      for (const { title, figure, unit } of ROWS) {
        const isGoal = items === huge && figure === 'open';
        yield {
          title: `${items.toLocaleString('en')} items: ${title}`,
          unit,
          contenders: [
            ...(await grown.contend(figure)),
            ...(isGoal ? [{ name: ALLOWED, round: () => MAX_OPEN_MS }] : []),
          ],
          goals: isGoal ? GOALS['open 10 M'] : [],
        } satisfies Comparison;
      }
    }
  },
};

/** Stores of one size, each built and measured in a process of its own, which gives all figures of all rounds at once. */
class GrownStores {
  readonly #scratch: Scratch;
  readonly #items: number;
  readonly #operations: number;
  readonly #measured = new Map<string, Promise<GrownStore | { readonly skipped: string }>>();

  constructor(scratch: Scratch, items: number, operations: number) {
    this.#scratch = scratch;
    this.#items = items;
    this.#operations = operations;
  }

  async contend(figure: keyof GrownStore['figures']): Promise<(Contender | SkippedContender)[]> {
    const contenders: (Contender | SkippedContender)[] = [];
    for (const { name } of GROWING_PEERS) {
      const store = await this.#measure(name);
      contenders.push(
        'skipped' in store
          ? { name, skipped: store.skipped }
          : { name, round: (round) => store.figures[figure][round % store.figures[figure].length]! },
      );
    }
    return contenders;
  }

  #measure(name: string): Promise<GrownStore | { readonly skipped: string }> {
    const measured = this.#measured.get(name) ?? this.#grow(name);
    this.#measured.set(name, measured);
    return measured;
  }

  async #grow(name: string): Promise<GrownStore | { readonly skipped: string }> {
    const args = ['--expose-gc', SCRIPT, name, this.#scratch.directory(), `${this.#items}`, `${this.#operations}`];
    const { stdout } = await execFileAsync(process.execPath, args, { timeout: TIMEOUT_MS });
    return JSON.parse(stdout) as GrownStore | { readonly skipped: string };
  }
}

if (import.meta.main) await runStandalone(benchmark);
