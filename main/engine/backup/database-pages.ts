import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { toFileError } from '../sqlite/errors.ts';
import { getDatabasePath, lstatIfExists } from '../sqlite/open-database.ts';
import { NO_FOLLOW } from '../values/file-io.ts';
import { readCommittedFrames } from './log-frames.ts';

/*
 * Reads the pages of a database without SQLite, for a database that SQLite refuses to open. Offsets and names:
 * https://sqlite.org/fileformat2.html. Nothing here trusts a number that it reads.
 */

const SQLITE_MAGIC = 'SQLite format 3\0';
const PAGE_SIZE_AT = 16;
const CHANGE_COUNTER_AT = 24;
const PAGE_COUNT_AT = 28;
const VALID_FOR_AT = 92;
const FIRST_FREELIST_TRUNK_AT = 32;
/** The sizes of the pages of stores, see `choosePageSize`. */
const KNOWN_PAGE_BYTES = [4096, 1024] as const;
/** SQLite never uses the page with this byte. */
const LOCK_BYTE_AT = 2 ** 30;

/** An entry of a pointer map: the kind of one page, and its parent. */
const MAP_ENTRY_BYTES = 5;
const FIRST_MAP_PAGE = 2;
const ROOT_PAGE = 1;
const FREE_PAGE = 2;
const B_TREE_PAGE = 5;
/** With a larger part of impossible entries, all of a pointer map are in doubt. */
const MAX_IMPOSSIBLE_ENTRIES = 1 / 10;

/** What a page holds, according to the pointer map and the list of free pages. */
export type PageUse = 'tree' | 'free' | 'other' | 'unknown';

/** The pages of a store's database and its write-ahead log, as of the last commit. Not for a database that is open in this process. */
export class DatabasePages {
  readonly pageBytes: number;
  /** The number of pages; the first one is 1. */
  readonly count: number;
  /** How many pages the header counts beyond the end of the file; 0 where it can't be read. */
  readonly missing: number;
  readonly #file: number | undefined;
  readonly #fileBytes: number;
  readonly #path: string;
  /** The pages in the log. */
  readonly #frames: ReadonlyMap<number, Buffer>;
  readonly #maps = new Map<number, Buffer | undefined>();
  readonly #freePages: ReadonlySet<number>;

