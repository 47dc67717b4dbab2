import type { Core } from './core.ts';

/** So many expired items a write takes along. */
const PER_WRITE = 16;

/** Removes a few expired items, if there are any. Inside a transaction. */
export function dropFewExpired(core: Core, now: number): void {
  const { sql, ledger } = core;
  const rows = sql.expired.all(now, PER_WRITE);
  for (const [id] of rows) sql.deleteById.run(id);
  if (rows.length > 0) ledger.deleted(rows.length);
  ledger.nextExpiry = sql.nextExpiry.first()?.[0] ?? Number.POSITIVE_INFINITY;
}
