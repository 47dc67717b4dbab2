import { EVICTION_POLICIES } from '../space/policy.ts';
import type { Settings } from './settings.ts';

/** Each stands for a time when the end of the table was deleted and the table grew again, further up than the time before. */
const MAX_REUSE_EVENTS = 64;

/**
 * What this process knows of the store without asking: how many rows there are, when the next item expires. It saves
 * triggers and counters on disk. Invariant: a number here is exact or `undefined`; after another process has written
 * (`data_version` moved) it is asked for again.
 */
export class RowStats {
  /** Rows of the table, expired ones included. */
  rows: number | undefined;
  /** The earliest expiry on disk, epoch milliseconds, or an earlier moment; `Infinity` when nothing expires. */
  nextExpiry = Number.NEGATIVE_INFINITY;
  /** Bytes that may be written before the disk is measured again. */
  writableBytes = 0;
  /** The index of the policy in force that is known to exist. */
  knownIndex: string | null | undefined;
  /** Files this process has stored. */
  filesStored = 0;
  /** The bucket last looked through for orphans. */
  lastCollectedBucket = '';
  /** Counts this process's changes, so that a reader in the middle of a walk notices them. */
  changeCount = 0;
  /** SQLite's `data_version` for which the numbers hold. */
  dataVersion = -1;
  #lastId: number | bigint = 0;
  #lastIdFree = true;
  #topId = 0;
  /** Ids that were given a second time, ascending: the largest row was deleted and another one added. */
  #reused: { readonly id: number; readonly changes: number }[] = [];

  /**
   * True when an upsert's `lastInsertRowid` tells an insert from an update: SQLite gives a new row the largest id plus one,
   * so an insert repeats the last id only after that row is gone. Others may take it away unseen; what follows from that
   * is forgotten with the next look, before anybody asks.
   */
  get canTellInserts(): boolean {
    return !this.#lastIdFree;
  }

  /** What SQLite says: the id of this connection's last insert, also one that was undone, and the largest one there is. */
  syncRowIds(lastId: number, largestId: number): void {
    this.#lastId = lastId;
    this.#lastIdFree = largestId + 1 === lastId;
  }

  recordUpsert(id: number | bigint, expiresAt: number | null): void {
    if (id === this.#lastId) this.recordUpdate(expiresAt);
    else this.recordInsert(id, expiresAt);
  }

  recordInsert(id: number | bigint, expiresAt: number | null): void {
    this.#lastId = id;
    this.#lastIdFree = false;
    this.#noteReuse(Number(id));
    if (this.rows !== undefined) this.rows++;
    this.recordUpdate(expiresAt);
  }

  recordUpdate(expiresAt: number | null): void {
    if (expiresAt !== null && expiresAt < this.nextExpiry) this.nextExpiry = expiresAt;
    this.changeCount++;
  }

  recordDelete(count: number): void {
    this.#lastIdFree = true;
    if (this.rows !== undefined) this.rows -= count;
    this.changeCount++;
  }

  /** A walk has met rows up to this id. */
  observed(id: number): void {
    this.#topId = Math.max(this.#topId, id);
  }

  /** The first id that was given a second time since the store had made so many changes: all rows from there on are new. */
  firstReusedId(changes: number): number {
    return this.#reused.find((reuse) => reuse.changes >= changes)?.id ?? Number.POSITIVE_INFINITY;
  }

  /** An id at or below the largest one known is given only when all rows from it on are gone. */
  #noteReuse(id: number): void {
    if (id <= this.#topId) {
      while ((this.#reused.at(-1)?.id ?? Number.NEGATIVE_INFINITY) >= id) this.#reused.pop();
      this.#reused.push({ id, changes: this.changeCount });
      if (this.#reused.length > MAX_REUSE_EVENTS) this.#reused.shift();
    }
    this.#topId = id;
  }

  /** Something was rolled back, or somebody else has written. */
  invalidate(): void {
    this.#lastIdFree = true;
    this.#reused = [];
    this.rows = undefined;
    this.writableBytes = 0;
    this.knownIndex = undefined;
    this.nextExpiry = Number.NEGATIVE_INFINITY;
    this.changeCount++;
  }
}

/** So many items' uses are remembered; beyond twice that the oldest are let go. */
const MAX_BUFFERED_ACCESSES = 32_768;

/** Reads of one item that are not on disk yet. */
export interface BufferedAccess {
  readonly id: number;
  /** The last one's stamp: epoch milliseconds with a fraction. */
  accessedAt: number;
  hits: number;
}

/**
 * Reads that are not on disk yet, under a policy that counts them: a read never writes. They go there with the next writes,
 * on a timer, and at close. The first read of an item puts it on a list, further ones only count.
 */
export class AccessBuffer {
  /** Counted when `statistics` is on. */
  hits = 0;
  misses = 0;
  timer: NodeJS.Timeout | undefined;
  statistics = false;
  tracksReads = false;
  #recent: BufferedAccess[] = [];
  #newer = new Map<number, BufferedAccess>();
  #older = new Map<number, BufferedAccess>();

  /** Takes over what the settings say. */
  configure({ statistics, evictionPolicy }: Settings): void {
    this.statistics = statistics;
    this.tracksReads = EVICTION_POLICIES[evictionPolicy].tracksReads;
  }

  get isEmpty(): boolean {
    return this.#recent.length + this.#newer.size + this.#older.size + this.hits + this.misses === 0;
  }

  /** Whether there may be some for an item. */
  get mightContain(): boolean {
    return this.#recent.length + this.#newer.size + this.#older.size > 0;
  }

  record(use: BufferedAccess, at: number): void {
    use.accessedAt = at;
    if (use.hits++ > 0) return;
    this.#recent.push(use);
    if (this.#recent.length >= MAX_BUFFERED_ACCESSES) this.#index();
  }

  /** The reads of one item that are not on disk yet. */
  get(id: number): Readonly<BufferedAccess> | undefined {
    this.#index();
    return this.#newer.get(id) ?? this.#older.get(id);
  }

  /** Takes the use of one item out. */
  take(id: number): Readonly<BufferedAccess> | undefined {
    const use = this.get(id);
    this.#newer.delete(id);
    this.#older.delete(id);
    return use;
  }

  clear(): void {
    this.#recent = [];
    this.#newer.clear();
    this.#older.clear();
  }

  /** The ids whose uses wait longest. */
  oldestIds(most: number): readonly number[] {
    this.#index();
    const ids: number[] = [];
    for (const uses of [this.#older, this.#newer]) {
      for (const id of uses.keys()) {
        if (ids.length >= most) return ids;
        ids.push(id);
      }
    }
    return ids;
  }

  /** The list by id, and the items on it ready to be listed again. */
  #index(): void {
    if (this.#recent.length === 0) return;
    for (const use of this.#recent) {
      const { id, accessedAt, hits } = use;
      use.hits = 0;
      const before = this.#newer.get(id) ?? this.#older.get(id);
      if (before === undefined) this.#newer.set(id, { id, accessedAt, hits });
      else {
        before.accessedAt = Math.max(before.accessedAt, accessedAt);
        before.hits += hits;
      }
    }
    this.#recent = [];
    if (this.#newer.size < MAX_BUFFERED_ACCESSES) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }
}
