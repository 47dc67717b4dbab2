import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { ClearOptions, DeleteManyOptions } from '../../../protocol/options.ts';
import { findPageDamage } from '../backup/damaged-tables.ts';
import { resetDatabase } from '../backup/recover-database.ts';
import {
  deleteExpired,
  deleteFilesAfterCommit,
  deleteMarked,
  deleteRow,
  getInvisibleKind,
  hasMarked,
  isChangeLogged,
} from '../space/delete-row.ts';
import { collectBucket } from '../space/garbage-collection.ts';
import { isDiskFull, retryWithBallast } from '../space/maintenance.ts';
import { isLive } from '../space/policy.ts';
import { isCorrupt, unlessCorrupt } from '../sqlite/errors.ts';
import { withoutLoggingDeletions } from '../sqlite/file-format.ts';
import {
  type ExpiringRow,
  SELECT_MARKED,
  selectExpired,
  selectKeyRange,
  selectTagged,
} from '../sqlite/mass-statements.ts';
import { PERMANENT_COUNTERS } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { assertFlag, assertIterable, assertOptions, toTagColumn } from '../validate.ts';
import { encodeKey, isArrayKey, type KeyBounds, type KeyColumn, parseKeyBounds } from '../values/key.ts';
import { isSliceOver } from '../values/read-budget.ts';
import { deleteAtOnce, getBatchRows, type MassDeletionPlan } from './mass-delete.ts';
import { getSize, readEntry } from './read.ts';
import { deleteInSlices, planExpired, planKeyRange, planTagged } from './sliced-delete.ts';
import {
  afterWrite,
  beforeWrite,
  inBatches,
  inDeferredTransaction,
  inWriteTransaction,
  MAX_BATCH_ITEMS,
  tellListeners,
} from './transaction.ts';

/** Deletes an item; returns whether there was a live one. */
export function deleteKey(core: Core, key: Key): boolean {
  const column = encodeKey(key);
  return retryWithBallast([core], () => deleteColumn(core, column));
}

const DELETE_MANY_OPTIONS: ReadonlySet<string> = new Set(['each']);

/** Returns whether `deleteMany` reports on each key. @throws {DiskCacheError} `BAD_OPTION` */
export function parseEach(options: DeleteManyOptions | undefined): boolean {
  const { each = false } = assertOptions(options, DELETE_MANY_OPTIONS);
  assertFlag(each, 'each');
  return each;
}

/** Deletes items in one transaction; returns how many live ones there were or, with `each`, whether each was one. */
export function deleteMany(core: Core, keys: Iterable<Key>, options?: DeleteManyOptions): number | boolean[] {
  const each = parseEach(options);
  const columns = Array.from(assertIterable(keys, 'keys'), encodeKey);
  const deleted = retryWithBallast([core], () =>
    inDeferredTransaction(core, () => columns.map((column) => deleteColumn(core, column))),
  );
  const count = deleted.filter(Boolean).length;
  if (count >= MAX_BATCH_ITEMS && isLargePart(core, count)) core.space.vacuum(core);
  return each ? deleted : count;
}

/** A deletion of this part of the rows gives its pages back to the disk at once. After a smaller one, later items take them, or the idle store does it. */
const MIN_LARGE_PART = 1 / 8;

const isLargePart = ({ rowStats: { rows } }: Core, deleted: number): boolean =>
  rows === undefined || deleted >= rows * MIN_LARGE_PART;

/** Deletes an item and returns its value; undefined if it is missing. */
export function pop(core: Core, key: Key): unknown {
  const column = encodeKey(key);
  return retryWithBallast([core], () =>
    inDeferredTransaction(core, () => {
      const value = readEntry(core, column, core.clock())?.value;
      deleteColumn(core, column);
      return value;
    }),
  );
}

const CLEAR_OPTIONS: ReadonlySet<string> = new Set(['prefix']);

/**
 * Returns the prefix that `clear` is limited to; undefined if it was called without options.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, also for options without a prefix: a missing variable must not delete everything.
 */
export function parseClearPrefix(options: ClearOptions | undefined): Key | undefined {
  if (options === undefined) return undefined;
  const { prefix } = assertOptions(options, CLEAR_OPTIONS);
  if (prefix !== undefined) return prefix;
  throw new DiskCacheError(
    'BAD_OPTION',
    'clear was given options without a prefix; to delete everything, call clear()',
  );
}

