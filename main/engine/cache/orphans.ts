import type { Core } from './core.ts';
import { assertInPlace } from './standing.ts';
import { atomically } from './transaction.ts';

/*
 * Value files that no row names: what a writer that was killed has left behind.
 */

/** Files stored between two collections. */
const COLLECT_EVERY = 8;
/** Collections between two looks at the stage. */
const SWEEP_EVERY = 256;

/** Returns the names that no row has. An index may be damaged, so the table itself is asked, too: O(rows), after a crash. */
export function findUnnamed({ sql }: Core, names: readonly string[]): string[] {
  const suspects = new Set(names.filter((name) => sql.namesFile.first(name) === undefined));
  if (suspects.size > 0) {
    sql.filesInTable.each(([file]) => {
      suspects.delete(file);
      return suspects.size > 0;
    });
  }
  return [...suspects];
}

/** Removes the files of a bucket that no row names. */
export function collectBucket(core: Core, bucket: string): void {
  const { files } = core;
  atomically(core, () => {
    assertInPlace(core);
    const orphans = new Set(findUnnamed(core, files.names(bucket)));
    files.collect(bucket, (name) => !orphans.has(name));
  });
}

/** Looks through one bucket for orphans, now and then, after a file was stored: what crashes leave behind is bounded. */
export function collectSome(core: Core): void {
  const { ledger, files, transaction } = core;
  if (transaction.depth > 0 || ++ledger.filesStored % COLLECT_EVERY !== 0) return;
  const buckets = [...files.buckets()].sort();
  const bucket = buckets.find((name) => name > ledger.collected) ?? buckets[0];
  if (bucket !== undefined) collectBucket(core, bucket);
  ledger.collected = bucket ?? '';
  if (ledger.filesStored % (COLLECT_EVERY * SWEEP_EVERY) === 0) files.sweepStage();
}
