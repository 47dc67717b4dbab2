import { DiskCacheError } from '../../../protocol/error.ts';
import { checkOf } from './check.ts';
import type { Expected, FileStore, Staged } from './file-store.ts';
import { OpenFile } from './open-file.ts';
import { damaged, expectSize, removeFile } from './whole-file.ts';

/** How much of a file is read at once, bytes: a read costs a turn of the loop, so that of 64 KiB half the time is waiting. */
const CHUNK_BYTES = 256 * 1024;

/** A staged file with what its row has to say about it. */
export interface Streamed extends Staged, Expected {}

export interface StreamLimits {
  /** The mode the row will have; the check starts from it. */
  readonly mode: number;
  /** A stream that brings more bytes than this is refused. */
  readonly mostBytes: number;
  readonly durability: 'process' | 'power';
}

/**
 * Writes a stream into a staged file, chunk by chunk; memory holds one chunk. When the source fails, or the disk, nothing is left.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a chunk that is no `Uint8Array`, `TOO_LARGE`, `DISK_FULL`, …; what the source throws
 * passes through as it is.
 */
export async function streamIn(
  store: FileStore,
  chunks: AsyncIterable<Uint8Array>,
  { mode, mostBytes, durability }: StreamLimits,
): Promise<Streamed> {
  const { name, path } = store.newStaged();
  const file = await OpenFile.create(path);
  let bytes = 0;
  let check = mode;
  try {
    for await (const chunk of chunks) {
      if (!(chunk instanceof Uint8Array)) {
        throw new DiskCacheError(
          'BAD_VALUE',
          `chunk at byte ${bytes} of the stream is not a Uint8Array; encode text first`,
        );
      }
      bytes += chunk.length;
      if (bytes > mostBytes) {
        throw new DiskCacheError(
          'TOO_LARGE',
          `The stream brings more than ${mostBytes} bytes; raise sizeLimit or store less`,
        );
      }
      check = checkOf(check, chunk);
      await file.append(chunk);
    }
    if (durability === 'power') await file.sync();
    await file.close();
    return { name, mode, bytes, check };
  } catch (error) {
    await file.close().catch(() => undefined); // the first failure is the one to report
    removeFile(path);
    throw error;
  }
}

/** Bytes from `start` up to, and without, `end`, which may lie behind the end of the file. */
export interface FilePart {
  readonly start: number;
  readonly end: number;
}

const WHOLE: FilePart = { start: 0, end: Number.POSITIVE_INFINITY };

/**
 * The bytes of a file in chunks of their own memory. The check is known only at the end: a damaged file throws instead of
 * ending, so whoever needs all of it or nothing must wait for the end. Of a part only the length of the file is checked.
 * Leaving the loop early closes the file, and so does forgetting it.
 *
 * @throws {DiskCacheError} `CORRUPT` naming the path.
 */
export async function* streamOut(
  store: FileStore,
  name: string,
  expected: Expected,
  { start, end }: FilePart = WHOLE,
): AsyncGenerator<Uint8Array, void> {
  const path = store.readablePath(name);
  const file = await OpenFile.toRead(path);
  try {
    expectSize(path, await file.size(), expected.bytes);
    const last = Math.min(end, expected.bytes);
    const whole = start === 0 && last === expected.bytes;
    let check = expected.mode;
    for (let at = start; at < last; ) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, last - at));
      const bytesRead = await file.read(chunk, at);
      if (bytesRead === 0) throw damaged(path, `holds ${at} bytes instead of ${expected.bytes}`);
      const part = bytesRead === chunk.length ? chunk : chunk.slice(0, bytesRead);
      at += bytesRead;
      if (whole) check = checkOf(check, part);
      if (whole && at === last && check !== expected.check) throw damaged(path, 'holds other bytes than were written');
      yield part;
    }
  } finally {
    await file.close().catch(() => undefined); // of a file that was only read it has nothing to tell
  }
}
