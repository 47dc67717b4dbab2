import type { Key } from './key.ts';

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
