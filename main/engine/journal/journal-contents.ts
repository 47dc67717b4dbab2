import { DiskCacheError } from '../../../protocol/error.ts';
import { getJournalPaths, HEAD_BYTES, LAYOUT_VERSION, parseHead, readJournalFile } from './journal-file.ts';
import { PendingItem, PendingItems } from './pending.ts';
import { ALIGNMENT_BYTES, type JournalChange, readRecord } from './record.ts';

/** A record whose number is further from the last one than this is garbage that looks like a record. */
const MAX_NUMBER_DISTANCE = 2 ** 26;

/** What the files of a journal hold beyond a watermark. */
export interface JournalContents {
  readonly changes: PendingItems;
  /** Number of the last record that counts; the watermark if none does. */
  readonly lastNumber: number;
  /** Files with records that don't count, because something before them is damaged or lost. */
  readonly unusable: ReadonlySet<string>;
  /** Files that are missing or without a whole head. While a journal is in use, both files have one. */
  readonly headless: ReadonlySet<string>;
}

/**
 * Reads the files of a journal. A record counts if its number follows that of the last one that counts, or the watermark; with an unknown
 * watermark none does. O(bytes).
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` for what a newer version has written; `IO` if a file can't be read now.
 */
export function readJournal(directory: string, watermark: number | undefined): JournalContents {
  const files = getJournalPaths(directory)
    .map((path) => ({ path, bytes: readJournalFile(path) ?? Buffer.alloc(0) }))
    .map((file) => ({ ...file, first: readFirstNumber(file.path, file.bytes) }))
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  const changes = new PendingItems();
  const unusable = new Set<string>();
  let lastNumber = watermark ?? Number.NaN;
  for (const { path, bytes, first } of files) {
    let at = first === NO_HEAD ? 0 : HEAD_BYTES;
    let newest = first === NO_HEAD ? (watermark ?? 0) : first - 1;
    for (let record = readRecord(bytes, at); at > 0 && record !== undefined; record = readRecord(bytes, at)) {
      // What an earlier use of the file has left.
      if (!(record.number > newest)) break;
      newest = record.number;
      if (record.changes === undefined) throw newerError(path, `the record ${record.number}`);
      if (!(record.number <= lastNumber)) {
        if (record.number !== lastNumber + 1) break;
        lastNumber = record.number;
        for (const change of record.changes) changes.add(toPendingItem(change));
      }
      at += record.bytes;
    }
    if (hasRecordBehind(path, bytes, at, watermark === undefined ? first - 1 : lastNumber)) unusable.add(path);
  }
  const headless = new Set(files.filter(({ first }) => first === NO_HEAD).map(({ path }) => path));
  return { changes, lastNumber, unusable, headless };
}

/** The first number of a file without a head: it sorts behind the others. */
const NO_HEAD = Number.POSITIVE_INFINITY;

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` */
function readFirstNumber(path: string, bytes: Buffer): number {
  const head = parseHead(bytes);
  if (head === undefined) return NO_HEAD;
  if (head.layout !== LAYOUT_VERSION) throw newerError(path, `layout ${head.layout}`);
  return head.firstNumber;
}

const newerError = (path: string, what: string): DiskCacheError =>
  new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} was written by a newer version of deskcache: this one can't read ${what}. Update deskcache; nothing was changed`,
  );

const toPendingItem = (change: JournalChange): PendingItem => {
  const { key, isDeleted, isTouch, mode, id, expiresAt, now, stamp, check, size, tag, data } = change;
  const item = new PendingItem(key, isDeleted, mode, id, expiresAt, now, stamp, check, size, tag, data);
  item.isTouch = isTouch;
  return item;
};

/**
 * Returns whether a whole record with a greater number follows. Its checksum is computed only where a number fits. O(bytes).
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION`
 */
function hasRecordBehind(path: string, bytes: Buffer, from: number, lastNumber: number): boolean {
  for (let at = from; at + 2 * ALIGNMENT_BYTES <= bytes.length; at += ALIGNMENT_BYTES) {
    const number = bytes.readDoubleLE(at + ALIGNMENT_BYTES);
    const isNear = number > lastNumber && number <= lastNumber + MAX_NUMBER_DISTANCE;
    const record = isNear ? readRecord(bytes, at) : undefined;
    if (record === undefined) continue;
    if (record.changes === undefined) throw newerError(path, `the record ${number}`);
    return true;
  }
  return false;
}
