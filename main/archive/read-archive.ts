import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { DiskCacheError } from '../engine/index.ts';
import { toFileError } from '../engine/internal.ts';
import {
  CONTENTS_FILE,
  createArchiveError,
  getEntryName,
  MAX_CONTENTS_BYTES,
  parseContents,
} from './archive-format.ts';
import { readLines } from './lines.ts';

/** A store in an archive. Its lines have to be read to their end before the next one. */
export interface ArchivedStore {
  readonly folder: string;
  readonly lines: AsyncIterable<string>;
}

/** What a tar says between the contents of two entries takes less; more is a name or an attribute that would fill the memory. */
const MAX_BYTES_BETWEEN_ENTRIES = 2 * 2 ** 20;
const READ_BYTES = 256 * 1024;

/**
 * Reads the stores of an archive, which may come from anywhere, in the order of its contents.
 *
 * @param onBytes Is told how many bytes of the file were read; throws to stop.
 * @throws {DiskCacheError} (as a rejection) `CORRUPT` for anything but what `exportArchive` writes, `UNSUPPORTED_VERSION`, `IO`
 */
export async function* readArchive(
  path: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<ArchivedStore, void> {
  let between = 0;
  async function* readFile(): AsyncGenerator<Uint8Array, void> {
    let bytes = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
      bytes += (chunk as Uint8Array).length;
      onBytes(bytes);
      between += (chunk as Uint8Array).length;
      if (between > MAX_BYTES_BETWEEN_ENTRIES) throw createArchiveError('an entry has too long a name');
      yield chunk as Uint8Array;
    }
  }
  async function* readContent(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of content) {
      between = 0;
      yield chunk;
    }
  }
  const tar = extract();
  const file = Readable.from(readFile(), { objectMode: false });
  file.on('error', (error) => tar.destroy(error));
  file.pipe(tar as unknown as NodeJS.WritableStream);
  let folders: readonly string[] | undefined;
  let next = 0;
  try {
    for await (const entry of tar) {
      between = 0;
      const content = readContent(entry as unknown as AsyncIterable<Buffer>);
      if (folders === undefined) {
        assertEntry(entry.header, CONTENTS_FILE);
        folders = parseContents(await readText(entry.header, content)).folders;
        continue;
      }
      const folder = folders[next++];
      if (folder === undefined) throw createArchiveError('it has more entries than stores');
      assertEntry(entry.header, getEntryName(folder));
      yield { folder, lines: readLines(content) };
    }
  } catch (error) {
    throw toArchiveError(error, path);
  } finally {
    file.destroy();
    tar.destroy();
  }
  if (folders === undefined) throw createArchiveError('it is empty');
  if (next < folders.length) throw createArchiveError('the file ends before its last store');
}

/** Returns whether a file begins as an archive does. @throws {DiskCacheError} (as a rejection) `IO` */
export async function isArchive(path: string): Promise<boolean> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(CONTENTS_FILE.length + 1),
      0,
      CONTENTS_FILE.length + 1,
      0,
    );
    return buffer.toString('latin1', 0, bytesRead) === `${CONTENTS_FILE}\0`;
  } catch (error) {
    throw toFileError(error, path);
  }
}

function assertEntry({ name, type }: Header, expected: string): void {
  if (type !== 'file' || name !== expected)
    throw createArchiveError(`it has ${JSON.stringify(name).slice(0, 80)} where the file ${expected} has to be`);
}

async function readText({ size }: Header, content: AsyncIterable<Buffer>): Promise<string> {
  if (size > MAX_CONTENTS_BYTES) throw createArchiveError(`${CONTENTS_FILE} has more than ${MAX_CONTENTS_BYTES} bytes`);
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What the tar reader throws has no code. */
function toArchiveError(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError || !(error instanceof Error) || error.name === 'AbortError') return error;
  return 'code' in error ? toFileError(error, path) : createArchiveError(error.message);
}
