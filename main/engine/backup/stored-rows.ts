import { isUint8Array } from 'node:util/types';
import type { Column } from '../sqlite/connection.ts';
import { isDamage } from '../sqlite/errors.ts';
import { PERMANENT_COUNTERS } from '../sqlite/statements.ts';
import { checksum, toValueChecksum } from '../values/encoding.ts';
import { FileStore } from '../values/file-store.ts';
import { decodeKey, type KeyColumn } from '../values/key.ts';
import { isCounterName } from './damaged-tables.ts';
import { DatabasePages } from './database-pages.ts';
import { getLeafKind, isTreePage, type PageRow, readLeaf } from './page-rows.ts';
import { listItemPages } from './page-tree.ts';

/** The columns of `entry` after its id, in the order of the table. */
export const ENTRY_COLUMNS = [
  'key',
  'expires_at',
  'mode',
  'checksum',
  'size',
  'file',
  'value',
  'stored_at',
  'used_at',
  'hits',
  'visited',
  'tag',
  'queue',
] as const;

/** An item whose checksum fits: its id, and the other columns of its row. */
export interface StoredItem {
  readonly id: number;
  readonly key: KeyColumn;
  /** The name of its value file. */
  readonly file: string | null;
  readonly columns: readonly Column[];
}

/** What can't be read. */
interface UnreadableCounts {
  /** Rows that can be seen, but whose value, key or file is damaged. */
  items: number;
  /** Pages that should hold rows, and hold something else or are missing. */
  pages: number;
}

export interface StoredRows {
  readonly unreadable: UnreadableCounts;
  /** The rows of the tables of settings and counters that were found. */
  readonly settings: ReadonlyMap<string, Column>;
  readonly counters: ReadonlyMap<string, number>;
}

/**
 * Hands every undamaged item of a store to `take`, from the pages themselves, so that nothing of the tree above them is needed. An item may
 * come twice; the first one counts: those of pages that are certainly in use come first. Checks the files of items, too. O(bytes).
 *
 * @throws {DiskCacheError} `IO`, `NOT_ALLOWED`, `BUSY` where a file can't be read now: that says nothing about what is in it.
 */
export function readStoredRows(directory: string, take: (item: StoredItem) => void): StoredRows {
  const pages = new DatabasePages(directory);
  try {
    return new PageScan(pages, new FileStore(directory, 'process'), take).run();
  } finally {
    pages.close();
  }
}

class PageScan {
  readonly #pages: DatabasePages;
  readonly #files: FileStore;
  readonly #take: (item: StoredItem) => void;
  readonly #unreadable: UnreadableCounts = { items: 0, pages: 0 };
  readonly #settings = new Map<string, Column>();
  readonly #counters = new Map<string, number>();

  constructor(pages: DatabasePages, files: FileStore, take: (item: StoredItem) => void) {
    this.#pages = pages;
    this.#files = files;
    this.#take = take;
  }

  run(): StoredRows {
    const doubtful: number[] = [];
    for (let page = 1; page <= this.#pages.count; page++) {
      const use = this.#pages.getUse(page);
      if (use === 'tree') this.#readPage(page, true);
      else if (use !== 'free') doubtful.push(page);
    }
    // Without its pointer map, a page may be free and hold what was deleted; a whole tree names those that are not.
    const inTree = doubtful.length === 0 ? undefined : listItemPages(this.#pages);
    for (const page of doubtful) if (inTree === undefined || inTree.has(page)) this.#readPage(page, false);
    this.#unreadable.pages += this.#pages.missing;
    return { unreadable: this.#unreadable, settings: this.#settings, counters: this.#counters };
  }

  #readPage(number: number, isInUse: boolean): void {
    const page = this.#pages.read(number);
    const kind = page && getLeafKind(page, number);
    if (kind === 'table') for (const row of readLeaf(this.#pages, number, kind)) this.#readRow(row);
    else if (kind === 'index') this.#readSmallRows([...readLeaf(this.#pages, number, kind)]);
    else if (isInUse && (page === undefined || !isTreePage(page, number))) this.#unreadable.pages++;
  }

  #readRow(row: PageRow | undefined): void {
    // Shorter rows are of the schema and the change log.
    if (row !== undefined && row.columns.length !== ENTRY_COLUMNS.length + 1) return;
    const item = row && this.#toItem(row);
    if (item === undefined) this.#unreadable.items++;
    else this.#take(item);
  }

  #toItem({ id, columns: [, ...columns] }: PageRow): StoredItem | undefined {
    const [key, , mode, check, size, file, value] = columns;
    if (!isKey(key) || typeof mode !== 'number' || typeof check !== 'number' || typeof size !== 'number')
      return undefined;
    const expected = toValueChecksum(check, key);
    if (typeof file === 'string') {
      return this.#isFileWhole(file, { mode, bytes: size, crc: expected }) ? { id, key, file, columns } : undefined;
    }
    if (file !== null || !isStored(value) || checksum(mode, value) !== expected) return undefined;
    return { id, key, file, columns };
  }

  #isFileWhole(file: string, expected: Parameters<FileStore['verify']>[1]): boolean {
    try {
      this.#files.verify(file, expected);
      return true;
    } catch (error) {
      if (isDamage(error)) return false;
      throw error;
    }
  }

  /**
   * A page doesn't say whether it is of the settings, of the counters or of an index of items, whose rows look the same. So all its rows
   * have to fit, and one that each store has.
   */
  #readSmallRows(rows: readonly (PageRow | undefined)[]): void {
    const pairs = rows.flatMap((row): (readonly [string, Column])[] => {
      const [name, value, ...rest] = row?.columns ?? [];
      return typeof name === 'string' && value !== undefined && rest.length === 0 ? [[name, value]] : [];
    });
    if (pairs.length !== rows.length) return;
    if (pairs.some(([name, value]) => name === 'kind' && (value === 'index' || value === 'deque'))) {
      for (const [name, value] of pairs) this.#settings.set(name, value);
    }
    const isOfCounters = pairs.every(([name, value]) => typeof value === 'number' && isCounterName(name));
    if (isOfCounters && pairs.filter(([name]) => PERMANENT_COUNTERS.some((known) => known === name)).length > 1) {
      for (const [name, value] of pairs) this.#counters.set(name, Number(value));
    }
  }
}

function isKey(column: Column | undefined): column is KeyColumn {
  if (column === undefined || column === null || typeof column === 'bigint') return false;
  try {
    decodeKey(column as KeyColumn);
    return true;
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

const isStored = (value: Column | undefined): value is KeyColumn =>
  typeof value === 'string' || typeof value === 'number' || isUint8Array(value);
