/** Bytes of the log at which it is checkpointed: the longer, the fewer pages are written twice. */
const MOST_LOG_BYTES = 16 * 1024 * 1024;
const LEAST_LOG_PAGES = 4;
/** Pages by which a write may lengthen the log past its mark; after a larger one it is looked at. */
export const PAGES_PER_WRITE = 8;
/** A page in the log has a header (https://sqlite.org/fileformat2.html#the_write_ahead_log). */
const FRAME_HEADER_BYTES = 24;

/** An empty database. */
const EMPTY_PAGES = 15;
/** Set aside for the next writes: each tree may split a page. */
export const SPLIT_PAGES = 6;

/** SQLite's share of the bytes of an item besides key and value: cell and record headers, times, the entry of the key index. */
const ROW_BYTES = 64;

/** Below this limit the few pages of an empty database would take most of it, so they are made small. */
const SMALL_LIMIT = 1024 * 1024;

/** The page size of a new database: SQLite's own, that of file systems, except under a small limit. */
export const pageSizeFor = (sizeLimit: number): number => (sizeLimit < SMALL_LIMIT ? 1024 : 4096);

/** The write-ahead log is checkpointed when it has grown to so many pages: an eighth of the limit, 16 MiB at most. */
export const logPages = (sizeLimit: number, pageSize: number): number =>
  Math.max(LEAST_LOG_PAGES, Math.floor(Math.min(MOST_LOG_BYTES, sizeLimit / 8) / pageSize));

/** Bytes set aside for the log: it passes its mark by a transaction. */
export const logReserve = (sizeLimit: number, pageSize: number): number =>
  Math.ceil(logPages(sizeLimit, pageSize) * 1.25 + PAGES_PER_WRITE) * (pageSize + FRAME_HEADER_BYTES);

/** Bytes kept for a full disk: none under a limit that is small, of which they would take much. */
const LEAST_RESERVE = 64 * 1024;
const MOST_RESERVE = 4 * 1024 * 1024;
const RESERVED_LIMIT = 4 * 1024 * 1024;

/** The most of a limit that is kept for a full disk: a thirty-second. */
export const mostReserve = (sizeLimit: number): number =>
  sizeLimit < RESERVED_LIMIT ? 0 : Math.min(MOST_RESERVE, sizeLimit / 32);

/** Bytes that a store of so many bytes keeps for a full disk: an eighth of them. */
export const reserveFor = (sizeLimit: number, storeBytes: number): number =>
  Math.floor(Math.min(mostReserve(sizeLimit), Math.max(LEAST_RESERVE, storeBytes / 8)));

/** Of files that were replaced, and that a power cut may bring back, so much may wait at most; a part of the limit. */
export const MAX_REPLACED_BYTES = 16 * 1024 * 1024;
export const MAX_REPLACED_PART = 1 / 32;

/** Bytes of the limit that are not for items in use. */
export const setAside = (sizeLimit: number, pageSize: number): number =>
  logReserve(sizeLimit, pageSize) + mostReserve(sizeLimit) + SPLIT_PAGES * pageSize;

/** Bytes of the limit that can't hold items. */
export const overheadOf = (sizeLimit: number, pageSize: number): number =>
  setAside(sizeLimit, pageSize) + EMPTY_PAGES * pageSize;

/** What an item takes on disk, about: the key stands in the table and in its index. */
export const costOf = (keyBytes: number, valueBytes: number): number => ROW_BYTES + 2 * keyBytes + valueBytes;

/** Below this much free space every write measures anew. */
const NEAR = 64 * 1024;

/**
 * How many bytes may be written before the disk is measured again. A part of what is free, because other processes write
 * from the same allowance.
 */
export const allowance = (free: number): number => (free < NEAR ? 0 : free / 8);
