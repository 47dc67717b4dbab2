import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Connection } from '../sqlite/connection.ts';
import { isCorrupt, unlessCorrupt } from '../sqlite/errors.ts';
import { parseUserVersion, toUserVersion, type VersionMarks } from '../sqlite/file-format.ts';
import { BALLAST_FILE, tryReleaseBallast } from '../sqlite/open-database.ts';
import type { Statements } from '../sqlite/statements.ts';
import { emitWarning } from '../validate.ts';
import { ApplyPlan, type ApplyTarget } from './apply.ts';
import { describeDamagedJournal, keepJournalFile } from './damaged-journals.ts';
import { type JournalContents, readJournal } from './journal-contents.ts';
import { getJournalPaths, hasJournalFiles, isFromBeforeBoot, removeJournalFile } from './journal-file.ts';
import type { PendingItems } from './pending.ts';

/** On a full disk, changes that are recovered in one transaction: their pages have to fit into what the reserve leaves. */
const SLICE_CHANGES = 32;

/** What recovery needs of a store that is being opened. */
export interface RecoverableStore {
  readonly directory: string;
  readonly connection: Connection;
  readonly sql: Statements;
}

const readMarks = (connection: Connection): VersionMarks => parseUserVersion(Number(connection.pragma('user_version')));

const isJournalInUse = (connection: Connection): boolean => readMarks(connection).isJournaled;

const setUnjournaled = (connection: Connection): void =>
  void connection.pragma(`user_version = ${toUserVersion({ ...readMarks(connection), isJournaled: false })}`);

/** Returns whether a store has a journal that has to be recovered before anything is read from its tables. O(1). */
export const needsRecovery = ({ connection, directory }: RecoverableStore): boolean =>
  isJournalInUse(connection) || hasJournalFiles(directory);

/**
 * Applies what the journal of a store holds, and removes its files. Can be repeated after a crash at any point. What can't be used is kept
 * aside, with a warning of the process.
 *
 * @throws {DiskCacheError} `BUSY`, `DISK_FULL`, `IO`, `UNSUPPORTED_VERSION`: nothing is lost then.
 */
export function recoverJournal(store: RecoverableStore): void {
  store.connection.setSynchronous('FULL');
  try {
    emptyWal(store);
    recoverFiles(store, Number.POSITIVE_INFINITY);
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'DISK_FULL') throw error;
    tryReleaseBallast(error, join(store.directory, BALLAST_FILE));
    emptyWal(store);
    recoverFiles(store, SLICE_CHANGES);
  }
}

/** If a transaction fails on a full disk, only an otherwise empty log can be cut behind it. In a damaged database it may fail. */
const emptyWal = ({ connection }: RecoverableStore): void =>
  void unlessCorrupt(() => connection.pragma('wal_checkpoint(TRUNCATE)'));

/**
 * Returns what the journal of a store holds, for a reader, which can't apply it; undefined if that is nothing.
 *
 * @throws {DiskCacheError} `READ_ONLY` if a part of it is damaged or lost; `UNSUPPORTED_VERSION`, `IO`
 */
export function readForReader({ directory, connection, sql }: RecoverableStore): JournalContents | undefined {
  const isInUse = isJournalInUse(connection);
  const contents = readJournal(directory, sql.counter.first('journal')?.[0]);
  const isLost = isInUse && contents.headless.size > 0;
  if (contents.unusable.size === 0 && !isLost) return contents.changes.size > 0 ? contents : undefined;
  // Another process may have recovered it in the meantime.
  if (isLost && !isJournalInUse(connection)) return undefined;
  throw new DiskCacheError(
    'READ_ONLY',
    `${directory} has a damaged write journal, which a reader can't keep aside; open it for writing once`,
  );
}

/** Applies what a reader has found in a journal to a copy of the database in memory. */
export function replayForReader({ connection, sql }: RecoverableStore, contents: JournalContents): void {
  inTransaction(connection, () => {
    applyChanges(sql, contents.changes, 0, Number.POSITIVE_INFINITY);
    setUnjournaled(connection);
  });
}

