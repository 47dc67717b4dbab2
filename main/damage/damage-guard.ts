import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import type { OnDamage } from '../../protocol/stores.ts';
import {
  type CheckableStore,
  damageChannel,
  encodeFolderName,
  getDatabasePath,
  hasDamagedHeader,
  hasDamagedPages,
  isCorrupt,
  MANIFEST_FILE,
  type StoreToOpen,
  salvage,
  watchDamage,
  wrapListener,
} from '../engine/internal.ts';
import { DamagedFolder, getFreshPath } from './damaged-folder.ts';
import { findNewestBackup } from './newest-backup.ts';
import type { DamageReport } from './report.ts';

export interface DamageOptions {
  /** For stores whose declarations don't say it. Default: as the kind of the store. */
  readonly onDamage?: OnDamage | undefined;
  /** Called for each report, after the store was opened again. */
  readonly onDamaged?: ((report: DamageReport) => void) | undefined;
}

const DEFAULT_ON_DAMAGE: Readonly<Record<StoreToOpen['kind'], OnDamage>> = {
  cache: 'set-aside',
  fanout: 'set-aside',
  index: 'restore',
  deque: 'restore',
  settings: 'restore',
  queue: 'restore',
};

/** What the database of a store says it is. */
const STORED_KINDS = { cache: 'cache', index: 'index', deque: 'deque', settings: 'index', queue: 'index' } as const;

/** Caches that are kept after they were set aside, of each store. */
const MAX_KEPT_CACHES = 2;

const NOTHING_COUNTED = { saved: 0, fromBackup: 0, damagedItems: 0, damagedPages: 0 } as const;

/**
 * Opens the stores of a host, and repairs damaged ones: a cache is set aside and begins empty; anything else is restored from what can be
 * read and from the newest backup. Only damage is repaired: a store that is locked, newer, another program's or unreadable is refused as it
 * is, untouched.
 */
export class DamageGuard {
  readonly #directory: string;
  readonly #options: DamageOptions;
  readonly #reports: DamageReport[] = [];
  /** The stores that are open, or were. */
  readonly #stores = new Map<string, StoreToOpen>();
  /** Stores whose damage was met since they were opened. */
  readonly #noticed = new Set<string>();
  readonly #notify: (report: DamageReport) => void;
  #unwatch: (() => void) | undefined;

  /** `directory` is that of the host. @throws {DiskCacheError} `BAD_OPTION` */
  constructor(directory: string, options: DamageOptions = {}) {
    assertOnDamage(options.onDamage);
    this.#directory = directory;
    this.#options = options;
    this.#notify =
      options.onDamaged === undefined ? () => {} : wrapListener(options.onDamaged, 'openDiskCache, onDamaged');
  }

  /** What was found, the oldest first. */
  get reports(): readonly DamageReport[] {
    return this.#reports;
  }

  /**
   * Opens a store.
   *
   * @throws {DiskCacheError} what `open` throws for anything but damage, or for damage with `'refuse'`; what moving and reading the files of
   * a damaged store throws (`NOT_ALLOWED`, `IO`, `DISK_FULL`, `BUSY`): it then stays as it is.
   */
  readonly open = <S extends CheckableStore>(store: StoreToOpen, open: () => S): S => {
    assertOnDamage(store.onDamage);
    const onDamage = store.onDamage ?? this.#options.onDamage ?? DEFAULT_ON_DAMAGE[store.kind];
    this.#stores.delete(store.directory);
    const opened = onDamage === 'refuse' || store.readOnly ? open() : this.#openOrRepair(store, onDamage, open);
    this.#stores.set(store.directory, store);
    this.#noticed.delete(store.name);
    this.#unwatch ??= watchDamage((path, error) => this.#notice(path, error));
    return opened;
  };

  /** Adds what another process of the host has reported. */
  add(report: DamageReport): void {
    this.#reports.push(report);
    damageChannel.publish({ store: report.store, outcome: report.outcome, items: report.saved + report.fromBackup });
    this.#notify(report);
  }

  /** Ends watching. */
  close(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#stores.clear();
  }

  #openOrRepair<S extends CheckableStore>(store: StoreToOpen, onDamage: OnDamage, open: () => S): S {
    const folder = new DamagedFolder(this.#directory, store.name);
    const finished = folder.finishReplacement(store.directory);
    if (finished !== undefined) this.add(finished);
    const earlier = folder.isNoticed ? this.#findNoticedDamage(store) : undefined;
    try {
      if (earlier !== undefined) throw earlier;
      const opened = open();
      folder.removeNotice();
      return opened;
    } catch (error) {
      if (!isOfDamage(error, store)) throw error;
      return this.#openRepaired(store, onDamage, open, error as DiskCacheError);
    }
  }

