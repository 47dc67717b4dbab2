import type { Core } from './core.ts';
import { drop } from './drop.ts';

/** So many expired items a write takes along. */
const PER_WRITE = 16;

/** Deletes the longest expired items, at most so many; answers how many. Inside a write transaction. */
export function dropExpired(core: Core, now: number, most = PER_WRITE): number {
  const { sql, ledger } = core;
  const rows = sql.expired.all(now, most);
  for (const row of rows) drop(core, row, 'expire');
  ledger.nextExpiry = sql.nextExpiry.first()?.[0] ?? Number.POSITIVE_INFINITY;
  return rows.length;
}
