import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DiskCacheError } from '../../../protocol/error.ts';
import { check } from '../cache/check.ts';
import { findOwner } from '../cache/exclusive-owners.ts';
import { closeCore, openOpaque } from '../cache/open.ts';
import { runAndWarn } from '../diagnostics.ts';
import { removeReplaced } from '../space/delete-row.ts';
import { toFileError } from '../sqlite/errors.ts';
import { BALLAST_FILE, getDatabasePath, lstatIfExists, makeDurableFolder } from '../sqlite/open-database.ts';
import type { Core } from '../state/core.ts';
import { assertFunction, assertOptions, assertSignal } from '../validate.ts';
import { createName, VALUES_FOLDER } from '../values/file-io.ts';
import { type ReadBudget, withReadBudget } from '../values/read-budget.ts';
import { BackupHold } from './backup-hold.ts';
import { DatabaseCopy } from './database-copy.ts';
import { INCOMPLETE_MARK, removeAbandoned, SUMMARY_FILE } from './side-folders.ts';
import { listStoreTree } from './store-tree.ts';
import { copyValueFiles, syncPath } from './value-file-copies.ts';

/** How far a backup or a restore has got. */
export interface BackupProgress {
  /** `copy`: databases and value files are copied; `check`: the copies are checked. */
  readonly phase: 'copy' | 'check';
  /** Bytes of this phase. */
  readonly done: number;
  readonly total: number;
}

