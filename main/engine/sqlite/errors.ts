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
import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';
import { findSizeRefusal } from './file-size-limit.ts';

/** Whether an error says that something on disk is damaged. It doesn't prove that of an item; see `isDamage`. */
export const isCorrupt = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && error.code === 'CORRUPT';

/**
 * Whether an error proves that one stored value or key is damaged: a wrong checksum or length, a missing file, a key that can't be
 * decoded. Only such an item may be given up. `CORRUPT` from SQLite itself proves nothing about a value: SQLite also reports a
 * refused read (EIO) as damage, and the same read may work a moment later.
 */
export const isDamage = (error: unknown): error is DiskCacheError => isCorrupt(error) && !isFromSqlite(error.cause);

function isFromSqlite(cause: unknown): boolean {
  if (cause instanceof DiskCacheError) return isFromSqlite(cause.cause);
  const { code } = Object(cause) as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_');
}

/** Returns the result of `work`, or undefined if the database is damaged. Other errors, as of a temporary disk failure, are thrown. */
export function unlessCorrupt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** Reads an item that will be removed even if it is damaged. Returns the value, or the error that proves the damage. */
export function tryRead<T>(work: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    if (isDamage(error)) return { error };
    throw error;
  }
}

/** Errors after which a later attempt may succeed: a busy store, a full disk, a failed read. */
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUSY', 'DISK_FULL', 'IO']);

export const isTransient = (error: unknown): boolean =>
  error instanceof DiskCacheError && TRANSIENT_CODES.has(error.code);

/** The size of a database page, so that the probe needs a block of the disk. */
const PROBE_BYTES = 4096;

/**
 * Finds out why SQLite can't open or write a file, which SQLite doesn't say: tries the same beside the database. Returns the
 * system's error, or undefined if the probe succeeds.
 *
 * Invariant: the database and its -shm are never opened here: closing them would release the locks that this process holds on them
 * (https://sqlite.org/howtocorrupt.html §2.2).
 */
function probeWrite(path: string): unknown {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      return Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    }
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assertAccess(file);
    if (process.platform !== 'win32') closeSync(openSync(dirname(path), 'r'));
    writeProbeFile(`${path}-probe`);
    return findSizeRefusal([path, `${path}-wal`]);
  } catch (error) {
    return error;
  }
}

function assertAccess(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })) accessSync(file, constants.R_OK | constants.W_OK);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function writeProbeFile(file: string): void {
  rmSync(file, { force: true });
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, new Uint8Array(PROBE_BYTES));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
  }
}

/** System errors for a disk or file server that can't be read. */
const UNREADABLE_CODES: ReadonlySet<unknown> = new Set(['EIO', 'ENXIO', 'ENODEV', 'ESTALE', 'ETIMEDOUT', 'EREMOTEIO']);
/** Only this part of a larger database is read, which bounds the time. */
const MAX_READ_BYTES = 256 * 1024 * 1024;
const READ_CHUNK_BYTES = 1024 * 1024;
/** How long a result is cached: while a fault lasts, every call meets it. */
const RESULT_TTL_MS = 1000;
/** SQLite's descriptor is searched for up to this number; descriptors are small integers. */
const MAX_DESCRIPTOR = 4096;

const recentResults = new Map<string, { readonly at: number; readonly refusal: unknown }>();

/**
 * Finds out whether damage that SQLite reports is in fact a read that the system refused. Returns the system's error, or undefined if
 * the file can be read, so that SQLite is right. Reads through the descriptor that SQLite has open, because of the invariant of
 * `probeWrite`.
 */
function probeRead(path: string): unknown {
  const known = recentResults.get(path);
  if (known !== undefined && performance.now() - known.at < RESULT_TTL_MS) return known.refusal;
  const refusal = findReadError(path);
  recentResults.clear();
  recentResults.set(path, { at: performance.now(), refusal });
  return refusal;
}

