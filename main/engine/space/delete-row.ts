import { DiskCacheError } from '../../../protocol/error.ts';
import type { ChangeKind } from '../../../protocol/options.ts';
import { isBeingBackedUp } from '../sqlite/backup-statements.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { DELETION_MARK, type RowRef } from '../sqlite/statements.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import { syncFile } from '../values/file-io.ts';
import type { KeyColumn } from '../values/key.ts';
import { MAX_REPLACED_BYTES, MAX_REPLACED_FRACTION } from './policy.ts';
import { assertDatabaseInPlace } from './store-files.ts';

/*
 * With durability 'process' a commit is in the WAL, but not yet synced, and a power cut may undo it: then its row names the file that it
 * named before. So a replaced file stays, recorded by the transaction that replaced it, until the WAL has been synced. If it were removed
 * right after the commit, an old item could be left without its value, because the file system may keep the removal.
 */

/** Syncing the WAL is slow: the next sync is due after this many times the duration of the last one. */
const REMOVAL_PAUSE_FACTOR = 30;
/** Replaced files that may wait; each costs a row, and a removal that other writers wait for. */
const MAX_REPLACED_FILES = 256;

/** Returns the bytes of replaced files that may wait: a part of the limit is reserved for them. */
export const getMaxReplacedBytes = (core: Core): number =>
  core.settings.durability === 'power'
    ? 0
    : Math.min(MAX_REPLACED_BYTES, getLimitShareBytes(core) * MAX_REPLACED_FRACTION);

/** Records a file that no row names any more. Inside a write transaction. */
function recordReplaced(core: Core, file: string, bytes: number): void {
  core.sql.recordReplaced.run(file, bytes);
  core.transaction.afterCommit.push(() => {
    core.maintenance.replacedFiles++;
    core.maintenance.replacedBytes += bytes;
  });
}

/** After a commit: removes replaced files if that has not taken much time lately, or if there are too many. */
export function removeReplacedIfDue(core: Core): void {
  const { replacedFiles, replacedBytes, nextRemovalAt } = core.maintenance;
  const areTooMany = replacedFiles > MAX_REPLACED_FILES || replacedBytes > getMaxReplacedBytes(core);
  if (areTooMany || performance.now() >= nextRemovalAt) removeReplaced(core);
}

/**
 * Syncs the WAL, then removes replaced files, also those of other processes. If the WAL can't be synced they stay. Outside of
 * transactions.
 */
export function removeReplaced(core: Core): void {
  const { maintenance, sql } = core;
  const startedAt = performance.now();
  if (isBeingBackedUp(core.sql, core.clock())) return;
  maintenance.replacedFiles = 0;
  maintenance.replacedBytes = 0;
  // What is recorded now is in the WAL by now.
  const replaced = sql.replaced.all();
  if (replaced.length === 0) return;
  try {
    assertDatabaseInPlace(core);
    syncFile(`${core.connection.path}-wal`);
    const removed = replaced.map(([file]) => file).filter((file) => deleteFile(core, file));
    core.connection.withoutRetry(() => void sql.deleteReplaced.run(JSON.stringify(removed)));
  } catch (error) {
    // Another process writes, or the disk is full or fails: the next call removes the rest.
    if (!(error instanceof DiskCacheError)) throw error;
  } finally {
    const end = performance.now();
    maintenance.nextRemovalAt = end + (end - startedAt) * REMOVAL_PAUSE_FACTOR;
  }
}

/** Deletes a file after a commit, when nothing may fail: a damaged name is ignored. Returns false while the system keeps the file. */
function deleteFile({ files }: Core, file: string): boolean {
  try {
    return files.remove(file);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return true;
  }
}

/** Why a row is deleted. `marked`: it was marked as deleted before, and listeners were told. */
export type DeletionKind = ChangeKind | 'marked';

/** Deletes a row and, after the outermost commit, its file. Inside a write transaction. */
export function deleteRow(core: Core, [id, key, file, size]: RowRef, kind: DeletionKind): void {
  const { sql, rowStats } = core;
  const lastChange = kind === 'marked' && isChangeLogged(core) ? (sql.lastChange.first()?.[0] ?? 0) : undefined;
  if (sql.deleteById.run(id).changes === 0) throw lostRowError(core);
  if (lastChange !== undefined) sql.unlogAfter.run(lastChange);
  else if (kind !== 'delete' && kind !== 'marked' && isChangeLogged(core)) sql.nameLastChange.run(kind);
  deleteFileAfterCommit(core, file, size);
  rowStats.recordDelete(1, kind === 'marked' ? 1 : 0);
  core.memoryCache.delete(key);
}

/** Returns why an invisible row is deleted when another item takes its place. */
export const getInvisibleKind = (expiresAt: number | null): DeletionKind =>
  expiresAt === DELETION_MARK ? 'marked' : 'expire';

/** The error for a row that was found, but not under its id. */
export const lostRowError = ({ connection }: Core): DiskCacheError =>
  new DiskCacheError('CORRUPT', `${connection.path} holds a row whose id is damaged; run check({ repair: true })`);

/** Invariant: a file is deleted only after the commit that removed its name from the last row, so a rollback loses nothing. */
export function deleteFileAfterCommit(core: Core, file: string | null, size: number): void {
  if (file === null) return;
  core.sql.count.run(-size, 'file bytes');
  deleteFilesAfterCommit(core, [[file, size]]);
}

/** As `deleteFileAfterCommit`, for many files, whose bytes the caller has counted. */
export function deleteFilesAfterCommit(core: Core, files: readonly (readonly [file: string, size: number])[]): void {
  if (files.length === 0) return;
  if (core.settings.durability === 'process' || isBeingBackedUp(core.sql, core.clock())) {
    for (const [file, size] of files) recordReplaced(core, file, size);
  } else {
    core.transaction.afterCommit.push(() => {
      for (const [file] of files) deleteFile(core, file);
    });
  }
}

/** True if any process has a listener. Inside a write transaction, during which none can be added. */
export function isChangeLogged({ transaction, sql }: Core): boolean {
  transaction.isLogged ??= sql.anyListener.first() !== undefined;
  return transaction.isLogged;
}

/** Returns about how many bytes a key takes on disk: characters beyond ASCII count as one. */
export const estimateKeyBytes = (key: KeyColumn): number => (typeof key === 'number' ? 8 : (key?.length ?? 0));

/** Expired items that one write deletes. */
const MAX_EXPIRED_PER_WRITE = 16;

/** Deletes the items that expired first, at most `maxItems`; returns how many. Inside a write transaction. */
export function deleteExpired(core: Core, now: number, maxItems = MAX_EXPIRED_PER_WRITE): number {
  const { sql, rowStats } = core;
  const rows = sql.expired.all(now, maxItems);
  for (const row of rows) deleteRow(core, row, 'expire');
  rowStats.nextExpiry = sql.nextExpiry.first()?.[0] ?? Number.POSITIVE_INFINITY;
  return rows.length;
}

/** Deletes rows that are marked as deleted, at most `maxItems`; returns their references. Inside a write transaction. */
export function deleteMarked(core: Core, maxItems: number): readonly RowRef[] {
  const rows = core.sql.marked.all(maxItems);
  for (const row of rows) deleteRow(core, row, 'marked');
  return rows;
}

/** Whether there are rows that are marked as deleted. O(log n). */
export const hasMarked = ({ sql }: Core): boolean => sql.anyInvisible.first(DELETION_MARK) !== undefined;
