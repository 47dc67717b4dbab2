import type { DequeRow } from '../sqlite/deque-statements.ts';
import type { TagColumn } from '../sqlite/statements.ts';
import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';

/** A small item that can be written to a journal. */
export interface JournaledWrite {
  readonly key: KeyColumn;
  readonly mode: number;
  readonly data: Stored | null;
  readonly bytes: number;
  /** The checksum of the value alone. */
  readonly check: number;
  /** Bytes it takes of the size limit. */
  readonly cost: number;
  readonly expiresAt: number | null;
  readonly tag: TagColumn;
}

/** What a key is going to be when its pending changes are applied. */
export interface PendingEntry {
  readonly isDeleted: boolean;
  /** Whether only its expiry is pending; the rest is in the row under the key. */
  readonly isTouch: boolean;
  readonly id: number;
  readonly mode: number;
  /** Null for a deletion and where `isTouch` is true. */
  readonly data: Stored | null;
  readonly size: number;
  readonly tag: TagColumn;
  readonly expiresAt: number | null;
  /** When it was stored, and used last. */
  readonly stamp: number;
}

export type DequeSide = 'front' | 'back';

/** Rows at an end of a deque that were read before they are taken, see `deque/rows-ahead.ts`. */
interface RowsAhead {
  readonly side: DequeSide;
  /** From the middle to the end: the last one is taken first. */
  readonly rows: DequeRow[];
  /** How many rows are read when all of these are taken. */
  readonly nextCount: number;
}

/** Where a deque begins and ends, with its pending changes. */
export interface DequeEnds {
  first: number;
  length: number;
  readonly maxLength: number;
  /** First position and length before the open deferred transaction; undefined if it has changed neither. */
  before: Pick<DequeEnds, 'first' | 'length'> | undefined;
  /** Undefined until a value is taken that is in the database. */
  ahead: RowsAhead | undefined;
}

/**
 * Takes small writes of a store that one process owns, and applies them to the database later. Verbs that know it look up keys here first;
 * for all others the statements apply what is pending.
 */
export interface WriteJournal {
  /** Bytes of its files. */
  readonly bytes: number;
  /** Bytes of the ballast that are for applying it on a full disk. */
  readonly reservedBytes: number;
  /** Returns what is pending for a key; undefined if what is in the database counts. O(1). */
  find(key: KeyColumn): PendingEntry | undefined;
  /**
   * Stores an item; false if it has to be written directly. After `beforeWrite`.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`; nothing is changed then.
   */
  set(write: JournaledWrite, now: number): boolean;
  /** Deletes an item; returns whether there was a live one, or undefined if it has to be deleted directly. After `beforeWrite`. */
  delete(key: KeyColumn, now: number): boolean | undefined;
  /** Changes when a live item expires; returns whether there is one, or undefined if it has to be changed directly. After `beforeWrite`. */
  touch(key: KeyColumn, expiresAt: number | null, now: number): boolean | undefined;
  /** The ends of a deque, see `deque/pending-ends.ts`; undefined until they are needed. */
  ends: DequeEnds | undefined;
  /** Whether a change may be appended now with `setAt` or `deleteAt`. `bytes` are those of the value. After `beforeWrite`. */
  accepts(bytes: number, cost: number): boolean;
  /**
   * Stores a value at a position of a deque that holds none, and deletes the one at another position. After `accepts`.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`; nothing is changed then.
   */
  setAt(position: number, write: JournaledWrite, now: number, dropped?: number): void;
  /** Deletes the value at a position of a deque, which has no file. After `accepts`. @throws {DiskCacheError} as `setAt` */
  deleteAt(position: number, now: number): void;
  /**
   * Begins a deferred transaction, whose changes are collected; false if SQLite has to begin one. A statement that is more than a look-up of a
   * key makes it a transaction of SQLite.
   */
  beginBlock(): boolean;
  /**
   * Ends a deferred transaction: its changes are one record. Returns false if the disk has no space for it: then it is a transaction of SQLite with
   * the changes, which is open.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`; nothing is changed then.
   */
  commitBlock(): boolean;
  /** Ends a deferred transaction without its changes. */
  rollBackBlock(): void;
  /** Applies everything that is pending. O(changes × log n). @throws {DiskCacheError} */
  apply(): void;
  /** Applies everything, and gives the space of the files back to the disk. Outside of transactions. @throws {DiskCacheError} */
  shrink(): void;
  /**
   * Runs work that deletes everything in the database, in a transaction, and drops what is pending with it. Outside of transactions.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`; nothing is changed then.
   */
  discard<T>(work: () => T): T;
  /** Ends the journal. Returns false if its changes could not be applied: the next process that opens the store does that. */
  close(): boolean;
  /** Runs work that replaces a damaged database by one with its items or by an empty one. Another process may get its lock while it runs. */
  replaceDatabase(keepsItems: boolean, work: () => void): void;
}
