import { isLive } from '../space/policy.ts';
import type { TagColumn } from '../sqlite/statements.ts';
import type { PendingEntry } from '../state/write-journal.ts';
import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { ItemTable } from './item-table.ts';
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

/** The changes of one journal file, one item per key. Changes come in the order of their records. */
export class PendingChanges {
  readonly #items = new ItemTable<PendingItem>();

  get size(): number {
    return this.#items.size;
  }

  get(key: KeyColumn): PendingItem | undefined {
    return this.#items.get(key);
  }

  /** Adds a change, which is kept. */
  add(change: PendingItem): void {
    this.#items.addIfAbsent(change)?.add(change);
  }

  /** Adds the changes that were made before these. */
  addOlder(older: PendingChanges): void {
    const newer = this.items();
    this.#items.clear();
    for (const item of older.items()) this.#items.addIfAbsent(item);
    for (const item of newer) this.#items.addIfAbsent(item)?.addLater(item);
  }

  items(): PendingItem[] {
    return this.#items.items();
  }

  clear(): void {
    this.#items.clear();
  }
}

/** Returns what a key is going to be by a later change and an earlier one. */
export const overlay = (
  later: PendingEntry | undefined,
  earlier: PendingEntry | undefined,
): PendingEntry | undefined =>
  later === undefined || (later.isTouch && earlier !== undefined)
    ? earlier && (later === undefined ? earlier : { ...earlier, expiresAt: later.expiresAt })
    : later;
