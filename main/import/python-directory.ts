import { constants } from 'node:fs';
import { copyFile, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskCacheError, temporaryDirectory } from '../engine/index.ts';
import { type Column, ForeignDatabase } from '../engine/internal.ts';

/** A row of Python DiskCache's table. Integers are bigints. */
export type PythonRow = readonly [
  key: Column,
  raw: bigint | null,
  expireTime: number | bigint | null,
  tag: Column,
  size: bigint | null,
  mode: bigint | null,
  filename: string | null,
  value: Column,
];

const COLUMNS = 'key, raw, expire_time, tag, size, mode, filename, value';
const DATABASE = 'cache.db';
/** The files beside a database that SQLite needs to read it. It creates a new `-shm` file by itself. */
const LOGS = ['-wal', '-journal'] as const;

/** An open copy of one database of Python DiskCache. The directory itself is only read. */
export class PythonDatabase {
  /** The original directory, which has the files of large values. */
  readonly directory: string;
  readonly #copy: string;
  readonly #database: ForeignDatabase;

  constructor(directory: string, copy: string, database: ForeignDatabase) {
    this.directory = directory;
    this.#copy = copy;
    this.#database = database;
  }

  /** Returns the ids of all rows, ordered by insertion or by key. O(n log n). */
  listIds(order: 'inserted' | 'key'): bigint[] {
    const rows = this.#read<[bigint]>(`SELECT rowid FROM Cache ORDER BY ${order === 'key' ? 'key, raw' : 'rowid'}`);
    return rows.map(([id]) => id);
  }

  readRow(id: bigint): PythonRow {
    return this.#read<PythonRow & Column[]>(`SELECT ${COLUMNS} FROM Cache WHERE rowid = ?`, id)[0]!;
  }

  /** Returns the first 100 keys if all keys look like those of JSONDisk: bytes that begin with the header of zlib. Otherwise none. */
  sampleCompressedKeys(): Uint8Array[] {
    const [others] = this.#read<[bigint]>(
      "SELECT count(*) FROM Cache WHERE NOT (raw = 1 AND typeof(key) = 'blob' AND substr(key, 1, 1) = x'78')",
    );
    if (others?.[0] !== 0n) return [];
    return this.#read<[Uint8Array]>('SELECT key FROM Cache ORDER BY rowid LIMIT 100').map(([key]) => key);
  }

  close(): void {
    this.#database.close();
  }

  #read<Row extends readonly Column[]>(sql: string, ...bind: readonly Column[]): Row[] {
    try {
      return this.#database.read<Row>(sql, ...bind);
    } catch (error) {
      throw nameOriginal(error, this.#copy, this.directory);
    }
  }
}

/**
 * Returns the directories of a cache's databases: the directory itself, or the shards of a FanoutCache.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if the directory has no database.
 */
export async function listDatabases(directory: string): Promise<string[]> {
  if (await isFile(join(directory, DATABASE))) return [directory];
  const names = await readdir(directory).catch(() => []);
  const shards: string[] = [];
  for (const name of names.filter((it) => /^\d{3,}$/.test(it)).sort((one, other) => Number(one) - Number(other))) {
    if (await isFile(join(directory, name, DATABASE))) shards.push(join(directory, name));
  }
  if (shards.length > 0) return shards;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${directory} holds neither a cache.db nor the shards of a FanoutCache; give the directory that Python DiskCache was opened with`,
  );
}

/** The kinds of named stores inside Python's FanoutCache, and the names of their folders. */
const NAMED_KINDS = ['cache', 'deque', 'index'] as const;
/** The kind of a named store inside Python's FanoutCache. */
export type PythonStoreKind = (typeof NAMED_KINDS)[number];
const MAX_FOLDER_DEPTH = 8;

export interface PythonNamedStore {
  readonly kind: PythonStoreKind;
  readonly name: string;
  readonly directory: string;
}

/** Returns the named stores inside a FanoutCache. Python stores a name with slashes in nested folders. */
export async function listNamedStores(directory: string): Promise<PythonNamedStore[]> {
  const found: PythonNamedStore[] = [];
  const search = async (kind: PythonStoreKind, names: readonly string[]): Promise<void> => {
    const folder = join(directory, kind, ...names);
    if (await isFile(join(folder, DATABASE)))
      return void found.push({ kind, name: names.join('/'), directory: folder });
    if (names.length > MAX_FOLDER_DEPTH) return;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const { name } of entries.filter((entry) => entry.isDirectory())) await search(kind, [...names, name]);
  };
  for (const kind of NAMED_KINDS) await search(kind, []);
  return found.sort((one, other) => (one.directory < other.directory ? -1 : 1));
}

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isFile() ?? false;

/**
 * Opens a copy of a database, so that nothing is written beside the original.
 *
 * @throws {DiskCacheError} `BUSY` if a program keeps writing to it, `BAD_OPTION` if Python DiskCache has not written it, `CORRUPT`.
 */
export async function openPythonDatabase(directory: string): Promise<{ database: PythonDatabase; close: () => void }> {
  const copy = temporaryDirectory();
  let database: ForeignDatabase | undefined;
  const close = () => {
    database?.close();
    copy.remove();
  };
  try {
    await copyDatabase(join(directory, DATABASE), join(copy.path, DATABASE));
    database = new ForeignDatabase(join(copy.path, DATABASE));
    assertTables(database, directory);
    return { database: new PythonDatabase(directory, copy.path, database), close };
  } catch (error) {
    close();
    throw nameOriginal(error, copy.path, directory);
  }
}

const COPY_ATTEMPTS = 5;
const COPY_RETRY_MS = 50;

async function copyDatabase(from: string, to: string): Promise<void> {
  for (let attempt = 1; attempt <= COPY_ATTEMPTS; attempt++) {
    const before = await describeFiles(from);
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    for (const log of LOGS) if (await isFile(from + log)) await copyFile(from + log, to + log);
    if ((await describeFiles(from)) === before) return;
    await sleep(COPY_RETRY_MS);
  }
  throw new DiskCacheError('BUSY', `${from} changes while it is read; end the program that writes to it, then import`);
}

async function describeFiles(path: string): Promise<string> {
  const files = ['', ...LOGS].map(async (suffix) => {
    const found = await lstat(path + suffix, { bigint: true }).catch(() => undefined);
    return found === undefined ? '-' : `${found.ino} ${found.size} ${found.mtimeNs}`;
  });
  return (await Promise.all(files)).join();
}

function assertTables(database: ForeignDatabase, directory: string): void {
  // A view, a virtual table or a generated column would run SQL that the file brings along.
  const tables = database.read(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name IN ('Cache', 'Settings')",
  );
  const columns = database.read<[Column, Column]>("SELECT name, hidden FROM pragma_table_xinfo('Cache')");
  const names = new Set(columns.map(([name]) => name));
  const isPlain = columns.every(([, hidden]) => hidden === 0n);
  if (tables.length === 2 && isPlain && COLUMNS.split(', ').every((name) => names.has(name))) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${join(directory, DATABASE)} was not written by Python DiskCache 5; nothing was imported from it`,
  );
}

/** Replaces the path of the copy in a message by that of the original. */
function nameOriginal(error: unknown, copy: string, directory: string): unknown {
  if (!(error instanceof DiskCacheError) || !error.message.includes(copy)) return error;
  return new DiskCacheError(error.code, error.message.replaceAll(copy, directory), { cause: error.cause });
}
