import { type Stats, statSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { fileFailure } from '../sqlite/failure.ts';
import { refuseNewer } from '../sqlite/header.ts';
import { assertKnownSchema } from '../sqlite/known-schema.ts';
import { SCHEMA_VERSION } from '../sqlite/schema.ts';
import type { Core } from './core.ts';

/*
 * Whether a store still is what was opened. SQLite goes on writing into files that were deleted, renamed or replaced, where it is
 * lost; so the names are looked up again before something is written.
 */

/** A look costs about a tenth of a small write. With `'power'`, where a write takes longer than this itself, every write looks. */
const LOOK_INTERVAL_MS = 1;
/** A look at the log and the shared memory, too, and for what other processes have changed. */
const WHOLE_LOOK_INTERVAL_MS = 5;

interface Identity {
  readonly device: number;
  readonly inode: number;
}

interface Companion {
  readonly path: string;
  readonly identity: Identity;
}

/** What was opened, and when it was last looked whether it is there. */
export class Standing {
  readonly path: string;
  nextLookAt = 0;
  nextWholeLookAt = 0;
  dataVersion = -1;
  schemaVersion = -1;
  readonly database: Identity | undefined;
  /** The log and the shared memory; an exclusive store has no shared memory. */
  readonly companions: readonly Companion[];

  /** After the database was first read, which makes its companions. */
  constructor(path: string) {
    this.path = path;
    this.database = identityOf(path);
    this.companions = [`${path}-wal`, `${path}-shm`].flatMap((companion) => {
      const identity = identityOf(companion);
      return identity === undefined ? [] : [{ path: companion, identity }];
    });
  }

  /** What was found to be ours when it was opened. */
  noticeFormat({ sql, usage }: Pick<Core, 'sql' | 'usage'>): void {
    if (usage.exclusive) return;
    this.dataVersion = sql.dataVersion.first()?.[0] ?? 0;
    this.schemaVersion = sql.schemaVersion.first()?.[0] ?? 0;
  }
}

/**
 * Before something is written, and before it is committed.
 *
 * @throws {DiskCacheError} `IO` when a file of the database is gone or another one, `CORRUPT` when the database was cut,
 * `UNSUPPORTED_VERSION` when a newer deskcache has raised its format.
 */
export function assertStanding(core: Core): void {
  const { standing } = core;
  const now = performance.now();
  if (now >= standing.nextLookAt || core.settings.durability === 'power') look(core, now);
}

/** A look that finds a fault is repeated by the next write. */
function look(core: Core, now: number): void {
  const { standing } = core;
  const isWhole = now >= standing.nextWholeLookAt || core.settings.durability === 'power';
  assertFile(core, standing.path, standing.database);
  if (isWhole) {
    for (const { path, identity } of standing.companions) assertFile(core, path, identity);
    // A transaction has its own view, which was looked at when it began.
    if (core.transaction.depth === 0) assertFormat(core);
    standing.nextWholeLookAt = now + WHOLE_LOOK_INTERVAL_MS;
  }
  standing.nextLookAt = now + LOOK_INTERVAL_MS;
}

function assertFile(core: Core, path: string, opened: Identity | undefined): void {
  const facts = lookUp(path);
  if (facts?.size === 0 && path === core.standing.path) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} was cut to nothing while it was open; close the store, restore the file, or delete the directory to begin anew`,
    );
  }
  if (facts !== undefined && (opened === undefined || isSame(facts, opened))) return;
  throw new DiskCacheError(
    'IO',
    `${path} was ${facts === undefined ? 'deleted or moved' : 'replaced'} while it was open, and what is written to it now would be lost; close the store and open it again`,
  );
}

/**
 * Before files are removed by their names: where an older copy took the place of the directory, these are names of its values.
 *
 * @throws {DiskCacheError} `IO`, `CORRUPT` as `assertStanding`.
 */
export const assertInPlace = (core: Core): void => assertFile(core, core.standing.path, core.standing.database);

/**
 * Where the directory is another one by now, a value that is not in it is not damaged: then the error that says so, else the one that
 * was met.
 */
export function explainDamage(core: Core, error: unknown): unknown {
  if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') return error;
  try {
    assertInPlace(core);
    return error;
  } catch (reason) {
    return reason;
  }
}

/**
 * What another process may have done to the format since it was last looked at. Outside of transactions, or at the beginning
 * of one.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION`; `CORRUPT` for a schema that is not ours.
 */
export function assertFormat(core: Core): void {
  const { sql, standing, usage } = core;
  if (usage.exclusive) return;
  const version = sql.dataVersion.first()?.[0] ?? 0;
  if (version === standing.dataVersion) return;
  refuseNewer(sql.userVersion.first()?.[0] ?? 0, standing.path);
  const schemaVersion = sql.schemaVersion.first()?.[0] ?? 0;
  if (schemaVersion !== standing.schemaVersion) assertKnownSchema(core.connection, SCHEMA_VERSION);
  standing.schemaVersion = schemaVersion;
  standing.dataVersion = version;
}

/** @throws {DiskCacheError} when the system refuses to look. */
function lookUp(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fileFailure(error, path);
  }
}

function identityOf(path: string): Identity | undefined {
  const facts = lookUp(path);
  return facts && { device: facts.dev, inode: facts.ino };
}

const isSame = (facts: { readonly dev: number; readonly ino: number }, { device, inode }: Identity): boolean =>
  facts.ino === inode && facts.dev === device;
