import { DiskCacheError } from '../../../protocol/error.ts';
import { isDamage } from '../../engine/internal.ts';
import type { JobRow, Shelves } from './shelves.ts';

/** A job that is to be handled: with what is wrong when its row is damaged. */
export interface FoundJob extends JobRow {
  readonly damage?: DiskCacheError;
}

/** What was read; or why it can't be read now, which says nothing about what is there. */
export type Attempted<T> = { readonly value: T } | { readonly refused: DiskCacheError };

/**
 * The row of a job; throws when it can't be read now. Of a damaged one, what other rows tell of it: its group and its key must not be blocked for ever by a
 * job that can't be read. O(groups + keys) then, else O(log n).
 */
export function readJob(shelves: Shelves, id: number): FoundJob {
  try {
    const row = shelves.jobs.get(id);
    if (row !== undefined) return row;
    return { ...remnants(shelves, id), damage: new DiskCacheError('CORRUPT', `Job ${id} has no row; remove it`) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { ...remnants(shelves, id), damage: error };
  }
}

/** Reads rows of a job of which one can't be read: others need not wait for it. */
export function attempt<T>(work: () => T): Attempted<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return { refused: error };
  }
}

/** A row about a job without which the job can be handled; undefined also when it is damaged. */
export function unlessDamaged<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
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
