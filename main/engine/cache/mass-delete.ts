import { statfsSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { type DeletionKind, deleteFilesAfterCommit, isChangeLogged, lostRowError } from '../space/delete-row.ts';
import { getWalReserveBytes } from '../space/policy.ts';
import { getDatabaseBytes, getWalBytes } from '../space/store-files.ts';
import {
  andExpired,
  countSelected,
  countSelectedExpired,
  countTableRows,
  deleteAllButOthers,
  deleteSelected,
  deleteSelectedByScan,
  listSelectedFiles,
  type RowSelection,
  sumOtherInlineBytes,
  withoutIndexes,
} from '../sqlite/mass-statements.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import { mayBlock } from '../values/read-budget.ts';
import { inWriteTransaction } from './transaction.ts';

/*
 * Deletes many rows in one transaction. Keys lie at random in their index, so that transactions of a few rows each rewrite the same
 * pages of it again and again: fifteen to ninety times the work (docs/decisions/0028-mass-deletion.md).
 */

/** Fewer rows are deleted in batches. */
const MIN_ROWS = 2048;
/** Up to this part of the rows is deleted with the indexes in place. */
const MAX_INDEXED_FRACTION = 1 / 20;
/** If not more than this part of the rows, and of the bytes, is left, the table is emptied and the rest put back. */
const MAX_SURVIVING_FRACTION = 1 / 10;
/** SQLite holds the rest in memory while it puts it back, and the keys of the rest while it sorts them for their index. */
const MAX_COPIED_BYTES = 32 * 1024 * 1024;
const MAX_SURVIVING_ROWS = 4_000_000;
/** The change log keeps 65 536: more at once would be reported to a listener as `clear`. */
const MAX_LOGGED_ROWS = 16_384;
/** A page in the write-ahead log has a header, and pages of SQLite's own are added. */
const LOG_BYTES_PER_BYTE = 1.1;
/** This much of the free disk is left to others. */
const MIN_FREE_DISK_BYTES = 64 * 1024 * 1024;
/** Rows of one batch, if the log of that many rows fits into its reserve. */
const MAX_BATCH_ROWS = 8192;

export interface MassDeletion {
  readonly rows: number;
  /** Deleted rows that had not expired. */
  readonly live: number;
}

/** What is deleted, and how listeners get to know of it. */
export interface MassDeletionPlan {
  readonly selection: RowSelection;
  /** How many rows are selected, if that is known. */
  readonly rows?: number;
  readonly kind: DeletionKind;
  /** Whether rows that have expired are reported as `expire`. */
  readonly tellsExpired?: boolean;
  readonly now: number;
  /** Whether the log may exceed the size limit for a moment: the deletion itself is what restores it. */
  readonly mayExceedLimit?: boolean;
}

/**
 * Runs a deletion of many rows in one transaction. Returns undefined if nothing was deleted and batches should do it: `work` has returned
 * undefined, the call of a page can be done in slices, or `work` has failed in a way in which batches may not.
 */
export function attemptAtOnce<T>(core: Core, work: () => T | undefined): T | undefined {
  if (!mayBlock(core.transaction.depth > 0)) return undefined;
  try {
    return inWriteTransaction(core, work);
  } catch (error) {
    if (!canContinueInBatches(core, error)) throw error;
    return undefined;
  }
}

/** Deletes the selected rows in one transaction. Returns undefined, and has deleted nothing, if that should be done in batches. */
export const deleteAtOnce = (core: Core, plan: MassDeletionPlan): MassDeletion | undefined =>
  attemptAtOnce(core, () => deleteRows(core, plan));

/** Batches need less space, and a damaged row fails alone. A transaction that the failure has ended can't be continued. */
const canContinueInBatches = ({ transaction, connection }: Core, error: unknown): boolean =>
  error instanceof DiskCacheError &&
  (error.code === 'DISK_FULL' || error.code === 'CORRUPT' || error.code === 'IO') &&
  (transaction.depth === 0 || connection.inTransaction);

/** Returns the rows that one batch may delete, so that its log stays within its reserve. */
export const getBatchRows = (core: Core, minRows: number): number =>
  Math.max(
    minRows,
    Math.min(MAX_BATCH_ROWS, Math.floor(getWalReserveBytes(getLimitShareBytes(core), core.pageSize) / core.pageSize)),
  );

/**
 * Deletes the selected rows. Returns undefined, and has deleted nothing, if they are few, or if disk or size limit have no space for the
 * write-ahead log. Inside a write transaction.
 */
export function deleteRows(core: Core, plan: MassDeletionPlan): MassDeletion | undefined {
  const { sql } = core;
  const { selection, now } = plan;
  const rows = plan.rows ?? countSelected(sql, selection);
  if (rows < MIN_ROWS || (isChangeLogged(core) && rows > MAX_LOGGED_ROWS)) return undefined;
  const total = sql.countRows.first()?.[0] ?? 0;
  if (total - rows > MAX_SURVIVING_ROWS) return undefined;
  const pages = sql.pageCount.first()?.[0] ?? 0;
  const touchedPages = rows > getMaxIndexedRows(total) ? pages : Math.min(pages, 2 * rows);
  if (!canHoldLog(core, touchedPages * core.pageSize * LOG_BYTES_PER_BYTE, plan.mayExceedLimit ?? false))
    return undefined;
  const live = rows - countExpired(core, selection, now);
  const files = listSelectedFiles(sql, selection);
  const deleted = isChangeLogged(core)
    ? deleteLogged(core, plan, rows, total)
    : deleteUnlogged(core, plan, rows, total);
  if (deleted !== rows) throw lostRowError(core);
  recordDeletion(core, rows, files, plan.kind === 'marked' ? rows : 0);
  return { rows, live };
}

function countExpired({ sql }: Core, selection: RowSelection, now: number): number {
  const nextExpiry = sql.nextExpiry.first()?.[0] ?? Number.POSITIVE_INFINITY;
  return now < nextExpiry ? 0 : countSelectedExpired(sql, selection, now);
}

const getMaxIndexedRows = (total: number): number => Math.floor(total * MAX_INDEXED_FRACTION);

/** Whether disk and size limit have space for a log of this length beside the database. */
function canHoldLog(core: Core, bytes: number, mayExceedLimit: boolean): boolean {
  const limit = getLimitShareBytes(core);
  const isWithinReserve = bytes <= getWalReserveBytes(limit, core.pageSize);
  if (!isWithinReserve && !mayExceedLimit && getDatabaseBytes(core) + getWalBytes(core) + bytes > limit) return false;
  try {
    const { bavail, bsize } = statfsSync(core.directory);
    return bavail * bsize - MIN_FREE_DISK_BYTES > bytes;
  } catch {
    // The file system doesn't say how much is free.
    return false;
  }
}

function deleteUnlogged(core: Core, { selection }: MassDeletionPlan, rows: number, total: number): number {
  const { sql, connection } = core;
  const maxIndexedRows = getMaxIndexedRows(total);
  // What an index counts may be wrong if it is damaged.
  if (rows === total && rows === countTableRows(sql)) return sql.deleteAll.run().changes;
  if (rows <= maxIndexedRows) return deleteSelected(sql, selection);
  if (total - rows <= total * MAX_SURVIVING_FRACTION && areOthersSmall(core, selection))
    return deleteAllButOthers(connection, sql, selection);
  return withoutIndexes(connection, sql, maxIndexedRows, () => deleteSelectedByScan(sql, selection));
}

function areOthersSmall({ sql, pageSize }: Core, selection: RowSelection): boolean {
  const usedPages = (sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0);
  const maxBytes = Math.min(usedPages * pageSize * MAX_SURVIVING_FRACTION, MAX_COPIED_BYTES);
  return sumOtherInlineBytes(sql, selection) <= maxBytes;
}

/** Triggers log each deletion as `delete`; the reason is corrected afterwards. */
function deleteLogged(
  core: Core,
  { selection, kind, tellsExpired, now }: MassDeletionPlan,
  rows: number,
  total: number,
): number {
  const { sql, connection } = core;
  const maxIndexedRows = getMaxIndexedRows(total);
  const isSmallPart = rows <= maxIndexedRows;
  const remove = (part: RowSelection, reason: DeletionKind): number => {
    const lastChange = sql.lastChange.first()?.[0] ?? 0;
    const deleted = (isSmallPart ? deleteSelected : deleteSelectedByScan)(sql, part);
    if (reason === 'marked') sql.unlogAfter.run(lastChange);
    else if (reason !== 'delete') sql.nameChanges.run(reason, lastChange);
    return deleted;
  };
  const removeAll = () => (tellsExpired ? remove(andExpired(selection, now), 'expire') : 0) + remove(selection, kind);
  return isSmallPart ? removeAll() : withoutIndexes(connection, sql, maxIndexedRows, removeAll);
}

/** As `deleteRow`, for many rows. */
function recordDeletion(
  core: Core,
  rows: number,
  files: readonly (readonly [file: string, size: number])[],
  marked: number,
): void {
  const { sql, rowStats, memoryCache } = core;
  rowStats.recordDelete(rows, marked);
  rowStats.nextExpiry = sql.nextExpiry.first()?.[0] ?? Number.POSITIVE_INFINITY;
  memoryCache.clear();
  if (files.length === 0) return;
  sql.count.run(-files.reduce((bytes, [, size]) => bytes + size, 0), 'file bytes');
  deleteFilesAfterCommit(core, files);
}