function recoverFiles(store: RecoverableStore, maxChanges: number): void {
  const { directory } = store;
  let damaged: ReadonlySet<string>;
  try {
    damaged = applyFiles(store, maxChanges);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    // The database is damaged. It opens all the same, so that it can be repaired, and the changes are kept aside.
    readJournal(directory, undefined);
    damaged = new Set(getJournalPaths(directory));
  }
  for (const path of getJournalPaths(directory)) {
    if (damaged.has(path)) keepAside(path);
    else removeJournalFile(path);
  }
}

function keepAside(path: string): void {
  const kept = keepJournalFile(path);
  if (kept !== undefined) emitWarning(describeDamagedJournal(kept), { code: 'CORRUPT' });
}

/**
 * Applies the changes, at most `maxChanges` in one transaction; returns the files that don't all count. Under the write lock: another process
 * may be doing the same. The transactions before the last one leave the watermark as it is, so that after a crash all of it is applied again.
 */
function applyFiles(store: RecoverableStore, maxChanges: number): ReadonlySet<string> {
  const { connection, sql, directory } = store;
  let first: { readonly watermark: number | undefined; readonly contents: JournalContents } | undefined;
  for (let from = 0; ; from += maxChanges) {
    const damaged = inTransaction(connection, () => {
      const watermark = sql.counter.first('journal')?.[0];
      first ??= { watermark, contents: readJournal(directory, watermark) };
      // Another process has recovered it since.
      if (from > 0 && (watermark !== first.watermark || !isJournalInUse(connection))) return null;
      const { contents } = first;
      applyChanges(sql, contents.changes, from, maxChanges);
      return from + maxChanges < contents.changes.size ? undefined : finish(store, contents, watermark);
    });
    if (damaged === null) return applyFiles(store, maxChanges);
    if (damaged !== undefined) return damaged;
    emptyWal(store);
  }
}

/** In the last transaction of a recovery. Returns the files to be kept aside after its commit. */
function finish(
  { connection, sql }: RecoverableStore,
  { changes, lastNumber, unusable, headless }: JournalContents,
  watermark: number | undefined,
): ReadonlySet<string> {
  const damaged = new Set([...unusable].filter((path) => watermark === undefined || !mayBeLost(sql, path)));
  // Before the commit, after which nothing tells that there was a journal.
  if (isJournalInUse(connection))
    for (const path of headless) if (!damaged.has(path) && !mayBeLost(sql, path)) keepAside(path);
  if (changes.size > 0) sql.upsertCounter.run(lastNumber, 'journal');
  setUnjournaled(connection);
  return damaged;
}

function inTransaction<T>(connection: Connection, work: () => T): T {
  connection.execute('BEGIN IMMEDIATE');
  try {
    const result = work();
    connection.execute('COMMIT');
    return result;
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}

/**
 * Returns whether records that don't count are what a power cut may leave: with `'process'`, whose journal isn't synced, a disk writes what
 * is cached in any order. That isn't damage: a prefix is there, as promised.
 */
const mayBeLost = (sql: Statements, path: string): boolean =>
  isFromBeforeBoot(path) && sql.settings.all().every(([name, value]) => name !== 'durability' || value === 'process');

/** Each key has one change, so they may be applied in any parts. */
function applyChanges(sql: Statements, changes: PendingItems, from: number, maxChanges: number): void {
  const size = Math.min(changes.size - from, maxChanges);
  if (size <= 0) return;
  const target: ApplyTarget = {
    sql,
    inserted() {},
    updated() {},
    deleted() {},
    fileReplaced(file, bytes) {
      sql.count.run(-bytes, 'file bytes');
      sql.recordReplaced.run(file, bytes);
    },
  };
  const plan = new ApplyPlan(target, { size, at: (nth) => changes.at(from + nth) });
  plan.plan(Number.POSITIVE_INFINITY);
  plan.apply(Number.POSITIVE_INFINITY);
}
