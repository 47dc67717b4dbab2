import { isLive } from '../space/policy.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { JournalChange } from './record.ts';

/** Where changes are applied, and what has to know of it. */
export interface ApplyTarget {
  readonly sql: Statements;
  inserted(id: number | bigint, expiresAt: number | null): void;
  /** The row of the item has this id. */
  updated(id: number, item: PlannedItem): void;
  deleted(): void;
  /** No row names the file any more. */
  fileReplaced(file: string, bytes: number): void;
}

/** The sum of the changes of a key. */
export interface PlannedItem extends JournalChange {
  /** Whether the item is another one than the row under the key, which is then deleted. */
  readonly isFresh: boolean;
  /** Whether it was set more than once, which counts as a use. */
  readonly wasUpdated: boolean;
}

/** Items by number, one per key. They stay as they are until the plan is done. */
export interface PlannedItems {
  readonly size: number;
  at(nth: number): PlannedItem;
}

export const toPlannedItems = (items: readonly PlannedItem[]): PlannedItems => ({
  size: items.length,
  at: (nth) => items[nth]!,
});

interface RowFile {
  readonly file: string;
  readonly bytes: number;
}

/**
 * Applies pending items in steps: looks up their rows, then updates and deletes in the order of the table, then inserts in the order of the new
 * ids. In the order of the table each page is written once; in the order of keys it would be no faster than in that of arrival. What it
 * keeps of an item is in arrays of numbers, because thousands of objects that live for a while make each garbage collection long.
 *
 * Invariant: nothing else writes to the table from the first step to the last.
 */
export class ApplyPlan {
  readonly #target: ApplyTarget;
  readonly #items: PlannedItems;
  readonly #locate: Statements['locate'];
  readonly #isDeque: boolean;
  #planned = 0;
  /** By number of the item: its row, and whether the row is deleted; where it has one. */
  readonly #rows: Float64Array;
  readonly #isDeletion: Uint8Array;
  /** By number of the item: the id that it gets, where it is inserted. */
  readonly #ids: Float64Array;
  /** Numbers of the items with a row, and of those to be inserted; in their order once everything is planned. */
  #changes: Uint32Array;
  #inserts: Uint32Array;
  #changeCount = 0;
  #insertCount = 0;
  /** By number of the item: the file of its row. Few items of a journal replace one. */
  readonly #files = new Map<number, RowFile>();
  #next = 0;

  constructor(target: ApplyTarget, items: PlannedItems) {
    this.#target = target;
    this.#items = items;
    // A deque has no index of keys: they repeat the ids.
    this.#isDeque = isDeque(target.sql);
    this.#locate = this.#isDeque ? target.sql.locateById : target.sql.locate;
    this.#rows = new Float64Array(items.size);
    this.#isDeletion = new Uint8Array(items.size);
    this.#ids = new Float64Array(items.size);
    this.#changes = new Uint32Array(items.size);
    this.#inserts = new Uint32Array(items.size);
  }

  get isPlanned(): boolean {
    return this.#planned === this.#items.size;
  }

  /** Whether at most this many changes are left. To be called once everything is planned. */
  hasAtMost(changes: number): boolean {
    return this.#changeCount + this.#insertCount - this.#next <= changes;
  }

