import type { Key } from './key.ts';

/** An item and what is known about it. Times are epoch milliseconds. */
export interface Entry<K = Key, V = unknown> {
  readonly key: K;
  readonly value: V;
  readonly storedAt: number;
  /** Undefined: it does not expire. */
  readonly expiresAt: number | undefined;
  /** The last set or, under a policy that counts reads, the last read; other processes' are known once they are written down. */
  readonly accessedAt: number;
  /** Reads since the last set, under a policy that counts reads. */
  readonly hits: number;
  readonly tag: string | number | undefined;
  /** The size of the value as stored. */
  readonly bytes: number;
}

/** What `get` has found and not found since the last reset, by all processes, as far as they have written it down. */
export interface Stats {
  readonly hits: number;
  readonly misses: number;
}

/** Where a page of items ended. Opaque plain data: hand it back to get the next page. */
export type Cursor = unknown;

/** A stretch of a range, bounded in items and in bytes, so that a million items never sit in one message. */
export interface ResultPage<T = unknown> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: Cursor;
}

export type Projection = 'keys' | 'values' | 'entries';

/** What a check has found damaged: the database's own pages, a key or a position, a value, a missing file, an orphaned one, a count. */
export type FindingCode = 'database' | 'key' | 'value' | 'file' | 'orphan' | 'count';

export interface Finding {
  readonly code: FindingCode;
  readonly message: string;
  /** The key of the damaged item. */
  readonly key?: Key;
  /** The file it is about. */
  readonly path?: string;
}

export interface CheckOptions {
  /** Delete what is damaged, and rebuild a damaged database from what can be read. Default false. */
  readonly repair?: boolean;
}