/** Deletes everything, or the items with a prefix; returns how many live items there were. */
export function clear(core: Core, options?: ClearOptions): number {
  const prefix = parseClearPrefix(options);
  return prefix === undefined ? clearAll(core) : deletePrefix(core, prefix);
}

/**
 * Deletes everything; returns how many live items there were. A damaged database is replaced by an empty one, and those of its items
 * count that could still be read.
 */
export function clearAll(core: Core): number {
  let items: number | undefined;
  try {
    items = clearTables(core);
    core.space.vacuum(core);
    if (core.transaction.depth > 0 || passesIntegrityCheck(core)) return items;
  } catch (error) {
    if (!isCorrupt(error) || core.transaction.depth > 0) throw error;
  }
  const readable = resetDatabase(core);
  for (const bucket of core.files.listBuckets()) collectBucket(core, bucket);
  return items ?? readable;
}

/**
 * Deletes everything in one transaction. What is pending in a journal is applied first; if the disk has no space for that, it is deleted without
 * being applied, and not counted.
 */
function clearTables(core: Core): number {
  try {
    return retryWithBallast([core], () => inWriteTransaction(core, () => clearInTransaction(core)));
  } catch (error) {
    const { journal, transaction } = core;
    if (!isDiskFull(error) || journal === undefined || transaction.depth > 0) throw error;
    return retryWithBallast([core], () => journal.discard(() => clearInTransaction(core)));
  }
}

/** Returns whether SQLite finds no damage. Cheap for a store that was emptied: it has a few pages. */
export const passesIntegrityCheck = (core: Core): boolean =>
  unlessCorrupt(() => findPageDamage(core).length === 0) ?? false;

function clearInTransaction(core: Core): number {
  const { sql } = core;
  const live = getSize(core);
  const files = sql.files.all();
  assertCountersMatch(core, files);
  const deleteAll = () => void sql.deleteAll.run();
  if (isChangeLogged(core)) withoutLoggingDeletions(core.connection, deleteAll);
  else deleteAll();
  // In a damaged table SQLite may delete another number of rows than it counts.
  core.rowStats.recordDelete(core.rowStats.rows ?? 0);
  core.rowStats.marked = 0;
  sql.logClear.run();
  sql.setCounter.run(0, 'file bytes');
  sql.setCounter.run(0, 'hand');
  core.memoryCache.clear();
  core.accessBuffer.clear();
  deleteFilesAfterCommit(core, files);
  return live;
}

/**
 * If pages of the database were swapped, the list of files or the counters may be wrong, and SQLite's own check finds no fault once both
 * tables are empty.
 */
function assertCountersMatch(
  { sql, directory }: Core,
  files: readonly (readonly [file: string, size: number])[],
): void {
  const missing = PERMANENT_COUNTERS.find((name) => sql.counter.first(name) === undefined);
  const counted = sql.counter.first('file bytes')?.[0];
  const listed = files.reduce((bytes, [, size]) => bytes + size, 0);
  if (missing === undefined && counted === listed) return;
  const fault =
    missing === undefined ? `counts ${counted} bytes in files, and lists ${listed}` : `lacks its count "${missing}"`;
  throw new DiskCacheError(
    'CORRUPT',
    `${directory} ${fault}; run check({ repair: true }), or clear it outside a transaction`,
  );
}

/** Deletes all expired items; returns how many. */
export function expire(core: Core): number {
  const sliced = deleteInSlices(core, () => planExpired(core));
  if (sliced !== undefined) return sliced;
  deleteAllMarked(core);
  const now = core.clock();
  const plan: MassDeletionPlan = { selection: selectExpired(now), kind: 'expire', now };
  return deleteAllSelected(core, plan, (maxItems) => deleteExpired(core, now, maxItems));
}

/** Deletes the rows of items that were marked as deleted: the caller wants their space. */
function deleteAllMarked(core: Core): void {
  if (!hasMarked(core)) return;
  const plan: MassDeletionPlan = { selection: SELECT_MARKED, kind: 'marked', now: core.clock() };
  deleteAllSelected(core, plan, (maxItems) => deleteMarked(core, maxItems).length);
}

/** Deletes the selected rows, by `step` in batches or the rest at once after a first full one; returns how many there were. */
const deleteAllSelected = (core: Core, plan: MassDeletionPlan, step: (maxItems: number) => number): number =>
  inBatches(core, {
    step,
    deleteRest: () => deleteAtOnce(core, plan)?.rows,
    getBatchItems: () => getBatchRows(core, MAX_BATCH_ITEMS),
  });

