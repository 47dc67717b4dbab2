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
