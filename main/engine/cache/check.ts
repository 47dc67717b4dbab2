import { DiskCacheError } from '../../../protocol/error.ts';
import type { CheckOptions, Finding } from '../../../protocol/results.ts';
import { areStoredSettingsLost, findPageDamage } from '../backup/damaged-tables.ts';
import { recoverDatabase } from '../backup/recover-database.ts';
import { runAndWarn } from '../diagnostics.ts';
import { describeDamagedJournal, listDamagedJournals } from '../journal/damaged-journals.ts';
import { removeJournalFile } from '../journal/journal-file.ts';
import { deleteRow, removeReplaced } from '../space/delete-row.ts';
import { collectBucket, findOrphans, hasOutOfRangeIds, repairIds } from '../space/garbage-collection.ts';
import { assertDatabaseInPlace } from '../space/store-files.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import { isCorrupt, unlessCorrupt } from '../sqlite/errors.ts';
import { PERMANENT_COUNTERS } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { assertFlag, assertOptions } from '../validate.ts';
import { getProgress, isSliceOver } from '../values/read-budget.ts';
import { findDamage } from './find-damage.ts';
import { refreshIfChanged } from './read.ts';
import { REMOVAL_GRACE_MS, SlicedCheck } from './sliced-check.ts';
import { beforeWrite, inWriteTransaction } from './transaction.ts';

/** Checks whether the items of a collection are consistent: the positions of a deque, the order of a queue. */
export interface ConsistencyCheck {
  /** Returns its damage. */
  check(): Finding[];
  /** Repairs it, in the transaction that deletes the damaged items. */
  repair(): void;
}

/** Internal option of `check`, for stores that are built on an index. */
export const CONSISTENCY: unique symbol = Symbol('structure');

export interface ConsistencyOptions extends CheckOptions {
  readonly [CONSISTENCY]?: ConsistencyCheck;
}

export type { CheckOptions, Finding, FindingCode } from '../../../protocol/results.ts';

/** Rows checked in one read; between two reads other processes may write. */
const MAX_BATCH_ROWS = 64;

const CHECK_OPTIONS: ReadonlySet<string> = new Set(['repair']);

/** Returns everything that is damaged; with `repair` also what was repaired. */
export function check(core: Core, options?: CheckOptions, consistency?: ConsistencyCheck): Finding[] {
  const { repair = false } = assertOptions(options, CHECK_OPTIONS);
  assertFlag(repair, 'repair');
  if (core.transaction.depth > 0)
    throw new DiskCacheError('BAD_OPTION', 'check was called inside a transaction; call it after');
  const checkAtOnce = () => checkWhole(core, repair, consistency);
  const sliced = getProgress(core, () => new SlicedCheck(core, () => consistency?.check() ?? [], checkAtOnce));
  if (sliced === undefined) return checkAtOnce();
  return isSliceOver() ? [] : sliced.run();
}

function checkWhole(core: Core, repair: boolean, consistency: ConsistencyCheck | undefined): Finding[] {
  if (repair) beforeWrite(core);
  // In a damaged database the list of replaced files may be unreadable.
  if (!core.openOptions.readOnly) runAndWarn(core, () => removeReplaced(core));
  const findings = checkJournal(core, repair);
  const isReadable = addFindings(core, findings, () => checkDatabase(core, repair));
  if (!isReadable && !repair) return findings;
  const rest = () => [
    ...checkItems(core, repair, consistency),
    ...(core.openOptions.readOnly ? [] : [...checkCounts(core, repair), ...checkOrphans(core, repair)]),
  ];
  if (!isReadable) findings.push(...recoverDatabase(core));
  if (!addFindings(core, findings, rest) && repair) findings.push(...recoverDatabase(core), ...rest());
  return findings;
}

/** Returns findings for journals that recovery has kept, because it could not use all of their changes. */
function checkJournal({ directory }: Core, repair: boolean): Finding[] {
  return listDamagedJournals(directory).map((path) => {
    const finding = { code: 'database', message: describeDamagedJournal(path), path } as const;
    if (repair) removeJournalFile(path);
    return finding;
  });
}

/** Adds the findings of a part of the check. Returns false, and adds a finding, if the database is too damaged for it. */
function addFindings({ connection }: Core, findings: Finding[], part: () => Finding[]): boolean {
  try {
    findings.push(...part());
    return true;
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    findings.push({ code: 'database', message: error.message, path: connection.path });
    return false;
  }
}

/** SQLite's own check of pages and indexes, and of ids. A damaged database is rebuilt from the rows that can be read. */
function checkDatabase(core: Core, repair: boolean): Finding[] {
  const { connection, sql } = core;
  const findings = findPageDamage(core).map((message) => toDatabaseFinding(core, `${connection.path}: ${message}`));
  const isDamaged = findings.length > 0;
  const areLost = unlessCorrupt(() => areStoredSettingsLost(sql)) ?? false;
  if (areLost) findings.push(toDatabaseFinding(core, `${connection.path} has lost its settings; those in force stay`));
  if (hasOutOfRangeIds(core))
    findings.push(toDatabaseFinding(core, `${connection.path} holds an item with an id that is out of range`));
  if (!repair) return findings;
  if (isDamaged || areLost) findings.push(...recoverDatabase(core));
  repairIds(core);
  return findings;
}