  /** @throws {DiskCacheError} `IO`, `NOT_ALLOWED`, `BUSY` if a file can't be read. A missing database has no pages. */
  constructor(directory: string) {
    this.#path = getDatabasePath(directory);
    this.#file = openIfRegular(this.#path);
    try {
      this.#fileBytes = this.#file === undefined ? 0 : fstatSync(this.#file).size;
      const log = readCommittedFrames(`${this.#path}-wal`);
      this.pageBytes = log?.pageBytes ?? this.#choosePageBytes();
      this.#frames = log?.frames ?? new Map();
      this.count = log?.count || Math.floor(this.#fileBytes / this.pageBytes);
      this.missing = log === undefined ? this.#countMissing() : 0;
      this.#freePages = this.#listFreePages();
    } catch (error) {
      this.close();
      throw toFileError(error, this.#path);
    }
  }

  /** Returns a page; undefined if it is beyond the end. @throws {DiskCacheError} as the constructor */
  read(page: number): Buffer | undefined {
    if (!Number.isInteger(page) || page < 1 || page > this.count) return undefined;
    return this.#frames.get(page) ?? this.#readAt((page - 1) * this.pageBytes, this.pageBytes);
  }

  /** Returns what a page holds. O(1), after the pointer map that has its entry was read. */
  getUse(page: number): PageUse {
    if (page === 1) return 'tree';
    if (this.#freePages.has(page)) return 'free';
    const mapPage = this.#getMapPage(page);
    if (mapPage === page || page === this.#lockPage) return 'other';
    const map = this.#readMap(mapPage);
    if (map === undefined) return 'unknown';
    const entry = getMapEntry(map, page - mapPage - 1);
    if (!isPossible(entry)) return 'unknown';
    if (entry.kind === FREE_PAGE) return 'free';
    return entry.kind === ROOT_PAGE || entry.kind === B_TREE_PAGE ? 'tree' : 'other';
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #countMissing(): number {
    const header = this.read(1);
    if (header?.toString('latin1', 0, SQLITE_MAGIC.length) !== SQLITE_MAGIC) return 0;
    // The count is valid if the header was written last by what knows of it.
    const isValid = header.readUInt32BE(CHANGE_COUNTER_AT) === header.readUInt32BE(VALID_FOR_AT);
    return isValid ? Math.max(0, header.readUInt32BE(PAGE_COUNT_AT) - this.count) : 0;
  }

  get #lockPage(): number {
    return LOCK_BYTE_AT / this.pageBytes + 1;
  }

  #getMapPage(page: number): number {
    const covered = Math.floor(this.pageBytes / MAP_ENTRY_BYTES) + 1;
    const mapPage = Math.floor((page - FIRST_MAP_PAGE) / covered) * covered + FIRST_MAP_PAGE;
    return mapPage === this.#lockPage ? mapPage + 1 : mapPage;
  }

  /** Returns a pointer map; undefined for something else in its place. */
  #readMap(mapPage: number): Buffer | undefined {
    if (this.#maps.has(mapPage)) return this.#maps.get(mapPage);
    const map = this.read(mapPage);
    const entries = Math.min(Math.floor(this.pageBytes / MAP_ENTRY_BYTES), this.count - mapPage);
    let impossible = 0;
    for (let nth = 0; map !== undefined && nth < entries; nth++) if (!isPossible(getMapEntry(map, nth))) impossible++;
    const trusted = impossible <= entries * MAX_IMPOSSIBLE_ENTRIES ? map : undefined;
    this.#maps.set(mapPage, trusted);
    return trusted;
  }

  /** The list of free pages, as far as it can be followed: trunks, which name the next one and many leaves. */
  #listFreePages(): ReadonlySet<number> {
    const free = new Set<number>();
    let trunk = this.read(1)?.readUInt32BE(FIRST_FREELIST_TRUNK_AT) ?? 0;
    while (trunk > 1 && !free.has(trunk)) {
      const page = this.read(trunk);
      // A damaged header leads anywhere: a page of a tree doesn't begin like a trunk.
      if (page === undefined || !this.#mayBeTrunk(page)) break;
      free.add(trunk);
      const leaves = page.readUInt32BE(4);
      for (let nth = 0; nth < leaves; nth++) free.add(page.readUInt32BE(8 + 4 * nth));
      trunk = page.readUInt32BE(0);
    }
    return free;
  }

  #mayBeTrunk(page: Buffer): boolean {
    const leaves = page.readUInt32BE(4);
    if (page.readUInt32BE(0) > this.count || leaves > this.pageBytes / 4 - 2) return false;
    for (let nth = 0; nth < leaves; nth++) if (!isBetween(page.readUInt32BE(8 + 4 * nth), 2, this.count)) return false;
    return true;
  }

  /** Without a header, the size with which more pages begin like those of a tree. */
  #choosePageBytes(): number {
    const header = this.#readAt(0, 100);
    if (header?.toString('latin1', 0, SQLITE_MAGIC.length) === SQLITE_MAGIC) {
      const stated = header.readUInt16BE(PAGE_SIZE_AT);
      if ((KNOWN_PAGE_BYTES as readonly number[]).includes(stated)) return stated;
    }
    const counts = KNOWN_PAGE_BYTES.map((bytes) => this.#countTreePages(bytes) * bytes);
    return counts[1]! > counts[0]! ? KNOWN_PAGE_BYTES[1] : KNOWN_PAGE_BYTES[0];
  }

  #countTreePages(pageBytes: number): number {
    let count = 0;
    for (let at = 0; at + pageBytes <= Math.min(this.#fileBytes, MAX_SAMPLED_BYTES); at += pageBytes) {
      const start = this.#readAt(at, TREE_PAGE_HEADER_BYTES);
      if (start !== undefined && mayBeTreePage(start, pageBytes)) count++;
    }
    return count;
  }

  #readAt(at: number, bytes: number): Buffer | undefined {
    if (this.#file === undefined || at + bytes > this.#fileBytes) return undefined;
    const page = Buffer.alloc(bytes);
    try {
      return readSync(this.#file, page, 0, bytes, at) === bytes ? page : undefined;
    } catch (error) {
      throw toFileError(error, this.#path);
    }
  }
}

const MAX_SAMPLED_BYTES = 4 * 1024 * 1024;
const TREE_PAGE_HEADER_BYTES = 8;
/** Interior and leaf pages of indexes and tables. */
const TREE_PAGE_KINDS: readonly number[] = [2, 5, 10, 13];

const isBetween = (number: number, min: number, max: number): boolean => number >= min && number <= max;

/** Whether the beginning of a page has a possible kind, number of cells and start of the cells. */
export function mayBeTreePage(page: Buffer, pageBytes: number, at = 0): boolean {
  const cells = page.readUInt16BE(at + 3);
  const start = page.readUInt16BE(at + 5);
  return TREE_PAGE_KINDS.includes(page[at]!) && start <= pageBytes && at + 8 + 2 * cells <= start;
}

interface MapEntry {
  readonly kind: number;
  readonly parent: number;
}

const getMapEntry = (map: Buffer, nth: number): MapEntry => ({
  kind: map[nth * MAP_ENTRY_BYTES]!,
  parent: map.readUInt32BE(nth * MAP_ENTRY_BYTES + 1),
});

const isPossible = ({ kind, parent }: MapEntry): boolean =>
  isBetween(kind, ROOT_PAGE, B_TREE_PAGE) && (parent === 0) === kind <= FREE_PAGE;

function openIfRegular(path: string): number | undefined {
  if (lstatIfExists(path)?.isFile() !== true) return undefined;
  try {
    return openSync(path, constants.O_RDONLY | NO_FOLLOW);
  } catch (error) {
    throw toFileError(error, path);
  }
}
