import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { JobState } from '../../protocol/job.ts';
import type { ExportOptions, Index } from '../engine/index.ts';
import { type ExportItem, exportStore, getCores } from '../engine/internal.ts';
import { countJobs, type FailedRow, type JobRow, openTables, type RunningRow, type Tables } from './tables.ts';

/** Options of `Queue.export`. */
export type QueueExportOptions = Pick<ExportOptions, 'signal' | 'onProgress'>;

/** A job in an export; docs/export-format.md. */
export interface ExportedJob extends JobRow {
  /** A running job is exported as one that waits, without the attempt that runs. */
  readonly state: Exclude<JobState, 'running'>;
  /** Epoch milliseconds: when it may start, while it is delayed or held. */
  readonly dueAt?: number;
  /** Epoch milliseconds: when it died. */
  readonly diedAt?: number;
  readonly progress?: unknown;
  readonly failure?: FailedRow;
}

interface QueueIndex {
  readonly index: Index;
  readonly tables: Tables;
}

/** A batch ends at this many jobs, or after the first at this many bytes. */
const MAX_BATCH_JOBS = 128;
const MAX_BATCH_BYTES = 512 * 1024;

/** Exports an index that holds a queue, which may be open for reading only. */
export function exportQueueIndex(index: Index, options?: QueueExportOptions): AsyncIterable<string> {
  const queue = { index, tables: openTables(index) };
  return exportJobs(() => queue, options);
}

/**
 * Yields a queue as lines of JSON.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, also for `after`: a part of a queue can't be imported.
 */
export function exportJobs(open: () => QueueIndex, options?: QueueExportOptions): AsyncIterable<string> {
  if ((options as ExportOptions | undefined)?.after !== undefined)
    throw new DiskCacheError('BAD_OPTION', 'A queue is exported as a whole; leave after out');
  const { tables } = open();
  // Jobs that are enqueued from now on are not in the export.
  const lastId = tables.counters.get()?.id ?? 0;
  return exportStore(
    {
      kind: 'queue',
      open: () => getCores('export', open().index),
      settings: { lastId, ...(tables.paused.has() && { paused: true }) },
      items: {
        count: () => countJobs(open().index),
        readBatch: (after) => readBatch(open(), after as number, lastId),
      },
    },
    options,
  );
}

function readBatch(queue: QueueIndex, after: number, lastId: number): readonly ExportItem[] {
  const items: ExportItem[] = [];
  let bytes = 0;
  // A job that is done while its batch is read is not in it, so that a batch without jobs isn't the end.
  for (let last = Math.max(after, 0); items.length === 0; ) {
    const ids = queue.tables.jobs.keysFrom(MAX_BATCH_JOBS, [last + 1]);
    if (ids.length === 0) break;
    for (const [id] of ids) {
      if (id > lastId) return items;
      last = id;
      const job = readExportedJob(queue, id);
      if (job === undefined) continue;
      items.push({ facts: { at: id, key: id, storedAt: job.enqueuedAt }, value: job });
      bytes += estimateBytes(job);
      if (bytes >= MAX_BATCH_BYTES) break;
    }
  }
  return items;
}

/** Reads a job at one moment, without a lock; undefined if it was done or removed. */
function readExportedJob({ index, tables }: QueueIndex, id: number): ExportedJob | undefined {
  const { jobs, running, dead, delayed, failed, progress, held } = tables;
  const read = () =>
    index.getMany([jobs, running, dead, delayed, failed, progress].map((table) => table.key(id))) as [
      JobRow?,
      RunningRow?,
      number?,
      number?,
      FailedRow?,
      unknown?,
    ];
  let found = read();
  const group = found[0]?.group;
  const heldRow = group === undefined ? undefined : held.get(group, id);
  // Its group may have reached it between the two.
  if (group !== undefined && heldRow === undefined) found = read();
  const [row, attempt, diedAt, delayedUntil, failure, reported] = found;
  if (row === undefined) return undefined;
  const isWaiting = attempt === undefined && diedAt === undefined;
  const dueAt = isWaiting ? (delayedUntil ?? heldRow?.dueAt) : undefined;
  const waiting = delayedUntil !== undefined ? 'delayed' : heldRow !== undefined && isWaiting ? 'held' : 'ready';
  return {
    ...row,
    state: diedAt !== undefined ? 'dead' : waiting,
    ...(dueAt !== undefined && { dueAt }),
    ...(diedAt !== undefined && { diedAt }),
    ...(reported !== undefined && { progress: reported }),
    ...(failure !== undefined && { failure }),
  };
}
