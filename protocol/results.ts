import type { Key } from './key.ts';

/** An item with its metadata. Times are epoch milliseconds. */
export interface Entry<K = Key, V = unknown> {
  readonly key: K;
  readonly value: V;
  readonly storedAt: number;
  /** Undefined if it does not expire. */
  readonly expiresAt: number | undefined;
  /**
   * The time of the last set or, under a policy that counts reads, of the last read; other processes' reads appear once they are flushed.
   */
  readonly accessedAt: number;
  /** Reads since the last set, under a policy that counts reads. */
  readonly hits: number;
  readonly tag: string | number | undefined;
  /** The size of the stored value. */
  readonly bytes: number;
}

/** Hits and misses of `get` since the last reset, by all processes, as far as they have been flushed. */
export interface Stats {
  readonly hits: number;
  readonly misses: number;
}

/** Where a page of results ended. Opaque plain data: pass it back to get the next page. */
export type Cursor = unknown;

/** A part of a range, bounded in items and in bytes, so that one message never holds a million items. */
export interface ResultPage<T = unknown> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: Cursor;
}

export type Projection = 'keys' | 'values' | 'entries';

/** The kind of damage found: the database's own pages, a key or a position, a value, a missing file, an orphaned file, a count. */
export type FindingCode = 'database' | 'key' | 'value' | 'file' | 'orphan' | 'count';

export interface Finding {
  readonly code: FindingCode;
  readonly message: string;
  /** The key of the damaged item. */
  readonly key?: Key;
  /** The path of the file concerned. */
  readonly path?: string;
}

export interface CheckOptions {
  /** Delete what is damaged, and rebuild a damaged database from what can be read. Default false. */
  readonly repair?: boolean;
}
