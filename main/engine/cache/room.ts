import { DiskCacheError } from '../../../protocol/error.ts';
import { allowance, logReserve, overheadOf, SPLIT_PAGES, setAside } from '../policy/budget.ts';
import type { Core } from './core.ts';
import { evict, prepareIndex } from './evict.ts';
import { dropExpired } from './expire.ts';
import { shareOf } from './household.ts';
import type { Item } from './item.ts';
import { maxReplacedBytes } from './replaced-files.ts';
import { boundLog, emptyLog } from './upkeep.ts';
import { databaseBytes, logBytes } from './volume.ts';

/** A write evicts for itself and, of what is over the limit, so many bytes at most; the rest is left to the next writes. */
export const OVER_PER_WRITE = 16 * 1024;
/** Free pages given back by one write. */
const SHRINK_PER_WRITE = 1024;
/** With less than this part of the limit free, victims will soon be looked for. */
export const NEARLY_FULL = 1 / 4;

/** What room is made for. */
type Incoming = Pick<Item, 'cost' | 'key' | 'staged'>;

/**
 * Lets expired items go, then, when the disk is full, as many others as an item demands, in the order of the policy;
 * never the item it replaces. Inside a write transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` when the policy lets nobody go.
 */
export function makeRoom(core: Core, { cost: incoming, key: spared, staged }: Incoming, now: number): void {
  const { ledger, settings, membership } = core;
  if (now >= ledger.nextExpiry) dropExpired(core, now);
  ledger.room -= incoming;
  core.upkeep.bytes += incoming;
  if (ledger.room >= 0) return;
  if (membership !== undefined) {
    membership.household.makeRoom(core, incoming, spared);
    return;
  }
  const { sizeLimit } = settings;
  const free = sizeLimit - usedBytes(core) - incoming;
  const bytesInFile = staged?.bytes ?? 0;
  ledger.room = allowance(Math.min(free, sizeLimit - heldBytes(core) - bytesInFile));
  if (free < sizeLimit * NEARLY_FULL) prepareIndex(core);
  if (free >= 0) {
    // Free pages take rows, but no files.
    shrink(core, heldBytes(core) + bytesInFile - sizeLimit);
    return;
  }
  if (settings.evictionPolicy === 'none') {
    throw new DiskCacheError(
      'DISK_FULL',
      `${core.directory} has reached its sizeLimit of ${sizeLimit} bytes and its policy "none" lets nothing go; delete something or raise the limit`,
    );
  }
  // Space comes and goes in pages: a whole one is freed at a time, and the next writes find room.
  const wanted = Math.max(core.pageSize, Math.min(-free, incoming + OVER_PER_WRITE));
  let { bytes, items } = evict(core, wanted, spared);
  ledger.room = Math.min(core.pageSize, Math.max(0, bytes - incoming));
  // A file needs its room now, and rows that have left need not have emptied a page each.
  for (
    let over = overBy(core, incoming);
    staged !== undefined && items > 0 && over > 0;
    over = overBy(core, incoming)
  ) {
    ({ bytes, items } = evict(core, Math.max(core.pageSize, over), spared));
  }
  shrink(core, heldBytes(core) + bytesInFile - sizeLimit);
  core.transaction.afterCommit.push(() => boundLog(core));
}

const overBy = (core: Core, incoming: number): number => usedBytes(core) + incoming - core.settings.sizeLimit;

/** Bytes in use: pages that hold something, value files, and what is set aside for the log and the next writes. O(1). */
export function usedBytes(core: Core): number {
  const { sql, pageSize } = core;
  return fixedBytes(core) + ((sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0)) * pageSize;
}

/** A count that somebody has damaged would evict everything, or nothing. */
function countFileBytes({ sql }: Core): number {
  const counted: unknown = sql.counter.first('file bytes')?.[0];
  const isCount = typeof counted === 'number' && counted >= 0 && counted <= Number.MAX_SAFE_INTEGER;
  return isCount ? counted : (sql.fileBytes.first()?.[0] ?? 0);
}

/** Value files, what is set aside, and a log that a reader keeps longer than that. */
function fixedBytes(core: Core): number {
  const { pageSize } = core;
  const share = shareOf(core);
  const fileBytes = countFileBytes(core);
  const aside = setAside(share, pageSize) + Math.max(0, logBytes(core) - logReserve(share, pageSize));
  return fileBytes + Math.min(maxReplacedBytes(core), fileBytes + core.upkeep.replacedBytes) + aside;
}

/**
 * Bytes on disk that count: as `usedBytes`, with the pages that hold nothing, and with those that have been given back but leave
 * the file only when the log is emptied. As long as there are free pages the file doesn't grow, so what is set aside for
 * splits is theirs: else a full store would give pages back, each time with an emptied log, and soon take them again. O(1).
 */
export function heldBytes(core: Core): number {
  const { sql, pageSize } = core;
  const file = Math.max((sql.pageCount.first()?.[0] ?? 0) * pageSize, databaseBytes(core));
  return fixedBytes(core) + file - SPLIT_PAGES * pageSize;
}

/** What can be stored at all under the limit. */
export function capacityOf({ settings, pageSize, membership }: Core): number {
  return Math.max(
    0,
    settings.sizeLimit - (membership?.household.overhead() ?? overheadOf(settings.sizeLimit, pageSize)),
  );
}

/** Free pages count on disk too: where the files are larger than the limit allows by so many bytes, some are given back. */
export function shrink(core: Core, over: number): void {
  if (over <= 0) return;
  const { sql, pageSize, connection, transaction } = core;
  const pages = Math.min(Math.ceil(over / pageSize), sql.freePages.first()?.[0] ?? 0, SHRINK_PER_WRITE);
  if (pages > 0) connection.execute(`PRAGMA incremental_vacuum(${pages})`);
  const isCut = databaseBytes(core) > (sql.pageCount.first()?.[0] ?? 0) * pageSize;
  if (isCut) transaction.afterCommit.push(() => emptyLog(core));
}
