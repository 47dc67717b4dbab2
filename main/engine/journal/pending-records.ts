import { isLive } from '../space/policy.ts';
import type { PendingEntry } from '../state/write-journal.ts';
import type { KeyColumn } from '../values/key.ts';
import type { PlannedItem } from './apply.ts';
import { EncodedChange, EncodedChanges } from './encoded-changes.ts';
import { KeyTable } from './key-table.ts';
import { PendingItem, PendingItems } from './pending.ts';
import type { JournalChange, RecordWriter } from './record.ts';

const FLAG = { isFresh: 1, wasUpdated: 2 } as const;
const MIN_ITEMS = 64;

/** What a key is going to be, read from the bytes of its change. To be used at once: a later change may be written over it. */
class PendingRecord extends EncodedChange implements PendingEntry, PlannedItem {
  readonly #flags: number;

  constructor(changes: EncodedChanges, at: number, key: KeyColumn, flags: number) {
    super(changes, at, key);
    this.#flags = flags;
  }

  get isFresh(): boolean {
    return (this.#flags & FLAG.isFresh) !== 0;
  }

  get wasUpdated(): boolean {
    return (this.#flags & FLAG.wasUpdated) !== 0;
  }
}

/**
 * The changes of one journal file, one item per key, added in the order of their records. The items are copies of the changes as they are in the
 * records, in one block of memory outside of V8's heap: as objects they would live long enough to be copied by two garbage collections,
 * which takes tens of milliseconds for a full journal.
 */
export class PendingRecords {
  readonly #keys = new KeyTable();
  readonly #changes = new EncodedChanges();
  /** By number of the item: where its change is, and what its earlier ones have left. */
  #at = new Uint32Array(MIN_ITEMS);
  #flags = new Uint8Array(MIN_ITEMS);

  get size(): number {
    return this.#keys.size;
  }

  get(key: KeyColumn): PendingRecord | undefined {
    const nth = this.#keys.find(key);
    return nth < 0 ? undefined : this.at(nth);
  }

  at(nth: number): PendingRecord {
    return new PendingRecord(this.#changes, this.#at[nth]!, this.#keys.at(nth), this.#flags[nth]!);
  }

  /** Adds the changes of the record that `writer` holds. Their keys are kept. */
  add(writer: RecordWriter, changes: readonly JournalChange[]): void {
    let start = writer.firstChange;
    const moved = this.#changes.append(writer, start, writer.length) - start;
    for (const { key } of changes) {
      const end = writer.getChangeEnd(start);
      this.#add(key, writer, start, start + moved);
      start = end;
    }
  }

  /** `add` for a record of one change. */
  addOne(writer: RecordWriter, { key }: JournalChange): void {
    const start = writer.firstChange;
    this.#add(key, writer, start, this.#changes.append(writer, start, writer.length));
  }

  /** Returns copies of all items. */
  items(): PendingItem[] {
    return Array.from({ length: this.size }, (_, nth) => {
      const { key, isDeleted, isTouch, mode, id, expiresAt, now, stamp, check, size, tag, data, isFresh, wasUpdated } =
        this.at(nth);
      const item = new PendingItem(key, isDeleted, mode, id, expiresAt, now, stamp, check, size, tag, data);
      return Object.assign(item, { isTouch, isFresh, wasUpdated });
    });
  }

  release(): void {
    this.#changes.release();
  }
  clear(): void {
    this.#keys.clear();
    this.#changes.clear();
  }

  /** Adds a change that begins at `start` in the record, and at `at` in the copy. */
  #add(key: KeyColumn, writer: RecordWriter, start: number, at: number): void {
    const { size } = this.#keys;
    const nth = this.#keys.add(key);
    if (nth < size) {
      this.#merge(nth, writer, start, at);
      return;
    }
    if (nth === this.#at.length) this.#grow();
    this.#at[nth] = at;
    this.#flags[nth] = 0;
  }

  /** Adds a later change of an item: as `PendingItem.add`. */
  #merge(nth: number, writer: RecordWriter, start: number, at: number): void {
    const changes = this.#changes;
    const before = this.at(nth);
    if (writer.isTouch(start)) {
      changes.setExpiry(this.#at[nth]!, writer.getExpiry(start));
      return;
    }
    // The clock of the first change decides whether an earlier row had expired.
    changes.setClock(at, before.now);
    let flags = this.#flags[nth]!;
    let keepsId = true;
    if (writer.isDeletion(start)) flags |= FLAG.isFresh;
    else if (before.isDeleted || !isLive(before.expiresAt, writer.getClock(start))) {
      keepsId = false;
      flags = FLAG.isFresh;
    } else if (before.isTouch) keepsId = false;
    else flags |= FLAG.wasUpdated;
    if (keepsId) changes.setId(at, before.id);
    this.#at[nth] = at;
    this.#flags[nth] = flags;
  }

  #grow(): void {
    const at = new Uint32Array(this.#at.length * 2);
    const flags = new Uint8Array(at.length);
    at.set(this.#at);
    flags.set(this.#flags);
    this.#at = at;
    this.#flags = flags;
  }
}

/** Returns the sum of the changes of several files, the oldest first. */
export function mergePending(files: readonly (PendingRecords | undefined)[]): PendingItems {
  const merged = new PendingItems();
  for (const file of files) for (const item of file?.items() ?? []) merged.addLater(item);
  return merged;
}
