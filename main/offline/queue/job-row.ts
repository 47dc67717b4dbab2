import { DiskCacheError } from '../../../protocol/error.ts';
import type { JobRow, Shelves } from './shelves.ts';

/** A job that is to be handled: with what is wrong when its row can't be read. */
export interface FoundJob extends JobRow {
  readonly damage?: DiskCacheError;
}

/**
 * The row of a job. Of a damaged one, what other rows tell of it: its group and its key must not be blocked for ever by a
 * job that can't be read. O(groups + keys) then, else O(log n).
 */
export function readJob(shelves: Shelves, id: number): FoundJob {
  try {
    const row = shelves.jobs.get(id);
    if (row !== undefined) return row;
    return { ...remnants(shelves, id), damage: new DiskCacheError('CORRUPT', `Job ${id} has no row; remove it`) };
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') throw error;
    return { ...remnants(shelves, id), damage: error };
  }
}

function remnants({ heads, dedupe }: Shelves, id: number): JobRow {
  const group = heads.rows().find(([, head]) => head === id)?.[0][0];
  const dedupeKey = dedupe.rows().find(([, holder]) => holder === id)?.[0][0];
  return {
    payload: undefined,
    priority: 0,
    enqueuedAt: 0,
    ...(group !== undefined && { group }),
    ...(dedupeKey !== undefined && { dedupeKey }),
  };
}
