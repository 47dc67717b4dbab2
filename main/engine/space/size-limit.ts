import { DiskCacheError } from '../../../protocol/error.ts';
import { inBatches } from '../cache/transaction.ts';
import { runAndWarn } from '../diagnostics.ts';
import {
  type Core,
  getLimitShareBytes,
  type IncomingWrite,
  MonotonicTimestamps,
  type SpaceManager,
} from '../state/core.ts';
import { isLimited } from '../values/read-budget.ts';
import { releaseFromWorker } from '../worker/worker-checkpoints.ts';
import { deleteExpired, getMaxReplacedBytes, removeReplaced } from './delete-row.ts';
import { evict, prepareEvictionIndex } from './eviction.ts';
import {
  checkpoint,
  checkpointIfOversized,
  checkpointOrBusy,
  getFreePages,
  maintainAfterCommit,
  maintainWhenIdle,
  vacuum,
} from './maintenance.ts';
import { evictAtOnce } from './mass-eviction.ts';
import {
  getFixedOverheadBytes,
  getReservedBytes,
  getWalReserveBytes,
  getWriteAllowance,
  SPLIT_RESERVE_PAGES,
} from './policy.ts';
import { getDatabaseBytes, getWalBytes } from './store-files.ts';
import { startSweep, sweepIfNeeded } from './sweep.ts';

/** Returns the bytes in use: pages that hold rows, value files, and the reserve for the WAL and the next writes. O(1). */
export function getLiveBytes(core: Core): number {
  const { sql, pageSize } = core;
  return getFixedBytes(core) + ((sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0)) * pageSize;
}

/** Returns the bytes of value files, counted again if the counter is damaged: it would make eviction delete everything, or nothing. */
function getFileBytes({ sql }: Core): number {
  const counted: unknown = sql.counter.first('file bytes')?.[0];
  const isCount = typeof counted === 'number' && counted >= 0 && counted <= Number.MAX_SAFE_INTEGER;
  return isCount ? counted : (sql.fileBytes.first()?.[0] ?? 0);
}

/** Returns the bytes of value files, of the write journal, of the reserve, and of a WAL that a reader keeps longer than its reserve. */
function getFixedBytes(core: Core): number {
  const { pageSize } = core;
  const share = getLimitShareBytes(core);
  const fileBytes = getFileBytes(core);
  const reserved =
    getReservedBytes(share, pageSize) + Math.max(0, getWalBytes(core) - getWalReserveBytes(share, pageSize));
  const replaced = Math.min(getMaxReplacedBytes(core), fileBytes + core.maintenance.replacedBytes);
  const journal = core.journal === undefined ? 0 : core.journal.bytes + core.journal.reservedBytes;
  return fileBytes + replaced + journal + reserved;
}

/**
 * Returns the bytes on disk that count against the limit: as `getLiveBytes`, plus free pages, plus pages that were given back but
 * leave the file only at the next checkpoint. While there are free pages the file doesn't grow, so the reserve for page splits is not
 * counted: otherwise a full store would give pages back, each time with a checkpoint, and soon take them again. O(1).
 */
export function getAllocatedBytes(core: Core): number {
  const { sql, pageSize } = core;
  const file = Math.max((sql.pageCount.first()?.[0] ?? 0) * pageSize, getDatabaseBytes(core));
  return getFixedBytes(core) + file - SPLIT_RESERVE_PAGES * pageSize;
}

const isWalOverReserve = (core: Core): boolean =>
  getWalBytes(core) > getWalReserveBytes(getLimitShareBytes(core), core.pageSize);

