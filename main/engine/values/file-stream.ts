import { close, constants, fstat, fsync, open, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { isUint8Array } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import { toValueFileError } from '../sqlite/errors.ts';
import { isTemporary } from '../temporary-directory.ts';
import { checksum } from './encoding.ts';
import { assertFileSize, damagedFileError, MAX_IO_BYTES, NO_FOLLOW, removeFile, toOpenError } from './file-io.ts';
import type { ExpectedFile, FileStore, StagedFile } from './file-store.ts';

const fsAsync = {
  close: promisify(close),
  fstat: promisify(fstat),
  fsync: promisify(fsync),
  open: promisify(open),
  read: promisify(read),
  write: promisify(write),
};

/** Closes the descriptors of files that were garbage-collected while open. */
const leakedDescriptors = new FinalizationRegistry<number>((descriptor) => close(descriptor, () => {}));

/** Keeps files with an operation in progress alive: a descriptor closed during an operation could be reused for another file. */
const busyFiles = new Set<OpenFile>();

/**
 * A file that is read or written in steps. A Node `FileHandle` that is garbage-collected while open ends the process (Node 25), and any
 * stream that a caller forgets would cause that; this class closes its descriptor instead.
 */
class OpenFile {
  readonly #path: string;
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    leakedDescriptors.register(this, descriptor, this);
  }

  /** @throws {DiskCacheError} `CORRUPT` if the file is missing or a link, else the result of `toValueFileError`. */
  static async openForReading(path: string): Promise<OpenFile> {
    return OpenFile.#open(path, constants.O_RDONLY);
  }

  /** @throws {DiskCacheError} also if the file exists already. */
  static async create(path: string): Promise<OpenFile> {
    return OpenFile.#open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  }

  static async #open(path: string, flags: number): Promise<OpenFile> {
    try {
      return new OpenFile(path, await fsAsync.open(path, flags | NO_FOLLOW, 0o600));
    } catch (error) {
      throw flags === constants.O_RDONLY ? toOpenError(error, path) : toValueFileError(error, path);
    }
  }

  /** Returns the size in bytes. @throws {DiskCacheError} `CORRUPT` for a pipe or a device in its place. */
  async getSize(): Promise<number> {
    const stats = await this.#run(fsAsync.fstat(this.#descriptor));
    if (!stats.isFile()) throw damagedFileError(this.#path, 'is not a regular file');
    return stats.size;
  }

  /** Reads into `chunk` from an offset. Returns the number of bytes read, 0 at the end of the file. */
  async read(chunk: Uint8Array, offset: number): Promise<number> {
    return (await this.#run(fsAsync.read(this.#descriptor, chunk, 0, chunk.length, offset))).bytesRead;
  }

  /** Writes the whole chunk at the end. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      at += (await this.#run(fsAsync.write(this.#descriptor, chunk, at, Math.min(MAX_IO_BYTES, chunk.length - at))))
        .bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#run(fsAsync.fsync(this.#descriptor));
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    leakedDescriptors.unregister(this);
    await this.#run(fsAsync.close(this.#descriptor));
  }

  async #run<T>(step: Promise<T>): Promise<T> {
    busyFiles.add(this);
    try {
      return await step;
    } catch (error) {
      throw toValueFileError(error, this.#path);
    } finally {
      busyFiles.delete(this);
    }
  }
}

/** Bytes per read. Each read costs a turn of the event loop: at 64 KiB half the time would be waiting. */
const CHUNK_BYTES = 256 * 1024;

/** A staged file with the facts for its row. */
export interface StreamedFile extends StagedFile, ExpectedFile {}

export interface StreamLimits {
  /** The mode of the row; the checksum starts from it. */
  readonly mode: number;
  /** Longer streams are refused. */
  readonly maxBytes: number;
  readonly durability: 'process' | 'power';
}

/**
 * Writes a stream into a staged file; memory holds one chunk at a time. If the source or the disk fails, no file is left.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a chunk that is not a `Uint8Array`, `TOO_LARGE`, `DISK_FULL` and other disk errors; errors
 * of the source pass through unchanged.
 */
export async function writeStreamToFile(
  store: FileStore,
  chunks: AsyncIterable<Uint8Array>,
  { mode, maxBytes, durability }: StreamLimits,
): Promise<StreamedFile> {
  const { name, path } = store.createStagedPath();
  const file = await OpenFile.create(path);
  let bytes = 0;
  let crc = mode;
  try {
    for await (const chunk of chunks) {
      if (!isUint8Array(chunk)) {
        throw new DiskCacheError(
          'BAD_VALUE',
          `chunk at byte ${bytes} of the stream is not a Uint8Array; encode text first`,
        );
      }
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new DiskCacheError(
          'TOO_LARGE',
          `The stream has more than ${maxBytes} bytes; raise sizeLimit or store less`,
        );
      }
      crc = checksum(crc, chunk);
      await file.append(chunk);
    }
    if (durability === 'power' && !isTemporary(path)) await file.sync();
    await file.close();
    return { name, mode, bytes, crc };
  } catch (error) {
    await file.close().catch(() => undefined); // the first error is the one to report
    removeFile(path);
    throw error;
  }
}

/** The bytes from `start` (inclusive) to `end` (exclusive), which may lie beyond the end of the file. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

const WHOLE_FILE: FileRange = { start: 0, end: Number.POSITIVE_INFINITY };

/**
 * Yields the bytes of a file in chunks, each with memory of its own. The checksum is complete only at the end: a damaged file throws
 * instead of ending, so a caller that needs all or nothing must wait for the end. For a part of a file only the file's size is
 * checked. The file is closed when the loop is left early, and when the generator is garbage-collected.
 *
 * @throws {DiskCacheError} `CORRUPT` with the path, `NOT_ALLOWED`, `IO`.
 */
export async function* readFileAsStream(
  store: FileStore,
  name: string,
  expected: ExpectedFile,
  { start, end }: FileRange = WHOLE_FILE,
): AsyncGenerator<Uint8Array, void> {
  const path = store.getReadablePath(name);
  const file = await OpenFile.openForReading(path);
  try {
    assertFileSize(path, await file.getSize(), expected.bytes);
    const last = Math.min(end, expected.bytes);
    const whole = start === 0 && last === expected.bytes;
    let crc = expected.mode;
    for (let at = start; at < last; ) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, last - at));
      const bytesRead = await file.read(chunk, at);
      if (bytesRead === 0) throw damagedFileError(path, `holds ${at} bytes instead of ${expected.bytes}`);
      const part = bytesRead === chunk.length ? chunk : chunk.slice(0, bytesRead);
      at += bytesRead;
      if (whole) crc = checksum(crc, part);
      if (whole && at === last && crc !== expected.crc)
        throw damagedFileError(path, 'holds other bytes than were written');
      yield part;
    }
  } finally {
    await file.close().catch(() => undefined); // the file was only read: an error on close means nothing
  }
}
