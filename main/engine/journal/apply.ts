import { isLive } from '../space/policy.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { PendingItem } from './pending.ts';

/** Where changes are applied, and what has to know of it. */
export interface ApplyTarget {
  readonly sql: Statements;
  inserted(id: number | bigint, expiresAt: number | null): void;
  /** The row of the item has this id. */
  updated(id: number, item: PendingItem): void;
  deleted(): void;
  /** No row names the file any more. */
  fileReplaced(file: string, bytes: number): void;
}

/** An item whose key has a row. */
interface RowChange {
  readonly item: PendingItem;
  readonly row: number;
  readonly isDeletion: boolean;
  readonly file: string | null;
  readonly bytes: number;
}

/**
 * Applies pending items in steps: looks up their rows, then updates and deletes in the order of the table, then inserts in the order of the new
 * ids. In the order of the table each page is written once; in the order of keys it would be no faster than in that of arrival.
 *
 * Invariant: nothing else writes to the table from the first step to the last.
 */
export class ApplyPlan {
  readonly #target: ApplyTarget;
  readonly #items: readonly PendingItem[];
  readonly #locate: Statements['locate'];
  readonly #isDeque: boolean;
  #planned = 0;
  #changes: RowChange[] = [];
  #inserts: PendingItem[] = [];
  #next = 0;

  constructor(target: ApplyTarget, items: readonly PendingItem[]) {
    this.#target = target;
    this.#items = items;
    // A deque has no index of keys: they repeat the ids.
    this.#isDeque = isDeque(target.sql);
    this.#locate = this.#isDeque ? target.sql.locateById : target.sql.locate;
  }

  get isPlanned(): boolean {
    return this.#planned === this.#items.length;
  }

  /** Whether at most this many changes are left. To be called once everything is planned. */
  hasAtMost(changes: number): boolean {
    return this.#changes.length + this.#inserts.length - this.#next <= changes;
  }

  /** Looks up the rows of the next items, at most `maxItems`. Reads only. O(log n) each. */
  plan(maxItems: number): void {
    const end = Math.min(this.#items.length, this.#planned + maxItems);
    for (; this.#planned < end; this.#planned++) this.#planItem(this.#items[this.#planned]!);
    if (!this.isPlanned) return;
    this.#changes.sort((a, b) => a.row - b.row);
    this.#inserts.sort((a, b) => a.id - b.id);
  }

  /** Applies the next changes, at most `maxChanges`, once everything is planned. Inside a write transaction. */
  apply(maxChanges: number): void {
    const end = this.#next + maxChanges;
    const changes = this.#changes.length;
    while (this.#next < Math.min(end, changes)) {
      const run = this.#isDeque ? this.#countDeletions(this.#next, Math.min(end, changes)) : 0;
      if (run > 1) this.#deleteRun(this.#changes[this.#next]!.row, run);
      else this.#change(this.#changes[this.#next]!);
      this.#next += Math.max(1, run);
    }
    const last = Math.min(end, changes + this.#inserts.length);
    for (; this.#next < last; this.#next++) this.#insert(this.#inserts[this.#next - changes]!);
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
    const first = this.#changes[from]!.row;
    let at = from;
    while (at < end && this.#changes[at]!.item.isDeleted && this.#changes[at]!.row === first + at - from) at++;
    return at - from;
  }

  #deleteRun(first: number, count: number): void {
    const { changes } = this.#target.sql.deleteBetween.run(first, first + count - 1);
    for (let left = changes; left > 0; left--) this.#target.deleted();
  }

  #planItem(item: PendingItem): void {
    if (this.#isDeque && item.isDeleted) {
      // It has no file: one with a file is deleted directly.
      this.#changes.push({ item, row: item.key as number, isDeletion: true, file: null, bytes: 0 });
      return;
    }
    const found = this.#locate.first(item.key);
    if (found === undefined) {
      if (!item.isDeleted && !item.isTouch) this.#inserts.push(item);
      return;
    }
    const [row, expiresAt, file, bytes] = found;
    if (item.isTouch && !isLive(expiresAt, item.now)) return;
    const isDeletion = item.isDeleted || item.isFresh || !isLive(expiresAt, item.now);
    this.#changes.push({ item, row, isDeletion, file, bytes });
    if (isDeletion && !item.isDeleted) this.#inserts.push(item);
  }

  #change({ item, row, isDeletion, file, bytes }: RowChange): void {
    const { sql } = this.#target;
    if (item.isTouch) {
      sql.touchById.run(item.expiresAt, row);
      return;
    }
    if (isDeletion) {
      if (sql.deleteById.run(row).changes > 0) this.#target.deleted();
    } else {
      const { key, stamp, expiresAt, tag, mode, size, check, data } = item;
      const { changes } = sql.update.run(key, stamp, stamp, expiresAt, tag, mode, size, check, null, data, row);
      // The row was found, but not under its id: that is damage, which must not cost the item.
      if (changes === 0) this.#insert(item);
      else this.#target.updated(row, item);
    }
    if (file !== null) this.#target.fileReplaced(file, bytes);
  }

  #insert({ id, wasUpdated, key, stamp, expiresAt, tag, mode, size, check, data }: PendingItem): void {
    const visited = wasUpdated ? 1 : 0;
    this.#target.sql.insertAt.run(id, visited, key, stamp, stamp, expiresAt, tag, mode, size, check, null, data);
    this.#target.inserted(id, expiresAt);
  }
}

const isDeque = (sql: Statements): boolean => sql.storeKind.first()?.[0] === 'deque';