/** A write evicts what it needs plus at most this much of any existing overrun; later writes evict the rest. */
export const MAX_OVERRUN_PER_WRITE_BYTES = 16 * 1024;
/** Free pages that one write gives back. */
const MAX_VACUUM_PAGES_PER_WRITE = 1024;
/** Up to this many free pages, and pages in the log, are given back within a page's call: that takes a few milliseconds. */
const MAX_QUICK_PAGES = 256;
/** With less than this part of the limit free, the eviction index is created: victims will soon be looked up. */
export const PREPARE_INDEX_BELOW = 1 / 4;
/** How often `cull` evicts at once: a pass frees less than it deletes, because a page is free only when all of its rows are deleted. */
const MAX_CULL_PASSES = 4;
/** `cull` evicts this many bytes per transaction, and on behalf of a page so that it takes a few milliseconds. */
export const CULL_STEP_BYTES = 64 * 1024;
export const SLICED_CULL_STEP_BYTES = 8 * 1024;

const getStepBytes = (): number => (isLimited() ? SLICED_CULL_STEP_BYTES : CULL_STEP_BYTES);

/** What all space managers do alike for each store: expiry, accounting, checkpoints and vacuum. */
export abstract class SpaceManagerBase implements SpaceManager {
  readonly timestamps = new MonotonicTimestamps();
  abstract readonly nextInsertId: SpaceManager['nextInsertId'];

  join(_store: Core): void {}

  leave(store: Core): void {
    clearTimeout(store.maintenance.idleTimer);
    clearTimeout(store.maintenance.garbageTimer);
    clearTimeout(store.maintenance.sweepTimer);
    releaseFromWorker(store);
  }

  assertConfigurable(_store: Core): void {}

  beforeWrite(store: Core): void {
    if (store.maintenance.checkpointBlocked) checkpointOrBusy(store);
  }

  hasAllowance({ rowStats }: Core, bytes: number): boolean {
    return bytes <= rowStats.writableBytes;
  }

  remeasure(_store: Core): void {}

  charge({ rowStats, maintenance }: Core, bytes: number): void {
    rowStats.writableBytes -= bytes;
    maintenance.bytesSinceCheck += bytes;
  }

  reserve(store: Core, write: IncomingWrite, now: number): void {
    if (now >= store.rowStats.nextExpiry) deleteExpired(store, now);
    this.charge(store, write.cost);
    if (store.rowStats.writableBytes < 0) this.makeSpace(store, write);
  }

  /** Measures the disk, and evicts items if the limit is reached. */
  protected abstract makeSpace(store: Core, write: IncomingWrite): void;

  abstract getMaxItemBytes(store: Core): number;

  abstract cull(store: Core): number;

  afterCommit(store: Core): void {
    maintainAfterCommit(store);
  }

  vacuum(store: Core): void {
    if (
      !isLimited() ||
      (getFreePages(store) <= MAX_QUICK_PAGES && getWalBytes(store) <= MAX_QUICK_PAGES * store.pageSize)
    ) {
      vacuum(store);
      return;
    }
    // A page's call must not take longer for its pages.
    if (store.transaction.depth === 0) runAndWarn(store, () => removeReplaced(store));
    startSweep(store);
  }

  onIdle(store: Core): void {
    maintainWhenIdle(store);
    sweepIfNeeded(store);
  }
}

/** The size limit of a single store. */
export class OwnSizeLimit extends SpaceManagerBase {
  readonly nextInsertId = undefined;

