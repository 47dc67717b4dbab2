import { inWriteTransaction } from '../cache/transaction.ts';
import { isBusyOrFull, runAndWarn } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import type { Core } from '../state/core.ts';
import { deleteMarked, hasMarked, removeReplaced } from './delete-row.ts';
import { checkpointStep, emptyWalInBackground, getFreePages, incrementalVacuum, shouldVacuum } from './maintenance.ts';

/*
 * Removes the rows of items that a call of a page has deleted by a mark, then gives their pages back to the disk, on a timer and in steps of a
 * few milliseconds. The mark is in the database, so what a process leaves is removed by the one that opens the store next.
 */

/** About the duration of one step, and the pause after it, in which others have the thread. Milliseconds. */
const STEP_MS = 3;
const PAUSE_MS = 12;
/** Milliseconds after which it is tried again while another process writes, or while changes wait in the journal. */
const RETRY_MS = 250;
const MIN_ROWS = 8;
const MAX_ROWS = 512;
const MIN_PAGES = 16;
const MAX_PAGES = 1024;

/** Returns the amount of work that takes about `STEP_MS`, after an amount has taken `elapsedMs`. */
export const adjustStep = (amount: number, elapsedMs: number, min: number, max: number, stepMs = STEP_MS): number =>
  Math.max(min, Math.min(max, Math.floor(amount * Math.max(0.25, Math.min(2, stepMs / Math.max(elapsedMs, 0.01))))));

interface Sweep {
  rows: number;
  pages: number;
}

/** Starts removing marked rows, if there are any. While changes wait in the journal, the next idle timer looks: a statement would apply them at once. */
export function sweepIfNeeded(core: Core): void {
  const { openOptions, maintenance, connection } = core;
  if (openOptions.readOnly || maintenance.sweepTimer !== undefined || connection.pending.hasAny) return;
  runAndWarn(core, () => {
    if (hasMarked(core)) startSweep(core);
  });
}

/** Starts removing marked rows and free pages. */
export function startSweep(core: Core): void {
  core.maintenance.sweepTimer ??= schedule(core, { rows: 64, pages: 64 }, PAUSE_MS);
}

function schedule(core: Core, sweep: Sweep, delayMs: number): NodeJS.Timeout {
  return unrefTimer(
    setTimeout(() => {
      core.maintenance.sweepTimer = undefined;
      let nextMs: number | undefined;
      runAndWarn(
        core,
        () => {
          nextMs = runStep(core, sweep);
        },
        'Removing deleted items of',
      );
      if (nextMs !== undefined && core.connection.isOpen) core.maintenance.sweepTimer ??= schedule(core, sweep, nextMs);
    }, delayMs),
  );
}

/** Returns the milliseconds until the next step; undefined if nothing is left. */
function runStep(core: Core, sweep: Sweep): number | undefined {
  // A statement would apply a whole journal at once.
  if (core.transaction.depth > 0 || core.connection.pending.hasAny) return RETRY_MS;
  const startedAt = performance.now();
  try {
    let hasMore = false;
    core.connection.withoutRetry(() => {
      hasMore = removeRows(core, sweep, startedAt) || vacuumPages(core, sweep, startedAt);
    });
    if (hasMore) checkpointStep(core);
    else emptyWalInBackground(core);
    return hasMore ? PAUSE_MS : undefined;
  } catch (error) {
    // Another process writes, or the disk is full: later.
    if (!isBusyOrFull(error)) throw error;
    return RETRY_MS;
  }
}

function removeRows(core: Core, sweep: Sweep, startedAt: number): boolean {
  if (!hasMarked(core)) return false;
  inWriteTransaction(core, () => deleteMarked(core, sweep.rows));
  sweep.rows = adjustStep(sweep.rows, performance.now() - startedAt, MIN_ROWS, MAX_ROWS);
  return true;
}

function vacuumPages(core: Core, sweep: Sweep, startedAt: number): boolean {
  removeReplaced(core);
  if (!shouldVacuum(core)) return false;
  const before = getFreePages(core);
  incrementalVacuum(core, sweep.pages);
  sweep.pages = adjustStep(sweep.pages, performance.now() - startedAt, MIN_PAGES, MAX_PAGES);
  return getFreePages(core) < before;
}
