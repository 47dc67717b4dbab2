import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { RecipeRow, type RecipeStore } from './recipe-store.ts';

interface Sum {
  readonly total: number;
  /** The rounding error of `total`. */
  readonly lost: number;
  readonly count: number;
}

const EMPTY_SUM: Sum = { total: 0, lost: 0, count: 0 };

/**
 * The mean of numbers added by any number of processes. Its state is the row of `key`; every call is O(log n).
 *
 * The sum stays exact to about the last digit, however many numbers are added: Neumaier, "Rundungsfehleranalyse einiger Verfahren
 * zur Summation endlicher Summen", ZAMM 54, 1974.
 *
 * @throws {DiskCacheError} `BAD_KEY`; its methods throw `BAD_VALUE` if the row holds something else.
 */
export class Averager {
  readonly #row: RecipeRow<Sum>;

  constructor(store: RecipeStore, key: Key) {
    this.#row = new RecipeRow(store, key, 'Averager');
  }

  /**
   * Adds a number.
   *
   * @throws {DiskCacheError} `BAD_VALUE` if it is not a finite number or would make the sum infinite; nothing is added.
   */
  add(value: number): void {
    this.#row.store.transact(() => {
      const { total, lost, count } = this.#row.read() ?? EMPTY_SUM;
      const sum = typeof value === 'number' ? total + value : Number.NaN;
      if (!Number.isFinite(sum)) {
        throw new DiskCacheError(
          'BAD_VALUE',
          `${formatValue(value, "'")} can't be added to ${total} in ${this.#row}; give a number that keeps the sum finite`,
        );
      }
      const cut = Math.abs(total) >= Math.abs(value) ? total - sum + value : value - sum + total;
      this.#row.write({ total: sum, lost: lost + cut, count: count + 1 });
    });
  }

  /** Returns the mean; undefined before the first number. */
  get(): number | undefined {
    return computeMean(this.#row.peek());
  }

  /** Returns the mean and resets it. */
  pop(): number | undefined {
    return this.#row.store.transact(() => {
      const sum = this.#row.read();
      if (sum !== undefined) this.#row.store.delete(this.#row.key);
      return computeMean(sum);
    });
  }
}

const computeMean = (sum: Sum | undefined): number | undefined => sum && (sum.total + sum.lost) / sum.count;