  protected makeSpace(store: Core, { cost, key: excludedKey, staged }: IncomingWrite): void {
    const { rowStats, settings } = store;
    const { sizeLimit } = settings;
    const free = sizeLimit - getLiveBytes(store) - cost;
    const fileBytes = staged?.bytes ?? 0;
    rowStats.writableBytes = getWriteAllowance(Math.min(free, sizeLimit - getAllocatedBytes(store) - fileBytes));
    if (free < sizeLimit * PREPARE_INDEX_BELOW) prepareEvictionIndex(store);
    if (free >= 0) {
      // Free pages can hold rows, but no files.
      vacuumOverLimit(store, getAllocatedBytes(store) + fileBytes - sizeLimit);
      return;
    }
    if (settings.evictionPolicy === 'none') {
      removeMarkedOverLimit(store, () => getLiveBytes(store) + cost - sizeLimit);
      if (getLiveBytes(store) + cost <= sizeLimit) return;
      throw limitReachedError(store.directory, sizeLimit);
    }
    // Space comes and goes in pages: a whole one is freed at a time, and the next writes need not evict.
    const wantedBytes = Math.max(store.pageSize, Math.min(-free, cost + MAX_OVERRUN_PER_WRITE_BYTES));
    let { bytes, items, marked } = evict(store, wantedBytes, excludedKey);
    rowStats.writableBytes = Math.min(store.pageSize, Math.max(0, bytes - cost));
    // A file needs its space now, and deleted rows need not have emptied a page each.
    const getOverrun = () => getLiveBytes(store) + cost - sizeLimit;
    for (let over = getOverrun(); staged !== undefined && items + marked > 0 && over > 0; over = getOverrun()) {
      ({ bytes, items, marked } = evict(store, Math.max(store.pageSize, over), excludedKey));
    }
    vacuumOverLimit(store, getAllocatedBytes(store) + fileBytes - sizeLimit);
    store.transaction.afterCommit.push(() => checkpointIfOversized(store));
  }

  override remeasure(store: Core): void {
    const { connection, rowStats, settings, journal } = store;
    const { sizeLimit } = settings;
    connection.pending.ignoring(() => {
      // What is pending takes its space in the database as well.
      const used = Math.max(getLiveBytes(store), getAllocatedBytes(store)) + (journal?.bytes ?? 0);
      const free = sizeLimit - used;
      if (free > sizeLimit * PREPARE_INDEX_BELOW) rowStats.writableBytes = getWriteAllowance(free);
    });
  }

  getMaxItemBytes({ settings, pageSize }: Core): number {
    return Math.max(0, settings.sizeLimit - getFixedOverheadBytes(settings.sizeLimit, pageSize));
  }

  cull(store: Core): number {
    const getOverrun = () => getLiveBytes(store) - store.settings.sizeLimit;
    let evicted = 0;
    const step = () => {
      const over = getOverrun();
      if (over <= 0) return 0;
      const { items, marked } = evict(store, Math.min(over, getStepBytes()), null);
      evicted += items;
      return items + marked;
    };
    let atOnce = 0;
    for (let pass = 0; pass < MAX_CULL_PASSES && store.transaction.depth === 0; pass++) {
      // A long log counts until it is emptied: while a reader keeps it, it is unknown how much to evict.
      if (isWalOverReserve(store) && !checkpoint(store)) break;
      const items = evictAtOnce(store, getOverrun());
      if (items === undefined) break;
      atOnce += items;
    }
    if (atOnce > 0) vacuum(store);
    if (!isWalOverReserve(store) || atOnce === 0) inBatches(store, { step });
    return atOnce + evicted;
  }
}

/** Removes rows that are marked as deleted while a store is over its limit, for a policy that evicts nothing. Inside a write transaction. */
export function removeMarkedOverLimit(store: Core, getOverrun: () => number): void {
  for (let over = getOverrun(); over > 0; over = getOverrun())
    if (evict(store, Math.max(store.pageSize, over), null).marked === 0) return;
}

export const limitReachedError = (directory: string, sizeLimit: number): DiskCacheError =>
  new DiskCacheError(
    'DISK_FULL',
    `${directory} has reached its sizeLimit of ${sizeLimit} bytes and its policy "none" evicts nothing; delete items or raise the limit`,
  );

/** Free pages take space on disk: gives some back if the files are larger than the limit allows by `over` bytes. */
export function vacuumOverLimit(core: Core, over: number): void {
  if (over <= 0) return;
  const { sql, pageSize, connection, transaction } = core;
  const pages = Math.min(Math.ceil(over / pageSize), sql.freePages.first()?.[0] ?? 0, MAX_VACUUM_PAGES_PER_WRITE);
  if (pages > 0) connection.execute(`PRAGMA incremental_vacuum(${pages})`);
  const isCut = getDatabaseBytes(core) > (sql.pageCount.first()?.[0] ?? 0) * pageSize;
  if (isCut) transaction.afterCommit.push(() => checkpoint(core));
}
