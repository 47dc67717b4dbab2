import { copyFileSync, existsSync, linkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getJournalPaths, hasJournalFiles } from '../journal/journal-file.ts';
import { RECORD_FILE, SEAL_SETTING } from '../sealing/seal-record.ts';
import { choosePageSize } from '../space/policy.ts';
import type { Column, Connection } from '../sqlite/connection.ts';
import { getErrorCode, toValueFileError } from '../sqlite/errors.ts';
import { toUserVersion } from '../sqlite/file-format.ts';
import { lstatIfExists, openDatabase, syncIfPossible } from '../sqlite/open-database.ts';
import { getPlacedPath, getValuesRoot, makeFolders, syncFile, VALUES_FOLDER } from '../values/file-io.ts';
import { ENTRY_COLUMNS, readStoredRows, type StoredItem, type StoredRows } from './stored-rows.ts';
import { COPY_FLAGS } from './value-file-copies.ts';

/** What a store is, which its damaged database may not tell. */
export interface SalvageOptions {
  readonly kind: 'cache' | 'index' | 'deque';
  /** The application's version of the data of an index, where the stored one is lost. Default 1. */
  readonly version?: number;
  /** The directory of a backup, for items that can't be read. */
  readonly backup?: string | undefined;
  /** True: items of the backup are used only if no other item can be read, because they depend on each other. Default false. */
  readonly isIndivisible?: boolean;
}

export interface SalvageResult {
  /** Items of the damaged store in the fresh one. */
  readonly saved: number;
  /** Items that were taken from the backup. */
  readonly fromBackup: number;
  /** Rows that can be seen, but whose value, key or file is damaged. */
  readonly damagedItems: number;
  /** Pages that should hold rows, and hold something else or are missing. How many items were on them isn't known. */
  readonly damagedPages: number;
}

/**
 * Writes every undamaged item of a store, and its value file, into a store in a new directory. Reads the pages themselves, without
 * SQLite, so that it needs neither the header, nor the schema, nor inner pages; the damaged store stays as it is. Neither directory may
 * be open in this process. Value files are hard links where the file system has them. What is pending in a write journal is applied when
 * the fresh store is opened: call its `check({ repair: true })` then, which puts a deque in order. O(bytes).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a target that exists; `IO`, `NOT_ALLOWED`, `BUSY`, `DISK_FULL`: the target is then incomplete.
 */
export function salvage(source: string, target: string, options: SalvageOptions): SalvageResult {
  if (existsSync(target) || !existsSync(source)) {
    const [path, fault] = existsSync(target) ? [target, 'exists already'] : [source, 'is missing'];
    throw new DiskCacheError('BAD_OPTION', `${path} ${fault}; salvage takes a damaged directory and a new one`);
  }
  const connection = openDatabase(target, {
    claim: VALUES_FOLDER,
    readOnly: false,
    exclusive: true,
    pageSize: choosePageSize(Number.POSITIVE_INFINITY),
    timeout: 0,
  });
  try {
    connection.setSynchronous('FULL');
    return new Salvage(connection, source, target, options).run();
  } finally {
    connection.close();
  }
}

const INSERT_SQL = `INSERT OR IGNORE INTO entry (id, ${ENTRY_COLUMNS.join(', ')}) VALUES (?, ${ENTRY_COLUMNS.map(() => '?').join(', ')})`;
const INSERT_BEHIND_SQL = `INSERT OR IGNORE INTO entry (${ENTRY_COLUMNS.join(', ')}) VALUES (${ENTRY_COLUMNS.map(() => '?').join(', ')})`;

class Salvage {
  readonly #connection: Connection;
  readonly #source: string;
  readonly #target: string;
  readonly #options: SalvageOptions;
  readonly #insert: (item: StoredItem) => boolean;

