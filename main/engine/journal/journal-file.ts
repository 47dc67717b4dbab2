import { randomInt } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { DiskCacheError } from '../../../protocol/error.ts';
import { toFileError } from '../sqlite/errors.ts';
import { lstatIfExists } from '../sqlite/open-database.ts';
import { isTemporary } from '../temporary-directory.ts';
import { NO_FOLLOW } from '../values/file-io.ts';

/** The names of the files. On disk. */
const JOURNAL_FILES = ['journal-0', 'journal-1'] as const;

export const getJournalPaths = (directory: string): readonly string[] =>
  JOURNAL_FILES.map((name) => join(directory, name));

/** Returns whether a journal file exists, even an empty one. */
export const hasJournalFiles = (directory: string): boolean =>
  getJournalPaths(directory).some((path) => lstatIfExists(path) !== undefined);

const MAGIC = Buffer.from('dkchjrnl', 'latin1');
/** On disk. A later layout keeps the head as it is. */
export const LAYOUT_VERSION = 1;
export const HEAD_BYTES = 32;
const HEAD_CRC_AT = 28;

/** Numbers begin somewhere below this, so that files of one database don't fit another one; 2^53 is never reached. */
const MAX_FIRST_NUMBER = 2 ** 47;
export const chooseFirstNumber = (): number => randomInt(1, MAX_FIRST_NUMBER);

function encodeHead(firstNumber: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32LE(LAYOUT_VERSION, 8);
  head.writeDoubleLE(firstNumber, 16);
  head.writeUInt32LE(crc32(head.subarray(0, HEAD_CRC_AT)), HEAD_CRC_AT);
  return head;
}

interface JournalHead {
  readonly layout: number;
  /** The first record has this number or a greater one. */
  readonly firstNumber: number;
}

/** Returns the head of a file; undefined for one that is torn or damaged. */
export function parseHead(file: Buffer): JournalHead | undefined {
  if (file.length < HEAD_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (crc32(file.subarray(0, HEAD_CRC_AT)) !== file.readUInt32LE(HEAD_CRC_AT)) return undefined;
  return { layout: file.readUInt32LE(8), firstNumber: file.readDoubleLE(16) };
}

/** Far beyond what a journal grows to: a larger file was made by something else. */
const MAX_READABLE_BYTES = 256 * 1024 * 1024;

/** Returns the bytes of a file: undefined if it is missing, no bytes if it can't be a journal. @throws {DiskCacheError} */
export function readJournalFile(path: string): Buffer | undefined {
  const facts = lstatIfExists(path);
  if (facts === undefined) return undefined;
  if (!facts.isFile() || facts.size > MAX_READABLE_BYTES) return Buffer.alloc(0);
  try {
    const file = openSync(path, constants.O_RDONLY | NO_FOLLOW);
    try {
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw toFileError(error, path);
  }
}

/**
 * Returns whether a file was last changed before the system was started, by the times of the file system and of the system's clock. Then the
 * disk may have kept its last writes in any order, or only some of them.
 */
export function isFromBeforeBoot(path: string): boolean {
  const bootedAt = performance.timeOrigin + performance.now() - uptime() * 1000;
  return (lstatIfExists(path)?.mtimeMs ?? Number.POSITIVE_INFINITY) < bootedAt;
}

/** Converts an error at a journal file; explains it if something else has that name. */
export function toJournalError(error: unknown, path: string): unknown {
  const facts = lstatIfExists(path);
  if (facts === undefined || facts.isFile()) return toFileError(error, path);
  const code = facts.isDirectory() ? 'BAD_OPTION' : 'NOT_ALLOWED';
  const kind = facts.isDirectory() ? 'a directory' : facts.isSymbolicLink() ? 'a link' : 'a pipe or a device';
  return new DiskCacheError(
    code,
    `${path} is ${kind}, where the store keeps its write journal; move it away, then open the store again`,
    { cause: error },
  );
}

/** Removes a file, if there is one. @throws {DiskCacheError} */
export function removeJournalFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw toJournalError(error, path);
  }
}

/** One of the files of an open store's journal. Invariant: `length` bytes of it are records that count, and what follows is garbage. */
export class JournalFile {
  readonly path: string;
  readonly #file: number;
  readonly #isSynced: boolean;
  #length = 0;

  /** Creates an empty file. @throws {DiskCacheError} */
  constructor(path: string) {
    this.path = path;
    this.#isSynced = !isTemporary(path);
    this.#file = this.#translate(() => openSync(path, constants.O_RDWR | constants.O_CREAT | NO_FOLLOW, 0o600));
    this.#translate(() => ftruncateSync(this.#file, 0));
  }

  /** Bytes in use. */
  get length(): number {
    return this.#length;
  }

  /** False if another process has recovered the store since this one last wrote to the file. */
  get isUnchanged(): boolean {
    const facts = fstatSync(this.#file);
    return facts.nlink > 0 && facts.size === this.#length;
  }

  /**
   * Empties the file, and writes its head. Invariant: once a file has a head, it always has one. So the head is written over the old one, and the
   * file is cut behind it: records before the first number of the head don't count.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`
   */
  begin(firstNumber: number): void {
    this.#translate(() => {
      this.#write(encodeHead(firstNumber), HEAD_BYTES, 0);
      if (this.#length > HEAD_BYTES) ftruncateSync(this.#file, HEAD_BYTES);
    });
    this.#length = HEAD_BYTES;
  }

  /**
   * Appends the first `length` bytes, whole or not at all; with `sync` they also survive a power cut.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`; the file is as before.
   */
  append(bytes: Uint8Array, length: number, sync: boolean): void {
    const start = this.#length;
    try {
      this.#write(bytes, length, start);
      if (sync) this.sync();
    } catch (error) {
      this.#cut(start);
      throw toFileError(error, this.path);
    }
    this.#length = start + length;
  }

  /** Makes what was appended survive a power cut. */
  sync(): void {
    if (this.#isSynced) this.#translate(() => fdatasyncSync(this.#file));
  }

  /**
   * Lets the system begin to write to the disk, in a thread of its own, so that a later `sync` has little left to do. Promises nothing: that sync reports
   * what fails.
   */
  startSync(): void {
    if (this.#isSynced) fdatasync(this.#file, () => {});
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Closes and removes it. @throws {DiskCacheError} */
  remove(): void {
    this.close();
    removeJournalFile(this.path);
  }

  #write(bytes: Uint8Array, length: number, at: number): void {
    let done = writeSync(this.#file, bytes, 0, length, at);
    while (done < length) done += writeSync(this.#file, bytes, done, length - done, at + done);
  }

  /** If the file can't be cut, the next record overwrites what is there, and recovery stops at the rest. */
  #cut(length: number): void {
    try {
      ftruncateSync(this.#file, length);
    } catch {
      // The failure of the write is the one that is reported.
    }
  }

  #translate<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toJournalError(error, this.path);
    }
  }
}
