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