  constructor(connection: Connection, source: string, target: string, options: SalvageOptions) {
    this.#connection = connection;
    this.#source = source;
    this.#target = target;
    this.#options = options;
    const insert = connection.prepare(INSERT_SQL);
    const insertBehind = connection.prepare(INSERT_BEHIND_SQL);
    this.#insert = ({ id, key, columns }) => {
      if (options.kind === 'deque') return id === key && insert.run(id, ...columns).changes === 1;
      const isInRange = id >= 0 && Number.isSafeInteger(id);
      // Where the id is taken and the key is not, the id is damaged.
      return (isInRange && insert.run(id, ...columns).changes === 1) || insertBehind.run(...columns).changes === 1;
    };
  }

  run(): SalvageResult {
    const connection = this.#connection;
    connection.execute('BEGIN IMMEDIATE');
    let saved = 0;
    const found = readStoredRows(this.#source, (item) => {
      if (this.#add(item, this.#source)) saved++;
    });
    const { items: damagedItems, pages: damagedPages } = found.unreadable;
    const isWhole = saved > 0 && damagedItems === 0 && damagedPages === 0 && found.settings.size > 0;
    const fromBackup = isWhole ? 0 : this.#complete(saved, found);
    this.#writeSettings(found);
    this.#writeCounters(found);
    this.#writeVersion(found);
    if (this.#options.kind === 'deque') connection.execute('DROP INDEX entry_key');
    connection.execute('COMMIT');
    this.#copyOtherFiles();
    syncIfPossible(this.#target);
    return { saved, fromBackup, damagedItems, damagedPages };
  }

  /**
   * Takes items of the backup whose key wasn't found; of a deque those between others that were. None where the application's version of the
   * data has changed since, and the two would be mixed.
   */
  #complete(saved: number, found: StoredRows): number {
    const { backup, kind, isIndivisible = false } = this.#options;
    if (backup === undefined || (isIndivisible && saved > 0)) return 0;
    const [first, last] =
      kind === 'deque' && saved > 0
        ? this.#connection.prepare<[], [number, number]>('SELECT min(id), max(id) FROM entry').first()!
        : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    let fromBackup = 0;
    this.#connection.execute('SAVEPOINT backup');
    const { settings } = readStoredRows(backup, (item) => {
      if (item.id >= first && item.id <= last && this.#add(item, backup)) fromBackup++;
    });
    const version = found.settings.get('version') ?? this.#options.version;
    if (saved === 0) this.#writeRows('setting', settings);
    else if (version !== undefined && settings.get('version') !== version) {
      // Files that were taken belong to no item then, and are removed like others.
      this.#connection.execute('ROLLBACK TO backup');
      fromBackup = 0;
    }
    this.#connection.execute('RELEASE backup');
    return fromBackup;
  }

  #add(item: StoredItem, from: string): boolean {
    if (!this.#insert(item)) return false;
    if (item.file !== null) takeFile(from, this.#target, item.file);
    return true;
  }

  #writeSettings({ settings }: StoredRows): void {
    const { kind, version = 1 } = this.#options;
    if (kind === 'cache') return;
    this.#writeRows('setting', settings);
    const defaults: [string, Column][] = [
      ['kind', kind],
      ['durability', 'power'],
    ];
    if (kind === 'index') defaults.push(['version', version]);
    const insert = this.#connection.prepare('INSERT OR IGNORE INTO setting VALUES (?, ?)');
    for (const row of defaults) insert.run(...row);
  }

  #writeCounters({ counters }: StoredRows): void {
    this.#writeRows('counter', new Map([...counters].filter(([name]) => KEPT_COUNTERS.has(name))));
    this.#connection.execute(
      "UPDATE counter SET value = (SELECT coalesce(sum(size), 0) FROM entry WHERE file IS NOT NULL) WHERE name = 'file bytes'",
    );
  }

  /** Says what the copied files are for. A sealed store that has lost its record has it in a file, too. */
  #writeVersion({ settings }: StoredRows): void {
    const isSealed = settings.has(SEAL_SETTING) || this.#hasFile(RECORD_FILE);
    const isJournaled = hasJournalFiles(this.#source);
    this.#connection.pragma(`user_version = ${toUserVersion({ isJournaled, isSealed })}`);
  }

  #hasFile(name: string): boolean {
    return lstatIfExists(join(this.#source, name))?.isFile() === true;
  }

  #writeRows(table: 'setting' | 'counter', rows: ReadonlyMap<string, Column>): void {
    const insert = this.#connection.prepare(`INSERT OR REPLACE INTO ${table} VALUES (?, ?)`);
    for (const row of rows) insert.run(...row);
  }

  #copyOtherFiles(): void {
    for (const name of [...getJournalPaths(this.#source).map((path) => basename(path)), RECORD_FILE]) {
      if (!this.#hasFile(name)) continue;
      const copy = join(this.#target, name);
      takeCopy(join(this.#source, name), copy);
      syncFile(copy);
    }
  }
}

/** Other counters are of files and rows that may be gone. */
const KEPT_COUNTERS: ReadonlySet<string> = new Set(['hits', 'misses', 'clock', 'journal', 'settings']);

/** Value files are written once and never changed, so that two stores can share one. */
function takeFile(from: string, to: string, name: string): void {
  const path = getPlacedPath(getValuesRoot(from), name);
  const target = getPlacedPath(getValuesRoot(to), name);
  makeFolders(dirname(target), (made) => syncIfPossible(dirname(made)));
  try {
    linkSync(path, target);
  } catch (error) {
    // A file that is needed twice is there already; some file systems have no links.
    if (getErrorCode(error) === 'EEXIST') return;
    takeCopy(path, target);
    syncFile(target);
  }
}

function takeCopy(path: string, target: string): void {
  try {
    copyFileSync(path, target, COPY_FLAGS);
  } catch (error) {
    throw toValueFileError(error, path);
  }
}
