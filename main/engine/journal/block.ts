import type { KeyColumn } from '../values/key.ts';
import { type PendingItem, PendingItems } from './pending.ts';

/**
 * The changes of a deferred transaction. Until a key is looked up they are a list, because most transactions look up nothing that they have
 * set. From then on there is one item per key.
 */
export class Block {
  /** About the bytes of the record. */
  bytes = 0;
  /** Items are numbered in their order; they get their ids when the transaction ends. */
  lastId = 0;
  readonly #list: PendingItem[] = [];
  #merged: PendingItems | undefined;

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** Adds a change, which is kept. */
  add(change: PendingItem): void {
    if (this.#merged === undefined) this.#list.push(change);
    else this.#merged.add(change);
  }

  /** Returns what a key is going to be. O(1), the first time O(changes). */
  get(key: KeyColumn): PendingItem | undefined {
    return this.isEmpty ? undefined : this.#merge().get(key);
  }

  /** Returns the changes in their order; several of one key, if none was looked up. O(n log n). */
  changes(): readonly PendingItem[] {
    return this.#merged === undefined ? this.#list : this.items();
  }

  /** Returns one item per key, in the order of the ids. O(n log n). */
  items(): PendingItem[] {
    const items = this.#merge().items();
    return items.sort((a, b) => a.id - b.id);
  }

  #merge(): PendingItems {
    if (this.#merged === undefined) {
      this.#merged = new PendingItems();
      for (const change of this.#list) this.#merged.add(change);
    }
    return this.#merged;
  }
}