  #openRepaired<S extends CheckableStore>(
    store: StoreToOpen,
    onDamage: OnDamage,
    open: () => S,
    found: DiskCacheError,
  ): S {
    const report = this.#repair(store, onDamage, found);
    try {
      const opened = open();
      // Positions of a deque, the schedule of a queue.
      if (report.outcome === 'restored') opened.check({ repair: true });
      new DamagedFolder(this.#directory, store.name).removeNotice();
      this.add(report);
      return opened;
    } catch (error) {
      if (onDamage === 'set-aside' || !isOfDamage(error, store)) throw error;
      // What was restored can't be used. It is kept, too.
      this.add(report);
      return this.#openRepaired(store, 'set-aside', open, error as DiskCacheError);
    }
  }

  #repair(store: StoreToOpen, onDamage: OnDamage, { message }: DiskCacheError): DamageReport {
    const { name, kind, directory } = store;
    const folder = new DamagedFolder(this.#directory, name);
    const inode = statSync(directory).ino;
    const at = Date.now();
    const keptIn = folder.createPath(at);
    const found = { store: name, kind, found: message, at, keptIn };
    if (onDamage === 'restore' && kind !== 'fanout') {
      const counts = salvage(directory, getFreshPath(keptIn), {
        kind: STORED_KINDS[kind],
        ...(store.version !== undefined && { version: store.version }),
        backup: findNewestBackup(this.#directory, name),
        isIndivisible: kind === 'queue',
      });
      const report: DamageReport = { ...found, outcome: 'restored', ...counts };
      assertSameDirectory(directory, inode);
      folder.replace(directory, keptIn, report);
      return report;
    }
    const report: DamageReport = { ...found, outcome: 'set-aside', ...NOTHING_COUNTED };
    const parts = kind === 'fanout' ? listFanoutParts(directory) : undefined;
    if (parts === undefined) folder.replace(directory, keptIn, report);
    else folder.setPartsAside(directory, parts, keptIn, report);
    if (kind === 'cache' || kind === 'fanout') folder.removeOldest(MAX_KEPT_CACHES);
    return report;
  }

  /** Returns the error for a store in which an earlier run met damage, if it is there; a failed read may have looked like it. */
  #findNoticedDamage({ directory }: StoreToOpen): DiskCacheError | undefined {
    try {
      if (!listDatabaseFolders(directory).some(hasDamagedPages)) return undefined;
    } catch {
      // Opening it says why it can't be read.
      return undefined;
    }
    return new DiskCacheError(
      'CORRUPT',
      `${directory} has damaged pages, which a call has met since it was last opened`,
    );
  }

  /** A call has met damage in a store that is open. */
  #notice(databasePath: string, { message }: DiskCacheError): void {
    const path = dirname(databasePath);
    for (const [directory, { name, kind }] of this.#stores) {
      if (path !== directory && !path.startsWith(directory + sep)) continue;
      if (this.#noticed.has(name)) return;
      this.#noticed.add(name);
      try {
        new DamagedFolder(this.#directory, name).notice();
      } catch {
        // The disk is full or read-only: the next start finds the damage when it opens the store, or when a call meets it.
      }
      const report = { store: name, kind, found: message, at: Date.now(), keptIn: undefined } as const;
      // Not inside of the call that has met it.
      queueMicrotask(() => this.add({ ...report, outcome: 'noticed', ...NOTHING_COUNTED }));
      return;
    }
  }
}

const CHOICES: readonly unknown[] = ['set-aside', 'restore', 'refuse', undefined] satisfies (OnDamage | undefined)[];

/** @throws {DiskCacheError} `BAD_OPTION` */
function assertOnDamage(onDamage: unknown): void {
  if (CHOICES.includes(onDamage)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `onDamage is ${formatValue(onDamage, "'")}; it has to be 'set-aside', 'restore' or 'refuse'`,
  );
}

/** Returns the directory of a named shard of a FanoutCache. */
export const getShardDirectory = (fanoutDirectory: string, name: string): string =>
  join(fanoutDirectory, 'shard', encodeFolderName(name));

/** @throws {DiskCacheError} `BUSY` where another process has repaired the store in the meantime. */
function assertSameDirectory(directory: string, inode: number): void {
  if (statSync(directory, { throwIfNoEntry: false })?.ino === inode) return;
  throw new DiskCacheError('BUSY', `${directory} is being repaired by another process; open it again`);
}

/** Codes to which damage in a header may lead. */
const HEADER_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['UNSUPPORTED_VERSION', 'READ_ONLY']);

/** Whether an error says that a store is damaged, and not that it can't be opened now, or not by this version. */
function isOfDamage(error: unknown, { directory, kind }: StoreToOpen): boolean {
  if (isCorrupt(error)) return true;
  if (!(error instanceof DiskCacheError)) return false;
  // With its settings, a collection has lost its kind, and looks like a cache.
  if (error.code === 'BAD_OPTION' && kind !== 'cache' && kind !== 'fanout')
    return hasDatabase(directory) && hasDamagedPages(directory);
  return HEADER_CODES.has(error.code) && listDatabaseFolders(directory).some(hasDamagedHeader);
}

/** Stores of their own inside a FanoutCache, which stay where they are. */
const COLLECTION_FOLDERS: ReadonlySet<string> = new Set(['index', 'deque']);

/**
 * Returns what is moved of a damaged FanoutCache, the manifest last: while it is there, missing shards are created again. Undefined where
 * everything is moved at once.
 */
function listFanoutParts(directory: string): readonly string[] | undefined {
  const names = readdirSync(directory);
  if (!names.some((name) => COLLECTION_FOLDERS.has(name))) return undefined;
  const parts = names.filter((name) => !COLLECTION_FOLDERS.has(name) && name !== MANIFEST_FILE);
  return names.includes(MANIFEST_FILE) ? [...parts, MANIFEST_FILE] : parts;
}

/** A FanoutCache has its shards in folders of folders. */
const MAX_DEPTH = 2;

function listDatabaseFolders(directory: string, depth = MAX_DEPTH): string[] {
  if (!existsSync(directory)) return [];
  const below = readdirSync(directory, { withFileTypes: true }).filter((found) => found.isDirectory());
  const found = depth === 0 ? [] : below.flatMap(({ name }) => listDatabaseFolders(join(directory, name), depth - 1));
  return hasDatabase(directory) ? [directory, ...found] : found;
}

const hasDatabase = (directory: string): boolean => existsSync(getDatabasePath(directory));
