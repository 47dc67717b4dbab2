const PAGE = 4096;
const MOST_LOG_PAGES = 4096;
const LEAST_LOG_PAGES = 4;

/** SQLite's share of the bytes of an item besides key and value: cell and record headers, times, the entry of the key index. */
const ROW_BYTES = 64;

/** The write-ahead log is checkpointed when it has grown to so many pages: a sixteenth of the limit, 16 MiB at most. */
export const logPages = (sizeLimit: number): number =>
  Math.min(MOST_LOG_PAGES, Math.max(LEAST_LOG_PAGES, Math.floor(sizeLimit / 16 / PAGE)));

/** Bytes set aside for the log: it may pass its mark by the last transaction. */
export const logReserve = (sizeLimit: number): number => (logPages(sizeLimit) * 1.25 + 4) * PAGE;

/** An empty database. */
export const EMPTY_BYTES = 14 * PAGE;

/** What an item takes on disk, about: the key stands in the table and in its index. */
export const costOf = (keyBytes: number, valueBytes: number): number => ROW_BYTES + 2 * keyBytes + valueBytes;

/** What can be stored at all under a limit. */
export const capacityOf = (sizeLimit: number): number => sizeLimit - logReserve(sizeLimit) - EMPTY_BYTES;

/** Below this much free space every write measures anew. */
const NEAR = 64 * 1024;

/**
 * How many bytes may be written before the disk is measured again. A part of what is free, because other processes write
 * from the same allowance.
 */
export const allowance = (free: number): number => (free < NEAR ? 0 : free / 8);
