import { describeOwner, isGone } from '../../engine/owner.ts';
import type { Schedule } from './backoff.ts';
import { readJob } from './job-row.ts';
import { promote } from './line.ts';
import { fail } from './settle.ts';
import type { JobRow, RunningRow, Shelves, WorkerRow } from './shelves.ts';
import type { Step } from './step.ts';

/** A job in the hands of a worker. */
export interface Claim extends RunningRow {
  readonly id: number;
  readonly job: JobRow;
  /** What was reported last, by this attempt or an earlier one. Invariant: undefined where there is no row of it. */
  readonly progress: unknown;
}

/** Takes up to so many jobs for a worker, the next ones in order; one that can't be read is dead. */
export function claim(step: Step, worker: string, count: number): Claim[] {
  const { ready, running, failed, progress } = step.shelves;
  promote(step);
  const claims: Claim[] = [];
  for (const [negativePriority, id] of ready.first(count)) {
    ready.delete(negativePriority, id);
    step.count('ready', -1);
    const job = readJob(step.shelves, id);
    const attempt = (failed.get(id)?.attempts ?? 0) + 1;
    if (job.damage !== undefined) {
      fail(step, id, job, { attempt, error: job.damage.message, rest: undefined });
      continue;
    }
    const row: RunningRow = { worker, ticket: step.next('ticket'), attempt, startedAt: step.now };
    running.put([id], row);
    step.count('running', 1);
    claims.push({ ...row, id, job, progress: progress.get(id) });
  }
  return claims;
}

/** Whether a worker is known to have ended, or has given no sign of life for as long as its lease. */
const isLost = (row: WorkerRow, now: number): boolean => row.until <= now || isGone(row);

/** Whether another worker has left jobs behind. */
export const anyLost = ({ workers }: Shelves, self: string, now: number): boolean =>
  workers.rows().some(([[worker], row]) => worker !== self && isLost(row, now));

/** Brings back what lost workers had begun: it has failed, and may be tried again at once. O(workers + running jobs). */
export function takeOver(step: Step, self: string, { attempts }: Schedule): void {
  const { workers, running } = step.shelves;
  const lost = new Map<string, WorkerRow>();
  for (const [[worker], row] of workers.rows()) if (worker !== self && isLost(row, step.now)) lost.set(worker, row);
  if (lost.size === 0) return;
  for (const [[id], { worker, attempt }] of running.rows()) {
    const owner = lost.get(worker);
    if (owner === undefined) continue;
    running.delete(id);
    step.count('running', -1);
    const error = `The worker in ${describeOwner(owner)} was lost: it has ended, or its lease has`;
    fail(step, id, readJob(step.shelves, id), { attempt, error, rest: attempt < attempts ? 0 : undefined });
  }
  for (const worker of lost.keys()) workers.delete(worker);
}
