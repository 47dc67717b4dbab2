/** What does it cost to delete many items with one call, against deleting them in small transactions? */

import { Cache } from '../main/engine/index.ts';
import { withReadBudget } from '../main/engine/internal.ts';
import type { Benchmark, Comparison, Contender } from './harness/benchmark.ts';
import { shuffleIndices, toKey, Values } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';

const AT_ONCE = 'deskcache';
/** As on behalf of a page, which has to let others have their turn. */
const IN_BATCHES = 'deskcache, 256 items a transaction';

type Verb = (cache: Cache<string>) => number;

const inBatches =
  (verb: Verb): Verb =>
  (cache) =>
    withReadBudget({ bytes: Number.POSITIVE_INFINITY }, () => verb(cache));

const VERBS: readonly (readonly [title: string, percent: number, verb: Verb])[] = [
  ['evict', 50, (cache) => cache.evict('a')],
  ['evict', 100, (cache) => cache.evict('a')],
  ['deletePrefix', 50, (cache) => cache.deletePrefix('a')],
];

/** Stores that are filled again before each round, which is not timed. */
class RefilledStore implements Disposable {
  readonly #scratch = new Scratch();
  readonly #values = new Values('bytes', 100);
  readonly #cache = new Cache<string>(this.#scratch.directory(), { exclusive: true, durability: 'process' });
  readonly #items: number;
  readonly #percent: number;

  constructor(items: number, percent: number) {
    this.#items = items;
    this.#percent = percent;
  }

  /** Returns milliseconds. */
  time(verb: Verb): number {
    const doomed = Math.floor((this.#items * this.#percent) / 100);
    this.#cache.clear();
    const order = shuffleIndices(0, this.#items, 1);
    for (let first = 0; first < order.length; first += 5000)
      this.#cache.transact(() => {
        for (const index of order.subarray(first, first + 5000)) {
          const options = index < doomed ? { tag: 'a' } : {};
          this.#cache.set(`${index < doomed ? 'a' : 'b'}${toKey(index)}`, this.#values.at(index), options);
        }
      });
    const startedAt = performance.now();
    const deleted = verb(this.#cache);
    const durationMs = performance.now() - startedAt;
    if (deleted !== doomed || this.#cache.size !== this.#items - doomed)
      throw new Error(`${deleted} of ${doomed} items were deleted, ${this.#cache.size} are left`);
    return durationMs;
  }

  [Symbol.dispose](): void {
    this.#cache.close();
    this.#scratch[Symbol.dispose]();
  }
}

export const benchmark: Benchmark = {
  name: 'mass-deletion',
  asks: 'What does it cost to delete many items with one call?',
  async *comparisons({ many }) {
    const items = many / 2;
    for (const [title, percent, verb] of VERBS) {
      using store = new RefilledStore(items, percent);
      const contender = (name: string, run: Verb): Contender => ({ name, round: () => store.time(run) });
      const comparison: Comparison = {
        title: `${title} ${percent} % of ${items.toLocaleString('en')} items`,
        unit: 'ms',
        contenders: [contender(AT_ONCE, verb), contender(IN_BATCHES, inBatches(verb))],
        goals: [{ subject: AT_ONCE, against: IN_BATCHES, timesFaster: 4 }],
      };
      yield comparison;
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
