import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { EvictionPolicyName } from '../../../protocol/options.ts';

/** Bytes of the log at which it is checkpointed: the longer, the fewer pages are written twice. */
const MAX_CHECKPOINT_BYTES = 16 * 1024 * 1024;
const MIN_CHECKPOINT_PAGES = 4;
/** Pages by which a write may lengthen the log past its mark; after a larger one it is looked at. */
export const MAX_WAL_PAGES_PER_WRITE = 8;
/** A page in the log has a header (https://sqlite.org/fileformat2.html#the_write_ahead_log). */
const WAL_FRAME_HEADER_BYTES = 24;

/** An empty database. */
const EMPTY_DATABASE_PAGES = 15;
/** Set aside for the next writes: each tree may split a page. */
export const SPLIT_RESERVE_PAGES = 6;

/** SQLite's share of the bytes of an item besides key and value: cell and record headers, times, the entry of the key index. */
const ROW_OVERHEAD_BYTES = 64;

/** Below this limit the few pages of an empty database would take most of it, so they are made small. */
const SMALL_LIMIT_BYTES = 1024 * 1024;

/** The page size of a new database: SQLite's own, that of file systems, except under a small limit. */
export const choosePageSize = (sizeLimit: number): number => (sizeLimit < SMALL_LIMIT_BYTES ? 1024 : 4096);

/** The write-ahead log is checkpointed when it has grown to so many pages: an eighth of the limit, 16 MiB at most. */
export const getCheckpointPages = (sizeLimit: number, pageSize: number): number =>
  Math.max(MIN_CHECKPOINT_PAGES, Math.floor(Math.min(MAX_CHECKPOINT_BYTES, sizeLimit / 8) / pageSize));

/** Bytes set aside for the log: it passes its mark by a transaction. */
export const getWalReserveBytes = (sizeLimit: number, pageSize: number): number =>
  Math.ceil(getCheckpointPages(sizeLimit, pageSize) * 1.25 + MAX_WAL_PAGES_PER_WRITE) *
  (pageSize + WAL_FRAME_HEADER_BYTES);

/** Bytes kept for a full disk: none under a limit that is small, of which they would take much. */
const MIN_BALLAST_BYTES = 64 * 1024;
const MAX_BALLAST_BYTES = 4 * 1024 * 1024;
const MIN_LIMIT_WITH_BALLAST_BYTES = 4 * 1024 * 1024;

/** The most of a limit that is kept for a full disk: a thirty-second. */
export const getMaxBallastBytes = (sizeLimit: number): number =>
  sizeLimit < MIN_LIMIT_WITH_BALLAST_BYTES ? 0 : Math.min(MAX_BALLAST_BYTES, sizeLimit / 32);

/** Bytes that a store of so many bytes keeps for a full disk: an eighth of them. */
export const getBallastTargetBytes = (sizeLimit: number, storeBytes: number): number =>
  Math.floor(Math.min(getMaxBallastBytes(sizeLimit), Math.max(MIN_BALLAST_BYTES, storeBytes / 8)));

/** Of files that were replaced, and that a power cut may bring back, so much may wait at most; a part of the limit. */
export const MAX_REPLACED_BYTES = 16 * 1024 * 1024;
export const MAX_REPLACED_FRACTION = 1 / 32;

/** Bytes of the limit that are not for items in use. */
export const getReservedBytes = (sizeLimit: number, pageSize: number): number =>
  getWalReserveBytes(sizeLimit, pageSize) + getMaxBallastBytes(sizeLimit) + SPLIT_RESERVE_PAGES * pageSize;

/** Bytes of the limit that can't hold items. */
export const getFixedOverheadBytes = (sizeLimit: number, pageSize: number): number =>
  getReservedBytes(sizeLimit, pageSize) + EMPTY_DATABASE_PAGES * pageSize;

/** What an item takes on disk, about: the key stands in the table and in its index. */
export const computeItemCost = (keyBytes: number, valueBytes: number): number =>
  ROW_OVERHEAD_BYTES + 2 * keyBytes + valueBytes;

/** Below this much free space every write measures anew. */
const REMEASURE_BELOW_BYTES = 64 * 1024;

/**
 * How many bytes may be written before the disk is measured again. A part of what is free, because other processes write
 * from the same allowance.
 */
export const getWriteAllowance = (free: number): number => (free < REMEASURE_BELOW_BYTES ? 0 : free / 8);

/** How a policy chooses who leaves: a row of data, the mechanism is in `size-limit.ts`. */
export interface EvictionPolicy {
  /** The columns that put the next victim first; null: nobody leaves. */
  readonly order: string | null;
  /** An index on `order`, made when something has to leave for the first time. Without it the order is that of the table. */
  readonly index: string | null;
  /** Reads count: they are remembered and written down later. */
  readonly tracksReads: boolean;
  /** A hand goes round the table in `order` and spares, once, what was visited since it last came by. */
  readonly isSieve: boolean;
}

/**
 * `sieve`: Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024. New items enter unvisited at one end,
 * the hand starts at the other; visited items stay where they are.
 */
export const EVICTION_POLICIES: { readonly [name in EvictionPolicyName]: EvictionPolicy } = {
  none: { order: null, index: null, tracksReads: false, isSieve: false },
  'least-recently-stored': { order: 'stored_at', index: 'entry_stored_at', tracksReads: false, isSieve: false },
  'least-recently-used': { order: 'used_at', index: 'entry_used_at', tracksReads: true, isSieve: false },
  'least-frequently-used': { order: 'hits, used_at', index: 'entry_hits', tracksReads: true, isSieve: false },
  sieve: { order: 'id', index: null, tracksReads: true, isSieve: true },
};

/** Indexes that another policy has left behind. */
export const getOtherIndexes = (policy: EvictionPolicy): readonly string[] =>
  Object.values(EVICTION_POLICIES).flatMap(({ index }) => (index === null || index === policy.index ? [] : [index]));

/** Now, in epoch milliseconds. */
export type Clock = () => number;

/** The moment an item stops being visible, epoch milliseconds; `null` is never. */
export type ExpiresAt = number | null;

/**
 * A relative time to live as a point in time. `Infinity` means never, also where the store has a default.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is not a number of milliseconds.
 */
export function computeExpiresAt(now: number, ttl: number | undefined): ExpiresAt {
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) return null;
  if (typeof ttl !== 'number' || Number.isNaN(ttl)) {
    throw new DiskCacheError('BAD_OPTION', `ttl is ${formatValue(ttl, "'")}; give a number of milliseconds`);
  }
  return now + ttl;
}

/** Invariant: an item is visible exactly while `now < expiresAt`. */
export const isLive = (expiry: ExpiresAt, now: number): boolean => expiry === null || now < expiry;