  /** Looks up the rows of the next items, at most `maxItems`. Reads only. O(log n) each. */
  plan(maxItems: number): void {
    const end = Math.min(this.#items.size, this.#planned + maxItems);
    for (; this.#planned < end; this.#planned++) this.#planItem(this.#planned);
    if (!this.isPlanned) return;
    const [rows, ids] = [this.#rows, this.#ids];
    this.#changes = this.#changes.subarray(0, this.#changeCount).sort((a, b) => rows[a]! - rows[b]!);
    this.#inserts = this.#inserts.subarray(0, this.#insertCount).sort((a, b) => ids[a]! - ids[b]!);
  }

  /** Applies the next changes, at most `maxChanges`, once everything is planned. Inside a write transaction. */
  apply(maxChanges: number): void {
    const end = this.#next + maxChanges;
    const changes = this.#changeCount;
    while (this.#next < Math.min(end, changes)) {
      const run = this.#isDeque ? this.#countDeletions(this.#next, Math.min(end, changes)) : 0;
      if (run > 1) this.#deleteRun(this.#rows[this.#changes[this.#next]!]!, run);
      else this.#change(this.#changes[this.#next]!);
      this.#next += Math.max(1, run);
    }
    const last = Math.min(end, changes + this.#insertCount);
    for (; this.#next < last; this.#next++) this.#insert(this.#items.at(this.#inserts[this.#next - changes]!));
  }

  /** Goes back to where `apply` was, after a rollback. */
  get position(): number {
    return this.#next;
  }

  set position(next: number) {
    this.#next = next;
  }

  /** Returns how many values at neighbouring positions of a deque are deleted, from a change on. */
  #countDeletions(from: number, end: number): number {
    const first = this.#rows[this.#changes[from]!]!;
    let at = from;
    for (; at < end; at++) {
      const nth = this.#changes[at]!;
      if (this.#rows[nth] !== first + at - from || !this.#items.at(nth).isDeleted) break;
    }
    return at - from;
  }

  #deleteRun(first: number, count: number): void {
    const { changes } = this.#target.sql.deleteBetween.run(first, first + count - 1);
    for (let left = changes; left > 0; left--) this.#target.deleted();
  }

  #planItem(nth: number): void {
    const item = this.#items.at(nth);
    if (this.#isDeque && item.isDeleted) {
      // It has no file: one with a file is deleted directly.
      this.#addChange(nth, item.key as number, true);
      return;
    }
    const found = this.#locate.first(item.key);
    if (found === undefined) {
      if (!item.isDeleted && !item.isTouch) this.#addInsert(nth, item.id);
      return;
    }
    const [row, expiresAt, file, bytes] = found;
    if (item.isTouch && !isLive(expiresAt, item.now)) return;
    const isDeletion = item.isDeleted || item.isFresh || !isLive(expiresAt, item.now);
    this.#addChange(nth, row, isDeletion);
    if (file !== null) this.#files.set(nth, { file, bytes });
    if (isDeletion && !item.isDeleted) this.#addInsert(nth, item.id);
  }

  #addChange(nth: number, row: number, isDeletion: boolean): void {
    this.#changes[this.#changeCount++] = nth;
    this.#rows[nth] = row;
    this.#isDeletion[nth] = isDeletion ? 1 : 0;
  }

  #addInsert(nth: number, id: number): void {
    this.#inserts[this.#insertCount++] = nth;
    this.#ids[nth] = id;
  }

  #change(nth: number): void {
    const { sql } = this.#target;
    const row = this.#rows[nth]!;
    const item = this.#items.at(nth);
    if (item.isTouch) {
      sql.touchById.run(item.expiresAt, row);
      return;
    }
    if (this.#isDeletion[nth] === 1) {
      if (sql.deleteById.run(row).changes > 0) this.#target.deleted();
    } else {
      const { key, stamp, expiresAt, tag, mode, size, check, data } = item;
      const { changes } = sql.update.run(key, stamp, stamp, expiresAt, tag, mode, size, check, null, data, row);
      // The row was found, but not under its id: that is damage, which must not cost the item.
      if (changes === 0) this.#insert(item);
      else this.#target.updated(row, item);
    }
    const replaced = this.#files.get(nth);
    if (replaced !== undefined) this.#target.fileReplaced(replaced.file, replaced.bytes);
  }

  #insert({ id, wasUpdated, key, stamp, expiresAt, tag, mode, size, check, data }: PlannedItem): void {
    const visited = wasUpdated ? 1 : 0;
    this.#target.sql.insertAt.run(id, visited, key, stamp, stamp, expiresAt, tag, mode, size, check, null, data);
    this.#target.inserted(id, expiresAt);
  }
}

const isDeque = (sql: Statements): boolean => sql.storeKind.first()?.[0] === 'deque';
