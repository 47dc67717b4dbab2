import { DiskCacheError } from '../../../protocol/error.ts';
import { isCorrupt } from '../damage.ts';
import { MAX_REPLACED_BYTES, MAX_REPLACED_PART } from '../policy/budget.ts';
import { syncFile } from '../values/whole-file.ts';
import type { Core } from './core.ts';
import { shareOf } from './household.ts';
import { assertInPlace } from './standing.ts';

/*
 * With durability 'process' a commit is in the log, but not yet on the disk itself, and a power cut may take it back: then its
 * row names the file it named before. So a file that was replaced stays, noted in the transaction that took its name away,
 * until the log has been synced. Removing it right after the commit would leave an old item without its value, for the file
 * system may well keep the removal.
 */

/** Syncing the log is slow: the next one is due after this number of times as long as the last one took. */
const REST_PER_REMOVAL = 30;
/** Files that may wait; each costs a row, and a removal that other writers wait for. */
const MAX_REPLACED_FILES = 256;

/** Bytes of replaced files that may wait: a part of the limit, which is set aside for them. */
export const maxReplacedBytes = (core: Core): number =>
  core.settings.durability === 'power' ? 0 : Math.min(MAX_REPLACED_BYTES, shareOf(core) * MAX_REPLACED_PART);

/** Notes a file whose name the last row has given up. Inside a write transaction. */
export function noteReplaced(core: Core, file: string, bytes: number): void {
  core.sql.noteReplaced.run(file, bytes);
  core.transaction.afterCommit.push(() => {
    core.upkeep.replacedFiles++;
    core.upkeep.replacedBytes += bytes;
  });
}

/** After a commit: at once when that takes little of the time there is, else when there are too many. */
export function boundReplaced(core: Core): void {
  const { replacedFiles, replacedBytes, nextRemovalAt } = core.upkeep;
  const areTooMany = replacedFiles > MAX_REPLACED_FILES || replacedBytes > maxReplacedBytes(core);
  if (areTooMany || performance.now() >= nextRemovalAt) removeReplaced(core);
}

/**
 * Syncs the log, then removes the files that were replaced, those of other processes, too. Where the log can't be synced they
 * stay. Outside of transactions.
 */
export function removeReplaced(core: Core): void {
  const { upkeep, sql } = core;
  const began = performance.now();
  upkeep.replacedFiles = 0;
  upkeep.replacedBytes = 0;
  // What is noted now is in the log by now.
  const noted = sql.replaced.all();
  if (noted.length === 0) return;
  try {
    assertInPlace(core);
    syncFile(`${core.connection.path}-wal`);
    const gone = noted.map(([file]) => file).filter((file) => removeFile(core, file));
    core.connection.impatiently(() => void sql.forgetReplaced.run(JSON.stringify(gone)));
  } catch (error) {
    // Another process writes, or the disk is full or fails: what is left is removed next time.
    if (!(error instanceof DiskCacheError)) throw error;
  } finally {
    const end = performance.now();
    upkeep.nextRemovalAt = end + (end - began) * REST_PER_REMOVAL;
  }
}

/** After the commit nothing may fail: a name that was tampered with leads to no file of ours. False while the system holds on to it. */
export function removeFile({ files }: Core, file: string): boolean {
  try {
    return files.remove(file);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return true;
  }
}
