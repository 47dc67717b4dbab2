import { DiskCacheError } from '../../protocol/error.ts';

/**
 * Whether an error proves that one stored value or key is damaged: a checksum or a length that differs, a file that is missing, a
 * key that can't be decoded. Only such an item may be given up. `CORRUPT` from SQLite itself proves nothing about a value: SQLite
 * tells a read that the system has refused (EIO) as damage, too, and the same read may work a moment later.
 */
export const isDamage = (error: unknown): boolean =>
  error instanceof DiskCacheError && error.code === 'CORRUPT' && !isFromSqlite(error.cause);

function isFromSqlite(cause: unknown): boolean {
  if (cause instanceof DiskCacheError) return isFromSqlite(cause.cause);
  const { code } = Object(cause) as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_');
}
