import { DiskCacheError } from '../../../protocol/error.ts';
import type { Job, JobState } from './job.ts';
import { readJob } from './job-row.ts';
import { admit, depart, withdraw } from './line.ts';
import type { JobRow, RunningRow, Shelves } from './shelves.ts';
import { type Core, inOneStep, type Step } from './step.ts';

const STATES = ['ready', 'delayed', 'held', 'running', 'dead'] as const satisfies readonly JobState[];

/** A job with all that is known about it, from one moment. */
export function look(core: Core, id: number): Job<unknown> | undefined {
  return core.index.transact(() => {
    const { jobs, failed, progress, delayed, running } = core.shelves;
    const row = jobs.get(id);
    if (row === undefined) return undefined;
    const begun = running.get(id);
    const failure = failed.get(id);
    const reported = progress.get(id);
    const dueAt = delayed.get(id);
    return {
      id,
      ...row,
      state: stateOf(core.shelves, id, row, begun),
      attempts: begun?.attempt ?? failure?.attempts ?? 0,
      ...(dueAt !== undefined && { dueAt }),
      ...(begun !== undefined && { startedAt: begun.startedAt }),
      ...(reported !== undefined && { progress: reported }),
      ...(failure !== undefined && { error: failure.error, failedAt: failure.failedAt }),
    };
  });
}

function stateOf(
  { dead, delayed, held }: Shelves,
  id: number,
  { group }: JobRow,
  begun: RunningRow | undefined,
): JobState {
  if (begun !== undefined) return 'running';
  if (dead.has(id)) return 'dead';
  if (delayed.has(id)) return 'delayed';
  return group !== undefined && held.has(group, id) ? 'held' : 'ready';
}

/** The jobs in a state, lazily: the ready ones in the order in which they will be begun, others by group or id. */
export function* jobsIn(core: () => Core, state: JobState): Generator<Job<unknown>, void, undefined> {
  if (!STATES.includes(state)) {
    throw new DiskCacheError('BAD_OPTION', `state is ${String(state)}; there are ${STATES.join(', ')}`);
  }
  for (const path of core().shelves[state].paths()) {
    const job = look(core(), Number(path.at(-1)));
    if (job?.state === state) yield job;
  }
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
