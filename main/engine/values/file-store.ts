import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getErrorCode, toValueFileError } from '../sqlite/errors.ts';
import { assertPlainFolder } from '../sqlite/open-database.ts';
import { isTemporary } from '../temporary-directory.ts';
import { checksum } from './encoding.ts';
import {
  createName,
  damagedFileError,
  getBucket,
  getPlacedPath,
  getStagedPath,
  getStageFolder,
  getValuesRoot,
  hasWriterExited,
  isBucket,
  listFiles,
  listFolders,
  makeFolders,
  parseFileName,
  readFileInChunks,
  readFileWhole,
  removeEmptyFolder,
  removeFile,
  STAGE_FOLDER,
  statFile,
  syncFolder,
  writeNewFile,
} from './file-io.ts';
import { type FileUsage, measureOnce } from './read-budget.ts';

/** A completely written file that no row names yet: `place` it or `discard` it. */
export interface StagedFile {
  readonly name: string;
  readonly bytes: number;
}

/** What a row says about its file: `mode` and `crc` as in the row, size in bytes. */
export interface ExpectedFile {
  readonly mode: number;
  readonly bytes: number;
  readonly crc: number;
}

/** The coarsest time stamps of a file system in use (FAT). */
const FILE_TIME_TICK_MS = 2000;
/** Verified files that are remembered. */
const MAX_VERIFIED_FILES = 8192;

/**
 * A staged file that has not been written to for this long is abandoned. If its process is known to be alive, a day; if it is known
 * to have exited, at once.
 */
export const STAGE_TTL_MS = 3_600_000;
const LIVE_WRITER_TTL_FACTOR = 24;

/**
 * Stores large values, one file each, shared by any number of processes. A file is written completely in the stage, then moved into
 * its bucket by the transaction that names it.
 *
 * Invariant: files enter buckets, and leave them as orphans, only under the database's write lock. So, while the lock is held, a file
 * in a bucket that no row names is an orphan: its writer crashed or rolled back. A staged file of a live writer is removed only after
 * a day, and then `place` fails before a row names it: no item is ever lost.
 */
export class FileStore {
  readonly root: string;
  readonly #powerSafe: boolean;
  #hasStage = false;
  /** Names of folders that are known not to be links. */
  readonly #plainFolders = new Set<string>();
  /** Time of the last change of files whose checksum matched, by name. */
  readonly #verified = new Map<string, number>();

  constructor(directory: string, durability: 'process' | 'power') {
    this.root = getValuesRoot(directory);
    this.#powerSafe = durability === 'power' && !isTemporary(directory);
  }

  /** Returns the path of a file that a row names. @throws {DiskCacheError} `CORRUPT` for a malformed name. */
  getPath(name: string): string {
    return getPlacedPath(this.root, name);
  }

