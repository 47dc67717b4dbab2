import { setImmediate as nextTurn } from 'node:timers/promises';
import { DiskCacheError, type FanoutCache, type Key } from '../engine/index.ts';
import { assertFlag, assertFunction, assertOptions, assertSignal, encodeKey } from '../engine/internal.ts';
import { createWriter, type ImportTarget, type ItemWriter } from './import-targets.ts';
import { UnreadableError } from './pickle/byte-reader.ts';
import {
  listDatabases,
  listNamedStores,
  openPythonDatabase,
  type PythonDatabase,
  type PythonNamedStore,
  type PythonStoreKind,
} from './python-directory.ts';
import {
  detectDisk,
  type PythonDisk,
  parseExpiresAt,
  parseKey,
  parseTag,
  parseValue,
  toPlainColumn,
} from './stored-items.ts';

/** The progress of an import: `done` of `total` items, and the key of the last one. */
export interface ImportProgress {
  readonly done: number;
  readonly total: number;
  readonly key: unknown;
}

/** Options of `importDiskCache`. */
export interface ImportDiskCacheOptions {
  /** Called after each slice of at most 256 items has been committed. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Stops between two slices: the promise rejects with the signal's reason. What was imported stays; importing again adds the rest. */
  readonly signal?: AbortSignal;
  /** Replaces items that the store has under the same key. Default false: they stay. Not for a deque. */
  readonly overwrite?: boolean;
  /** The `Disk` that Python used: `'pickle'`, its default, or `'json'` (`JSONDisk`). Default: detected by the keys. */
  readonly disk?: PythonDisk;
  /** Returns the current time in epoch milliseconds; items that have expired by it are left out. Default `Date.now`. */
  readonly clock?: () => number;
}

/** An item that was not imported, and why. */
export interface SkippedItem {
  /** Its key. If the key can't be read: its bytes as stored, or null for NaN. */
  readonly key: unknown;
  readonly reason: string;
}

/** What an import has done with each item. */
export interface ImportResult {
  /** Items that were stored. */
  readonly imported: number;
  /** Items that were not stored because the store already has their key. */
  readonly existing: number;
  /** Items that were left out because they have expired. */
  readonly expired: number;
  /** Items that can't be read, or that the store refuses. */
  readonly skipped: readonly SkippedItem[];
  /** The named stores inside Python's FanoutCache. If the target is a FanoutCache, each was imported into its store of the same kind and name. */
  readonly named: readonly NamedImport[];
}

/** A named store inside Python's FanoutCache. */
export interface NamedImport {
  readonly kind: PythonStoreKind;
  readonly name: string;
  readonly directory: string;
  /** The result of its import; undefined if it was not imported. To import it, pass `directory` and a store of its kind. */
  readonly result?: Omit<ImportResult, 'named'>;
}

const OPTIONS: ReadonlySet<string> = new Set([
  'onProgress',
  'signal',
  'overwrite',
  'disk',
  'clock',
] satisfies (keyof ImportDiskCacheOptions)[]);

/** How long a slice may block the thread. */
const SLICE_MS = 8;
const MAX_SLICE_ITEMS = 256;

/**
 * Imports a directory of Python DiskCache 5 (Cache, FanoutCache, Index or Deque, with Disk or JSONDisk) into an open store. Keeps tags, expiry
 * times and order. Pickles are read as data, without running code, and only if they consist of plain values. The directory is only read, and can
 * be imported again: the store's items stay. Works in slices of about 8 ms, each a transaction; the thread does other work between them.
 * O(n log n + bytes).
 *
 * @throws {DiskCacheError} (as a rejection) `BAD_OPTION` if the directory was not written by Python DiskCache, or the store is not an open one;
 * `BUSY` while a program writes to the directory; `CORRUPT` for a damaged database; what writing to the store throws. Also rejects with the
 * reason of the signal.
 */
export async function importDiskCache(
  directory: string,
  store: ImportTarget,
  options: ImportDiskCacheOptions = {},
): Promise<ImportResult> {
  const { overwrite = false, clock = Date.now } = parseOptions(options);
  if (typeof directory !== 'string' || directory === '')
    throw new DiskCacheError('BAD_OPTION', 'importDiskCache needs the directory that Python DiskCache was opened with');
  const databases = await listDatabases(directory);
  const named = databases[0] === directory ? [] : await listNamedStores(directory);
  const main = createJob(databases, store, overwrite);
  const jobs = named.map((it) => {
    const target = getNamedStore(store, it);
    // Values of a deque have no keys, so `overwrite` can't apply to it.
    return { ...it, job: target && createJob([it.directory], target, overwrite && it.kind !== 'deque') };
  });

  function createJob(directories: readonly string[], target: ImportTarget, replaces: boolean): ImportJob {
    return { directories, run: new ImportRun(createWriter(target, { overwrite: replaces }), clock) };
  }

  await runAll([main, ...jobs.flatMap(({ job }) => job ?? [])], options);
  return {
    ...main.run.getCounts(),
    named: jobs.map(({ job, ...it }) => (job === undefined ? it : { ...it, result: job.run.getCounts() })),
  };
}

/** The databases that go into one store. */
interface ImportJob {
  readonly directories: readonly string[];
  readonly run: ImportRun;
}

