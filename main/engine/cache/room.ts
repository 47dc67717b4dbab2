import { DiskCacheError } from '../../../protocol/error.ts';
import { allowance, logReserve, overheadOf, setAside } from '../policy/budget.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { evict, prepareIndex } from './evict.ts';
import { dropExpired } from './expire.ts';
import { shareOf } from './household.ts';
import { boundLog } from './upkeep.ts';
import { logBytes } from './volume.ts';

/** A write evicts for itself and, of what is over the limit, so many bytes at most; the rest is left to the next writes. */
const OVER_PER_WRITE = 16 * 1024;
/** Free pages given back by one write. */
const SHRINK_PER_WRITE = 32;
/** With less than this part of the limit free, victims will soon be looked for. */
const NEARLY_FULL = 1 / 4;

/**
 * Lets expired items go, then, when the disk is full, as many others as `incoming` bytes demand, in the order of the policy;
 * never the item of the key `spared`. Inside a write transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` when the policy lets nobody go.
 */
export function makeRoom(core: Core, incoming: number, spared: KeyColumn | null, now: number): void {
  const { ledger, settings, membership } = core;
  if (now >= ledger.nextExpiry) dropExpired(core, now);
  ledger.room -= incoming;
  core.upkeep.bytes += incoming;
  if (ledger.room >= 0) return;
  const { sizeLimit } = settings;
  const free = sizeLimit - (membership?.household.usedBytes() ?? usedBytes(core)) - incoming;
  ledger.room = allowance(free) * (membership?.share ?? 1);
  if (free < sizeLimit * NEARLY_FULL) prepareIndex(core);
  if (free >= 0) return;
  // Space comes and goes in pages: a whole one is freed at a time, and the next writes find room.
  const wanted = Math.max(core.pageSize, Math.min(-free, incoming + OVER_PER_WRITE));
  if (settings.evictionPolicy === 'none') {
    throw new DiskCacheError(
      'DISK_FULL',
      `${core.directory} has reached its sizeLimit of ${sizeLimit} bytes and its policy "none" lets nothing go; delete something or raise the limit`,
    );
  }
  if (membership !== undefined) {
    // Whoever has to leave may be in another store, whose lock is not waited for while this one's is held.
    core.transaction.afterCommit.push(() => membership.household.makeRoom(core, wanted, spared));
    ledger.room = 0;
    return;
  }
  const { bytes } = evict(core, wanted, spared);
  ledger.room = Math.min(core.pageSize, Math.max(0, bytes - incoming));
  shrink(core, heldBytes(core) - sizeLimit);
  core.transaction.afterCommit.push(() => boundLog(core));
}

/** Bytes in use: pages that hold something, value files, and what is set aside for the log. O(1). */
export function usedBytes(core: Core): number {
  const { sql, pageSize } = core;
  return fixedBytes(core) + ((sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0)) * pageSize;
}

/** Value files, what is set aside, and a log that a reader keeps longer than that. */
function fixedBytes(core: Core): number {
  const { sql, pageSize } = core;
  const share = shareOf(core);
  const aside = setAside(share, pageSize) + Math.max(0, logBytes(core) - logReserve(share, pageSize));
  return (sql.counter.first('file bytes')?.[0] ?? 0) + aside;
}

/** Bytes on disk that count: as `usedBytes`, with the pages that hold nothing. O(1). */
export const heldBytes = (core: Core): number =>
  fixedBytes(core) + (core.sql.pageCount.first()?.[0] ?? 0) * core.pageSize;

/** What can be stored at all under the limit. */
export function capacityOf({ settings, pageSize, membership }: Core): number {
  return Math.max(
    0,
    settings.sizeLimit - (membership?.household.overhead() ?? overheadOf(settings.sizeLimit, pageSize)),
  );
}

/** Free pages count on disk too: where the files are larger than the limit allows by so many bytes, some are given back. */
export function shrink(core: Core, over: number): void {
  const { sql, pageSize } = core;
  const pages = Math.min(Math.ceil(over / pageSize), sql.freePages.first()?.[0] ?? 0, SHRINK_PER_WRITE);
  if (pages > 0) core.connection.execute(`PRAGMA incremental_vacuum(${pages})`);
}
