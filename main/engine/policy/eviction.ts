import type { EvictionPolicyName } from '../../../protocol/options.ts';

/** How a policy chooses who leaves: a row of data, the mechanism is in `cache/evict.ts`. */
export interface EvictionPolicy {
  /** The columns that put the next victim first; null: nobody leaves. */
  readonly order: string | null;
  /** An index on `order`, made when something has to leave for the first time. Without it the order is that of the table. */
  readonly index: string | null;
  /** Reads count: they are remembered and written down later. */
  readonly countsReads: boolean;
  /** A hand goes round the table in `order` and spares, once, what was visited since it last came by. */
  readonly hand: boolean;
}

/**
 * `sieve`: Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024. New items enter unvisited at one end,
 * the hand starts at the other; visited items stay where they are.
 */
export const EVICTION_POLICIES: { readonly [name in EvictionPolicyName]: EvictionPolicy } = {
  none: { order: null, index: null, countsReads: false, hand: false },
  'least-recently-stored': { order: 'stored_at', index: 'entry_stored_at', countsReads: false, hand: false },
  'least-recently-used': { order: 'used_at', index: 'entry_used_at', countsReads: true, hand: false },
  'least-frequently-used': { order: 'hits, used_at', index: 'entry_hits', countsReads: true, hand: false },
  sieve: { order: 'id', index: null, countsReads: true, hand: true },
};

/** Indexes that another policy has left behind. */
export const otherIndexes = (policy: EvictionPolicy): readonly string[] =>
  Object.values(EVICTION_POLICIES).flatMap(({ index }) => (index === null || index === policy.index ? [] : [index]));
