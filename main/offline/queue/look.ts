import { DiskCacheError } from '../../../protocol/error.ts';
import type { Job, JobState } from '../../../protocol/job.ts';
import type { Cursor, Page } from '../../../protocol/page.ts';
import { weightOf } from '../../../protocol/weight.ts';
import { readJob } from './job-row.ts';
import { admit, depart, withdraw } from './line.ts';
import type { FailedRow, JobRow, RunningRow, Shelves } from './shelves.ts';
import { type Core, inOneStep, type Step } from './step.ts';

const STATES = ['ready', 'delayed', 'held', 'running', 'dead'] as const satisfies readonly JobState[];

/** A job with all that is known about it, from one moment; no lock is taken. */
export function look({ index, shelves }: Core, id: number): Job<unknown> | undefined {
  const { jobs, running, dead, delayed, failed, progress } = shelves;
  const [row, begun, diedAt, dueAt, failure, reported] = index.getMany(
    [jobs, running, dead, delayed, failed, progress].map((shelf) => shelf.key(id)),
  ) as [JobRow?, RunningRow?, number?, number?, FailedRow?, unknown?];
  if (row === undefined) return undefined;
  const { group } = row;
  const isHeld = group !== undefined && shelves.heads.get(group) !== id;
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
export function* jobsIn(core: () => Core, state: JobState): Generator<Job<unknown>, void, undefined> {
  demandState(state);
  for (const path of core().shelves[state].paths()) {
    const job = look(core(), Number(path.at(-1)));
    if (job?.state === state) yield job;
  }
}

/** A page ends at so many jobs, which are read in some 4 ms, or, after the first, at so many bytes of them. */
const PAGE_JOBS = 128;
const PAGE_BYTES = 512 * 1024;

/**
 * A stretch of the jobs in a state. Its cursor is the place of the first one that didn't fit.
 *
 * @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` for what is no state or no cursor.
 */
export function page(core: Core, state: JobState, after?: Cursor): Page<Job<unknown>> {
  demandState(state);
  if (after !== undefined && !Array.isArray(after)) {
    throw new DiskCacheError('BAD_OPTION', `the cursor is none of the ${state} jobs; begin again without one`);
  }
  const items: Job<unknown>[] = [];
  let bytes = 0;
  for (const [nth, path] of core.shelves[state].onward(PAGE_JOBS + 1, after).entries()) {
    if (nth === PAGE_JOBS || bytes >= PAGE_BYTES) return { items, next: path };
    const job = look(core, Number(path.at(-1)));
    if (job?.state !== state) continue;
    items.push(job);
    bytes += weightOf(job);
  }
  return { items };
}

function demandState(state: unknown): void {
  if ((STATES as readonly unknown[]).includes(state)) return;
  const given = typeof state === 'string' ? `"${state.slice(0, 64)}"` : typeof state;
  throw new DiskCacheError('BAD_OPTION', `state is ${given}; there are ${STATES.join(', ')}`);
}

/**
 * Gives a dead letter all its attempts anew, in its old place among those of its group that have not begun.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` when another job with its dedupe key waits or runs.
 */
export function retry(core: Core, id: number): boolean {
  return inOneStep(core, (step) => {
    const { jobs, dead, dedupe, failed } = step.shelves;
    if (!dead.has(id)) return false;
    const job = readJob(step.shelves, id);
    if (job.damage !== undefined) throw job.damage;
    const { dedupeKey } = job;
    if (dedupeKey !== undefined) {
      const holder = dedupe.get(dedupeKey);
      if (holder !== undefined) throw taken(core, id, holder);
      dedupe.put([dedupeKey], id);
    }
    dead.delete(id);
    step.count('dead', -1);
    failed.delete(id);
    // Written once more, so that who listens hears of it.
    jobs.put([id], job);
    admit(step, id, job, step.now);
    return true;
  });
}

const taken = ({ index }: Core, id: number, holder: number) =>
  new DiskCacheError(
    'NOT_ALLOWED',
    `Job ${id} in ${index.directory} can't be retried: job ${holder} has the same dedupe key; remove one of them`,
  );

/** What is known of a job, except where it is. */
function erase({ jobs, failed, progress }: Shelves, id: number): void {
  jobs.delete(id);
  failed.delete(id);
  progress.delete(id);
}

/** Takes a job out, whatever its state; a worker that has it learns so when it next gives a sign of life. */
export const remove = (core: Core, id: number): boolean => inOneStep(core, (step) => removeOne(step, id));

function removeOne(step: Step, id: number): boolean {
  const { shelves } = step;
  const { dead, running, jobs } = shelves;
  if (dead.has(id)) {
    erase(shelves, id);
    dead.delete(id);
    step.count('dead', -1);
    return true;
  }
  if (!jobs.has(id)) return false;
  const job = readJob(shelves, id);
  erase(shelves, id);
  if (running.delete(id)) step.count('running', -1);
  else withdraw(step, id, job);
  depart(step, id, job);
  return true;
}
