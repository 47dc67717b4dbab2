import type { Core } from './core.ts';
import { noticeOthers } from './others.ts';
import { onSnapshot } from './transaction.ts';

/**
 * The number of live items: O(expired items) while this process alone writes, else one walk over the leaves of an index.
 */
export function size(core: Core): number {
  const { sql, ledger } = core;
  const now = core.clock();
  return onSnapshot(core, () => {
    noticeOthers(core);
    ledger.rows ??= sql.countRows.first()?.[0] ?? 0;
    const expired = now < ledger.nextExpiry ? 0 : (sql.countExpired.first(now)?.[0] ?? 0);
    return ledger.rows - expired;
  });
}
