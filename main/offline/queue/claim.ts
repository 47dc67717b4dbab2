import { CLOCK_TOLERANCE_MS, describeOwner, isGone } from '../../engine/internal.ts';
import type { Schedule } from './backoff.ts';
import { attempt as attempted, readJob, unlessDamaged } from './job-row.ts';
import { promote, wait } from './line.ts';
import { fail } from './settle.ts';
import type { JobRow, RunningRow, Shelves, WorkerRow } from './shelves.ts';
import type { Step } from './step.ts';

/** Of a worker, unless it was given another one. */
export const LEASE_MS = 30_000;

/** A job in the hands of a worker. */
export interface Claim extends RunningRow {
  readonly id: number;
  readonly job: JobRow;
  /** What was reported last, by this attempt or an earlier one. Invariant: undefined where there is no row of it. */
  readonly progress: unknown;
}

/** How long a job rests that can't be read for a reason that may pass. It was not begun, so no attempt is counted. */
const UNREADABLE_REST_MS = 5000;

/** Takes up to `count` jobs for a worker, the next ones in order. A damaged one is dead; one that can't be read now rests. */
export function claim(step: Step, worker: string, count: number): Claim[] {
  const { ready, running, failed, progress } = step.shelves;
  promote(step);
  const claims: Claim[] = [];
  for (const [negativePriority, id] of ready.first(count)) {
    ready.delete(negativePriority, id);
    step.count('ready', -1);
    const read = attempted(() => ({
      job: readJob(step.shelves, id),
      attempts: unlessDamaged(() => failed.get(id))?.attempts ?? 0,
      progress: unlessDamaged(() => progress.get(id)),
    }));
    if ('refused' in read) {
      wait(step, id, 0 - negativePriority, step.now + UNREADABLE_REST_MS);
      continue;
    }
    const { job } = read.value;
    const attempt = read.value.attempts + 1;
    if (job.damage !== undefined) {
      fail(step, id, job, { attempt, error: job.damage.message, rest: undefined });
      continue;
    }
    const row: RunningRow = { worker, ticket: step.next('ticket'), attempt, startedAt: step.now };
    running.put([id], row);
    step.count('running', 1);
    claims.push({ ...row, id, job, progress: read.value.progress });
  }
  return claims;
}

/** Whether a worker is known to have ended, or has given no sign of life for as long as its lease. */
const isLost = (row: WorkerRow, now: number): boolean => row.until <= now || isGone(row);

/** Whether a lease was given before the clock was set back: it would end later than it may. */
const isAhead = ({ until, lease = LEASE_MS }: WorkerRow, now: number): boolean =>
  until > now + lease + CLOCK_TOLERANCE_MS;

/** The workers that are there, and those that were. */
function rollCall({ workers }: Shelves, self: string, now: number) {
  const living = new Set([self]);
  const lost = new Map<string, WorkerRow>();
  for (const [[worker], row] of workers.rows()) {
    if (worker === self || !isLost(row, now)) living.add(worker);
    else lost.set(worker, row);
  }
  return { living, lost };
}

/** Whether other workers have left jobs or themselves behind. O(workers + running jobs). */
export function anyLost(shelves: Shelves, self: string, now: number): boolean {
  const { living, lost } = rollCall(shelves, self, now);
  if (shelves.workers.rows().some(([[worker], row]) => worker !== self && isAhead(row, now))) return true;
  return lost.size > 0 || shelves.running.rows().some(([, { worker }]) => !living.has(worker));
}

/** Brings back what no living worker has: it has failed, and may be tried again at once. O(workers + running jobs). */
export function takeOver(step: Step, self: string, { attempts }: Schedule): void {
  const { workers, running } = step.shelves;
  const { living, lost } = rollCall(step.shelves, self, step.now);
  for (const worker of lost.keys()) workers.delete(worker);
  // One that lives renews it at once; one that does not is missed a lease from now, and not when the clock has caught up.
  for (const [path, row] of workers.rows()) {
    if (path[0] !== self && isAhead(row, step.now))
      workers.put(path, { ...row, until: step.now + (row.lease ?? LEASE_MS) });
  }
  for (const [[id], { worker, attempt }] of running.rows()) {
    if (living.has(worker)) continue;
    // One that can't be read now is brought back when it can.
    const read = attempted(() => readJob(step.shelves, id));
    if ('refused' in read) continue;
    running.delete(id);
    step.count('running', -1);
    const owner = lost.get(worker);
    const error = `Its worker was lost${owner ? `: ${describeOwner(owner)} has ended, or its lease has` : ''}`;
    fail(step, id, read.value, { attempt, error, rest: attempt < attempts ? 0 : undefined });
  }
}
