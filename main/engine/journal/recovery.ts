import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Connection } from '../sqlite/connection.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { parseUserVersion, toUserVersion, type VersionMarks } from '../sqlite/file-format.ts';
import { BALLAST_FILE, tryReleaseBallast } from '../sqlite/open-database.ts';
import type { Statements } from '../sqlite/statements.ts';
import { ApplyPlan, type ApplyTarget } from './apply.ts';
import {
  getJournalPaths,
  HEAD_BYTES,
  hasJournalFiles,
  isFromBeforeBoot,
  parseHead,
  readJournalFile,
  removeJournalFile,
} from './journal-file.ts';
import { PendingItem, PendingItems } from './pending.ts';
import { ALIGNMENT_BYTES, type JournalChange, readRecord } from './record.ts';

/** A record whose number is further from the last one than this is garbage that looks like a record. */
const MAX_NUMBER_DISTANCE = 2 ** 26;

/** What the files of a journal hold beyond a watermark. */
interface JournalContents {
  readonly changes: PendingItems;
  /** Number of the last record that counts; the watermark if none does. */
  readonly lastNumber: number;
  /** Files with records that don't count, because something before them is damaged or lost. */
  readonly unusable: ReadonlySet<string>;
}

/**
 * Reads the files of a journal. A record counts if its number follows that of the last one that counts, or the watermark; with an unknown
 * watermark none does. O(bytes).
 *
 * @throws {DiskCacheError} if a file can't be read now.
 */
function readJournal(directory: string, watermark: number | undefined): JournalContents {
  const files = getJournalPaths(directory)
    .map((path) => ({ path, bytes: readJournalFile(path) ?? Buffer.alloc(0) }))
    .map((file) => ({ ...file, first: parseHead(file.bytes) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  const changes = new PendingItems();
  const unusable = new Set<string>();
  let lastNumber = watermark ?? Number.NaN;
  for (const { path, bytes, first } of files) {
    let at = first === Number.POSITIVE_INFINITY ? 0 : HEAD_BYTES;
    let newest = first === Number.POSITIVE_INFINITY ? (watermark ?? 0) : first - 1;
    for (let record = readRecord(bytes, at); at > 0 && record !== undefined; record = readRecord(bytes, at)) {
      // What an earlier use of the file has left.
      if (!(record.number > newest)) break;
      newest = record.number;
      if (!(record.number <= lastNumber)) {
        if (record.number !== lastNumber + 1) break;
        lastNumber = record.number;
        for (const change of record.changes) changes.add(toPendingItem(change));
      }
      at += record.bytes;
    }
    if (hasRecordBehind(bytes, at, watermark === undefined ? first - 1 : lastNumber)) unusable.add(path);
  }
  return { changes, lastNumber, unusable };
}

const toPendingItem = (change: JournalChange): PendingItem => {
  const { key, isDeleted, isTouch, mode, id, expiresAt, now, stamp, check, size, tag, data } = change;
  const item = new PendingItem(key, isDeleted, mode, id, expiresAt, now, stamp, check, size, tag, data);
  item.isTouch = isTouch;
  return item;
};

/** Returns whether a whole record with a greater number follows. Its checksum is computed only where a number fits. O(bytes). */
function hasRecordBehind(bytes: Buffer, from: number, lastNumber: number): boolean {
  for (let at = from; at + 2 * ALIGNMENT_BYTES <= bytes.length; at += ALIGNMENT_BYTES) {
    const number = bytes.readDoubleLE(at + ALIGNMENT_BYTES);
    const isNear = number > lastNumber && number <= lastNumber + MAX_NUMBER_DISTANCE;
    if (isNear && readRecord(bytes, at) !== undefined) return true;
  }
  return false;
}

/** What recovery needs of a store that is being opened. */
export interface RecoverableStore {
  readonly directory: string;
  readonly connection: Connection;
  readonly sql: Statements;
  readonly readOnly: boolean;
}

/**
 * Applies what the journal of a store holds, and removes its files. To be called before anything is read from the tables; can be repeated
 * after a crash at any point. O(1) without a journal.
 *
 * @throws {DiskCacheError} `READ_ONLY` for a reader of a journal with changes; `BUSY`, `DISK_FULL`, `IO`: nothing is changed then.
 */
export function recoverJournal(store: RecoverableStore): void {
  const { connection, directory, readOnly } = store;
  const isInUse = readMarks(connection).isJournaled;
  if (!isInUse && !hasJournalFiles(directory)) return;
  if (readOnly) {
    assertNothingPending(store);
    return;
  }
  connection.setSynchronous('FULL');
  try {
    recoverFiles(store);
  } catch (error) {
    if (!tryReleaseBallast(error, join(directory, BALLAST_FILE))) throw error;
    recoverFiles(store);
  }
}

const readMarks = (connection: Connection): VersionMarks => parseUserVersion(Number(connection.pragma('user_version')));

/** @throws {DiskCacheError} `READ_ONLY` */
function assertNothingPending({ directory, sql }: RecoverableStore): void {
  const { changes, unusable } = readJournal(directory, sql.counter.first('journal')?.[0]);
  if (changes.size === 0 && unusable.size === 0) return;
  throw new DiskCacheError(
    'READ_ONLY',
    `${directory} has changes in its journal that were not applied before its last process ended, and a reader can't apply them; open it for writing once`,
  );
}

/** Under the write lock: another process may be doing the same. */
function recoverFiles({ connection, sql, directory }: RecoverableStore): void {
  connection.execute('BEGIN IMMEDIATE');
  let unusable: ReadonlySet<string>;
  try {
    const watermark = sql.counter.first('journal')?.[0];
    const contents = readJournal(directory, watermark);
    unusable = new Set([...contents.unusable].filter((path) => watermark === undefined || !mayBeLost(sql, path)));
    applyContents(sql, contents);
    connection.pragma(`user_version = ${toUserVersion({ ...readMarks(connection), isJournaled: false })}`);
    connection.execute('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    if (!isCorrupt(error)) throw error;
    // The database is damaged. It opens all the same, so that it can be repaired, and the changes are kept aside.
    unusable = new Set(getJournalPaths(directory));
  }
  for (const path of getJournalPaths(directory)) {
    if (readJournalFile(path) !== undefined) removeJournalFile(path, unusable.has(path));
  }
}

/**
 * Returns whether records that don't count are what a power cut may leave: with `'process'`, whose journal isn't synced, a disk writes what
 * is cached in any order. That isn't damage: a prefix is there, as promised.
 */
const mayBeLost = (sql: Statements, path: string): boolean =>
  isFromBeforeBoot(path) && sql.settings.all().every(([name, value]) => name !== 'durability' || value === 'process');

function applyContents(sql: Statements, { changes, lastNumber }: JournalContents): void {
  if (changes.size === 0) return;
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
  const plan = new ApplyPlan(target, changes);
  plan.plan(Number.POSITIVE_INFINITY);
  plan.apply(Number.POSITIVE_INFINITY);
  sql.upsertCounter.run(lastNumber, 'journal');
}
