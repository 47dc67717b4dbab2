import type { CheckOptions, Finding } from '../../../protocol/check.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { salvage } from '../backup/salvage.ts';
import { isCorrupt } from '../damage.ts';
import { blockFor } from '../sqlite/views.ts';
import { demandFlag, optionsOf } from './arguments.ts';
import type { Core } from './core.ts';
import { drop } from './drop.ts';
import { findFault } from './fault.ts';
import { hasStrayIds, mendIds } from './ids.ts';
import { collectBucket, findUnnamed } from './orphans.ts';
import { removeReplaced } from './replaced-files.ts';
import { assertInPlace } from './standing.ts';
import type { Structure } from './structure.ts';
import { atomically } from './transaction.ts';
import { beforeWrite, withoutFailing } from './upkeep.ts';

export type { CheckOptions, Finding, FindingCode } from '../../../protocol/check.ts';

/** Milliseconds a writer may take between its commit and the removal of a replaced file. */
const REMOVAL_PATIENCE = 50;

/** Rows looked at in one read; between two of them others may write. */
const BATCH = 64;

const OPTIONS: ReadonlySet<string> = new Set(['repair']);

/** Everything that is wrong; with `repair` also what was wrong and has been mended. */
export function check(core: Core, options?: CheckOptions, structure?: Structure): Finding[] {
  const { repair = false } = optionsOf(options, OPTIONS);
  demandFlag(repair, 'repair');
  if (core.transaction.depth > 0)
    throw new DiskCacheError('BAD_OPTION', 'check was called inside a transaction; call it after');
  if (repair) beforeWrite(core);
  // In a damaged database it may not be known what waits.
  if (!core.usage.readOnly) withoutFailing(core, () => removeReplaced(core));
  const findings: Finding[] = [];
  const isReadable = collect(core, findings, () => checkDatabase(core, repair));
  if (!isReadable && !repair) return findings;
  const rest = () => [
    ...checkItems(core, repair, structure),
    ...(core.usage.readOnly ? [] : [...checkCounts(core, repair), ...checkOrphans(core, repair)]),
  ];
  if (!isReadable) findings.push(...salvage(core));
  if (!collect(core, findings, rest) && repair) findings.push(...salvage(core), ...rest());
  return findings;
}

/** Adds what a part of a check finds. False, and a finding, when the database is too damaged for it. */
function collect({ connection }: Core, findings: Finding[], part: () => Finding[]): boolean {
  try {
    findings.push(...part());
    return true;
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    findings.push({ code: 'database', message: error.message, path: connection.path });
    return false;
  }
}

/** SQLite's own check of pages and indexes, and the ids. What is damaged is rebuilt from the rows that can be read. */
function checkDatabase(core: Core, repair: boolean): Finding[] {
  const { connection, sql } = core;
  const messages = sql.integrity.all().map(([message]) => message);
  const damaged = messages.some((message) => message !== 'ok');
  const findings: Finding[] = damaged ? messages.map((message) => finding(core, `${connection.path}: ${message}`)) : [];
  if (hasStrayIds(core))
    findings.push(finding(core, `${connection.path} holds an item with an id that is out of range`));
  if (!repair) return findings;
  if (damaged) findings.push(...salvage(core));
  mendIds(core);
  return findings;
}

const finding = ({ connection }: Core, message: string): Finding => ({
  code: 'database',
  message,
  path: connection.path,
});

/** With `repair` all that is damaged is taken out, and the structure put in order, in one transaction. */
function checkItems(core: Core, repair: boolean, structure: Structure | undefined): Finding[] {
  const { suspects, findings } = findSuspects(core);
  if (structure !== undefined) findings.push(...structure.look());
  if (repair) {
    if (suspects.length > 0 || structure !== undefined) {
      atomically(core, () => {
        findings.push(...suspects.flatMap((id) => confirm(core, id, true)));
        structure?.mend();
      });
    }
  } else for (const id of suspects) findings.push(...confirmAlone(core, id));
  return findings;
}

/** The ids of items that look damaged, in their order. It ends whatever the order is: ids that don't grow are a finding. */
function findSuspects(core: Core): { readonly suspects: number[]; readonly findings: Finding[] } {
  const suspects: number[] = [];
  // The ids of a deque are its positions and may be negative.
  let after = Number.NEGATIVE_INFINITY;
  for (let rows = core.sql.suspects.all(after, BATCH); rows.length > 0; rows = core.sql.suspects.all(after, BATCH)) {
    for (const row of rows) {
      if (!(row[0] > after)) {
        return { suspects, findings: [finding(core, `${core.connection.path} holds items that are out of order`)] };
      }
      after = row[0];
      if (findFault(core, row) !== undefined) suspects.push(row[0]);
    }
  }
  return { suspects, findings: [] };
}

/** Another process may have replaced the item meanwhile, so it is looked at once more while nobody can write. */
const confirmAlone = (core: Core, id: number): Finding[] =>
  core.usage.readOnly ? confirm(core, id, false) : atomically(core, () => confirm(core, id, false));

function confirm(core: Core, id: number, repair: boolean): Finding[] {
  const row = core.sql.suspect.first(id);
  const fault = row && findFault(core, row);
  if (row === undefined || fault === undefined) return [];
  if (repair) drop(core, row.slice(0, 4) as unknown as Parameters<typeof drop>[1], 'delete');
  return [fault];
}

function checkCounts(core: Core, repair: boolean): Finding[] {
  return atomically(core, () => {
    const { sql } = core;
    const counted = sql.counter.first('file bytes')?.[0];
    const actual = sql.fileBytes.first()?.[0] ?? 0;
    if (counted === actual) return [];
    if (repair) sql.restoreCounter.run('file bytes', actual);
    return [{ code: 'count', message: `${core.directory} counts ${counted} bytes in files; its items have ${actual}` }];
  });
}

/**
 * Bucket by bucket, so that others may write in between. Files of a writer at work are staged and not in a bucket; one that has
 * just committed removes what it has replaced, so what looks like an orphan is looked at once more.
 */
function checkOrphans(core: Core, repair: boolean): Finding[] {
  const { files } = core;
  const suspects = files.buckets().flatMap((bucket) => atomically(core, () => findUnnamed(core, files.names(bucket))));
  if (suspects.length > 0) blockFor(REMOVAL_PATIENCE);
  const left = suspects.filter((name) => files.bytesOf(name) !== undefined);
  const orphans = left.length === 0 ? [] : atomically(core, () => findUnnamed(core, left));
  if (repair) {
    assertInPlace(core);
    for (const name of orphans) files.remove(name);
    for (const bucket of files.buckets()) collectBucket(core, bucket);
    files.sweepStage();
  }
  return orphans.map((name) => {
    const path = files.path(name);
    return { code: 'orphan', message: `${path} belongs to no item; its writer crashed`, path };
  });
}
