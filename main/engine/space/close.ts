import { runAndWarn } from '../diagnostics.ts';
import type { Core } from '../state/core.ts';
import { getFreePages, incrementalVacuum } from './maintenance.ts';
import { isDatabaseInPlace, shrinkBallast } from './store-files.ts';

/*
 * What a store leaves behind on disk: free pages are given back and the ballast shrinks with the WAL, which the last connection empties
 * as it closes. Both are bounded, because an application closes its stores while it quits.
 */

/** Fewer free pages than this are kept for the next writes, also less than this part of the database. */
const MIN_FREE_PAGES = 32;
const MIN_FREE_FRACTION = 1 / 32;
/** Free pages are given back in steps, each a transaction, until the time is over. */
const PAGES_PER_STEP = 64;
const MAX_STEPS = 16;
const MAX_VACUUM_MS = 25;

/**
 * Closes the connection of a store. A store that has written gives free pages back before: at most 1024, for about 25 ms; the rest stays
 * for the next closing. Failures to do so are warnings.
 *
 * @throws {DiskCacheError} if SQLite can't close the database.
 */
export function closeDatabase(core: Core): void {
  const { connection, openOptions, maintenance } = core;
  const mayVacuum = connection.isOpen && maintenance.writes > 0 && isDatabaseInPlace(core);
  if (mayVacuum) runAndWarn(core, () => vacuumForClose(core));
  connection.close();
  // Whether the WAL is gone shows only now: another connection may still use it.
  if (!openOptions.readOnly) runAndWarn(core, () => shrinkBallast(core));
}

function vacuumForClose(core: Core): void {
  const pages = core.sql.pageCount.first()?.[0] ?? 0;
  let free = getFreePages(core);
  if (free <= MIN_FREE_PAGES || free <= pages * MIN_FREE_FRACTION) return;
  // Closing checkpoints; before that, a checkpoint would only use up the time.
  core.connection.pragma('wal_autocheckpoint = 0');
  const deadline = performance.now() + MAX_VACUUM_MS;
  for (let step = 0; step < MAX_STEPS && free > 0 && performance.now() < deadline; step++) {
    incrementalVacuum(core, PAGES_PER_STEP);
    const left = getFreePages(core);
    // Another process writes, or the disk is full.
    if (left >= free) return;
    free = left;
  }
}
