import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';
import type { Cache } from '../cache/cache.ts';
import type { Deque } from '../deque/deque.ts';
import type { Index } from '../index-map/index-map.ts';
import { choosePageSize } from '../space/policy.ts';
import { assertPathLength, getErrorCode, isDamage, toFileError } from '../sqlite/errors.ts';
import { assertPlainFolder, getDatabasePath, makeDurableFolder, openDatabase } from '../sqlite/open-database.ts';
import { isTemporary } from '../temporary-directory.ts';
import { listFolders, readSmallFile, VALUES_FOLDER } from '../values/file-io.ts';

/*
 * Encodes any string as a folder name, different strings as different folders, on every file system: lower-case letters, digits, `_` and
 * `-` stay, every other UTF-16 unit becomes `=` and four hexadecimal digits. So a name contains no path, never differs by case or
 * Unicode form alone, and is never one that Windows reserves for devices. On disk: never changes.
 */

/** Names that Windows reserves, with any extension. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/;
const ESCAPE = /=([0-9a-f]{4})/g;
const EMPTY_NAME_FOLDER = '=';
/** The folder of a longer name is a digest; the name is in a file inside. */
const MAX_FOLDER_NAME_LENGTH = 120;
const DIGEST_FOLDER = /^~[0-9a-f]{64}$/;
const NAME_FILE = 'name';
const MAX_NAME_BYTES = 1024 * 1024;

/** @throws {DiskCacheError} `BAD_OPTION` for anything but a string. */
export function encodeFolderName(name: string): string {
  if (typeof name !== 'string') throw new DiskCacheError('BAD_OPTION', `A name has to be a string, not ${typeof name}`);
  if (name === '') return EMPTY_NAME_FOLDER;
  const written = WINDOWS_DEVICE.test(name)
    ? escapeUnits(name[0]!) + name.slice(1)
    : name.replace(/[^a-z0-9_-]/gs, escapeUnits);
  return written.length <= MAX_FOLDER_NAME_LENGTH
    ? written
    : `~${createHash('sha256').update(name, 'utf16le').digest('hex')}`;
}

/** Writes the name into the folder if that is a digest. */
function writeNameFile(path: string, folder: string, name: string): void {
  if (!DIGEST_FOLDER.test(folder) || readNameFile(path) === name) return;
  const file = join(path, NAME_FILE);
  rmSync(file, { force: true });
  writeFileSync(file, Buffer.from(name, 'utf16le'), { flag: 'wx', mode: 0o600, flush: !isTemporary(file) });
}

/** Returns the name of a folder below `root`; undefined for a folder that deskcache has not created. */
export function decodeFolderName(root: string, folder: string): string | undefined {
  const name = DIGEST_FOLDER.test(folder) ? readNameFile(join(root, folder)) : unescapeFolder(folder);
  return name !== undefined && encodeFolderName(name) === folder ? name : undefined;
}

function readNameFile(path: string): string | undefined {
  const file = join(path, NAME_FILE);
  try {
    return readSmallFile(file, MAX_NAME_BYTES)?.toString('utf16le');
  } catch (error) {
    // Anything but a folder with our file has no name.
    const code = getErrorCode(Object(error).cause);
    if (['ENOTDIR', 'EISDIR', 'ELOOP'].includes(code ?? '') || isDamage(error)) return undefined;
    throw error;
  }
}