const toDatabaseFinding = ({ connection }: Core, message: string): Finding => ({
  code: 'database',
  message,
  path: connection.path,
});

/** With `repair`, damaged items are deleted and the structure is repaired in one transaction. */
function checkItems(core: Core, repair: boolean, consistency: ConsistencyCheck | undefined): Finding[] {
  const { suspects: damagedIds, findings } = findDamagedIds(core);
  if (consistency !== undefined) findings.push(...consistency.check());
  if (repair) {
    if (damagedIds.length > 0 || consistency !== undefined) {
      inWriteTransaction(core, () => {
        findings.push(...damagedIds.flatMap((id) => recheck(core, id, true)));
        consistency?.repair();
      });
    }
  } else for (const id of damagedIds) findings.push(...recheckLocked(core, id));
  return findings;
}

/** Returns the ids of items that look damaged, in order. Ids that don't ascend are a finding and end the check. */
function findDamagedIds(core: Core): { readonly suspects: number[]; readonly findings: Finding[] } {
  const suspects: number[] = [];
  // The ids of a deque are its positions and may be negative.
  let after = Number.NEGATIVE_INFINITY;
  for (
    let rows = core.sql.checkRows.all(after, MAX_BATCH_ROWS);
    rows.length > 0;
    rows = core.sql.checkRows.all(after, MAX_BATCH_ROWS)
  ) {
    for (const row of rows) {
      if (!(row[0] > after)) {
        return {
          suspects,
          findings: [toDatabaseFinding(core, `${core.connection.path} holds items that are out of order`)],
        };
      }
      after = row[0];
      if (findDamage(core, row) !== undefined) suspects.push(row[0]);
    }
  }
  return { suspects, findings: [] };
}

/** Another process may have replaced the item, so it is checked again under the write lock. */
const recheckLocked = (core: Core, id: number): Finding[] =>
  core.openOptions.readOnly ? recheck(core, id, false) : inWriteTransaction(core, () => recheck(core, id, false));

function recheck(core: Core, id: number, repair: boolean): Finding[] {
  const row = core.sql.checkRow.first(id);
  const fault = row && findDamage(core, row);
  if (row === undefined || fault === undefined) return [];
  if (repair) deleteRow(core, row.slice(0, 4) as unknown as Parameters<typeof deleteRow>[1], 'delete');
  return [fault];
}

function checkCounts(core: Core, repair: boolean): Finding[] {
  return inWriteTransaction(core, () => {
    const { sql } = core;
    const counted = sql.counter.first('file bytes')?.[0];
    const actual = sql.fileBytes.first()?.[0] ?? 0;
    const findings: Finding[] = [];
    if (counted !== actual) {
      if (repair) sql.restoreCounter.run('file bytes', actual);
      const message = `${core.directory} counts ${counted} bytes in files; its items have ${actual}`;
      findings.push({ code: 'count', message });
    }
    for (const name of PERMANENT_COUNTERS) {
      if (sql.counter.first(name) !== undefined || name === 'file bytes') continue;
      // Without its row the counter could not be incremented: other processes would not notice new settings.
      if (repair) sql.restoreCounter.run(name, 0);
      findings.push({ code: 'count', message: `${core.directory} lacks its count "${name}"` });
    }
    findings.push(...checkRowCount(core));
    return findings;
  });
}

/** Counts the rows, which corrects the number that this process has kept or found stored. */
function checkRowCount(core: Core): Finding[] {
  const { rowStats, sql, directory } = core;
  refreshIfChanged(core);
  const kept = rowStats.rows;
  const actual = sql.countRows.first()?.[0] ?? 0;
  rowStats.rows = actual;
  if (kept === undefined || kept === actual) return [];
  return [{ code: 'count', message: `${directory} counts ${kept} items; it has ${actual}` }];
}

/**
 * Bucket by bucket, so that others may write in between. Files of a writer at work are staged and not in a bucket; one that has
 * just committed removes what it has replaced, so what looks like an orphan is checked once more.
 */
function checkOrphans(core: Core, repair: boolean): Finding[] {
  const { files } = core;
  const suspects = files
    .listBuckets()
    .flatMap((bucket) => inWriteTransaction(core, () => findOrphans(core, files.listNames(bucket))));
  if (suspects.length > 0) sleepBlocking(REMOVAL_GRACE_MS);
  const remaining = suspects.filter((name) => files.getBytes(name) !== undefined);
  const orphans = remaining.length === 0 ? [] : inWriteTransaction(core, () => findOrphans(core, remaining));
  if (repair) {
    assertDatabaseInPlace(core);
    for (const name of orphans) files.remove(name);
    for (const bucket of files.listBuckets()) collectBucket(core, bucket);
    files.sweepStage();
  }
  return orphans.map((name) => {
    const path = files.getPath(name);
    return { code: 'orphan', message: `${path} belongs to no item; its writer crashed`, path };
  });
}
