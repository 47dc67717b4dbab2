import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';
import type { Cache } from '../cache/cache.ts';
import type { Deque } from '../collections/deque.ts';
import type { Index } from '../collections/index-map.ts';
import { pageSizeFor } from '../policy/budget.ts';
import { assertPathLength, fileFailure } from '../sqlite/failure.ts';
import { openDatabase } from '../sqlite/open.ts';
import { assertPlainFolder, databasePath, makeDurableFolder } from '../sqlite/store-directory.ts';
import { VALUES_FOLDER } from '../values/file-layout.ts';
import { foldersIn } from '../values/whole-file.ts';
import { folderName, keepName, nameOf } from './folder-name.ts';

/** What can be kept under a name inside a FanoutCache. */
export const NAMED_KINDS = ['shard', 'cache', 'index', 'deque'] as const;
export type NamedKind = (typeof NAMED_KINDS)[number];

type NamedStore = Cache | Index | Deque;

interface Opened {
  readonly store: NamedStore;
  readonly options: object;
}

/** The named stores of a FanoutCache: each opened once, in a folder of its own, closed together. */
export class NamedStores {
  readonly #directory: string;
  readonly #opened = new Map<string, Opened>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  root(kind: NamedKind): string {
    return join(this.#directory, kind);
  }

  path(kind: NamedKind, name: string): string {
    return join(this.root(kind), folderName(name));
  }

  /** The paths of all stores of a kind on disk. */
  paths(kind: NamedKind): readonly string[] {
    const root = this.root(kind);
    return foldersIn(root).flatMap((folder) => (nameOf(root, folder) === undefined ? [] : join(root, folder)));
  }

  /** The names of all stores of a kind on disk, sorted. O(stores). */
  names(kind: NamedKind): string[] {
    const root = this.root(kind);
    return foldersIn(root)
      .flatMap((folder) => nameOf(root, folder) ?? [])
      .sort();
  }

  /**
   * The store under a name, opened by `make` unless it is open.
   *
   * @throws {DiskCacheError} `BAD_OPTION` when it is open with other options; what `make` throws.
   */
  open<S extends NamedStore>(kind: NamedKind, name: string, options: object, make: (path: string) => S): S {
    const path = this.path(kind, name);
    const opened = this.#opened.get(path);
    if (opened !== undefined && isOpen(opened.store)) {
      if (isDeepStrictEqual(options, opened.options)) return opened.store as S;
      throw new DiskCacheError(
        'BAD_OPTION',
        `The ${kind} ${JSON.stringify(name)} is open with other options; close it first`,
      );
    }
    const folder = folderName(name);
    assertPathLength(databasePath(path));
    try {
      for (const made of [this.root(kind), path]) {
        assertPlainFolder(made);
        makeDurableFolder(made);
      }
      keepName(path, folder, name);
    } catch (error) {
      throw fileFailure(error, path);
    }
    const store = make(path);
    this.#opened.set(path, { store, options });
    return store;
  }

  /** Whether somebody here has the store at a path open. */
  isHeld(path: string): boolean {
    const opened = this.#opened.get(path);
    return opened !== undefined && isOpen(opened.store);
  }

  /**
   * Deletes a store with everything in it; answers whether there was one.
   *
   * @throws {DiskCacheError} `BUSY` when somebody else has it open. Not for a shard, which others open to count it, and let go of
   * when it is gone: nobody else may be using that.
   */
  remove(kind: NamedKind, name: string): boolean {
    const path = this.path(kind, name);
    this.#opened.get(path)?.store.close();
    this.#opened.delete(path);
    const existed = existsSync(path);
    if (kind !== 'shard') demandUnused(path);
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      throw fileFailure(error, path);
    }
    return existed;
  }

  close(): void {
    for (const { store } of this.#opened.values()) store.close();
    this.#opened.clear();
  }
}

/** Codes of a database that can't be open anywhere, or that has to go to make space. */
const UNUSABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CORRUPT',
  'UNSUPPORTED_VERSION',
  'BAD_OPTION',
  'DISK_FULL',
]);

/** Who can lock all others out is alone. */
function demandUnused(path: string): void {
  if (!existsSync(databasePath(path))) return;
  const alone = { claim: VALUES_FOLDER, readOnly: false, exclusive: true, timeout: 0, pageSize: pageSizeFor(0) };
  try {
    openDatabase(path, alone).close();
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    if (UNUSABLE.has(error.code)) return;
    if (error.code !== 'BUSY') throw error;
    throw new DiskCacheError('BUSY', `${path} is open elsewhere and was not removed; close it there first`, {
      cause: error,
    });
  }
}

/** Whoever got it may have closed it. */
function isOpen(store: NamedStore): boolean {
  try {
    store.describe();
    return true;
  } catch (error) {
    if (error instanceof DiskCacheError && error.code === 'CLOSED') return false;
    throw error;
  }
}