const escapeUnits = (unit: string): string =>
  Array.from({ length: unit.length }, (_, at) => `=${unit.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

const unescapeFolder = (folder: string): string =>
  folder === EMPTY_NAME_FOLDER
    ? ''
    : folder.replace(ESCAPE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/** Kinds of named stores inside a FanoutCache. */
export const NAMED_KINDS = ['shard', 'cache', 'index', 'deque'] as const;
export type NamedKind = (typeof NAMED_KINDS)[number];

type NamedStore = Cache | Index | Deque;

interface OpenedStore {
  readonly store: NamedStore;
  readonly options: object;
}

/** The named stores of a FanoutCache: each is opened once, in its own folder; all are closed together. */
export class NamedStores {
  readonly #directory: string;
  readonly #opened = new Map<string, OpenedStore>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  getRoot(kind: NamedKind): string {
    return join(this.#directory, kind);
  }

  getPath(kind: NamedKind, name: string): string {
    return join(this.getRoot(kind), encodeFolderName(name));
  }

  /** Returns the paths of all stores of a kind on disk. */
  listPaths(kind: NamedKind): readonly string[] {
    const root = this.getRoot(kind);
    return listFolders(root).flatMap((folder) =>
      decodeFolderName(root, folder) === undefined ? [] : join(root, folder),
    );
  }

  /** Returns the names of all stores of a kind on disk, sorted. O(stores). */
  listNames(kind: NamedKind): string[] {
    const root = this.getRoot(kind);
    return listFolders(root)
      .flatMap((folder) => decodeFolderName(root, folder) ?? [])
      .sort();
  }

  /**
   * Returns the store of a name, opened by `make` unless it is open.
   *
   * @throws {DiskCacheError} `BAD_OPTION` when it is open with other options; what `make` throws.
   */
  open<S extends NamedStore>(kind: NamedKind, name: string, options: object, make: (path: string) => S): S {
    const path = this.getPath(kind, name);
    const opened = this.#opened.get(path);
    if (opened !== undefined && isStoreOpen(opened.store)) {
      if (isDeepStrictEqual(options, opened.options)) return opened.store as S;
      throw new DiskCacheError(
        'BAD_OPTION',
        `The ${kind} ${JSON.stringify(name)} is open with other options; close it first`,
      );
    }
    const folder = encodeFolderName(name);
    assertPathLength(getDatabasePath(path));
    try {
      for (const made of [this.getRoot(kind), path]) {
        assertPlainFolder(made);
        makeDurableFolder(made);
      }
      writeNameFile(path, folder, name);
    } catch (error) {
      throw toFileError(error, path);
    }
    const store = make(path);
    this.#opened.set(path, { store, options });
    return store;
  }

  /** Returns whether the application has the store at a path open in this process. */
  hasOpen(path: string): boolean {
    const opened = this.#opened.get(path);
    return opened !== undefined && isStoreOpen(opened.store);
  }

  /**
   * Deletes a store with everything in it; returns whether there was one.
   *
   * @throws {DiskCacheError} `BUSY` if another process has it open. Not for a shard, which other processes open to measure it, and close
   * when it is missing: no other process may use it.
   */
  remove(kind: NamedKind, name: string): boolean {
    const path = this.getPath(kind, name);
    this.#opened.get(path)?.store.close();
    this.#opened.delete(path);
    const existed = existsSync(path);
    if (kind !== 'shard') assertUnused(path);
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      throw toFileError(error, path);
    }
    return existed;
  }

  close(): void {
    for (const { store } of this.#opened.values()) store.close();
    this.#opened.clear();
  }
}

/** Codes of a database that can't be open anywhere, or that is removed to free space. */
const UNUSABLE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CORRUPT',
  'UNSUPPORTED_VERSION',
  'BAD_OPTION',
  'DISK_FULL',
]);

/** Opens the database exclusively, which succeeds only if no other connection is open. @throws {DiskCacheError} `BUSY` */
function assertUnused(path: string): void {
  if (!existsSync(getDatabasePath(path))) return;
  const alone = { claim: VALUES_FOLDER, readOnly: false, exclusive: true, timeout: 0, pageSize: choosePageSize(0) };
  try {
    openDatabase(path, alone).close();
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    if (UNUSABLE_CODES.has(error.code)) return;
    if (error.code !== 'BUSY') throw error;
    throw new DiskCacheError('BUSY', `${path} is open elsewhere and was not removed; close it there first`, {
      cause: error,
    });
  }
}

/** Returns false if the application has closed the store. */
function isStoreOpen(store: NamedStore): boolean {
  try {
    store.describe();
    return true;
  } catch (error) {
    if (error instanceof DiskCacheError && error.code === 'CLOSED') return false;
    throw error;
  }
}
