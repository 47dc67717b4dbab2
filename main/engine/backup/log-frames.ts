import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { toFileError } from '../sqlite/errors.ts';
import { lstatIfExists } from '../sqlite/open-database.ts';
import { NO_FOLLOW } from '../values/file-io.ts';

/*
 * The frames of a write-ahead log that count, as SQLite's own recovery finds them: https://sqlite.org/fileformat2.html#walformat.
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;
const MIN_PAGE_BYTES = 512;
const MAX_PAGE_BYTES = 65_536;
/** A log is emptied long before; what follows is not read. */
const MAX_LOG_BYTES = 1024 ** 3;

export interface CommittedFrames {
  readonly pageBytes: number;
  /** Pages of the database after the last commit. */
  readonly count: number;
  /** The newest content of each page in the log. */
  readonly frames: ReadonlyMap<number, Buffer>;
}

/** Returns the committed pages of a log; undefined if there are none. O(bytes). @throws {DiskCacheError} as `toFileError` */
export function readCommittedFrames(path: string): CommittedFrames | undefined {
  if (lstatIfExists(path)?.isFile() !== true) return undefined;
  try {
    const file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
    try {
      return readFrames(file, Math.min(fstatSync(file).size, MAX_LOG_BYTES));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw toFileError(error, path);
  }
}

function readFrames(file: number, bytes: number): CommittedFrames | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  if (readSync(file, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  const magic = header.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return undefined;
  const isBigEndian = magic === MAGIC_BIG_ENDIAN;
  const pageBytes = header.readUInt32BE(8);
  if (pageBytes < MIN_PAGE_BYTES || pageBytes > MAX_PAGE_BYTES || (pageBytes & (pageBytes - 1)) !== 0) return undefined;
  let sum = addToSum([0, 0], header.subarray(0, 24), isBigEndian);
  if (sum[0] !== header.readUInt32BE(24) || sum[1] !== header.readUInt32BE(28)) return undefined;
  const frames = new Map<number, Buffer>();
  const uncommitted = new Map<number, Buffer>();
  let count = 0;
  for (let at = HEADER_BYTES; at + FRAME_HEADER_BYTES + pageBytes <= bytes; at += FRAME_HEADER_BYTES + pageBytes) {
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + pageBytes);
    readSync(file, frame, 0, frame.length, at);
    if (!frame.subarray(8, 16).equals(header.subarray(16, 24))) break;
    const page = frame.subarray(FRAME_HEADER_BYTES);
    sum = addToSum(addToSum(sum, frame.subarray(0, 8), isBigEndian), page, isBigEndian);
    if (sum[0] !== frame.readUInt32BE(16) || sum[1] !== frame.readUInt32BE(20)) break;
    uncommitted.set(frame.readUInt32BE(0), page);
    const pagesAfterCommit = frame.readUInt32BE(4);
    if (pagesAfterCommit === 0) continue;
    count = pagesAfterCommit;
    for (const [number, content] of uncommitted) frames.set(number, content);
    uncommitted.clear();
  }
  return count === 0 ? undefined : { pageBytes, count, frames };
}

type Sum = readonly [number, number];

/** The checksum of the log's format, over pairs of 32-bit words. */
function addToSum([first, second]: Sum, bytes: Buffer, isBigEndian: boolean): Sum {
  let a = first;
  let b = second;
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0;
    b = (b + (isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0;
  }
  return [a, b];
}
