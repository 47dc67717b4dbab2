import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';

/** Now, in epoch milliseconds. */
export type Clock = () => number;

/** The moment an item stops being visible, epoch milliseconds; `null` is never. */
export type ExpiresAt = number | null;

/**
 * A relative time to live as a point in time. `Infinity` means never, also where the store has a default.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is not a number of milliseconds.
 */
export function expiresAt(now: number, ttl: number | undefined): ExpiresAt {
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) return null;
  if (typeof ttl !== 'number' || Number.isNaN(ttl)) {
    throw new DiskCacheError('BAD_OPTION', `ttl is ${shownValue(ttl, "'")}; give a number of milliseconds`);
  }
  return now + ttl;
}

/** Invariant: an item is visible exactly while `now < expiresAt`. */
export const isLive = (expiry: ExpiresAt, now: number): boolean => expiry === null || now < expiry;
