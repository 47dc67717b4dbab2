import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { PINNED, type PinnedOptions } from '../state/settings.ts';
import { inspectKey } from '../validate.ts';

/** What a recipe needs of a store; `Cache` is one. */
export interface RecipeStore {
  readonly directory: string;
  get(key: Key): unknown;
  getEntry(key: Key): { readonly value: unknown } | undefined;
  set(key: Key, value: unknown, options?: SetOptions): void;
  delete(key: Key): boolean;
  transact<T>(work: () => T): T;
  /** Where a store tells it, waiting inside a transaction is refused instead of endless. */
  readonly inTransaction?: boolean;
}

/**
 * Invariant: the row of a recipe stays until somebody deletes it. It is not evicted and has no time to live, also where the store
 * has a default; a lock that is gone while it is held lets a second one in.
 */
const NEVER_EXPIRE_OR_EVICT: PinnedOptions = { ttl: Number.POSITIVE_INFINITY, [PINNED]: true };

/** One row of a store, read and written as a recipe's state. */
export class RecipeRow<State extends object> {
  readonly store: RecipeStore;
  readonly key: Key;
  readonly #recipe: string;

  constructor(store: RecipeStore, key: Key, recipe: string) {
    this.store = store;
    this.key = key;
    this.#recipe = recipe;
  }

  /** The state, undefined where there is no row. Inside `transact`, as it is when it is written back. */
  read(): State | undefined {
    return this.#toState(this.store.get(this.key));
  }

  /**
   * The state as it is on disk at this moment: one look-up, no lock. Invariant: no snapshot is held afterwards, so that who
   * waits on the spot does not keep the write-ahead log from being emptied.
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

  /** @throws {DiskCacheError} `BAD_VALUE` when the row is somebody else's. */
  #toState(value: unknown): State | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'object' && value !== null && 'recipe' in value && value.recipe === this.#recipe) {
      return value as unknown as State;
    }
    throw new DiskCacheError(
      'BAD_VALUE',
      `${inspectKey(this.key)} in ${this.store.directory} holds something else than the state of a ${this.#recipe}; give it a key of its own`,
    );
  }
}
