import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from './core.ts';
import { stopFeed } from './feed.ts';
import { releaseAll } from './lease.ts';
import { removeReplaced } from './replaced-files.ts';
import { settleUses } from './uses.ts';

/**
 * Lets go of a directory.
 *
 * @throws {DiskCacheError} `BAD_OPTION` inside a transaction; the store stays open.
 */
export function closeCore(core: Core): void {
  if (core.transaction.depth > 0) {
    throw new DiskCacheError('BAD_OPTION', `close was called inside a transaction on ${core.directory}; call it after`);
  }
  releaseAll(core);
  stopFeed(core);
  settleUses(core);
  if (core.upkeep.replacedFiles > 0) removeReplaced(core);
  clearTimeout(core.upkeep.timer);
  clearTimeout(core.upkeep.leftovers);
  core.membership?.household.leave(core);
  core.connection.close();
}
