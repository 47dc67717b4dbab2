import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DiskCacheError, type ErrorCode, getErrorMessage } from '../../../protocol/error.ts';

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
export function tryRead<T>(work: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    if (isDamage(error)) return { error };
    throw error;
  }
}

/** A store that is busy, a disk that is full or could not be read: tried again later, it may work. */
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUSY', 'DISK_FULL', 'IO']);

export const isTransient = (error: unknown): boolean =>
  error instanceof DiskCacheError && TRANSIENT_CODES.has(error.code);

/** As large as a page of the database, so that it needs a block of the disk. */
const PROBE_BYTES = 4096;

/**
 * SQLite tells that a file can't be opened or written, and not why. Tries the same beside the database and returns what the
 * system says, as it was thrown; undefined when it works.
 *
 * Invariant: the database and its -shm are never opened here: closing them would end the locks that this process holds on them
 * (https://sqlite.org/howtocorrupt.html §2.2).
 */
export function probeWrite(path: string): unknown {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      return Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    }
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assertAccess(file);
    if (process.platform !== 'win32') closeSync(openSync(dirname(path), 'r'));
    writeProbeFile(`${path}-probe`);
    return undefined;
  } catch (error) {
    return error;
  }
}

function assertAccess(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })) accessSync(file, constants.R_OK | constants.W_OK);
}

function writeProbeFile(file: string): void {
  rmSync(file, { force: true });
  const opened = openSync(file, 'wx', 0o600);
  try {
    writeSync(opened, new Uint8Array(PROBE_BYTES));
    fsyncSync(opened);
  } finally {
    closeSync(opened);
    rmSync(file, { force: true });
  }
}

/** What a system says of a disk, or a file server, that can't be read. */
const UNREADABLE_CODES: ReadonlySet<unknown> = new Set(['EIO', 'ENXIO', 'ENODEV', 'ESTALE', 'ETIMEDOUT', 'EREMOTEIO']);
/** Of a larger database only the beginning is read, which bounds the time. */
const MAX_READ_BYTES = 256 * 1024 * 1024;
const READ_CHUNK_BYTES = 1024 * 1024;
/** How long a result is kept: a fault that lasts is met by every call. */
const RESULT_TTL_MS = 1000;
/** Descriptors are small numbers; those of SQLite are looked for up to this one. */
const MAX_DESCRIPTOR = 4096;

const recentResults = new Map<string, { readonly at: number; readonly refusal: unknown }>();

/**
 * SQLite tells a read that the system has refused as damage. Reads the database through and returns the refusal; undefined when all
 * of it can be read, so that what SQLite says is true. Uses the descriptor that SQLite has open, for the reason given at `probeWrite`.
 */
export function probeRead(path: string): unknown {
  const known = recentResults.get(path);
  if (known !== undefined && performance.now() - known.at < RESULT_TTL_MS) return known.refusal;
  const refusal = findReadRefusal(path);
  recentResults.clear();
  recentResults.set(path, { at: performance.now(), refusal });
  return refusal;
}

function findReadRefusal(path: string): unknown {
  try {
    // Windows knows no such locks.
    const opened = process.platform === 'win32' ? openSync(path, 'r') : findDescriptor(path);
    if (opened === undefined) return undefined;
    try {
      const piece = new Uint8Array(READ_CHUNK_BYTES);
      for (let at = 0; at < MAX_READ_BYTES; at += READ_CHUNK_BYTES)
        if (readSync(opened, piece, 0, READ_CHUNK_BYTES, at) === 0) break;
    } finally {
      if (process.platform === 'win32') closeSync(opened);
    }
    return undefined;
  } catch (error) {
    return UNREADABLE_CODES.has((error as NodeJS.ErrnoException).code) ? error : undefined;
  }
}

function findDescriptor(path: string): number | undefined {
  const { dev, ino } = statSync(path);
  for (let descriptor = 3; descriptor < MAX_DESCRIPTOR; descriptor++) {
    try {
      const facts = fstatSync(descriptor);
      if (facts.ino === ino && facts.dev === dev) return descriptor;
    } catch {
      // Not open.
    }
  }
  return undefined;
}

