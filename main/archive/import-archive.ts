import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DiskCacheError, type ImportLinesOptions, type ImportLinesResult } from '../engine/index.ts';
import {
  assertFunction,
  assertOptions,
  assertSignal,
  checkExport,
  makeDurableFolder,
  readExportHeader,
  syncIfPossible,
  toFileError,
} from '../engine/internal.ts';
import { createStore } from './create-store.ts';
import type { ArchiveProgress } from './export-archive.ts';
import { type ArchivedStore, readArchive } from './read-archive.ts';

export interface ImportArchiveOptions {
  /** Ends the import: the promise rejects with the signal's reason, and nothing is left behind. */
  readonly signal?: AbortSignal;
  /** Called while the file is read, which is done twice. */
  readonly onProgress?: (progress: ArchiveProgress) => void;
}

const OPTIONS: ReadonlySet<string> = new Set(['signal', 'onProgress'] satisfies (keyof ImportArchiveOptions)[]);

/** What was imported of a store. */
export interface ImportedStore extends ImportLinesResult {
  /** Its folder in the new directory, with `/` between names; `''` for the directory itself. */
  readonly folder: string;
}

export interface ImportArchiveResult {
  readonly directory: string;
  readonly stores: readonly ImportedStore[];
}

/**
 * Makes a new directory of an archive, which may come from anywhere: first the whole file is checked, then the stores are filled beside the
 * directory, which appears when all are complete. O(bytes + n log n).
 *
 * @throws {DiskCacheError} (as a rejection) `BAD_OPTION` for a directory that exists; `CORRUPT`, `UNSUPPORTED_VERSION`; what writing throws.
 */
export async function importArchive(
  file: string,
  directory: string,
  options?: ImportArchiveOptions,
): Promise<ImportArchiveResult> {
  const { signal, onProgress } = assertOptions(options, OPTIONS);
  assertSignal(signal);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  const [path, target] = [resolve(file), resolve(directory)];
  assertNew(target);
  const size = await getSize(path);
  const report = (before: number) => (bytes: number) => {
    onProgress?.({ done: before + bytes, total: Math.max(2 * size, before + bytes), unit: 'bytes' });
    signal?.throwIfAborted();
  };
  for await (const { lines } of readArchive(path, report(0))) await checkExport(lines, signal);
  const unfinished = `${target}.incomplete-${randomUUID()}`;
  try {
    makeDurableFolder(unfinished);
    const stores: ImportedStore[] = [];
    for await (const store of readArchive(path, report(size))) stores.push(await importOne(store, unfinished, signal));
    assertNew(target);
    await rename(unfinished, target);
    syncIfPossible(dirname(target));
    return { directory: target, stores };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw toFileError(error, target);
  }
}

function assertNew(target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) === undefined) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${target} exists, and an archive becomes a directory of its own; give the path of a new one`,
  );
}

async function getSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw toFileError(error, path);
  }
}

async function importOne(
  { folder, lines }: ArchivedStore,
  root: string,
  signal: AbortSignal | undefined,
): Promise<ImportedStore> {
  const iterator = lines[Symbol.asyncIterator]();
  const first: unknown = (await iterator.next()).value;
  const firstLine = typeof first === 'string' ? first : '';
  const directory = join(root, ...folder.split('/'));
  const store = createStore(directory, await readExportHeader([firstLine]));
  try {
    const options: ImportLinesOptions = { ...(signal !== undefined && { signal }) };
    return { folder, ...(await store.import(startWith(firstLine, iterator), options)) };
  } finally {
    store.close();
  }
}

/** Puts back a line that was read. */
export async function* startWith(first: string, rest: AsyncIterator<string>): AsyncGenerator<string, void> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