/** @throws {DiskCacheError} `BAD_OPTION` for anything but a string or an array; `BAD_KEY` */
function parsePrefix(prefix: Key): KeyBounds {
  if (typeof prefix === 'string' || isArrayKey(prefix)) return parseKeyBounds({ prefix });
  throw new DiskCacheError(
    'BAD_OPTION',
    `prefix is ${formatValue(prefix, "'")}; give the first characters of text keys or the first elements of array keys, and use deleteMany for other keys`,
  );
}

/** Deletes all items whose key begins with a prefix; returns how many live ones there were. */
export function deletePrefix(core: Core, prefix: Key): number {
  const { lower, upper } = parsePrefix(prefix);
  const sliced = deleteInSlices(core, () => planKeyRange(core, lower!, upper!));
  if (sliced !== undefined) return sliced;
  const now = core.clock();
  let from = lower!;
  const plan = { selection: selectKeyRange(from, upper!), kind: 'delete', tellsExpired: true, now } as const;
  return deleteInBatches(core, plan, (maxItems) => {
    const rows = core.sql.inKeyRange.all(from, upper!, maxItems);
    return [rows, () => (from = rows.at(-1)?.[1] ?? from)];
  });
}

/** `deletePrefix` as one transaction. */
export function deletePrefixAtOnce(core: Core, prefix: Key): number {
  const deleted = retryWithBallast([core], () => inWriteTransaction(core, () => deletePrefix(core, prefix)));
  if (deleted >= MAX_BATCH_ITEMS) core.space.vacuum(core);
  return deleted;
}

/** Deletes all items with a tag; returns how many live ones there were. */
export function deleteTagged(core: Core, tag: string | number): number {
  const column = toTagColumn(tag);
  const sliced = deleteInSlices(core, () => planTagged(core, column));
  if (sliced !== undefined) return sliced;
  const now = core.clock();
  let after = 0;
  return deleteInBatches(core, { selection: selectTagged(column), kind: 'evict', now }, (maxItems) => {
    const rows = core.sql.tagged.all(column, after, maxItems);
    return [rows, () => (after = rows.at(-1)?.[0] ?? after)];
  });
}

/**
 * Deletes rows in batches, or the rest at once after a first full one; returns how many live ones there were. `read` returns the rows of
 * the next batch, and what to do after its commit.
 */
function deleteInBatches(
  core: Core,
  plan: MassDeletionPlan,
  read: (maxItems: number) => readonly [rows: readonly ExpiringRow[], committed: () => void],
): number {
  const { kind, tellsExpired, now } = plan;
  let live = 0;
  let batch: ReturnType<typeof read> | undefined;
  inBatches(core, {
    step(maxItems) {
      batch = read(maxItems);
      for (const [id, key, file, bytes, expiresAt] of batch[0])
        deleteRow(core, [id, key, file, bytes], tellsExpired && !isLive(expiresAt, now) ? 'expire' : kind);
      return batch[0].length;
    },
    committed() {
      if (batch === undefined) return;
      const [rows, committed] = batch;
      live += rows.filter(([, , , , expiresAt]) => isLive(expiresAt, now)).length;
      committed();
    },
    deleteRest() {
      const rest = deleteAtOnce(core, plan);
      live += rest?.live ?? 0;
      return rest?.rows;
    },
    getBatchItems: () => getBatchRows(core, MAX_BATCH_ITEMS),
  });
  return live;
}

/** Deletes what has expired, then evicts, in the order of the policy, what is over the limit; returns how many items. */
export function cull(core: Core): number {
  const expired = expire(core);
  return isSliceOver() ? expired : expired + core.space.cull(core);
}

function deleteColumn(core: Core, key: KeyColumn): boolean {
  const { sql, rowStats } = core;
  const now = core.clock();
  beforeWrite(core, now);
  const isDeleted = core.journal?.delete(key, now);
  if (isDeleted !== undefined) {
    tellListeners(core);
    return isDeleted;
  }
  if (sql.deleteInline.run(key, now).changes === 1) {
    rowStats.recordDelete(1, 0);
    core.memoryCache.delete(key);
    afterWrite(core);
    return true;
  }
  // The item is missing, has expired, or has a file.
  if (sql.locate.first(key) === undefined) return false;
  return inWriteTransaction(core, () => {
    const row = sql.locate.first(key);
    if (row === undefined) return false;
    const [id, expiresAt, file, bytes] = row;
    const live = isLive(expiresAt, now);
    deleteRow(core, [id, key, file, bytes], live ? 'delete' : getInvisibleKind(expiresAt));
    return live;
  });
}
