import { dirname } from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import { DiskCacheError } from '../../../protocol/error.ts';
import { describeMissing, findRuntimeFile, getCodePaths, getGlibcVersion, getRuntimePath } from '../runtime-files.ts';

const NATIVE_FILE = 'The native file of better-sqlite3';

/** Messages of the systems' loaders of shared libraries, and what they mean for the user of an application. */
const DLOPEN_EXPLANATIONS: readonly (readonly [pattern: RegExp, explain: (match: RegExpMatchArray) => string])[] = [
  [
    /version [`']GLIBC_([\d.]+)' not found/,
    ([, required]) =>
      `needs glibc ${required} or newer${describeInstalledGlibc()}; it runs on Ubuntu 22.04, Debian 12, Fedora 35, RHEL 9 and newer`,
  ],
  [
    /version [`'](GLIBCXX_[\d.]+|CXXABI_[\d.]+)' not found/,
    ([, required]) => `needs a newer libstdc++ (${required}); update the system`,
  ],
  [
    /incompatible architecture|wrong ELF class|invalid ELF header|not a valid Win32 application|Exec format error|libc\.musl/i,
    () =>
      `is made for another platform than ${process.platform}-${process.arch}; name the platform in the plugin that copies it, or in the installer`,
  ],
  [
    /code signature|not valid for use in process|Team ID/i,
    () =>
      'is not signed as the application is; sign it with the application, or add the entitlement com.apple.security.cs.disable-library-validation',
  ],
];

/** Returns why the operating system did not load the native file and what to do about it, followed by the system's own message. */
export function describeDlopenFailure(message: string): string {
  for (const [pattern, explain] of DLOPEN_EXPLANATIONS) {
    const match = message.match(pattern);
    if (match) return `${NATIVE_FILE} ${explain(match)} (${message})`;
  }
  return `${NATIVE_FILE} could not be loaded: ${message}`;
}

function describeInstalledGlibc(): string {
  const version = getGlibcVersion();
  return version === undefined ? '' : `, and this system has ${version}`;
}

/** A value of a SQLite column. */
export type Column = string | number | bigint | Uint8Array | null;

/** The result of a statement that returns no rows. */
export interface RunResult {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

/** The part of the driver's statements that is used. With the driver's own types, every application would need them to compile. */
export interface PreparedStatement<Row> {
  readonly reader: boolean;
  raw(): PreparedStatement<Row>;
  run(...bind: readonly Column[]): RunResult;
  get(...bind: readonly Column[]): Row | undefined;
  all(...bind: readonly Column[]): Row[];
  iterate(...bind: readonly Column[]): IterableIterator<Row>;
}

/** The part of the driver's databases that is used. */
export interface Database {
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare<Row>(sql: string): PreparedStatement<Row>;
  exec(sql: string): unknown;
  pragma(text: string, options: { readonly simple: boolean }): unknown;
  function(
    name: string,
    options: { readonly directOnly: boolean },
    implementation: (argument: Column) => Column,
  ): unknown;
  /** Returns the bytes of the database as the connection sees it, its log included. */
  serialize(): Buffer;
  close(): unknown;
}

export type Driver = new (
  source: string | Buffer,
  options: { readonly readonly: boolean; readonly fileMustExist: boolean; readonly timeout: number },
) => Database;

/** SQLite's online backup (https://sqlite.org/backup.html) of one database over another one. */
export interface DatabaseBackup {
  /**
   * Copies a number of pages, −1 for all. The first call, even with 0 pages, acquires the write lock of the target and keeps it until
   * `close`; `totalPages` is 0 if another connection holds the lock. The call after which no pages remain has committed.
   */
  transfer(pages: number): { readonly totalPages: number; readonly remainingPages: number };
  /** Ends the backup; uncommitted pages are rolled back. */
  close(): unknown;
}

/**
 * Begins to copy `source` over the database at `path`, which may be open in this and in other processes: they see one transaction.
 * The driver's own `backup` is asynchronous, and the engine never awaits, so the driver's internal object is used.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` if this release of better-sqlite3 has no such internal object.
 */
export function beginBackup(source: Database, path: string): DatabaseBackup {
  for (const symbol of Object.getOwnPropertySymbols(source)) {
    const inner = (source as unknown as Record<symbol, unknown>)[symbol] as Partial<NativeDatabase> | undefined;
    if (typeof inner?.backup === 'function') return inner.backup(source, 'main', path, false);
  }
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    'This release of better-sqlite3 can not copy a database synchronously; install the version in the dependencies of deskcache',
  );
}

interface NativeDatabase {
  backup(source: Database, attached: string, path: string, isNew: boolean): DatabaseBackup;
}

const PLATFORMS: ReadonlySet<string> = new Set(
  ['linux', 'darwin', 'win32'].flatMap((platform) => [`${platform}-x64`, `${platform}-arm64`]),
);

let loadedDriver: Driver | undefined;
let driverPath: string | undefined;

/**
 * Loads better-sqlite3 once: the copy beside the bundle, or else the installed package. The first database loads its native file.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` if this runtime can't run it, `BAD_OPTION` if it is missing from a bundle.
 */
export function loadDriver(): Driver {
  if (loadedDriver) return loadedDriver;
  assertRuntime();
  try {
    loadedDriver = requireDriver() as Driver;
  } catch (error) {
    throw toLoadError(error);
  }
  return loadedDriver;
}

/** Returns the folder of the better-sqlite3 that this thread has loaded. @throws {DiskCacheError} as `loadDriver` */
export function getDriverPath(): string {
  loadDriver();
  return driverPath!;
}

/** The native file needs Node-API 10: an older runtime would crash without a message. @throws {DiskCacheError} `UNSUPPORTED_VERSION` */
function assertRuntime(): void {
  const { platform, arch, version, versions } = process;
  if (!(Number(versions.napi) >= 10)) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `deskcache needs Node 22.14 or newer (Node-API 10), which Electron has from version 35 on; this is Node ${version} with Node-API ${versions.napi}`,
    );
  }
  if (!PLATFORMS.has(`${platform}-${arch}`)) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `deskcache runs on ${[...PLATFORMS].join(', ')}; this is ${platform}-${arch}`,
    );
  }
}

