import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { ExportLines, ImportLinesOptions, ImportLinesResult } from '../engine/index.ts';
import { type ExportHeader, encodeKey, importStore, isRecord, type LineTarget } from '../engine/internal.ts';
import type { ExportedJob } from './export-jobs.ts';
import { schedule } from './schedule.ts';
import type { FailedRow, JobRow } from './tables.ts';
import { getCounters, inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

/** Options of `Queue.import`. */
export type QueueImportOptions = Pick<ImportLinesOptions, 'signal' | 'onProgress'>;

/** Larger ids in an export are refused, so that a queue never comes to the end of the integers. */
const MAX_ID = 2 ** 48;

/**
 * Imports jobs into a queue that never had any. An import that is repeated passes over the jobs up to the last one that was imported before,
 * because those that are not there were done or removed since.
 *
 * @param onImported Called when jobs were added.
 */
export async function importJobs(
  open: () => OpenQueue,
  lines: ExportLines,
  options: QueueImportOptions | undefined,
  onImported: () => void,
): Promise<ImportLinesResult> {
  if ((options as ImportLinesOptions | undefined)?.existing !== undefined)
    throw new DiskCacheError('BAD_OPTION', 'A queue is imported as a whole; leave existing out');
  let header: ExportHeader | undefined;
  const target: LineTarget = {
    kinds: ['queue'],
    begin(begun) {
      assertNoOtherJobs(open(), begun);
      header = begun;
    },
    now: () => open().clock(),
    transact(work) {
      inTransaction(open(), (transaction) => {
        transaction.markUsed('id', parseLastId(header!));
        work();
      });
      onImported();
    },
    write: (facts, value) =>
      inTransaction(open(), (transaction) => importJob(transaction, header!.exportedAt, facts.key, value)),
  };
  return importStore(target, lines, options);
}

function assertNoOtherJobs(core: OpenQueue, header: ExportHeader): void {
  parseLastId(header);
  const { id, imported } = getCounters(core);
  if (id === 0 || imported?.exportedAt === header.exportedAt) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `The queue at ${core.index.directory} has or had other jobs, whose ids would be given twice; import into a new directory`,
  );
}

/** Jobs that are enqueued during the import get ids behind those of the export. */
function parseLastId({ settings: { lastId } }: ExportHeader): number {
  if (Number.isSafeInteger(lastId) && (lastId as number) >= 0 && (lastId as number) <= MAX_ID) return lastId as number;
  throw new DiskCacheError(
    'CORRUPT',
    'The first line of the export has no lastId, as that of a queue has; export again',
  );
}

function importJob(
  transaction: QueueTransaction,
  exportedAt: number,
  key: Key | undefined,
  value: unknown,
): 'imported' | 'existing' {
  const { jobs, dead, dedupe, failed, progress } = transaction.tables;
  const { imported, id: lastId } = transaction.counters;
  const id = key as number;
  if (!(Number.isSafeInteger(id) && id > 0 && id <= lastId)) throw createRefusal('its id is not one of its queue');
  if (imported !== undefined && id <= imported.id) return 'existing';
  const { row, state, dueAt, diedAt, failure, ...rest } = parseJob(value);
  jobs.put([id], row);
  if (failure !== undefined) failed.put([id], failure);
  if ('progress' in rest) progress.put([id], rest.progress);
  if (state === 'dead') {
    dead.put([id], diedAt ?? transaction.now);
    transaction.count('dead', 1);
  } else {
    const { dedupeKey } = row;
    if (dedupeKey !== undefined) {
      if (dedupe.has(dedupeKey)) throw createRefusal('another job with its dedupeKey waits');
      dedupe.put([dedupeKey], id);
    }
    schedule(transaction, id, row, dueAt ?? transaction.now);
  }
  transaction.recordImport({ exportedAt, id });
  return 'imported';
}

type ParsedJob = Pick<ExportedJob, 'state' | 'dueAt' | 'diedAt' | 'failure' | 'progress'> & { readonly row: JobRow };

/** Checks everything that a worker relies on. */
function parseJob(value: unknown): ParsedJob {
  if (!isRecord(value) || !Object.hasOwn(value, 'payload')) throw createRefusal('it has no payload');
  const { payload, priority, enqueuedAt, group, dedupeKey, state, dueAt, diedAt, failure } =
    value as Partial<ExportedJob>;
  if (!isNumber(priority) || !isNumber(enqueuedAt)) throw createRefusal('priority and enqueuedAt have to be numbers');
  for (const time of [dueAt, diedAt])
    if (time !== undefined && !isNumber(time)) throw createRefusal('dueAt and diedAt have to be numbers');
  for (const key of [group, dedupeKey]) if (key !== undefined) encodeKey(key);
  if (!['ready', 'delayed', 'held', 'dead'].includes(state as string)) throw createRefusal('its state is unknown');
  if (failure !== undefined && !isFailure(failure))
    throw createRefusal('its failure is not { attempts, error, failedAt }');
  return {
    row: {
      payload,
      priority,
      enqueuedAt,
      ...(group !== undefined && { group }),
      ...(dedupeKey !== undefined && { dedupeKey }),
    },
    state: state!,
    ...(dueAt !== undefined && { dueAt }),
    ...(diedAt !== undefined && { diedAt }),
    ...(failure !== undefined && {
      failure: { attempts: failure.attempts, error: failure.error, failedAt: failure.failedAt },
    }),
    ...(Object.hasOwn(value, 'progress') && { progress: (value as unknown as ExportedJob).progress }),
  };
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);

function isFailure(value: unknown): value is FailedRow {
  if (!isRecord(value)) return false;
  const { attempts, error, failedAt } = value as Partial<FailedRow>;
  return Number.isSafeInteger(attempts) && attempts! >= 0 && typeof error === 'string' && isNumber(failedAt);
}

const createRefusal = (why: string): DiskCacheError =>
  new DiskCacheError('BAD_VALUE', `A job of the export can't be imported: ${why}. Export again`);