  /** Returns the path of a file to read. @throws {DiskCacheError} `CORRUPT` for a malformed name, or if its folder is a link. */
  getReadablePath(name: string): string {
    const path = this.getPath(name);
    if (this.#isPlain(getBucket(name))) return path;
    throw damagedFileError(path, 'is behind a link, which is not followed');
  }

  /** Returns a new name and the path to write its file to, in a folder that exists. Only for `writeStreamToFile`; others use `stage`. */
  createStagedPath(): { readonly name: string; readonly path: string } {
    if (!this.#hasStage) {
      this.#makeFolder(getStageFolder(this.root));
      this.#assertPlain(STAGE_FOLDER);
    }
    this.#hasStage = true;
    const name = createName();
    return { name, path: getStagedPath(this.root, name) };
  }

  /**
   * Writes a staged file; if durability is `'power'`, it survives a power cut. Needs no lock. A failure leaves no file behind.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `NOT_ALLOWED`, `READ_ONLY`, `BUSY`, `IO`.
   */
  stage(data: string | Uint8Array): StagedFile {
    const { name, path } = this.createStagedPath();
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    try {
      writeNewFile(path, bytes, this.#powerSafe);
    } catch (error) {
      removeFile(path);
      throw toValueFileError(error, path);
    }
    return { name, bytes: bytes.length };
  }

  /**
   * Moves a staged file into its bucket. Call it inside the write transaction that writes the row; if that rolls back, `toDeleteReadRowSql` the
   * file.
   *
   * @throws {DiskCacheError} `TIMEOUT` if the file was staged too long ago and has been removed as abandoned.
   */
  place(staged: StagedFile): void {
    const path = this.getPath(staged.name);
    this.#assertPlain(getBucket(staged.name));
    if (!this.#move(staged.name, path)) {
      this.#makeFolder(dirname(path));
      if (!this.#move(staged.name, path)) {
        throw new DiskCacheError('TIMEOUT', `${path} was staged too long ago and has been removed; write it again`);
      }
    }
    if (this.#powerSafe) syncFolder(dirname(path));
  }

  /** Removes a staged file. */
  discard(staged: StagedFile): void {
    removeFile(getStagedPath(this.root, staged.name));
  }

  /**
   * Reads a file into memory of its own, of exactly its size, and verifies it against its row: the size always, the checksum if this
   * store has not read the file since its last change, or with `recheck`. A checksum costs as much as the read.
   *
   * @throws {DiskCacheError} `CORRUPT` with the path, for a file that is missing, shorter, longer or damaged. Another process may
   * have replaced the item since the row was read: read the row again before reporting damage.
   */
  read(name: string, expected: ExpectedFile, recheck = false): Uint8Array {
    const path = this.getReadablePath(name);
    const { bytes, changedAt } = readFileWhole(path, expected.bytes);
    if (!recheck && this.#verified.get(name) === changedAt) return bytes;
    if (checksum(expected.mode, bytes) !== expected.crc) throw damagedFileError(path, CONTENT_DIFFERS);
    this.#markVerified(name, changedAt);
    return bytes;
  }

  /** Verifies size and checksum of a file; memory holds one chunk of it. @throws as `read` */
  verify(name: string, { mode, bytes, crc }: ExpectedFile): void {
    const path = this.getPath(name);
    let sum = mode;
    readFileInChunks(path, bytes, (piece) => {
      sum = checksum(sum, piece);
    });
    if (sum !== crc) throw damagedFileError(path, CONTENT_DIFFERS);
  }

  /** Skips files that changed within the last tick of the file system's clock: they could change again with the same time stamp. */
  #markVerified(name: string, changedAt: number): void {
    if (performance.timeOrigin + performance.now() - changedAt < FILE_TIME_TICK_MS) return;
    if (this.#verified.size >= MAX_VERIFIED_FILES) this.#verified.clear();
    this.#verified.set(name, changedAt);
  }

  /** Returns the size of a file in bytes; undefined if it is missing. */
  getBytes(name: string): number | undefined {
    return statFile(this.getPath(name))?.bytes;
  }

  /**
   * Removes a file that no row names any more: after the commit that deleted its row, or the rollback of the transaction that placed
   * it. Returns false if the system refuses (Windows, while the file is open); the file is then an orphan for `collect`.
   */
  remove(name: string): boolean {
    const path = this.getPath(name);
    // Never remove anything behind a link.
    return !this.#isPlain(getBucket(name)) || removeFile(path);
  }

  /** Returns the existing buckets, at most 256. Process one at a time and release the write lock in between. */
  listBuckets(): readonly string[] {
    return listFolders(this.root).filter(isBucket);
  }

  /** Returns the names of all files in a bucket. */
  listNames(bucket: string): readonly string[] {
    return listNamesIn(join(this.root, bucket), bucket);
  }

  /** Removes the orphans of a bucket, and the bucket if it is then empty. Call it only under the write lock. O(files in the bucket). */
  collect(bucket: string, isNamed: (name: string) => boolean): FileUsage {
    const orphans = this.listNames(bucket).filter((name) => !isNamed(name));
    const removed = removeFiles(orphans.map((name) => this.getPath(name)));
    removeEmptyFolder(join(this.root, bucket));
    return removed;
  }

  /** Removes abandoned staged files. Needs no lock. Ages are in the file system's time, so the store's clock is not used. */
  sweepStage(ttlMs = STAGE_TTL_MS): FileUsage {
    const abandoned: string[] = [];
    let now: number | undefined;
    for (const name of listNamesIn(getStageFolder(this.root), '')) {
      const hasExited = hasWriterExited(name);
      const path = getStagedPath(this.root, name);
      if (hasExited !== true) {
        now ??= this.#getFileSystemTime();
        // A time in the future means that the clock was set back since.
        const age = Math.abs(now - (statFile(path)?.modified ?? now));
        if (age <= (hasExited === false ? ttlMs * LIVE_WRITER_TTL_FACTOR : ttlMs)) continue;
      }
      abandoned.push(path);
    }
    return removeFiles(abandoned);
  }

  /** Returns the current time by the file system's clock, epoch milliseconds. */
  #getFileSystemTime(): number {
    const probe = this.stage('');
    const now = statFile(getStagedPath(this.root, probe.name))?.modified ?? 0;
    this.discard(probe);
    return now;
  }

  /** Returns number and bytes of all files: named, orphaned and staged. For a page in steps of a folder each. O(files). */
  getUsage(): FileUsage {
    const stage = getStageFolder(this.root);
    const usages = [
      ...this.listBuckets().map((bucket) =>
        measureOnce(this, join(this.root, bucket), () => this.#measureBucket(bucket)),
      ),
      measureOnce(this, stage, () =>
        toUsage(listNamesIn(stage, '').map((name) => getBytes(getStagedPath(this.root, name)))),
      ),
    ];
    return {
      files: usages.reduce((total, { files }) => total + files, 0),
      bytes: usages.reduce((total, { bytes }) => total + bytes, 0),
    };
  }

  #measureBucket(bucket: string): FileUsage {
    return toUsage(this.listNames(bucket).map((name) => getBytes(this.getPath(name))));
  }

  /** Moves a staged file. Returns false if the file or the target folder doesn't exist. */
  #move(name: string, path: string): boolean {
    try {
      renameSync(getStagedPath(this.root, name), path);
      return true;
    } catch (error) {
      if (getErrorCode(error) === 'ENOENT') return false;
      throw toValueFileError(error, path);
    }
  }

  /** Refuses a link, which would lead out of the directory. Checked once per folder. @throws {DiskCacheError} `NOT_ALLOWED` */
  #assertPlain(folder: string): void {
    if (this.#plainFolders.has(folder)) return;
    assertPlainFolder(join(this.root, folder));
    this.#plainFolders.add(folder);
  }

  #isPlain(folder: string): boolean {
    try {
      this.#assertPlain(folder);
      return true;
    } catch (error) {
      if (error instanceof DiskCacheError && error.code === 'NOT_ALLOWED') return false;
      throw error;
    }
  }

  #makeFolder(folder: string): void {
    try {
      makeFolders(folder, (made) => {
        if (this.#powerSafe) syncFolder(dirname(made));
      });
    } catch (error) {
      throw toValueFileError(error, folder);
    }
  }
}

const getBytes = (path: string): number | undefined => statFile(path)?.bytes;

const CONTENT_DIFFERS = 'holds other bytes than were written';

const listNamesIn = (folder: string, bucket: string): readonly string[] =>
  listFiles(folder).flatMap((file) => parseFileName(file, bucket) ?? []);

/** Removes files. Returns number and bytes of those that the system let go. */
const removeFiles = (paths: readonly string[]): FileUsage =>
  toUsage(
    paths.map((path) => {
      const bytes = getBytes(path);
      return removeFile(path) ? bytes : undefined;
    }),
  );

function toUsage(sizes: readonly (number | undefined)[]): FileUsage {
  const known = sizes.filter((size) => size !== undefined);
  return { files: known.length, bytes: known.reduce((total, size) => total + size, 0) };
}
