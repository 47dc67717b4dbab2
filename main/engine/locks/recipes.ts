import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { PINNED, type PinnedOptions } from '../state/settings.ts';
import { inspectKey } from '../validate.ts';

/** The part of a store that locks and the other recipes use; `Cache` and `FanoutCache` have it. */
export interface RecipeStore {
  readonly directory: string;
  get(key: Key): unknown;
  getEntry(key: Key): { readonly value: unknown } | undefined;
  set(key: Key, value: unknown, options?: SetOptions): void;
  delete(key: Key): boolean;
  transact<T>(work: () => T): T;
  /** If a store has it, waiting inside a transaction is refused; otherwise such a wait would never end. */
  readonly inTransaction?: boolean;
}

/**
 * Invariant: the row of a recipe stays until it is deleted explicitly. It is never evicted and never expires, even if the store has a
 * default `ttl`: if the row of a held lock disappeared, a second owner could acquire it.
 */
const NEVER_EXPIRE_OR_EVICT: PinnedOptions = { ttl: Number.POSITIVE_INFINITY, [PINNED]: true };

/** The row of a store that holds the state of a recipe. */
export class RecipeRow<State extends object> {
  readonly store: RecipeStore;
  readonly key: Key;
  readonly #recipe: string;

  constructor(store: RecipeStore, key: Key, recipe: string) {
    this.store = store;
    this.key = key;
    this.#recipe = recipe;
  }

  /** Returns the state for a change inside `transact`; undefined if there is no row. */
  read(): State | undefined {
    return this.#toState(this.store.get(this.key));
  }

  /**
   * Returns the state as it is on disk now: one lookup, no lock.
   *
   * Invariant: no snapshot is held afterwards, so that a blocked waiter doesn't prevent checkpoints of the write-ahead log.
   */
  peek(): State | undefined {
    return this.#toState(this.store.getEntry(this.key)?.value);
  }

  write(state: State): void {
    this.store.set(this.key, { recipe: this.#recipe, ...state }, NEVER_EXPIRE_OR_EVICT);
  }

  toString(): string {
    return `${this.#recipe} ${inspectKey(this.key)} in ${this.store.directory}`;
  }

  /** @throws {DiskCacheError} `BAD_VALUE` if the row holds something else. */
  #toState(value: unknown): State | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'object' && value !== null && 'recipe' in value && value.recipe === this.#recipe) {
      return value as unknown as State;
    }
    throw new DiskCacheError(
      'BAD_VALUE',
      `${inspectKey(this.key)} in ${this.store.directory} does not hold the state of a ${this.#recipe}; use another key`,
    );
  }
}

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