function requireDriver(): typeof SqliteDatabase {
  // Not imported: bundlers analyse calls of an imported `createRequire`, and webpack removes them.
  const { createRequire } = process.getBuiltinModule('node:module');
  const copy = findRuntimeFile('better-sqlite3');
  if (copy !== undefined) {
    driverPath = copy;
    return createRequire(copy)(copy) as typeof SqliteDatabase;
  }
  let failure: unknown;
  for (const file of getCodePaths()) {
    try {
      const require = createRequire(file);
      const driver = require('better-sqlite3') as typeof SqliteDatabase;
      driverPath = dirname(require.resolve('better-sqlite3/package.json'));
      return driver;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure ?? Object.assign(new Error("Cannot find module 'better-sqlite3'"), { code: 'MODULE_NOT_FOUND' });
}

/** Converts an error of loading better-sqlite3 or its native file to a `DiskCacheError`. Returns other errors unchanged. */
export function toLoadError(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof DiskCacheError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'MODULE_NOT_FOUND') {
    if (isPackageMissing(cause)) {
      const message = `${describeMissing('better-sqlite3', getRuntimePath('better-sqlite3'))} (${firstLine(cause)})`;
      return new DiskCacheError('BAD_OPTION', message, { cause });
    }
    const { platform, arch } = process;
    return new DiskCacheError(
      'BAD_OPTION',
      `better-sqlite3 has no native file for ${platform}-${arch} here. In a bundle, name the platform in the plugin ` +
        `({ platforms: ['${platform}-${arch}'] }); in an installer, don't exclude prebuilds/${platform}-${arch}.node (${firstLine(cause)})`,
      { cause },
    );
  }
  if (code !== 'ERR_DLOPEN_FAILED') return cause;
  return new DiskCacheError('UNSUPPORTED_VERSION', describeDlopenFailure(cause.message), { cause });
}

/** Whether the package itself is missing, not only a file in it. */
const isPackageMissing = (error: Error): boolean => /^Cannot find module 'better-sqlite3'/.test(error.message);

const firstLine = (error: Error): string => error.message.split('\n', 1)[0] ?? '';
