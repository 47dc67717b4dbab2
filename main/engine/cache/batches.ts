import { isDiskFull, retryWithBallast } from '../space/disk-full.ts';
import type { Core } from '../state/core.ts';
import { assertInTime, shouldPause } from '../values/read-budget.ts';
import { inWriteTransaction } from './transaction.ts';

/** Items that a mass deletion deletes in one transaction; between two of them other processes may write. */
export const MAX_BATCH_ITEMS = 256;

/**
 * Repeats a step, each in its own transaction, until it deletes nothing more; then gives the space back to the disk. Returns how many
 * items were deleted. `step` gets the number of items that it may delete: on a full disk ever fewer, after the step that failed was
 * undone. `committed` is called after each commit. On behalf of a web page it pauses after some time.
 */
export function inBatches(core: Core, step: (maxItems: number) => number, committed: () => void = () => {}): number {
  let total = 0;
  let maxItems = MAX_BATCH_ITEMS;
  for (let done = -1; done !== 0; ) {
    try {
      done = retryWithBallast([core], () => inWriteTransaction(core, () => step(maxItems)));
      total += done;
      committed();
      if (core.transaction.depth > 0) assertInTime();
      else if (done > 0 && shouldPause()) return total;
    } catch (error) {
      if (!isDiskFull(error) || maxItems === 1) throw error;
      maxItems /= 4;
    }
  }
  if (total > 0) core.space.vacuum(core);
  return total;
}
