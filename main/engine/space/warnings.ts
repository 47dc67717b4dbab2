import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from '../state/core.ts';
import { warn } from '../validate.ts';

/** Runs `work` without waiting for a lock. Returns false if the store refused it: a later call tries again. */
export function tryWithoutWaiting({ connection }: Core, work: () => void): boolean {
  try {
    connection.withoutRetry(work);
    return true;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return false;
  }
}

/**
 * Runs work after a commit or on a timer. It must not fail: the commit is done, and a timer has no caller. The next call tries again;
 * the process gets a warning.
 */
export function runAndWarn(core: Core, work: () => void, activity = 'Tidying up'): void {
  try {
    work();
  } catch (error) {
    warnUnlessTransient(core, error, activity);
  }
}

export function warnUnlessTransient(core: Core, error: unknown, activity = 'Tidying up'): void {
  if (!isBusyOrFull(error)) warn(error, core.maintenance, `${activity} ${core.directory}`);
}

/** True for a failure that passes: another process reads or writes, or the disk is full. */
export const isBusyOrFull = (error: unknown): boolean =>
  error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'DISK_FULL');
