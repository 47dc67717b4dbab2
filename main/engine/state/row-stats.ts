import { EVICTION_POLICIES } from '../space/policy.ts';
import type { StoreSettings } from './settings.ts';

/** Maximum number of row-id reuse events remembered (one per "tail deleted, then table grew again"). */
const MAX_REUSE_EVENTS = 64;

/**
 * Facts about the rows that spare queries, triggers and counters on disk: how many rows there are, when the next item expires.
 * Invariant: a number is exact or `undefined`; after a write of another process (`data_version` changed) it is read again.
 */
export class RowStats {
  /** Rows of the table, expired ones included. */
  rows: number | undefined;
  /** Rows that are marked as deleted (`DELETION_MARK`) and still there. */
  marked: number | undefined;
  /** Whether the number of rows is stored in the database, see `cache/row-count.ts`. */
  hasStoredCount = false;
  /** The earliest expiry on disk, in epoch milliseconds, or an earlier time; `Infinity` if nothing expires. */
  nextExpiry = Number.NEGATIVE_INFINITY;
  /** Bytes that may be written before the disk is measured again. */
  writableBytes = 0;
  /** The index of the policy in force that is known to exist. */
  knownIndex: string | null | undefined;
  /** Files this process has stored. */
  filesStored = 0;
  /** The bucket in which orphans were last collected. */
  lastCollectedBucket = '';
  /** Counts the changes of this process, so that an iteration notices them. */
  changeCount = 0;
  /** SQLite's `data_version` for which the numbers are valid. */
  dataVersion = -1;
  #lastId: number | bigint = 0;
  #lastIdFree = true;
  #topId = 0;
  /** Ids that were given a second time, ascending: the largest row was deleted and another one added. */
  #reused: { readonly id: number; readonly changes: number }[] = [];

  /**
   * True if an upsert's `lastInsertRowid` tells an insert from an update: SQLite gives a new row the largest id plus one, so an insert
   * repeats the last id only after that row was deleted. Another process may delete it unnoticed; what follows from that is
   * invalidated at the next check, before it is used.
   */
  get canTellInserts(): boolean {
    return !this.#lastIdFree;
  }

  /** Takes over from SQLite the id of this connection's last insert, also one that was rolled back, and the largest id. */
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

  /** `marked`: how many of the rows were marked as deleted, if that is known. */
  recordDelete(count: number, marked?: number): void {
    this.#lastIdFree = true;
    if (this.rows !== undefined) this.rows -= count;
    if (this.marked !== 0 && this.marked !== undefined)
      this.marked = marked === undefined ? undefined : this.marked - marked;
    this.changeCount++;
  }

  /** Live items, or expired ones, were marked as deleted. */
  recordMarked(count: number): void {
    if (this.marked !== undefined) this.marked += count;
    this.changeCount++;
  }

  /** An iteration has read rows up to this id. */
  observed(id: number): void {
    this.#topId = Math.max(this.#topId, id);
  }

  /** Returns the first id that was used a second time since `changes`: all rows from there on are new. */
  firstReusedId(changes: number): number {
    return this.#reused.find((reuse) => reuse.changes >= changes)?.id ?? Number.POSITIVE_INFINITY;
  }

  /** An id at or below the largest known one is used again only after all rows from it on were deleted. */
  #noteReuse(id: number): void {
    if (id <= this.#topId) {
      while ((this.#reused.at(-1)?.id ?? Number.NEGATIVE_INFINITY) >= id) this.#reused.pop();
      this.#reused.push({ id, changes: this.changeCount });
      if (this.#reused.length > MAX_REUSE_EVENTS) this.#reused.shift();
    }
    this.#topId = id;
  }

  /** Returns what stays true when settings change, and is true again after the rollback of a transaction that begins now. */
  getCounts(): RowCounts {
    return { rows: this.rows, marked: this.marked, nextExpiry: this.nextExpiry, dataVersion: this.dataVersion };
  }

  /** After `invalidate`. Another process may have changed the rows before the transaction, which was noticed in it. */
  restoreCounts({ rows, marked, nextExpiry, dataVersion }: RowCounts): void {
    if (dataVersion !== this.dataVersion) return;
    this.rows = rows;
    this.marked = marked;
    this.nextExpiry = nextExpiry;
  }

  /** After a rollback or a write of another connection: drops everything. */
  invalidate(): void {
    this.#lastIdFree = true;
    this.#reused = [];
    this.rows = undefined;
    this.marked = undefined;
    this.writableBytes = 0;
    this.knownIndex = undefined;
    this.nextExpiry = Number.NEGATIVE_INFINITY;
    this.changeCount++;
  }
}

export interface RowCounts {
  readonly rows: number | undefined;
  readonly marked: number | undefined;
  readonly nextExpiry: number;
  readonly dataVersion: number;
}

/** Accesses are buffered for this many items; beyond twice that, the oldest are dropped. */
const MAX_BUFFERED_ACCESSES = 32_768;

/** Reads of one item that are not on disk yet. */
export interface BufferedAccess {
  readonly id: number;
  /** Timestamp of the last one: epoch milliseconds with a fraction. */
  accessedAt: number;
  hits: number;
}

/**
 * Reads that are not on disk yet, for a policy that tracks them: a read never writes. They are flushed on a timer, before an
 * eviction, and at close. The first read of an item puts it on a list, further ones only count.
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

  /** Applies the settings. */
  configure({ statistics, evictionPolicy }: StoreSettings): void {
    this.statistics = statistics;
    this.tracksReads = EVICTION_POLICIES[evictionPolicy].tracksReads;
  }

  get isEmpty(): boolean {
    return this.#recent.length + this.#newer.size + this.#older.size + this.hits + this.misses === 0;
  }

  /** False if no item has buffered accesses. */
  get mightContain(): boolean {
    return this.#recent.length + this.#newer.size + this.#older.size > 0;
  }

  record(access: BufferedAccess, at: number): void {
    access.accessedAt = at;
    if (access.hits++ > 0) return;
    this.#recent.push(access);
    if (this.#recent.length >= MAX_BUFFERED_ACCESSES) this.#index();
  }

  /** Returns the buffered accesses of one item. */
  get(id: number): Readonly<BufferedAccess> | undefined {
    this.#index();
    return this.#newer.get(id) ?? this.#older.get(id);
  }

  /** Removes and returns the buffered accesses of one item. */
  take(id: number): Readonly<BufferedAccess> | undefined {
    const access = this.get(id);
    this.#newer.delete(id);
    this.#older.delete(id);
    return access;
  }

  /** The item has another id than its accesses were recorded with. */
  move(from: number, to: number): void {
    const access = this.take(from);
    if (access !== undefined) this.#newer.set(to, { ...access, id: to });
  }

  clear(): void {
    this.#recent = [];
    this.#newer.clear();
    this.#older.clear();
  }

  /** Returns the ids of the oldest buffered accesses. */
  oldestIds(maxItems: number): readonly number[] {
    this.#index();
    const ids: number[] = [];
    for (const accesses of [this.#older, this.#newer]) {
      for (const id of accesses.keys()) {
        if (ids.length >= maxItems) return ids;
        ids.push(id);
      }
    }
    return ids;
  }

  /** Moves the list into the map by id; its items can be listed again. */
  #index(): void {
    if (this.#recent.length === 0) return;
    for (const access of this.#recent) {
      const { id, accessedAt, hits } = access;
      access.hits = 0;
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