/** SQLite's result codes (https://sqlite.org/rescode.html), or the beginning of extended ones, and what they mean to a caller; the first that fits. */
const SQLITE_ERRORS: readonly (readonly [prefix: string, code: ErrorCode, meaning: string])[] = [
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
const UNEXPLAINED_CODES = /^SQLITE_(CANTOPEN|IOERR_(WRITE|FSYNC|DIR_FSYNC|TRUNCATE|SHMOPEN|SHMMAP))/;

const DISK_FULL_MEANING = 'could not grow because the disk is full; free some space';
const FORBIDDEN_MEANING = 'may not be accessed; check its permissions';

/** What the system's refusals mean, whatever was to be done. What is not here is `IO`. */
const SYSTEM_ERRORS: Readonly<Record<string, readonly [code: ErrorCode, meaning: string]>> = {
  EACCES: ['NOT_ALLOWED', FORBIDDEN_MEANING],
  EPERM: ['NOT_ALLOWED', FORBIDDEN_MEANING],
  EROFS: ['READ_ONLY', 'is on a read-only file system; open the store with readOnly, or choose another directory'],
  ENOSPC: ['DISK_FULL', DISK_FULL_MEANING],
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
const DIRECTORY_ERRORS: typeof SYSTEM_ERRORS = {
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
export function toDiskCacheError(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const code = getErrorCode(error);
  if (!code?.startsWith('SQLITE_')) return toDriverError(error, path);
  const isDoubtful = code.startsWith('SQLITE_CORRUPT');
  if (isDoubtful || UNEXPLAINED_CODES.test(code)) {
    const refusal = isDoubtful ? probeRead(path) : probeWrite(path);
    const explained = refusal === undefined ? undefined : toExplainedError(refusal, path);
    if (explained !== undefined) return new DiskCacheError(explained.code, explained.message, { cause: error });
  }
  const [, meant, meaning] = SQLITE_ERRORS.find(([prefix]) => code.startsWith(prefix)) ?? [
    '',
    'CORRUPT',
    'refused a statement',
  ];
  return new DiskCacheError(meant, `${path} ${meaning} (${code}: ${getErrorMessage(error)})`, { cause: error });
}

/**
 * Whether somebody else holds a lock of SQLite, or reads from a log that has to be emptied, which is worth waiting for. SQLite reports
 * the latter by a row, so that `BUSY` has no cause; too many open files have one of another kind.
 */
export const isLocked = (error: unknown): boolean =>
  error instanceof DiskCacheError &&
  error.code === 'BUSY' &&
  (error.cause === undefined || /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(getErrorCode(error.cause) ?? ''));

/**
 * Whether SQLite says that a page is damaged. It says so, too, where the system has refused to read it (EIO, SQLITE_IOERR_CORRUPTFS
 * in sqlite3VdbeExec): the next read may work.
 */
export const isSqliteCorrupt = (error: unknown): boolean =>
  error instanceof DiskCacheError && (getErrorCode(error.cause) ?? '').startsWith('SQLITE_CORRUPT');

/** What the file system threw at a directory that a caller has chosen, or at a file of its own in it, in the caller's words. */
export function toFileError(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const known = DIRECTORY_ERRORS[getErrorCode(error) ?? ''];
  return known === undefined ? toValueFileError(error, path) : toError(known, error, path);
}

/**
 * What the file system threw at a value file, in the caller's words. Never `CORRUPT`: that a file can't be read now says nothing
 * about what is in it.
 */
export function toValueFileError(error: unknown, path: string): DiskCacheError {
  if (error instanceof DiskCacheError) return error;
  return (
    toSystemError(error, path) ??
    new DiskCacheError(
      'IO',
      `${path} could not be read or written; check the disk, then try again (${getErrorMessage(error)})`,
      {
        cause: error,
      },
    )
  );
}

/** Returns undefined for a refusal that SQLite can't have met. */
function toExplainedError(refusal: unknown, path: string): DiskCacheError | undefined {
  const code = getErrorCode(refusal) ?? '';
  if (code === 'EEXIST') return undefined;
  if (code === 'EISDIR') return toError(DIRECTORY_ERRORS.EISDIR!, refusal, path);
  if (code === 'ENOENT') return new DiskCacheError('IO', `${path} can't be opened: its directory is gone (ENOENT)`);
  return toValueFileError(refusal, path);
}

/** Undefined where the system's word is not known. */
function toSystemError(error: unknown, path: string): DiskCacheError | undefined {
  const known = SYSTEM_ERRORS[getErrorCode(error) ?? ''];
  return known && toError(known, error, path);
}

const toError = ([code, meaning]: readonly [ErrorCode, string], error: unknown, path: string): DiskCacheError =>
  new DiskCacheError(code, `${path} ${meaning} (${getErrorCode(error)})`, { cause: error });

/** What better-sqlite3 refuses itself, by an error without a code. */
function toDriverError(error: unknown, path: string): unknown {
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

function getErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
