import { DiskCacheError } from '../../../protocol/error.ts';
import type { ChangeKind } from '../../../protocol/options.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import type { RowRef } from '../sqlite/statements.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import { syncFile } from '../values/file-io.ts';
import type { KeyColumn } from '../values/key.ts';
import { MAX_REPLACED_BYTES, MAX_REPLACED_FRACTION } from './policy.ts';
import { assertDatabaseInPlace } from './store-files.ts';

/*
 * With durability 'process' a commit is in the log, but not yet on the disk itself, and a power cut may take it back: then its
 * row names the file it named before. So a file that was replaced stays, noted in the transaction that took its name away,
 * until the log has been synced. Removing it right after the commit would leave an old item without its value, for the file
 * system may well keep the removal.
 */

/** Syncing the log is slow: the next one is due after this number of times as long as the last one took. */
const REMOVAL_PAUSE_FACTOR = 30;
/** Files that may wait; each costs a row, and a removal that other writers wait for. */
const MAX_REPLACED_FILES = 256;

/** Bytes of replaced files that may wait: a part of the limit, which is set aside for them. */
export const getMaxReplacedBytes = (core: Core): number =>
  core.settings.durability === 'power'
    ? 0
    : Math.min(MAX_REPLACED_BYTES, getLimitShareBytes(core) * MAX_REPLACED_FRACTION);

/** Notes a file whose name the last row has given up. Inside a write transaction. */
export function recordReplaced(core: Core, file: string, bytes: number): void {
  core.sql.noteReplaced.run(file, bytes);
  core.transaction.afterCommit.push(() => {
    core.maintenance.replacedFiles++;
    core.maintenance.replacedBytes += bytes;
  });
}

/** After a commit: at once when that takes little of the time there is, else when there are too many. */
export function removeReplacedIfDue(core: Core): void {
  const { replacedFiles, replacedBytes, nextRemovalAt } = core.maintenance;
  const areTooMany = replacedFiles > MAX_REPLACED_FILES || replacedBytes > getMaxReplacedBytes(core);
  if (areTooMany || performance.now() >= nextRemovalAt) removeReplaced(core);
}

/**
 * Syncs the log, then removes the files that were replaced, those of other processes, too. Where the log can't be synced they
 * stay. Outside of transactions.
 */
export function removeReplaced(core: Core): void {
  const { maintenance, sql } = core;
  const startedAt = performance.now();
  maintenance.replacedFiles = 0;
  maintenance.replacedBytes = 0;
  // What is noted now is in the log by now.
  const noted = sql.replaced.all();
  if (noted.length === 0) return;
  try {
    assertDatabaseInPlace(core);
    syncFile(`${core.connection.path}-wal`);
    const gone = noted.map(([file]) => file).filter((file) => deleteFile(core, file));
    core.connection.withoutRetry(() => void sql.forgetReplaced.run(JSON.stringify(gone)));
  } catch (error) {
    // Another process writes, or the disk is full or fails: what is left is removed next time.
    if (!(error instanceof DiskCacheError)) throw error;
  } finally {
    const end = performance.now();
    maintenance.nextRemovalAt = end + (end - startedAt) * REMOVAL_PAUSE_FACTOR;
  }
}

/** After the commit nothing may fail: a name that was tampered with leads to no file of ours. False while the system holds on to it. */
export function deleteFile({ files }: Core, file: string): boolean {
  try {
    return files.remove(file);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return true;
  }
}

/** Deletes a row and, after the outermost commit, its file. Inside a write transaction. */
export function deleteRow(core: Core, [id, key, file, size]: RowRef, kind: ChangeKind): void {
  if (core.sql.deleteById.run(id).changes === 0) throw lostRowError(core);
  if (kind !== 'delete' && isChangeLogged(core)) core.sql.nameLastChange.run(kind);
  deleteFileAfterCommit(core, file, size);
  core.rowStats.recordDelete(1);
  core.memoryCache.delete(key);
}

/** A row was found, and is not where its id says. */
export const lostRowError = ({ connection }: Core): DiskCacheError =>
  new DiskCacheError('CORRUPT', `${connection.path} holds a row whose id is damaged; run check({ repair: true })`);

/** Invariant: a file goes only after the commit that took its name from the last row, so a rollback loses nothing. */
export function deleteFileAfterCommit(core: Core, file: string | null, size: number): void {
  if (file === null) return;
  core.sql.count.run(-size, 'file bytes');
  if (core.settings.durability === 'process') recordReplaced(core, file, size);
  else core.transaction.afterCommit.push(() => deleteFile(core, file));
}

/** Whether any process has a listener. Inside a write transaction, during which none can be added. */
export function isChangeLogged({ transaction, sql }: Core): boolean {
  transaction.isLogged ??= sql.anyListener.first() !== undefined;
  return transaction.isLogged;
}

/** Bytes of a key on disk, about: characters beyond ASCII count as one. */
export const estimateKeyBytes = (key: KeyColumn): number => (typeof key === 'number' ? 8 : (key?.length ?? 0));

/** So many expired items a write takes along. */
const MAX_EXPIRED_PER_WRITE = 16;

/** Deletes the longest expired items, at most so many; answers how many. Inside a write transaction. */
export function deleteExpired(core: Core, now: number, maxItems = MAX_EXPIRED_PER_WRITE): number {
  const { sql, rowStats } = core;
  const rows = sql.expired.all(now, maxItems);
  for (const row of rows) deleteRow(core, row, 'expire');
  rowStats.nextExpiry = sql.nextExpiry.first()?.[0] ?? Number.POSITIVE_INFINITY;
  return rows.length;
}
