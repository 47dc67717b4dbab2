import type { Core } from '../state/core.ts';
import { checkpoint, getFreePages, incrementalVacuum } from './maintenance.ts';

/** Pages given back in one transaction. */
const PAGES_AT_ONCE = 256;

/**
 * Gives all free pages of a database back to the disk, in steps between which others may write. Returns their bytes. O(pages moved).
 *
 * @throws {DiskCacheError} `READ_ONLY`, `BUSY`
 */
export function giveBackFreePages(core: Core): number {
  let pages = 0;
  for (let free = getFreePages(core); free > 0; ) {
    incrementalVacuum(core, PAGES_AT_ONCE);
    const left = getFreePages(core);
    if (left >= free) break;
    pages += free - left;
    free = left;
  }
  checkpoint(core);
  return pages * core.pageSize;
}
