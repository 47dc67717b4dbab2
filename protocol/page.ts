/** Where a page of items ended. Opaque plain data: hand it back to get the next page. */
export type Cursor = unknown;

/** A stretch of a range, bounded in items and in bytes, so that a million items never sit in one message. */
export interface Page<T = unknown> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: Cursor;
}

export type PageOf = 'keys' | 'values' | 'entries';
