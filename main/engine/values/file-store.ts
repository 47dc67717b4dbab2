import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { valueFailure } from '../sqlite/failure.ts';
import { assertPlainFolder } from '../sqlite/store-directory.ts';
import { checkOf } from './check.ts';
import { isBucket, isWriterGone, nameOf, newName, placedPath, rootOf, stagedPath, stageOf } from './file-layout.ts';
import {
  codeOf,
  damaged,
  factsOf,
  filesIn,
  foldersIn,
  makeFolders,
  readInPieces,
  readWhole,
  removeEmptyFolder,
  removeFile,
  syncFolder,
  writeWhole,
} from './whole-file.ts';

/** A file that is whole and belongs to nobody yet: `place` it or `discard` it. */
export interface Staged {
  readonly name: string;
  readonly bytes: number;
}

/** What the row says about its file. */
export interface Expected {
  readonly mode: number;
  readonly bytes: number;
  readonly check: number;
}

export interface Volume {
  readonly files: number;
  readonly bytes: number;
}

/** Milliseconds; no file system in use counts in longer ticks, save FAT with two seconds. */
const TICK = 2000;
/** So many verified files are remembered. */
const MOST_VERIFIED = 8192;

/**
 * A staged file that nobody has written to for this long belongs to a writer that is gone. Milliseconds. A day where its process is
 * known to live; one that is known to have ended is not waited for.
 */
export const STAGE_PATIENCE = 3_600_000;
const TIMES_LONGER_FOR_THE_LIVING = 24;

/**
 * Big values, one file each, shared by any number of processes. A file is written whole in the stage and moved into its
 * bucket by the transaction that names it.
 *
 * Invariant: files come into buckets, and leave them as orphans, only under the database's write lock. So a file in a bucket
 * that no row names, seen by whoever holds the lock, is an orphan: its writer crashed or rolled back. A staged file can be
 * taken from a live writer only after a day, and then `place` fails before a row names it: no item is ever lost.
 */
export class FileStore {
  readonly root: string;
  readonly #powerSafe: boolean;
  #hasStage = false;
  /** Folders that are known to be none but ours. */
  readonly #plain = new Set<string>();
  /** When the files whose check was right had been changed. */
  readonly #verified = new Map<string, number>();

  constructor(directory: string, durability: 'process' | 'power') {
    this.root = rootOf(directory);
    this.#powerSafe = durability === 'power';
  }

  /** The path of a file that a row names. @throws {DiskCacheError} `CORRUPT` for a name that `stage` can't have given. */
  path(name: string): string {
    return placedPath(this.root, name);
  }

