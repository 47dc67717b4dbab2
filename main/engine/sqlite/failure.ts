import { DiskCacheError, type ErrorCode, messageOf } from '../../../protocol/error.ts';
import { probe, readThrough } from './probe.ts';

/** SQLite's result codes (https://sqlite.org/rescode.html), or the beginning of extended ones, and what they mean to a caller; the first that fits. */
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
  ['SQLITE_IOERR_SHORT_READ', 'CORRUPT', 'is shorter than it says; restore it or delete the directory'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', 'has no place for its shared memory because the disk is full; free some space'],
  ['SQLITE_IOERR_NOMEM', 'IO', 'could not be used: there is not enough memory; try again later'],
  ['SQLITE_IOERR', 'IO', 'could not be read or written; check the disk, then try again'],
  ['SQLITE_READONLY', 'READ_ONLY', 'cannot be written'],
  ['SQLITE_CANTOPEN', 'NOT_ALLOWED', 'cannot be opened; check the permissions of its directory'],
  ['SQLITE_PERM', 'NOT_ALLOWED', 'may not be accessed; check its permissions'],
  ['SQLITE_AUTH', 'NOT_ALLOWED', 'may not be accessed; check its permissions'],
  ['SQLITE_TOOBIG', 'TOO_LARGE', 'refused a value longer than SQLite can hold'],
  ['SQLITE_NOMEM', 'IO', 'could not be used: there is not enough memory; try again later'],
];

/** Behind these is a refusal of the system whose reason SQLite keeps to itself. */
const UNEXPLAINED = /^SQLITE_(CANTOPEN|IOERR_(WRITE|FSYNC|DIR_FSYNC|TRUNCATE|SHMOPEN|SHMMAP))/;

const FULL = 'could not grow because the disk is full; free some space';
const FORBIDDEN = 'may not be accessed; check its permissions';

/** What the system's refusals mean, whatever was to be done. What is not here is `IO`. */
const BY_SYSTEM_CODE: Readonly<Record<string, readonly [code: ErrorCode, meaning: string]>> = {
  EACCES: ['NOT_ALLOWED', FORBIDDEN],
  EPERM: ['NOT_ALLOWED', FORBIDDEN],
  EROFS: ['READ_ONLY', 'is on a read-only file system; open the store with readOnly, or choose another directory'],
  ENOSPC: ['DISK_FULL', FULL],
  EDQUOT: ['DISK_FULL', 'could not grow because the disk quota is used up; free some space'],
  EFBIG: ['TOO_LARGE', 'would be larger than the file system allows; store less at once'],
  EMFILE: ['BUSY', 'cannot be opened: this process has too many files open; close some'],
  ENFILE: ['BUSY', 'cannot be opened: the system has too many files open; try again later'],
  EBUSY: ['BUSY', 'is in use by another program; try again later'],
  ETXTBSY: ['BUSY', 'is in use by another program; try again later'],
  EAGAIN: ['BUSY', 'is in use by another program; try again later'],
  ENAMETOOLONG: ['BAD_OPTION', 'is too long a path; choose another directory'],
};

/** What the system's refusals mean for a directory that a caller has chosen. */
const BY_CODE_OF_DIRECTORY: typeof BY_SYSTEM_CODE = {
  EEXIST: ['BAD_OPTION', 'is a file, not a directory; choose another directory'],
  ENOTDIR: ['BAD_OPTION', 'leads through a file; choose another directory'],
  ENOENT: ['BAD_OPTION', 'cannot be created; choose another directory'],
  EISDIR: ['BAD_OPTION', 'is a directory where a file was expected; choose another directory'],
  ELOOP: ['BAD_OPTION', 'leads through a circle of links; choose another directory'],
};

/** The longest path that SQLite opens, in bytes: 512 with room for the longest name beside it. Windows has limits of its own. */
const MAX_PATH_BYTES = 504;

