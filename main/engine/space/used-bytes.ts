import { type Core, getLimitShareBytes } from '../state/core.ts';
import { getMaxReplacedBytes } from './delete-row.ts';
import { getReservedBytes, getWalReserveBytes, SPLIT_RESERVE_PAGES } from './policy.ts';
import { getDatabaseBytes, getWalBytes } from './store-files.ts';

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

/** Returns the bytes of value files, of the reserve, and of a WAL that a reader keeps longer than its reserve. */
function getFixedBytes(core: Core): number {
  const { pageSize } = core;
  const share = getLimitShareBytes(core);
  const fileBytes = getFileBytes(core);
  const reserved =
    getReservedBytes(share, pageSize) + Math.max(0, getWalBytes(core) - getWalReserveBytes(share, pageSize));
  return fileBytes + Math.min(getMaxReplacedBytes(core), fileBytes + core.maintenance.replacedBytes) + reserved;
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
