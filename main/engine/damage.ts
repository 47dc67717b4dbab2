import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';

/** Whether something on disk is not as it was written. Says nothing about which item; see `isDamage`. */
export const isCorrupt = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && error.code === 'CORRUPT';

/**
 * Whether an error proves that one stored value or key is damaged: a checksum or a length that differs, a file that is missing, a
 * key that can't be decoded. Only such an item may be given up. `CORRUPT` from SQLite itself proves nothing about a value: SQLite
 * tells a read that the system has refused (EIO) as damage, too, and the same read may work a moment later.
 */
export const isDamage = (error: unknown): error is DiskCacheError => isCorrupt(error) && !isFromSqlite(error.cause);

function isFromSqlite(cause: unknown): boolean {
  if (cause instanceof DiskCacheError) return isFromSqlite(cause.cause);
  const { code } = Object(cause) as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_');
}

/** Returns undefined where the database is damaged. A disk that fails for a moment is no damage: that is thrown. */
export function unlessCorrupt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** Reads an item that is taken out whether it is whole or damaged: returns the value, or the error that proves damage. */
export function attempt<T>(work: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    if (isDamage(error)) return { error };
    throw error;
  }
}

/** A store that is busy, a disk that is full or could not be read: tried again later, it may work. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUSY', 'DISK_FULL', 'IO']);

export const mayPass = (error: unknown): boolean => error instanceof DiskCacheError && PASSING.has(error.code);