  /** The path of a file that is about to be read. @throws {DiskCacheError} `CORRUPT` also where a link leads out of the directory. */
  readablePath(name: string): string {
    const path = this.path(name);
    if (this.#isPlain(dirname(path))) return path;
    throw damaged(path, 'is behind a link, which is not followed');
  }

  /** A new name and where its file is to be written, in a folder that exists. For `streamIn`; all others use `stage`. */
  newStaged(): { readonly name: string; readonly path: string } {
    if (!this.#hasStage) {
      this.#makeFolder(stageOf(this.root));
      this.#assertPlain(stageOf(this.root));
    }
    this.#hasStage = true;
    const name = newName();
    return { name, path: stagedPath(this.root, name) };
  }

  /**
   * Writes a file whole, and to the disk itself where durability is `'power'`. Needs no lock. A failure leaves nothing.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `NOT_ALLOWED`, `READ_ONLY`, `BUSY`, `IO`.
   */
  stage(data: string | Uint8Array): Staged {
    const { name, path } = this.newStaged();
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    try {
      writeWhole(path, bytes, this.#powerSafe);
    } catch (error) {
      removeFile(path);
      throw valueFailure(error, path);
    }
    return { name, bytes: bytes.length };
  }

  /**
   * Moves a staged file to where rows name it. Call it inside the write transaction that writes the row; if that rolls back,
   * `remove` the file.
   *
   * @throws {DiskCacheError} `TIMEOUT` when the file was staged so long ago that it was taken for abandoned.
   */
  place(staged: Staged): void {
    const path = this.path(staged.name);
    this.#assertPlain(dirname(path));
    if (!this.#move(staged.name, path)) {
      this.#makeFolder(dirname(path));
      if (!this.#move(staged.name, path)) {
        throw new DiskCacheError(
          'TIMEOUT',
          `${path} was prepared too long ago and has been cleared away; write it again`,
        );
      }
    }
    if (this.#powerSafe) syncFolder(dirname(path));
  }

  /** Gives up a staged file. */
  discard(staged: Staged): void {
    removeFile(stagedPath(this.root, staged.name));
  }

  /**
   * The bytes of a file, in memory of exactly their size that nobody else holds, verified against its row: the size always,
   * the check when this store reads the file for the first time since it was changed, or `afresh`. A check costs as much as
   * the reading.
   *
   * @throws {DiskCacheError} `CORRUPT` naming the path, for a file that is missing, shorter, longer or damaged. Another process
   * may have replaced the item since the row was read: read the row again before believing it.
   */
  read(name: string, expected: Expected, afresh = false): Uint8Array {
    const path = this.readablePath(name);
    const { bytes, changed } = readWhole(path, expected.bytes);
    if (!afresh && this.#verified.get(name) === changed) return bytes;
    if (checkOf(expected.mode, bytes) !== expected.check) throw damaged(path, OTHER_BYTES);
    this.#remember(name, changed);
    return bytes;
  }

  /** Compares a file with its row afresh; memory holds a piece of it. @throws as `read` */
  verify(name: string, { mode, bytes, check }: Expected): void {
    const path = this.path(name);
    let sum = mode;
    readInPieces(path, bytes, (piece) => {
      sum = checkOf(sum, piece);
    });
    if (sum !== check) throw damaged(path, OTHER_BYTES);
  }

  /** File systems count time in ticks: a file changed just now could change once more and look the same. */
  #remember(name: string, changed: number): void {
    if (performance.timeOrigin + performance.now() - changed < TICK) return;
    if (this.#verified.size >= MOST_VERIFIED) this.#verified.clear();
    this.#verified.set(name, changed);
  }

  /** The length of a file in bytes; undefined when it is missing. */
  bytesOf(name: string): number | undefined {
    return factsOf(this.path(name))?.bytes;
  }

  /**
   * Removes a file no row names any more: after the commit that dropped the last row, or the rollback of the one that placed
   * it. False where the system holds on to it (Windows, while it is read); it is then an orphan for `collect`.
   */
  remove(name: string): boolean {
    const path = this.path(name);
    // Behind a link there is nothing of ours.
    return !this.#isPlain(dirname(path)) || removeFile(path);
  }

  /** The buckets there are, at most 256. Work on one at a time and let the write lock go in between. */
  buckets(): readonly string[] {
    return foldersIn(this.root).filter(isBucket);
  }

  /** The names of all files in a bucket. */
  names(bucket: string): readonly string[] {
    return namesIn(join(this.root, bucket), bucket);
  }

  /** Removes the orphans of a bucket, and the bucket when nothing is left in it. Only under the write lock. O(files in it). */
  collect(bucket: string, isNamed: (name: string) => boolean): Volume {
    const orphans = this.names(bucket).filter((name) => !isNamed(name));
    const removed = removeFiles(orphans.map((name) => this.path(name)));
    removeEmptyFolder(join(this.root, bucket));
    return removed;
  }

  /** Removes staged files whose writers are gone. Needs no lock. Time is the file system's own, so no clock is asked. */
  sweepStage(patience = STAGE_PATIENCE): Volume {
    const abandoned: string[] = [];
    let now: number | undefined;
    for (const name of namesIn(stageOf(this.root), '')) {
      const isGone = isWriterGone(name);
      const path = stagedPath(this.root, name);
      if (isGone !== true) {
        now ??= this.#fileTime();
        // A time later than now is one from before the clock was set back.
        const age = Math.abs(now - (factsOf(path)?.modified ?? now));
        if (age <= (isGone === false ? patience * TIMES_LONGER_FOR_THE_LIVING : patience)) continue;
      }
      abandoned.push(path);
    }
    return removeFiles(abandoned);
  }

  /** Now, by the file system's clock. */
  #fileTime(): number {
    const probe = this.stage('');
    const now = factsOf(stagedPath(this.root, probe.name))?.modified ?? 0;
    this.discard(probe);
    return now;
  }

  /** Every file there is: named, orphaned and staged. O(files). */
  volume(): Volume {
    const placed = this.buckets().flatMap((bucket) => this.names(bucket).map((name) => this.path(name)));
    return sum([...placed, ...this.#staged()].map((path) => factsOf(path)?.bytes));
  }

  #staged(): readonly string[] {
    return namesIn(stageOf(this.root), '').map((name) => stagedPath(this.root, name));
  }

  /** False when the file or the folder to put it in isn't there. */
  #move(name: string, path: string): boolean {
    try {
      renameSync(stagedPath(this.root, name), path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw valueFailure(error, path);
    }
  }

  /** A link in the place of a folder would lead out of the directory. Looked at once: later on it is our own. */
  #assertPlain(folder: string): void {
    if (this.#plain.has(folder)) return;
    assertPlainFolder(folder);
    this.#plain.add(folder);
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
      throw valueFailure(error, folder);
    }
  }
}

const OTHER_BYTES = 'holds other bytes than were written';

const namesIn = (folder: string, bucket: string): readonly string[] =>
  filesIn(folder).flatMap((file) => nameOf(file, bucket) ?? []);

/** Removes what the system lets go of, and tells how much that was. */
const removeFiles = (paths: readonly string[]): Volume =>
  sum(
    paths.map((path) => {
      const bytes = factsOf(path)?.bytes;
      return removeFile(path) ? bytes : undefined;
    }),
  );

function sum(sizes: readonly (number | undefined)[]): Volume {
  const known = sizes.filter((size) => size !== undefined);
  return { files: known.length, bytes: known.reduce((total, size) => total + size, 0) };
}
