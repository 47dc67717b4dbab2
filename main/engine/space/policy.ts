import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { EvictionPolicyName, ExpiryOptions } from '../../../protocol/options.ts';

/** Bytes of the log at which it is checkpointed: the longer, the fewer pages are written twice. */
const MAX_CHECKPOINT_BYTES = 16 * 1024 * 1024;
const MIN_CHECKPOINT_PAGES = 4;
/** Pages a write may add to the WAL beyond the checkpoint mark; after a larger write the WAL size is checked. */
export const MAX_WAL_PAGES_PER_WRITE = 8;
/** A page in the log has a header (https://sqlite.org/fileformat2.html#the_write_ahead_log). */
const WAL_FRAME_HEADER_BYTES = 24;

/** An empty database. */
const EMPTY_DATABASE_PAGES = 15;
/** Reserved for the next writes: each tree may split a page. */
export const SPLIT_RESERVE_PAGES = 6;

/** Bytes of an item beyond key and value: cell and record headers, times, the entry in the key index. */
export const ROW_OVERHEAD_BYTES = 64;
/** A key is in the table and in an index. */
export const KEY_COST_FACTOR = 2;

/** Below this limit the few pages of an empty database would take most of it, so pages are small. */
const SMALL_LIMIT_BYTES = 1024 * 1024;

/** Returns the page size of a new database: SQLite's default, that of file systems, except under a small limit. */
export const choosePageSize = (sizeLimit: number): number => (sizeLimit < SMALL_LIMIT_BYTES ? 1024 : 4096);

/** Returns the pages at which the WAL is checkpointed: an eighth of the limit, at most 16 MiB. */
export const getCheckpointPages = (sizeLimit: number, pageSize: number): number =>
  Math.max(MIN_CHECKPOINT_PAGES, Math.floor(Math.min(MAX_CHECKPOINT_BYTES, sizeLimit / 8) / pageSize));

/** Returns the bytes reserved for the WAL: it exceeds its mark by a transaction. */
export const getWalReserveBytes = (sizeLimit: number, pageSize: number): number =>
  Math.ceil(getCheckpointPages(sizeLimit, pageSize) * 1.25 + MAX_WAL_PAGES_PER_WRITE) *
  (pageSize + WAL_FRAME_HEADER_BYTES);

/** Bytes of the ballast; a small limit has none, because it would take much of it. */
const MIN_BALLAST_BYTES = 64 * 1024;
const MAX_BALLAST_BYTES = 4 * 1024 * 1024;
const MIN_LIMIT_WITH_BALLAST_BYTES = 4 * 1024 * 1024;

/** Returns the largest ballast under a limit: a thirty-second of it. */
const getMaxBallastBytes = (sizeLimit: number): number =>
  sizeLimit < MIN_LIMIT_WITH_BALLAST_BYTES ? 0 : Math.min(MAX_BALLAST_BYTES, sizeLimit / 32);

/** Returns the ballast of a store with `storeBytes` on disk: an eighth of them, within limits. */
export const getBallastTargetBytes = (sizeLimit: number, storeBytes: number): number =>
  Math.floor(Math.min(getMaxBallastBytes(sizeLimit), Math.max(MIN_BALLAST_BYTES, storeBytes / 8)));

/** Replaced files, which a power cut may bring back, may wait for removal up to these bytes and this part of the limit. */
export const MAX_REPLACED_BYTES = 16 * 1024 * 1024;
export const MAX_REPLACED_FRACTION = 1 / 32;

/** Returns the bytes of the limit that are reserved for the WAL, the ballast and page splits. */
export const getReservedBytes = (sizeLimit: number, pageSize: number): number =>
  getWalReserveBytes(sizeLimit, pageSize) + getMaxBallastBytes(sizeLimit) + SPLIT_RESERVE_PAGES * pageSize;

/** Returns the bytes of the limit that can't hold items. */
export const getFixedOverheadBytes = (sizeLimit: number, pageSize: number): number =>
  getReservedBytes(sizeLimit, pageSize) + EMPTY_DATABASE_PAGES * pageSize;

/** Returns about how many bytes an item takes on disk. */
export const computeItemCost = (keyBytes: number, valueBytes: number): number =>
  ROW_OVERHEAD_BYTES + KEY_COST_FACTOR * keyBytes + valueBytes;

/** With less free space than this, every write measures the disk. */
const REMEASURE_BELOW_BYTES = 64 * 1024;

/** Returns how many bytes may be written before the disk is measured again: a part of the free bytes, as other processes write, too. */
export const getWriteAllowance = (free: number): number => (free < REMEASURE_BELOW_BYTES ? 0 : free / 8);

/** How a policy selects victims, as data; the mechanism is in `eviction.ts`. */
export interface EvictionPolicy {
  /** The columns that sort the next victim first; null: nothing is evicted. */
  readonly order: string | null;
  /** The index on `order`, created when the first eviction is near; null if the table has this order. */
  readonly index: string | null;
  /** True if reads change the order: they are buffered and written later. */
  readonly tracksReads: boolean;
  /** True if a hand goes round the table in `order` and skips, once, items that were read since it last came by. */
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

/** Returns the indexes of other policies. */
export const getOtherIndexes = (policy: EvictionPolicy): readonly string[] =>
  Object.values(EVICTION_POLICIES).flatMap(({ index }) => (index === null || index === policy.index ? [] : [index]));

/** Returns the current time, in epoch milliseconds. */
export type Clock = () => number;

/** When an item stops being visible, in epoch milliseconds; `null`: never. */
export type ExpiresAt = number | null;

/**
 * Converts a time to live to a point in time. `Infinity` means never, also if the store has a default.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a number of milliseconds.
 */
export function computeExpiresAt(now: number, ttl: number | undefined): ExpiresAt {
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) return null;
  if (typeof ttl !== 'number' || Number.isNaN(ttl)) {
    throw new DiskCacheError('BAD_OPTION', `ttl is ${formatValue(ttl, "'")}; give a number of milliseconds`);
  }
  return toStoredExpiry(now + ttl);
}

/** Returns a time that isn't `DELETION_MARK`. */
const toStoredExpiry = (at: number): number => Math.max(at, -Number.MAX_VALUE);

/**
 * Returns the expiry time of an item that is stored with these options. `defaultTtl` is the `ttl` of the store.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but numbers, and for `ttl` and `expiresAt` together.
 */
export function resolveExpiry(
  now: number,
  { ttl, expiresAt }: ExpiryOptions,
  defaultTtl: number | undefined,
): ExpiresAt {
  if (expiresAt === undefined) return computeExpiresAt(now, ttl ?? defaultTtl);
  if (ttl !== undefined) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'ttl and expiresAt were both given; an item expires once, so give one of them',
    );
  }
  if (expiresAt === Number.POSITIVE_INFINITY) return null;
  if (typeof expiresAt === 'number' && !Number.isNaN(expiresAt)) return toStoredExpiry(expiresAt);
  throw new DiskCacheError(
    'BAD_OPTION',
    `expiresAt is ${formatValue(expiresAt, "'")}; give epoch milliseconds, such as date.getTime()`,
  );
}

/** Invariant: an item is visible exactly while `now < expiresAt`. */
export const isLive = (expiry: ExpiresAt, now: number): boolean => expiry === null || now < expiry;
