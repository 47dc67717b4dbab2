import type { Core } from './core.ts';
import { atomically } from './transaction.ts';

/** Whether an item has an id that no store gives: a damaged one, or one by a clock that was centuries ahead. O(log n). */
export const hasStrayIds = ({ sql, kind }: Core): boolean => kind !== 'deque' && sql.strayId.first() !== undefined;

/**
 * Puts items with such ids behind the others, in their order: behind the largest id nothing could be added, and beyond 2^53 a
 * number of JavaScript names more than one row. O(log n) each.
 */
export function mendIds(core: Core): void {
  if (!hasStrayIds(core)) return;
  atomically(core, () => {
    while (core.sql.moveStrayId.run().changes > 0);
    core.ledger.forget();
    core.memory.clear();
    core.uses.clear();
  });
}
