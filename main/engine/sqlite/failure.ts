import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';

/** SQLite's primary result codes (https://sqlite.org/rescode.html), or the beginning of an extended one, and what they mean to a caller. */
const BY_SQLITE_CODE: readonly (readonly [prefix: string, code: ErrorCode, meaning: string])[] = [
  [
    'SQLITE_BUSY',
    'BUSY',
    'is locked by another process or thread, or held by one that opened it with `exclusive`; try again later or raise the timeout',
  ],
  ['SQLITE_LOCKED', 'BUSY', 'is locked by another connection; try again later'],
  ['SQLITE_PROTOCOL', 'BUSY', 'is locked by another process that is starting; try again later'],
  ['SQLITE_FULL', 'DISK_FULL', 'could not grow because the disk is full; free some space'],
  ['SQLITE_CORRUPT', 'CORRUPT', 'is damaged; restore it or delete the directory'],
  ['SQLITE_NOTADB', 'CORRUPT', 'is no SQLite database; choose another directory'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', 'has no place for its shared memory because the disk is full; free some space'],
  ['SQLITE_IOERR', 'CORRUPT', 'could not be read or written'],
  ['SQLITE_READONLY', 'READ_ONLY', 'cannot be written'],
  ['SQLITE_CANTOPEN', 'NOT_ALLOWED', 'cannot be opened; check the permissions of its directory'],
  ['SQLITE_PERM', 'NOT_ALLOWED', 'may not be accessed; check its permissions'],
  ['SQLITE_AUTH', 'NOT_ALLOWED', 'may not be accessed; check its permissions'],
  ['SQLITE_TOOBIG', 'TOO_LARGE', 'refused a value longer than SQLite can hold'],
  ['SQLITE_NOMEM', 'TOO_LARGE', 'needs more memory than there is'],
];

/** Operating system errors by what they mean for a path. */
const BY_SYSTEM_CODE: Readonly<Record<string, readonly [code: ErrorCode, meaning: string]>> = {
  EACCES: ['NOT_ALLOWED', 'may not be accessed; check its permissions'],
  EPERM: ['NOT_ALLOWED', 'may not be accessed; check its permissions'],
  EROFS: ['READ_ONLY', 'is on a read-only file system'],
  ENOSPC: ['DISK_FULL', 'could not grow because the disk is full; free some space'],
  EDQUOT: ['DISK_FULL', 'could not grow because the disk quota is used up; free some space'],
  EMFILE: ['BUSY', 'cannot be opened: this process has too many files open; close some'],
  ENFILE: ['BUSY', 'cannot be opened: the system has too many files open; try again later'],
  EEXIST: ['BAD_OPTION', 'is a file, not a directory; choose another directory'],
  ENOTDIR: ['BAD_OPTION', 'leads through a file; choose another directory'],
  ENOENT: ['BAD_OPTION', 'cannot be created; choose another directory'],
  EISDIR: ['BAD_OPTION', 'is a directory where a file was expected; choose another directory'],
  ENAMETOOLONG: ['BAD_OPTION', 'is too long a path; choose another directory'],
  ELOOP: ['BAD_OPTION', 'leads through a circle of links; choose another directory'],
};

/** What SQLite threw, in the caller's words: the code, the path, what to do. A `DiskCacheError` passes through. */
export function failure(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const code = codeOf(error);
  if (!code?.startsWith('SQLITE_')) return error;
  const [, meant, meaning] = BY_SQLITE_CODE.find(([prefix]) => code.startsWith(prefix)) ?? [
    '',
    'CORRUPT',
    'refused a statement',
  ];
  return new DiskCacheError(meant, `${path} ${meaning} (${code}: ${messageOf(error)})`, { cause: error });
}

/** What the file system threw at `path`, in the caller's words. */
export function fileFailure(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const code = codeOf(error);
  const known = code === undefined ? undefined : BY_SYSTEM_CODE[code];
  if (!known) return new DiskCacheError('CORRUPT', `${path} could not be used (${messageOf(error)})`, { cause: error });
  return new DiskCacheError(known[0], `${path} ${known[1]} (${code})`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
