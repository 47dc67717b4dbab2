import type { Core } from '../state/core.ts';

/** A page ends at this many items or, after the first one, at this many bytes of values. */
export const MAX_PAGE_ITEMS = 512;
export const MAX_PAGE_BYTES = 512 * 1024;
/** An iteration starts with small batches: most loops end early. */
const FIRST_PAGE_ITEMS = 16;

/** Visits items one by one. */
export interface ItemCursor {
  /** Moves to the next item; false at the end. */
  advance(): boolean;
  /** The item it stands at. */
  readonly item: unknown;
}

/**
 * Iterates lazily: `open` is called before the first item and after each one, so an iteration ends with its store, and `start` sees
 * the store as it is when the first item is asked for.
 */
export function* iterateCursor<S>(open: () => S, start: (store: S) => ItemCursor): Generator<unknown, void, undefined> {
  const cursor = start(open());
  while (cursor.advance()) {
    yield cursor.item;
    open();
  }
}

export interface ItemBatch {
  readonly items: readonly unknown[];
  readonly hasMore: boolean;
}

/** Reads the batch behind what has been consumed of `previous`; its batch is undefined before the first one. */
export type BatchReader<B extends ItemBatch> = (maxItems: number, previous: ReadAhead<B>) => B;

/**
 * Reads items in batches, each twice as long as the one before while nothing changes. As soon as this connection sees a change, the
 * items read ahead are dropped and read again, as with a `Map` that changes while it is iterated.
 */
export class ReadAhead<B extends ItemBatch> implements ItemCursor {
  readonly core: Core;
  readonly #read: BatchReader<B>;
  #maxItems: number;
  batch: B | undefined;
  /** Items of the batch that have been visited. */
  consumed = 0;
  /** The store's changes when the batch was read. */
  changeCount = -1;
  item: unknown;

  constructor(core: Core, read: BatchReader<B>, maxItems = FIRST_PAGE_ITEMS) {
    this.core = core;
    this.#read = read;
    this.#maxItems = maxItems;
  }

  /** True if the batch has an item that was not visited. */
  get hasNext(): boolean {
    return this.batch !== undefined && this.consumed < this.batch.items.length;
  }

  /** True if the next item has to be read from disk. */
  get needsRead(): boolean {
    if (this.batch === undefined || this.changeCount !== this.core.rowStats.changeCount) return true;
    return this.consumed === this.batch.items.length && this.batch.hasMore;
  }

  read(): void {
    const { rowStats } = this.core;
    if (this.batch !== undefined && this.changeCount !== rowStats.changeCount) this.#maxItems = FIRST_PAGE_ITEMS;
    this.batch = this.#read(this.#maxItems, this);
    this.changeCount = rowStats.changeCount;
    this.consumed = 0;
    this.#maxItems = Math.min(this.#maxItems * 2, MAX_PAGE_ITEMS);
  }

  advance(): boolean {
    if (this.needsRead) this.read();
    if (!this.hasNext) return false;
    this.item = this.batch?.items[this.consumed++];
    return true;
  }
}
