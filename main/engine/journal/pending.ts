import { isLive } from '../space/policy.ts';
import type { TagColumn } from '../sqlite/statements.ts';
import type { PendingEntry } from '../state/write-journal.ts';
import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { KeyTable } from './key-table.ts';
import type { JournalChange } from './record.ts';

/** What a key is going to be: the sum of its changes that are not applied yet. */
export class PendingItem implements JournalChange {
  readonly key: KeyColumn;
  isDeleted: boolean;
  mode: number;
  id: number;
  expiresAt: number | null;
  /** The clock of the first change: a row that had expired by then is not the item that it changed. */
  readonly now: number;
  stamp: number;
  check: number;
  size: number;
  tag: TagColumn;
  data: Stored | null;
  /** Whether only its expiry changes; the rest is in the row under the key. */
  isTouch = false;
  /** Whether the item is another one than the row under the key, which is then deleted. */
  isFresh = false;
  /** Whether it was set more than once, which counts as a use. */
  wasUpdated = false;

  constructor(
    key: KeyColumn,
    isDeleted: boolean,
    mode: number,
    id: number,
    expiresAt: number | null,
    now: number,
    stamp: number,
    check: number,
    size: number,
    tag: TagColumn,
    data: Stored | null,
  ) {
    this.key = key;
    this.isDeleted = isDeleted;
    this.mode = mode;
    this.id = id;
    this.expiresAt = expiresAt;
    this.now = now;
    this.stamp = stamp;
    this.check = check;
    this.size = size;
    this.tag = tag;
    this.data = data;
  }

  /** Adds a later change of the same key. */
  add(change: JournalChange): void {
    if (change.isTouch) {
      this.expiresAt = change.expiresAt;
      return;
    }
    if (change.isDeleted) this.isFresh = true;
    else if (this.isDeleted || !isLive(this.expiresAt, change.now)) {
      this.id = change.id;
      this.isFresh = true;
      this.wasUpdated = false;
    } else if (this.isTouch) this.id = change.id;
    else this.wasUpdated = true;
    this.isTouch = false;
    this.isDeleted = change.isDeleted;
    this.mode = change.mode;
    this.expiresAt = change.expiresAt;
    this.stamp = change.stamp;
    this.check = change.check;
    this.size = change.size;
    this.tag = change.tag;
    this.data = change.data;
  }

  /** Adds all later changes of the same key. */
  addLater(later: PendingItem): void {
    this.add(later);
    if (!later.isFresh || later.isDeleted) return;
    this.id = later.id;
    this.isFresh = true;
    this.wasUpdated = later.wasUpdated;
  }
}

/** One item per key, where there are few items or where they are kept only for a moment. Changes are added in the order in which they were made. */
export class PendingItems {
  readonly #keys = new KeyTable();
  #items: PendingItem[] = [];

  get size(): number {
    return this.#items.length;
  }

  get(key: KeyColumn): PendingItem | undefined {
    const nth = this.#keys.find(key);
    return nth < 0 ? undefined : this.#items[nth];
  }

  at(nth: number): PendingItem {
    return this.#items[nth]!;
  }

  /** Adds a change, which is kept. */
  add(change: PendingItem): void {
    const nth = this.#keys.add(change.key);
    if (nth === this.#items.length) this.#items.push(change);
    else this.#items[nth]!.add(change);
  }

  /** Adds the sum of all later changes of a key. */
  addLater(later: PendingItem): void {
    const earlier = this.get(later.key);
    if (earlier === undefined) this.add(later);
    else earlier.addLater(later);
  }

  /** Returns all items, in the order in which their keys came. */
  items(): PendingItem[] {
    return this.#items.slice();
  }
}

/** Returns what a key is going to be by a later change and an earlier one. */
export function overlay(later: PendingEntry | undefined, earlier: PendingEntry | undefined): PendingEntry | undefined {
  if (later === undefined) return earlier;
  if (!later.isTouch || earlier === undefined) return later;
  const { isDeleted, isTouch, id, mode, data, size, tag, stamp } = earlier;
  return { isDeleted, isTouch, id, mode, data, size, tag, stamp, expiresAt: later.expiresAt };
}

export const toDeletion = (key: KeyColumn, now: number): PendingItem =>
  new PendingItem(key, true, 0, 0, null, now, now, 0, 0, null, null);

export function toTouch(key: KeyColumn, expiresAt: number | null, now: number): PendingItem {
  const item = new PendingItem(key, false, 0, 0, expiresAt, now, now, 0, 0, null, null);
  item.isTouch = true;
  return item;
}

/** Whether the item is another one than the live one that was there before. */
export const isReplacement = (item: PendingItem): boolean => item.isFresh && !item.isDeleted;

/** Returns the changes that a record holds of an item: another one than before is a deletion and a set. */
export const splitReplacement = (item: PendingItem): PendingItem[] =>
  isReplacement(item) ? [toDeletion(item.key, item.now), item] : [item];