async function runAll(
  jobs: readonly ImportJob[],
  { onProgress, signal, disk }: Partial<ImportDiskCacheOptions>,
): Promise<void> {
  const opened: { run: ImportRun; database: PythonDatabase; close: () => void }[] = [];
  try {
    for (const { directories, run } of jobs) {
      for (const path of directories) opened.push({ run, ...(await openPythonDatabase(path)) });
    }
    const parts = opened.map((it) => ({ ...it, ids: it.database.listIds(it.run.order) }));
    const total = parts.reduce((sum, { ids }) => sum + ids.length, 0);
    let done = 0;
    for (const { run, database, ids } of parts) {
      const usedDisk = disk ?? detectDisk(database);
      for (let at = 0; at < ids.length; ) {
        signal?.throwIfAborted();
        const count = run.importSlice(database, ids.slice(at, at + MAX_SLICE_ITEMS), usedDisk);
        at += count;
        done += count;
        onProgress?.({ done, total, key: run.lastKey });
        await nextTurn();
      }
    }
  } finally {
    for (const { close } of opened) close();
  }
}

/** Returns the store of the same kind and name, if the target is a FanoutCache. */
function getNamedStore(store: ImportTarget, { kind, name }: PythonNamedStore): ImportTarget | undefined {
  const fanout = store as FanoutCache;
  if (typeof fanout.cache !== 'function' || typeof fanout.deque !== 'function') return undefined;
  if (kind === 'cache') return fanout.cache(name);
  return kind === 'deque' ? fanout.deque(name) : fanout.index(name);
}

function parseOptions(options: ImportDiskCacheOptions): Partial<ImportDiskCacheOptions> {
  const { onProgress, signal, overwrite, disk, clock } = assertOptions(options, OPTIONS);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  if (clock !== undefined) assertFunction(clock, 'clock');
  if (overwrite !== undefined) assertFlag(overwrite, 'overwrite');
  assertSignal(signal);
  if (disk === undefined || disk === 'pickle' || disk === 'json') return options;
  throw new DiskCacheError('BAD_OPTION', `disk is ${JSON.stringify(disk)}; it has to be 'pickle' or 'json'`);
}

/** The import into one store: writes its items and counts them. */
class ImportRun {
  readonly #writer: ItemWriter;
  readonly #clock: () => number;
  /** The keys imported so far, except strings and bytes: two keys that differ in Python, such as 1 and 1.0, may be equal here. */
  readonly #seen = new Set<string>();
  readonly #skipped: SkippedItem[] = [];
  #imported = 0;
  #existing = 0;
  #expired = 0;
  lastKey: unknown;

  constructor(writer: ItemWriter, clock: () => number) {
    this.#writer = writer;
    this.#clock = clock;
  }

  get order(): ItemWriter['order'] {
    return this.#writer.order;
  }

  getCounts(): Omit<ImportResult, 'named'> {
    return { imported: this.#imported, existing: this.#existing, expired: this.#expired, skipped: this.#skipped };
  }

  /** Imports rows in one transaction until the time of a slice is over. Returns their number. */
  importSlice(database: PythonDatabase, ids: readonly bigint[], disk: PythonDisk): number {
    const outcomes: (() => void)[] = [];
    const until = performance.now() + SLICE_MS;
    this.#writer.transact(() => {
      for (const id of ids) {
        outcomes.push(this.#importRow(database, id, disk));
        if (performance.now() >= until) break;
      }
    });
    // Counted after the commit, which may fail.
    for (const count of outcomes) count();
    return outcomes.length;
  }

  /** Writes a row. Returns a function that counts it, to be called after the commit. */
  #importRow(database: PythonDatabase, id: bigint, disk: PythonDisk): () => void {
    const row = database.readRow(id);
    let key: unknown = toPlainColumn(row[0]);
    try {
      key = parseKey(row, disk);
      this.lastKey = key;
      const expiresAt = parseExpiresAt(row);
      if (expiresAt !== undefined && !(expiresAt > this.#clock())) return () => void this.#expired++;
      this.#assertUnseen(key);
      const tag = parseTag(row);
      const outcome = this.#writer.write({ key, expiresAt, tag, readValue: () => parseValue(database, row, disk) });
      return outcome === 'imported' ? () => void this.#imported++ : () => void this.#existing++;
    } catch (error) {
      const skipped = { key, reason: toReason(error) };
      return () => void this.#skipped.push(skipped);
    }
  }

  #assertUnseen(key: unknown): void {
    if (typeof key === 'string' || key instanceof Uint8Array) return;
    const column = encodeKey(key as Key);
    const id = typeof column === 'object' ? Buffer.from(column).toString('base64') : String(column);
    if (this.#seen.has(id)) {
      throw new UnreadableError(
        'another key of the same directory is equal here, such as 1 and 1.0, or a tuple and a list',
      );
    }
    this.#seen.add(id);
  }
}

/** The codes by which a store refuses a single item. All others are about the store itself. */
const REFUSALS: ReadonlySet<string> = new Set(['BAD_KEY', 'BAD_VALUE', 'TOO_LARGE']);

/** Returns why an item is skipped. @throws any error that isn't about the item. */
function toReason(error: unknown): string {
  if (error instanceof UnreadableError) return error.message;
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === 'string' && REFUSALS.has(code)) return String(message);
  throw error;
}