function findReadError(path: string): unknown {
  try {
    // Windows does not release locks on close.
    const descriptor = process.platform === 'win32' ? openSync(path, 'r') : findDescriptor(path);
    if (descriptor === undefined) return undefined;
    try {
      const chunk = new Uint8Array(READ_CHUNK_BYTES);
      for (let at = 0; at < MAX_READ_BYTES; at += READ_CHUNK_BYTES)
        if (readSync(descriptor, chunk, 0, READ_CHUNK_BYTES, at) === 0) break;
    } finally {
      if (process.platform === 'win32') closeSync(descriptor);
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
      const stats = fstatSync(descriptor);
      if (stats.ino === ino && stats.dev === dev) return descriptor;
    } catch {
      // Not open.
    }
  }
  return undefined;
}

/** Prefixes of SQLite's result codes (https://sqlite.org/rescode.html) and their meaning for a caller. The first match counts. */
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
  ['SQLITE_NOTADB', 'CORRUPT', 'is not an SQLite database; choose another directory'],
  ['SQLITE_IOERR_SHORT_READ', 'CORRUPT', 'is shorter than its header says; restore it or delete the directory'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', 'could not grow its shared memory because the disk is full; free some space'],
  ['SQLITE_IOERR_NOMEM', 'IO', 'could not be used: there is not enough memory; try again later'],
  ['SQLITE_IOERR', 'IO', 'could not be read or written; check the disk, then try again'],
  ['SQLITE_READONLY', 'READ_ONLY', 'cannot be written'],
  ['SQLITE_CANTOPEN', 'NOT_ALLOWED', 'cannot be opened; check the permissions of its directory'],
  ['SQLITE_PERM', 'NOT_ALLOWED', 'may not be accessed; check its permissions'],
  ['SQLITE_AUTH', 'NOT_ALLOWED', 'may not be accessed; check its permissions'],
  ['SQLITE_TOOBIG', 'TOO_LARGE', 'refused a value longer than SQLite can hold'],
  ['SQLITE_NOMEM', 'IO', 'could not be used: there is not enough memory; try again later'],
];

/** Codes for a system error that SQLite doesn't pass on. */
const UNEXPLAINED_CODES = /^SQLITE_(CANTOPEN|IOERR_(WRITE|FSYNC|DIR_FSYNC|TRUNCATE|SHMOPEN|SHMMAP))/;

const DISK_FULL_MEANING = 'could not grow because the disk is full; free some space';
const FORBIDDEN_MEANING = 'may not be accessed; check its permissions';

/** What system errors mean for any operation. Errors that are not listed are `IO`. */
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

/** What system errors mean for a directory chosen by the caller, and for the files in it that grow with the store. */
const DIRECTORY_ERRORS: typeof SYSTEM_ERRORS = {
  EEXIST: ['BAD_OPTION', 'is a file, not a directory; choose another directory'],
  ENOTDIR: ['BAD_OPTION', 'leads through a file; choose another directory'],
  ENOENT: ['BAD_OPTION', 'cannot be created; choose another directory'],
  EFBIG: [
    'DISK_FULL',
    'could not grow because the system allows this process no larger file (see ulimit -f), or the file system none; raise the limit, or delete items',
  ],
  EISDIR: ['BAD_OPTION', 'is a directory where a file was expected; choose another directory'],
  ELOOP: ['BAD_OPTION', 'leads through a loop of links; choose another directory'],
};

/** The longest path that SQLite opens: 512 bytes less the longest suffix of a companion file. Windows has limits of its own. */
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
 * Converts an error of SQLite or its driver to a `DiskCacheError` with code, path and advice. Returns other errors unchanged: a
 * `DiskCacheError`, and anything thrown by a function of the caller.
 */
export function toDiskCacheError(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const code = getErrorCode(error);
  if (!code?.startsWith('SQLITE_')) return toDriverError(error, path);
  // SQLite opens a file that it can't write for reading only; then the system refuses an exclusive lock.
  if (code === 'SQLITE_IOERR_LOCK' && !isWritable(path)) {
    return new DiskCacheError('READ_ONLY', `${path} cannot be written (${code}: ${getErrorMessage(error)})`, {
      cause: error,
    });
  }
  const isDoubtful = code.startsWith('SQLITE_CORRUPT');
  if (isDoubtful || UNEXPLAINED_CODES.test(code)) {
    const refusal = isDoubtful ? probeRead(path) : probeWrite(path);
    const explained = refusal === undefined ? undefined : toExplainedError(refusal, path);
    if (explained !== undefined) return new DiskCacheError(explained.code, explained.message, { cause: error });
  }
  const [, errorCode, meaning] = SQLITE_ERRORS.find(([prefix]) => code.startsWith(prefix)) ?? [
    '',
    'CORRUPT',
    'refused a statement',
  ];
  const translated = new DiskCacheError(errorCode, `${path} ${meaning} (${code}: ${getErrorMessage(error)})`, {
    cause: error,
  });
  if (errorCode === 'CORRUPT') for (const listener of damageListeners) listener(path, translated);
  return translated;
}

