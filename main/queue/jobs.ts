import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Job, JobState, QueueEvent } from '../../protocol/job.ts';
import type { Cursor, ResultPage } from '../../protocol/results.ts';
import type { Change, Key } from '../engine/index.ts';
import { releaseGroup, schedule, unschedule } from './schedule.ts';
import { type FailedRow, type JobRow, type RunningRow, readJob, type Tables } from './tables.ts';
import { inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

const STATES = ['ready', 'delayed', 'held', 'running', 'dead'] as const satisfies readonly JobState[];

/** Returns a job with all its properties, read in one snapshot without a lock; undefined if there is none. */
export function getJob({ index, tables }: OpenQueue, id: number): Job<unknown> | undefined {
  const { jobs, running, dead, delayed, failed, progress } = tables;
  const [row, attempt, diedAt, dueAt, lastFailure, reported] = index.getMany(
    [jobs, running, dead, delayed, failed, progress].map((table) => table.key(id)),
  ) as [JobRow?, RunningRow?, number?, number?, FailedRow?, unknown?];
  if (row === undefined) return undefined;
  const { group } = row;
  const isHeld = group !== undefined && tables.heads.get(group) !== id;
  const waiting = dueAt !== undefined ? 'delayed' : isHeld ? 'held' : 'ready';
  return {
    id,
    ...row,
    state: attempt !== undefined ? 'running' : diedAt !== undefined ? 'dead' : waiting,
    attempts: attempt?.attempt ?? lastFailure?.attempts ?? 0,
    ...(dueAt !== undefined && { dueAt }),
    ...(attempt !== undefined && { startedAt: attempt.startedAt }),
    ...(reported !== undefined && { progress: reported }),
    ...(lastFailure !== undefined && { error: lastFailure.error, failedAt: lastFailure.failedAt }),
  };
}

/** Iterates lazily over the jobs in a state: ready jobs in the order in which they will start, others by group or id. */
export function* listJobs(core: () => OpenQueue, state: JobState): Generator<Job<unknown>, void, undefined> {
  assertJobState(state);
  for (const path of core().tables[state].keys()) {
    const job = getJob(core(), Number(path.at(-1)));
    if (job?.state === state) yield job;
  }
}

/** A page ends at this number of jobs (read in about 4 ms) or, after the first, at this number of bytes. */
const MAX_PAGE_JOBS = 128;
const MAX_PAGE_BYTES = 512 * 1024;

/**
 * Returns one page of the jobs in a state. The cursor is the path of the first job of the next page.
 *
 * @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` for an unknown state or cursor.
 */
export function getJobPage(core: OpenQueue, state: JobState, after?: Cursor): ResultPage<Job<unknown>> {
  assertJobState(state);
  if (after !== undefined && !Array.isArray(after)) {
    throw new DiskCacheError('BAD_OPTION', `the cursor does not belong to the ${state} jobs; start again without one`);
  }
  const items: Job<unknown>[] = [];
  let bytes = 0;
  for (const [nth, path] of core.tables[state].keysFrom(MAX_PAGE_JOBS + 1, after).entries()) {
    if (nth === MAX_PAGE_JOBS || bytes >= MAX_PAGE_BYTES) return { items, next: path };
    const job = getJob(core, Number(path.at(-1)));
    if (job?.state !== state) continue;
    items.push(job);
    bytes += estimateBytes(job);
  }
  return { items };
}

function assertJobState(state: unknown): void {
  if ((STATES as readonly unknown[]).includes(state)) return;
  const given = typeof state === 'string' ? `"${state.slice(0, 64)}"` : typeof state;
  throw new DiskCacheError('BAD_OPTION', `state is ${given}; give one of ${STATES.join(', ')}`);
}

/**
 * Requeues a dead job with all its attempts, in its old place among the jobs of its group that have not started. Returns false if there
 * is no such dead job.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` if another job with its dedupe key waits or runs; `CORRUPT` if the job is damaged.
 */
export function retryJob(core: OpenQueue, id: number): boolean {
  return inTransaction(core, (transaction) => {
    const { jobs, dead, dedupe, failed } = transaction.tables;
    if (!dead.has(id)) return false;
    const job = readJob(transaction.tables, id);
    if (job.damage !== undefined) throw job.damage;
    const { dedupeKey } = job;
    if (dedupeKey !== undefined) {
      const holder = dedupe.get(dedupeKey);
      if (holder !== undefined) throw dedupeConflictError(core, id, holder);
      dedupe.put([dedupeKey], id);
    }
    dead.delete(id);
    transaction.count('dead', -1);
    failed.delete(id);
    // Written again, so that subscribers get an event.
    jobs.put([id], job);
    schedule(transaction, id, job, transaction.now);
    return true;
  });
}

const dedupeConflictError = ({ index }: OpenQueue, id: number, holder: number) =>
  new DiskCacheError(
    'NOT_ALLOWED',
    `Job ${id} in ${index.directory} can't be retried: job ${holder} has the same dedupe key; remove one of them`,
  );

/** Deletes the rows of a job, except those of its state. */
function eraseRows({ jobs, failed, progress }: Tables, id: number): void {
  jobs.delete(id);
  failed.delete(id);
  progress.delete(id);
}

/** Removes a job in any state. A worker that runs it notices when it next renews its lease. Returns whether there was one. */
export const removeJob = (core: OpenQueue, id: number): boolean =>
  inTransaction(core, (transaction) => removeJobRows(transaction, id));

function removeJobRows(transaction: QueueTransaction, id: number): boolean {
  const { tables } = transaction;
  const { dead, running, jobs } = tables;
  if (dead.has(id)) {
    eraseRows(tables, id);
    dead.delete(id);
    transaction.count('dead', -1);
    return true;
  }
  if (!jobs.has(id)) return false;
  const job = readJob(tables, id);
  eraseRows(tables, id);
  if (running.delete(id)) transaction.count('running', -1);
  else unschedule(transaction, id, job);
  releaseGroup(transaction, id, job);
  return true;
}

const EVENT_BY_TABLE = {
  job: 'enqueued',
  running: 'started',
  progress: 'progress',
  failed: 'failed',
  dead: 'dead',
} as const;

/**
 * Returns a change listener that translates changes of rows to queue events, in commit order. When a `running` row is deleted, the next
 * change of the same transaction tells how the attempt ended.
 */
export function toChangeListener(listener: (event: QueueEvent) => void): (change: Change) => void {
  /** The job whose `running` row was deleted by the previous change. */
  let ended: number | undefined;

  return ({ kind, key }) => {
    const before = ended;
    ended = undefined;
    if (key === undefined) return listener({ kind: 'missed' });
    const [table, ...path] = key as readonly Key[];
    if (table === 'paused') return listener({ kind: kind === 'set' ? 'paused' : 'resumed' });
    const id = Number(path.at(-1));
    if (kind === 'set') {
      if (isEventTable(table)) listener({ kind: EVENT_BY_TABLE[table], id });
      else if (table === 'ready' && id === before) listener({ kind: 'returned', id });
    } else if (table === 'running') ended = id;
    else if (table === 'job') listener({ kind: id === before ? 'done' : 'removed', id });
  };
}

const isEventTable = (table: Key | undefined): table is keyof typeof EVENT_BY_TABLE =>
  typeof table === 'string' && Object.hasOwn(EVENT_BY_TABLE, table);