/** @throws {DiskCacheError} `BAD_OPTION` for a path that SQLite refuses because it is too long. */
export function assertPathLength(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (process.platform === 'win32' || bytes <= MAX_PATH_BYTES) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${path} is too long a path: ${bytes} bytes, SQLite opens at most ${MAX_PATH_BYTES}; choose another directory`,
  );
}

/**
 * What SQLite or its driver threw, in the caller's words: the code, the path, what to do. A `DiskCacheError` passes through, and so
 * does what a function of the caller's has thrown meanwhile.
 */
export function failure(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const code = codeOf(error);
  if (!code?.startsWith('SQLITE_')) return driverFailure(error, path);
  const isDoubtful = code.startsWith('SQLITE_CORRUPT');
  if (isDoubtful || UNEXPLAINED.test(code)) {
    const refusal = isDoubtful ? readThrough(path) : probe(path);
    const explained = refusal === undefined ? undefined : explain(refusal, path);
    if (explained !== undefined) return new DiskCacheError(explained.code, explained.message, { cause: error });
  }
  const [, meant, meaning] = BY_SQLITE_CODE.find(([prefix]) => code.startsWith(prefix)) ?? [
    '',
    'CORRUPT',
    'refused a statement',
  ];
  return new DiskCacheError(meant, `${path} ${meaning} (${code}: ${messageOf(error)})`, { cause: error });
}

/**
 * Whether somebody else holds a lock of SQLite, or reads from a log that has to be emptied, which is worth waiting for. SQLite reports
 * the latter by a row, so that `BUSY` has no cause; too many open files have one of another kind.
 */
export const isLocked = (error: unknown): boolean =>
  error instanceof DiskCacheError &&
  error.code === 'BUSY' &&
  (error.cause === undefined || /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(codeOf(error.cause) ?? ''));

/**
 * Whether SQLite says that a page is damaged. It says so, too, where the system has refused to read it (EIO, SQLITE_IOERR_CORRUPTFS
 * in sqlite3VdbeExec): the next read may work.
 */
export const isTakenForDamage = (error: unknown): boolean =>
  error instanceof DiskCacheError && (codeOf(error.cause) ?? '').startsWith('SQLITE_CORRUPT');

/** What the file system threw at a directory that a caller has chosen, or at a file of its own in it, in the caller's words. */
export function fileFailure(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const known = BY_CODE_OF_DIRECTORY[codeOf(error) ?? ''];
  return known === undefined ? valueFailure(error, path) : told(known, error, path);
}

/**
 * What the file system threw at a value file, in the caller's words. Never `CORRUPT`: that a file can't be read now says nothing
 * about what is in it.
 */
export function valueFailure(error: unknown, path: string): DiskCacheError {
  if (error instanceof DiskCacheError) return error;
  return (
    systemFailure(error, path) ??
    new DiskCacheError(
      'IO',
      `${path} could not be read or written; check the disk, then try again (${messageOf(error)})`,
      {
        cause: error,
      },
    )
  );
}

/** Returns undefined for a refusal that SQLite can't have met. */
function explain(refusal: unknown, path: string): DiskCacheError | undefined {
  const code = codeOf(refusal) ?? '';
  if (code === 'EEXIST') return undefined;
  if (code === 'EISDIR') return told(BY_CODE_OF_DIRECTORY.EISDIR!, refusal, path);
  if (code === 'ENOENT') return new DiskCacheError('IO', `${path} can't be opened: its directory is gone (ENOENT)`);
  return valueFailure(refusal, path);
}

/** Undefined where the system's word is not known. */
function systemFailure(error: unknown, path: string): DiskCacheError | undefined {
  const known = BY_SYSTEM_CODE[codeOf(error) ?? ''];
  return known && told(known, error, path);
}

const told = ([code, meaning]: readonly [ErrorCode, string], error: unknown, path: string): DiskCacheError =>
  new DiskCacheError(code, `${path} ${meaning} (${codeOf(error)})`, { cause: error });

/** What better-sqlite3 refuses itself, by an error without a code. */
function driverFailure(error: unknown, path: string): unknown {
  if (error instanceof RangeError) {
    return new DiskCacheError('TOO_LARGE', `${path} can't hold so large a value (${error.message})`, { cause: error });
  }
  if (!(error instanceof TypeError)) return error;
  if (error.message === 'The database connection is not open') {
    return new DiskCacheError('CLOSED', `${path} was closed; open the store again`, { cause: error });
  }
  if (error.message.startsWith('This database connection is busy')) {
    return new DiskCacheError('BAD_OPTION', `${path} is being read by the caller of this function; call it after`, {
      cause: error,
    });
  }
  return error;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