export interface BackupOptions {
  /** Called now and then. What it throws ends the backup. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** Ends the backup; the promise is rejected with the signal's reason, and nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
}

/** What a backup holds of one store. */
export interface BackedUpStore {
  /** Its folder below the backup; `''` for the backup itself. */
  readonly folder: string;
  readonly items: number;
  /** Bytes of its database and value files. */
  readonly bytes: number;
}

export interface BackupResult {
  readonly path: string;
  /** When it was complete, ISO 8601. */
  readonly date: string;
  readonly stores: readonly BackedUpStore[];
}

/** The content of `backup.json`, which only a complete backup has. On disk: fields are only added. */
export interface BackupSummary {
  readonly format: 1;
  readonly date: string;
  readonly stores: readonly BackedUpStore[];
}

/** Milliseconds after which others get a turn. */
const SLICE_MS = 4;

const BACKUP_OPTIONS: ReadonlySet<string> = new Set(['onProgress', 'signal'] satisfies (keyof BackupOptions)[]);

export interface TreeOptions extends BackupOptions {
  /** Open stores, which are used instead of opening them once more. */
  readonly cores?: readonly Core[];
  /** Whether a folder below the directory is backed up. Default: all are. */
  readonly includes?: (folder: string) => boolean;
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function parseBackupOptions(options: BackupOptions | undefined): BackupOptions {
  const { onProgress, signal } = assertOptions(options, BACKUP_OPTIONS);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  assertSignal(signal);
  return { onProgress, signal };
}

/** Backs up an open store. Throws what `backUpTree` does. */
export const backUpStore = (core: Core, path: string, options?: BackupOptions): Promise<BackupResult> =>
  backUpStores(core.directory, [core], path, options);

/** Backs up a directory with stores that are open. */
export async function backUpStores(
  directory: string,
  cores: readonly Core[],
  path: string,
  options?: BackupOptions,
): Promise<BackupResult> {
  return backUpTree(directory, path, { ...parseBackupOptions(options), cores });
}

/**
 * Backs up every store below a directory into a new directory of the same layout, while they are used, and checks the copy. It appears
 * under its name when it is complete. O(bytes), in slices of a few milliseconds.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if the path exists; `CORRUPT` with what the check of a copy found; `BUSY` for a store that another
 * process has open with `exclusive`; `DISK_FULL`, `IO`, `NO_SUCH_STORE`; the signal's reason. Nothing is left behind.
 */
export async function backUpTree(directory: string, path: string, options: TreeOptions = {}): Promise<BackupResult> {
  const target = resolve(path);
  assertNew(target);
  makeDurableFolder(dirname(target));
  removeAbandoned(target, INCOMPLETE_MARK);
  const incomplete = `${target}${INCOMPLETE_MARK}${createName()}`;
  try {
    mkdirSync(incomplete, { mode: 0o700 });
    const stores = await fillBackup(resolve(directory), incomplete, options);
    const date = new Date().toISOString();
    const summary: BackupSummary = { format: 1, date, stores };
    writeFileSync(join(incomplete, SUMMARY_FILE), `${JSON.stringify(summary, undefined, 2)}\n`, {
      mode: 0o600,
      flush: true,
    });
    await syncPath(incomplete);
    options.signal?.throwIfAborted();
    assertNew(target);
    renameSync(incomplete, target);
    await syncPath(dirname(target));
    return { path: target, date, stores };
  } catch (error) {
    rmSync(incomplete, { recursive: true, force: true });
    throw toBackupError(error, target);
  }
}

/** Converts an error of the file system; others, such as the reason of a signal, stay what they are. */
export const toBackupError = (error: unknown, path: string): unknown =>
  typeof Object(error).syscall === 'string' ? toFileError(error, path) : error;

function assertNew(path: string): void {
  if (lstatIfExists(path) === undefined) return;
  throw new DiskCacheError('BAD_OPTION', `${path} exists, and a backup replaces nothing; give another path`);
}

async function fillBackup(directory: string, target: string, options: TreeOptions): Promise<BackedUpStore[]> {
  const { includes = () => true, cores = [], onProgress, signal } = options;
  const tree = listStoreTree(directory);
  const parts: StoreBackup[] = [];
  const report = (phase: BackupProgress['phase']) => {
    signal?.throwIfAborted();
    const [done, total] = [sum(parts, (part) => part.getDone(phase)), sum(parts, (part) => part.total)];
    onProgress?.({ phase, done: Math.min(done, total), total });
  };
  try {
    for (const folder of tree.stores.filter(includes)) {
      const path = join(directory, folder);
      const open = cores.find((core) => core.directory === path) ?? findOwner(path);
      parts.push(new StoreBackup(folder, open ?? openForBackup(path), open === undefined, join(target, folder)));
      await setImmediate();
    }
    const [ofEnd, ofBegin] = [parts.filter((part) => part.isOfEnd), parts.filter((part) => !part.isOfEnd)];
    const copy = async (part: StoreBackup) => {
      while (!part.database.isAlmostDone) {
        part.database.copyUntil(performance.now() + SLICE_MS);
        for (const each of parts) each.hold?.renew();
        report('copy');
        await setImmediate();
      }
      await part.database.sync();
    };
    for (const part of ofEnd) part.begin();
    for (const part of ofEnd) await copy(part);
    // In one turn, so that all copies are of one moment.
    for (const part of ofEnd) part.database.finish();
    for (const part of ofBegin) part.begin();
    for (const part of ofBegin) {
      await copy(part);
      part.database.finish();
    }
    // Files of the directory itself belong to all of its stores, such as the keys of a host.
    for (const file of tree.files.filter((file) => dirname(file) === '.' || includes(dirname(file)))) {
      mkdirSync(join(target, dirname(file)), { recursive: true, mode: 0o700 });
      copyFileSync(join(directory, file), join(target, file));
      await syncPath(join(target, file));
    }
    const stores: BackedUpStore[] = [];
    for (const part of parts) stores.push(await part.complete(report));
    return stores;
  } finally {
    for (const part of parts) part.close();
  }
}

const sum = <T>(items: readonly T[], get: (item: T) => number): number =>
  items.reduce((total, item) => total + get(item), 0);

/** Opens a store that this thread doesn't have open: to write, because files that it replaces have to be kept, else to read. */
function openForBackup(directory: string): Core {
  try {
    return openOpaque(directory, {});
  } catch (error) {
    if (!(error instanceof DiskCacheError) || !['READ_ONLY', 'NOT_ALLOWED'].includes(error.code)) throw error;
    return openOpaque(directory, { readOnly: true });
  }
}

/** The backup of one store. */
class StoreBackup {
  total = 0;
  hold: BackupHold | undefined;
  readonly #folder: string;
  readonly #core: Core;
  readonly #isOwn: boolean;
  readonly #target: string;
  #database: DatabaseCopy | undefined;
  #copiedFileBytes = 0;
  #isChecked = false;

