import type { CheckOptions, Finding } from '../../../protocol/check.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SuspectRow } from '../sqlite/statements.ts';
import { checkOf } from '../values/check.ts';
import { decodeKey, type KeyColumn } from '../values/key.ts';
import { optionsOf } from './arguments.ts';
import type { Core } from './core.ts';
import { drop } from './drop.ts';
import { removeReplaced } from './replaced-files.ts';
import { atomically } from './transaction.ts';

export type { CheckOptions, Finding, FindingCode } from '../../../protocol/check.ts';

/** Milliseconds a writer may take between its commit and the removal of a replaced file. */
const REMOVAL_PATIENCE = 50;

/** Rows looked at in one read; between two of them others may write. */
const BATCH = 64;

const OPTIONS: ReadonlySet<string> = new Set(['repair']);

/** Everything that is wrong; with `repair` also what was wrong and has been mended. */
export function check(core: Core, options?: CheckOptions): Finding[] {
  const { repair = false } = optionsOf(options, OPTIONS);
  if (core.transaction.depth > 0)
    throw new DiskCacheError('BAD_OPTION', 'check was called inside a transaction; call it after');
  if (!core.usage.readOnly) removeReplaced(core);
  const findings: Finding[] = [];
  try {
    findings.push(...checkDatabase(core, repair));
    findings.push(...checkItems(core, repair));
    if (!core.usage.readOnly) findings.push(...checkCounts(core, repair), ...checkOrphans(core, repair));
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') throw error;
    findings.push({ code: 'database', message: error.message, path: core.connection.path });
  }
  return findings;
}

/** SQLite's own check of pages and indexes. An index is built again from its table; damaged pages can't be mended. */
function checkDatabase(core: Core, repair: boolean): Finding[] {
  const { connection, sql } = core;
  const found = sql.integrity.all();
  if (found.every(([message]) => message === 'ok')) return [];
  if (repair) connection.execute('REINDEX');
  return found.map(([message]) => ({
    code: 'database',
    message: `${connection.path}: ${message}`,
    path: connection.path,
  }));
}

function checkItems(core: Core, repair: boolean): Finding[] {
  const findings: Finding[] = [];
  // The ids of a deque are its positions and may be negative.
  let after = Number.NEGATIVE_INFINITY;
  for (let rows = core.sql.suspects.all(after, BATCH); rows.length > 0; rows = core.sql.suspects.all(after, BATCH)) {
    for (const row of rows) {
      after = row[0];
      if (faultOf(core, row) !== undefined) findings.push(...confirm(core, row[0], repair));
    }
  }
  return findings;
}

/** Another process may have replaced the item meanwhile, so it is looked at once more while nobody can write. */
function confirm(core: Core, id: number, repair: boolean): Finding[] {
  const look = (): Finding[] => {
    const row = core.sql.suspect.first(id);
    const fault = row && faultOf(core, row);
    if (row === undefined || fault === undefined) return [];
    if (repair) drop(core, row.slice(0, 4) as unknown as Parameters<typeof drop>[1], 'delete');
    return [fault];
  };
  return core.usage.readOnly ? look() : atomically(core, look);
}

function faultOf(core: Core, [, column, file, size, mode, value, checksum]: SuspectRow): Finding | undefined {
  const key = keyOf(column);
  if (key === undefined)
    return { code: 'key', message: `A stored key of ${core.directory} is damaged; its item can't be reached` };
  if (file !== null) return faultOfFile(core, key.key, file, { mode, bytes: size, check: checksum });
  const whole = typeof value === 'string' || typeof value === 'number' || value instanceof Uint8Array;
  if (whole && checkOf(mode, value) === checksum) return undefined;
  return { code: 'value', message: 'A stored value has another checksum than when it was stored', key: key.key };
}

function faultOfFile(
  { files }: Core,
  key: Key,
  file: string,
  expected: { readonly mode: number; readonly bytes: number; readonly check: number },
): Finding | undefined {
  try {
    files.read(file, expected, true);
    return undefined;
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') throw error;
    return { code: 'file', message: error.message, key };
  }
}

function keyOf(column: KeyColumn): { readonly key: Key } | undefined {
  try {
    return { key: decodeKey(column) };
  } catch (error) {
    if (error instanceof DiskCacheError && error.code === 'CORRUPT') return undefined;
    throw error;
  }
}

function checkCounts(core: Core, repair: boolean): Finding[] {
  return atomically(core, () => {
    const { sql } = core;
    const counted = sql.counter.first('file bytes')?.[0];
    const actual = sql.fileBytes.first()?.[0] ?? 0;
    if (counted === actual) return [];
    if (repair) sql.setCounter.run(actual, 'file bytes');
    return [{ code: 'count', message: `${core.directory} counts ${counted} bytes in files; its items have ${actual}` }];
  });
}

/**
 * Bucket by bucket, so that others may write in between. Files of a writer at work are staged and not in a bucket; one that has
 * just committed removes what it has replaced, so what looks like an orphan is looked at once more.
 */
function checkOrphans(core: Core, repair: boolean): Finding[] {
  const { files } = core;
  const suspects = files.buckets().flatMap((bucket) => atomically(core, () => unnamed(core, files.names(bucket))));
  if (suspects.length > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVAL_PATIENCE);
  const left = suspects.filter((name) => files.bytesOf(name) !== undefined);
  const orphans = left.length === 0 ? [] : atomically(core, () => unnamed(core, left));
  if (repair) {
    for (const name of orphans) files.remove(name);
    for (const bucket of files.buckets()) atomically(core, () => files.collect(bucket, (name) => isNamed(core, name)));
    files.sweepStage();
  }
  return orphans.map((name) => {
    const path = files.path(name);
    return { code: 'orphan', message: `${path} belongs to no item; its writer crashed`, path };
  });
}

const unnamed = (core: Core, names: readonly string[]): string[] => names.filter((name) => !isNamed(core, name));

const isNamed = (core: Core, name: string): boolean => core.sql.namesFile.first(name) !== undefined;

/** Files stored between two collections. */
const COLLECT_EVERY = 8;
/** Collections between two looks at the stage. */
const SWEEP_EVERY = 256;

/** Looks through one bucket for orphans, now and then, after a file was stored: what crashes leave behind is bounded. */
export function collectSome(core: Core): void {
  const { ledger, files, transaction } = core;
  if (transaction.depth > 0 || ++ledger.filesStored % COLLECT_EVERY !== 0) return;
  const buckets = [...files.buckets()].sort();
  const bucket = buckets.find((name) => name > ledger.collected) ?? buckets[0];
  if (bucket !== undefined) atomically(core, () => files.collect(bucket, (name) => isNamed(core, name)));
  ledger.collected = bucket ?? '';
  if (ledger.filesStored % (COLLECT_EVERY * SWEEP_EVERY) === 0) files.sweepStage();
}