type DamageListener = (databasePath: string, error: DiskCacheError) => void;

const damageListeners = new Set<DamageListener>();

/** Calls `listener` whenever SQLite says that a database is damaged, before the error is thrown. Returns a function that ends this. */
export function watchDamage(listener: DamageListener): () => void {
  damageListeners.add(listener);
  return () => damageListeners.delete(listener);
}

/**
 * Whether waiting helps: another connection holds SQLite's lock, or reads from a log that is to be checkpointed. SQLite reports the
 * latter in a row, so that `BUSY` has no cause; `BUSY` because of too many open files has a cause of another kind.
 */
export const isLocked = (error: unknown): boolean =>
  error instanceof DiskCacheError &&
  error.code === 'BUSY' &&
  (error.cause === undefined || /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(getErrorCode(error.cause) ?? ''));

/**
 * Whether SQLite reports a damaged page. It does so, too, if the system refused a read (EIO, SQLITE_IOERR_CORRUPTFS in
 * sqlite3VdbeExec): the next read may work.
 */
export const isSqliteCorrupt = (error: unknown): boolean =>
  error instanceof DiskCacheError && (getErrorCode(error.cause) ?? '').startsWith('SQLITE_CORRUPT');

/** Converts a file system error at a directory chosen by the caller, or at a file in it. */
export function toFileError(error: unknown, path: string): unknown {
  if (error instanceof DiskCacheError) return error;
  const known = DIRECTORY_ERRORS[getErrorCode(error) ?? ''];
  return known === undefined ? toValueFileError(error, path) : toError(known, error, path);
}

/**
 * Converts a file system error at a value file. Never returns `CORRUPT`: that a file can't be read now says nothing about its
 * content.
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

/** Converts the result of a probe. Returns undefined for an error that SQLite can't have met. */
function toExplainedError(refusal: unknown, path: string): DiskCacheError | undefined {
  const code = getErrorCode(refusal) ?? '';
  if (code === 'EEXIST') return undefined;
  if (code === 'EISDIR' || code === 'EFBIG') return toError(DIRECTORY_ERRORS[code]!, refusal, path);
  if (code === 'ENOENT') return new DiskCacheError('IO', `${path} can't be opened: its directory is gone (ENOENT)`);
  return toValueFileError(refusal, path);
}

/** Converts a system error. Returns undefined if its code is not in the table. */
function toSystemError(error: unknown, path: string): DiskCacheError | undefined {
  const known = SYSTEM_ERRORS[getErrorCode(error) ?? ''];
  return known && toError(known, error, path);
}

const toError = ([code, meaning]: readonly [ErrorCode, string], error: unknown, path: string): DiskCacheError =>
  new DiskCacheError(code, `${path} ${meaning} (${getErrorCode(error)})`, { cause: error });

/** Converts errors that better-sqlite3 throws itself, without a code. */
function toDriverError(error: unknown, path: string): unknown {
  if (error instanceof RangeError) {
    return new DiskCacheError('TOO_LARGE', `${path} can't hold a value this large; store less (${error.message})`, {
      cause: error,
    });
  }
  if (!(error instanceof TypeError)) return error;
  if (error.message === 'The database connection is not open') {
    return new DiskCacheError('CLOSED', `${path} was closed; open the store again`, { cause: error });
  }
  if (error.message.startsWith('This database connection is busy')) {
    return new DiskCacheError('BAD_OPTION', `${path} is in use by an unfinished read; write after the read`, {
      cause: error,
    });
  }
  return error;
}

/** Returns the code of an error of SQLite or the system; undefined if it has none. */
export function getErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