  constructor(folder: string, core: Core, isOwn: boolean, target: string) {
    this.#folder = folder;
    this.#core = core;
    this.#isOwn = isOwn;
    this.#target = target;
    const pages = core.sql.pageCount.first()?.[0] ?? 0;
    this.total = pages * core.pageSize + (core.sql.counter.first('file bytes')?.[0] ?? 0);
  }

  /** Whether the copy is of the moment of its end; otherwise of that of its begin. */
  get isOfEnd(): boolean {
    return this.#core.openOptions.exclusive;
  }

  get database(): DatabaseCopy {
    return this.#database!;
  }

  begin(): void {
    const { openOptions, sql, pageSize } = this.#core;
    mkdirSync(this.#target, { recursive: true, mode: 0o700 });
    if (!openOptions.readOnly) this.hold = new BackupHold(this.#core);
    this.#database = new DatabaseCopy(this.#core, this.#target);
    this.total = this.#database.totalPages * pageSize + (sql.counter.first('file bytes')?.[0] ?? 0);
  }

  /** Returns the bytes that are copied, or checked. */
  getDone(phase: BackupProgress['phase']): number {
    if (phase === 'check') return this.#isChecked ? this.total : 0;
    if (this.#database === undefined) return 0;
    const { totalPages, remainingPages } = this.#database;
    return (totalPages - remainingPages) * this.#core.pageSize + this.#copiedFileBytes;
  }

  /** Adds the value files, and checks the copy. */
  async complete(report: (phase: BackupProgress['phase']) => void): Promise<BackedUpStore> {
    mkdirSync(join(this.#target, VALUES_FOLDER), { mode: 0o700 });
    const copy = openOpaque(this.#target, {});
    try {
      await copyValueFiles(this.#core, copy, (bytes) => {
        this.#copiedFileBytes += bytes;
        this.hold?.renew();
        report('copy');
      });
      this.hold?.release();
      this.hold = undefined;
      await checkCopy(copy, () => report('check'));
      this.#isChecked = true;
      report('check');
      const items = copy.sql.countRows.first()?.[0] ?? 0;
      return { folder: this.#folder, items, bytes: this.total };
    } finally {
      closeCore(copy);
      rmSync(join(this.#target, BALLAST_FILE), { force: true });
      await syncPath(getDatabasePath(this.#target));
      await syncPath(this.#target);
    }
  }

  close(): void {
    this.#database?.close();
    const core = this.#core;
    if (this.hold !== undefined && core.connection.isOpen) runAndWarn(core, () => this.hold!.release());
    this.hold = undefined;
    if (core.connection.isOpen && !core.openOptions.readOnly) runAndWarn(core, () => removeReplaced(core));
    if (this.#isOwn) closeCore(core);
  }
}

/** Checks a copy in slices. @throws {DiskCacheError} `CORRUPT` */
async function checkCopy(copy: Core, report: () => void): Promise<void> {
  const progress = new Map<object, unknown>();
  for (;;) {
    const budget: ReadBudget = { bytes: Number.POSITIVE_INFINITY, progress, pauseAt: performance.now() + SLICE_MS };
    const [finding] = withReadBudget(budget, () => check(copy));
    if (finding !== undefined) {
      throw new DiskCacheError(
        'CORRUPT',
        `The store is damaged, and so would be its backup: ${finding.message}. Run check({ repair: true }) on the store first`,
      );
    }
    if (budget.isPaused !== true) return;
    report();
    await setImmediate();
  }
}
