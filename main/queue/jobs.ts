import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Job, JobState, QueueEvent } from '../../protocol/job.ts';
import type { Cursor, ResultPage } from '../../protocol/results.ts';
import type { Change, Key } from '../engine/index.ts';
import { releaseGroup, schedule, unschedule } from './schedule.ts';
import { type FailedRow, type JobRow, type RunningRow, readJob, type Tables } from './tables.ts';
import { inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

const STATES = ['ready', 'delayed', 'held', 'running', 'dead'] as const satisfies readonly JobState[];

/** A job with all that is known about it, from one moment; no lock is taken. */
export function getJob({ index, tables }: OpenQueue, id: number): Job<unknown> | undefined {
  const { jobs, running, dead, delayed, failed, progress } = tables;
  const [row, begun, diedAt, dueAt, failure, reported] = index.getMany(
    [jobs, running, dead, delayed, failed, progress].map((shelf) => shelf.key(id)),
  ) as [JobRow?, RunningRow?, number?, number?, FailedRow?, unknown?];
  if (row === undefined) return undefined;
  const { group } = row;
  const isHeld = group !== undefined && tables.heads.get(group) !== id;
  const waiting = dueAt !== undefined ? 'delayed' : isHeld ? 'held' : 'ready';
  return {
    id,
    ...row,
    state: begun !== undefined ? 'running' : diedAt !== undefined ? 'dead' : waiting,
    attempts: begun?.attempt ?? failure?.attempts ?? 0,
    ...(dueAt !== undefined && { dueAt }),
    ...(begun !== undefined && { startedAt: begun.startedAt }),
    ...(reported !== undefined && { progress: reported }),
    ...(failure !== undefined && { error: failure.error, failedAt: failure.failedAt }),
  };
}

/** The jobs in a state, lazily: the ready ones in the order in which they will be begun, others by group or id. */
export function* listJobs(core: () => OpenQueue, state: JobState): Generator<Job<unknown>, void, undefined> {
  assertJobState(state);
  for (const path of core().tables[state].keys()) {
    const job = getJob(core(), Number(path.at(-1)));
    if (job?.state === state) yield job;
  }
}

/** A page ends at this many jobs, read in about 4 ms, or, after the first, at this many bytes of them. */
const MAX_PAGE_JOBS = 128;
const MAX_PAGE_BYTES = 512 * 1024;

/**
 * A stretch of the jobs in a state. Its cursor is the place of the first one that didn't fit.
 *
 * @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` for an unknown state or cursor.
 */
export function getJobPage(core: OpenQueue, state: JobState, after?: Cursor): ResultPage<Job<unknown>> {
  assertJobState(state);
  if (after !== undefined && !Array.isArray(after)) {
    throw new DiskCacheError('BAD_OPTION', `the cursor is none of the ${state} jobs; begin again without one`);
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
  throw new DiskCacheError('BAD_OPTION', `state is ${given}; there are ${STATES.join(', ')}`);
}

/**
 * Gives a dead letter all its attempts again, in its old place among those of its group that have not begun.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` when another job with its dedupe key waits or runs.
 */
export function retryJob(core: OpenQueue, id: number): boolean {
  return inTransaction(core, (step) => {
    const { jobs, dead, dedupe, failed } = step.tables;
    if (!dead.has(id)) return false;
    const job = readJob(step.tables, id);
    if (job.damage !== undefined) throw job.damage;
    const { dedupeKey } = job;
    if (dedupeKey !== undefined) {
      const holder = dedupe.get(dedupeKey);
      if (holder !== undefined) throw dedupeConflictError(core, id, holder);
      dedupe.put([dedupeKey], id);
    }
    dead.delete(id);
    step.count('dead', -1);
    failed.delete(id);
    // Written once more, so that who listens hears of it.
    jobs.put([id], job);
    schedule(step, id, job, step.now);
    return true;
  });
}

const dedupeConflictError = ({ index }: OpenQueue, id: number, holder: number) =>
  new DiskCacheError(
    'NOT_ALLOWED',
    `Job ${id} in ${index.directory} can't be retried: job ${holder} has the same dedupe key; remove one of them`,
  );

/** What is known of a job, except where it is. */
function eraseRows({ jobs, failed, progress }: Tables, id: number): void {
  jobs.delete(id);
  failed.delete(id);
  progress.delete(id);
}

/** Takes a job out, whatever its state; a worker that has it learns so when it next gives a sign of life. */
export const removeJob = (core: OpenQueue, id: number): boolean =>
  inTransaction(core, (step) => removeJobRows(step, id));

function removeJobRows(step: QueueTransaction, id: number): boolean {
  const { tables } = step;
  const { dead, running, jobs } = tables;
  if (dead.has(id)) {
    eraseRows(tables, id);
    dead.delete(id);
    step.count('dead', -1);
    return true;
  }
  if (!jobs.has(id)) return false;
  const job = readJob(tables, id);
  eraseRows(tables, id);
  if (running.delete(id)) step.count('running', -1);
  else unschedule(step, id, job);
  releaseGroup(step, id, job);
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
 * Reads events out of the changes of the rows, in the order of their commits. What becomes of a job that was running is told by
 * the change that follows in the same transaction.
 */
export function toChangeListener(listener: (event: QueueEvent) => void): (change: Change) => void {
  /** The job whose attempt was ended by the change before this one. */
  let ended: number | undefined;

  return ({ kind, key }) => {
    const before = ended;
    ended = undefined;
    if (key === undefined) return listener({ kind: 'missed' });
    const [shelf, ...path] = key as readonly Key[];
    if (shelf === 'paused') return listener({ kind: kind === 'set' ? 'paused' : 'resumed' });
    const id = Number(path.at(-1));
    if (kind === 'set') {
      if (isEventTable(shelf)) listener({ kind: EVENT_BY_TABLE[shelf], id });
      else if (shelf === 'ready' && id === before) listener({ kind: 'returned', id });
    } else if (shelf === 'running') ended = id;
    else if (shelf === 'job') listener({ kind: id === before ? 'done' : 'removed', id });
  };
}

const isEventTable = (shelf: Key | undefined): shelf is keyof typeof EVENT_BY_TABLE =>
  typeof shelf === 'string' && Object.hasOwn(EVENT_BY_TABLE, shelf);
