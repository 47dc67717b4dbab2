import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { DiskCacheError, type ExportOptions } from '../engine/index.ts';
import {
  assertFunction,
  assertOptions,
  assertSignal,
  syncFile,
  syncIfPossible,
  toFileError,
} from '../engine/internal.ts';
import { exportQueueIndex } from '../queue/export-jobs.ts';
import { CONTENTS_FILE, formatContents, getEntryName } from './archive-format.ts';
import { isStore, listStores, openStore } from './open-store.ts';

/** How far an export or import of an archive has come. */
export interface ArchiveProgress {
  readonly done: number;
  readonly total: number;
  /** Stores that are written, or bytes of the archive, which an import reads twice. */
  readonly unit: 'stores' | 'bytes';
}

export interface ExportArchiveOptions {
  /** The key of sealed stores: 32 bytes. */
  readonly encryptionKey?: Uint8Array;
  /** Ends the export: the promise rejects with the signal's reason, and no file is left. */
  readonly signal?: AbortSignal;
  /** Called after each store. */
  readonly onProgress?: (progress: ArchiveProgress) => void;
}

const OPTIONS: ReadonlySet<string> = new Set([
  'encryptionKey',
  'signal',
  'onProgress',
] satisfies (keyof ExportArchiveOptions)[]);

export interface ExportArchiveResult {
  readonly file: string;
  /** The folders of the stores in it, with `/` between names; `''` for the directory itself. */
  readonly folders: readonly string[];
}

/**
 * Writes the store in a directory, or all stores and queues of a host's directory, to one file, which appears when it is whole. Stores are
 * opened for reading, one after the other; each is exported as `Cache.export` does it, so other programs may go on with them. Memory is
 * that of an export; beside the file it needs as much space as the export of the largest store. O(bytes).
 *
 * @throws {DiskCacheError} (as a rejection) `BAD_OPTION` for a file that exists, `NO_SUCH_STORE`, `BUSY` for a store that is exclusive and
 * open in a running application; what exporting throws.
 */
export async function exportArchive(
  directory: string,
  file: string,
  options?: ExportArchiveOptions,
): Promise<ExportArchiveResult> {
  const { encryptionKey, signal, onProgress } = assertOptions(options, OPTIONS);
  assertSignal(signal);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  const path = resolve(file);
  if (existsSync(path)) throw new DiskCacheError('BAD_OPTION', `${path} exists; give the path of a new file`);
  const folders = listFolders(directory);
  const [unfinished, lines] = [`${path}.unfinished`, `${path}.unfinished-lines`];
  const archive = pack();
  const writing = pipeline(archive as unknown as AsyncIterable<Uint8Array>, createWriteStream(unfinished));
  // Handled below.
  writing.catch(() => {});
  try {
    await addEntry(archive, CONTENTS_FILE, formatContents({ exportedAt: Date.now(), folders }));
    for (const [done, folder] of folders.entries()) {
      onProgress?.({ done, total: folders.length, unit: 'stores' });
      await writeLines(join(directory, folder), lines, encryptionKey, signal);
      await addFile(archive, getEntryName(folder), lines);
    }
    archive.finalize();
    await writing;
    syncFile(unfinished);
    await rename(unfinished, path);
    syncIfPossible(dirname(path));
    onProgress?.({ done: folders.length, total: folders.length, unit: 'stores' });
    return { file: path, folders };
  } catch (error) {
    archive.destroy(error as Error);
    // Of a file that can't be written, the entry only tells that it was stopped.
    const cause: unknown = await writing.then(
      () => error,
      (failure) => failure,
    );
    await rm(unfinished, { force: true });
    throw toFileError(cause, path);
  } finally {
    await rm(lines, { force: true });
  }
}

function listFolders(directory: string): readonly string[] {
  if (isStore(directory)) return [''];
  const folders = existsSync(directory) ? listStores(directory).map((folder) => folder.split(sep).join('/')) : [];
  if (folders.length > 0) return folders;
  throw new DiskCacheError('NO_SUCH_STORE', `${directory} holds no store; give the directory of a store or of a host`);
}

/** A tar has the size of an entry before it, so an export goes to a file of its own first. */
async function writeLines(
  directory: string,
  path: string,
  encryptionKey: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { kind, store } = openStore(directory, { ...(encryptionKey !== undefined && { encryptionKey }) });
  try {
    const options: ExportOptions = { ...(signal !== undefined && { signal }) };
    const lines = kind === 'queue' ? exportQueueIndex(store, options) : store.export(options);
    await pipeline(withLineFeeds(lines), createWriteStream(path));
  } finally {
    store.close();
  }
}

async function* withLineFeeds(lines: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of lines) yield `${line}\n`;
}

const addEntry = (archive: Pack, name: string, text: string): Promise<void> =>
  new Promise((done, fail) => archive.entry({ name }, text, (error) => (error ? fail(error) : done())));

async function addFile(archive: Pack, name: string, path: string): Promise<void> {
  const { size } = await stat(path);
  await pipeline(createReadStream(path), archive.entry({ name, size }) as unknown as Writable);
}
