import { CLOCK_TOLERANCE_MS, describeProcess, hasExited } from '../engine/internal.ts';
import { makeWaiting, promoteDue, releaseGroup } from './schedule.ts';
import {
  tryReadRows as attempted,
  type JobRow,
  type RunningRow,
  readJob,
  type Tables,
  unlessDamaged,
  type WorkerRow,
} from './tables.ts';
import type { QueueTransaction } from './transaction.ts';
import type { RetryPolicy } from './worker-options.ts';

/** Of a worker, unless it was given another one. */
export const DEFAULT_WORKER_LEASE_MS = 30_000;

/** A job in the hands of a worker. */
export interface Claim extends RunningRow {
  readonly id: number;
  readonly job: JobRow;
  /** What was reported last, by this attempt or an earlier one. Invariant: undefined where there is no row of it. */
  readonly progress: unknown;
}

/** How long a job rests that can't be read for a reason that may pass. It was not begun, so no attempt is counted. */
const UNREADABLE_RETRY_MS = 5000;

/** Takes up to `count` jobs for a worker, the next ones in order. A damaged one is dead; one that can't be read now rests. */
export function claim(step: QueueTransaction, worker: string, count: number): Claim[] {
  const { ready, running, failed, progress } = step.tables;
  promoteDue(step);
  const claims: Claim[] = [];
  for (const [negativePriority, id] of ready.firstKeys(count)) {
    ready.delete(negativePriority, id);
    step.count('ready', -1);
    const read = attempted(() => ({
      job: readJob(step.tables, id),
      attempts: unlessDamaged(() => failed.get(id))?.attempts ?? 0,
      progress: unlessDamaged(() => progress.get(id)),
    }));
    if ('refused' in read) {
      makeWaiting(step, id, 0 - negativePriority, step.now + UNREADABLE_RETRY_MS);
      continue;
    }
    const { job } = read.value;
    const attempt = read.value.attempts + 1;
    if (job.damage !== undefined) {
      failAttempt(step, id, job, { attempt, error: job.damage.message, retryDelayMs: undefined });
      continue;
    }
    const row: RunningRow = { worker, ticket: step.nextNumber('ticket'), attempt, startedAt: step.now };
    running.put([id], row);
    step.count('running', 1);
    step.recordJob('claimed', id, attempt);
    claims.push({ ...row, id, job, progress: read.value.progress });
  }
  return claims;
}

/** Whether a worker is known to have ended, or has given no sign of life for as long as its lease. */
const isWorkerLost = (row: WorkerRow, now: number): boolean => row.until <= now || hasExited(row);

/** Whether a lease was given before the clock was set back: it would end later than it may. */
const isLeaseAhead = ({ until, lease = DEFAULT_WORKER_LEASE_MS }: WorkerRow, now: number): boolean =>
  until > now + lease + CLOCK_TOLERANCE_MS;

/** The workers that are there, and those that were. */
function listWorkers({ workers }: Tables, self: string, now: number) {
  const living = new Set([self]);
  const lost = new Map<string, WorkerRow>();
  for (const [[worker], row] of workers.entries()) {
    if (worker === self || !isWorkerLost(row, now)) living.add(worker);
    else lost.set(worker, row);
  }
  return { living, lost };
}

/** Whether other workers have left jobs or themselves behind. O(workers + running jobs). */
export function hasLostJobs(shelves: Tables, self: string, now: number): boolean {
  const { living, lost } = listWorkers(shelves, self, now);
  if (shelves.workers.entries().some(([[worker], row]) => worker !== self && isLeaseAhead(row, now))) return true;
  return lost.size > 0 || shelves.running.entries().some(([, { worker }]) => !living.has(worker));
}

/** Brings back what no living worker has: it has failed, and may be tried again at once. O(workers + running jobs). */
export function reclaimLost(step: QueueTransaction, self: string, { attempts }: RetryPolicy): void {
  const { workers, running } = step.tables;
  const { living, lost } = listWorkers(step.tables, self, step.now);
  for (const worker of lost.keys()) workers.delete(worker);
  // One that lives renews it at once; one that does not is missed a lease from now, and not when the clock has caught up.
  for (const [path, row] of workers.entries()) {
    if (path[0] !== self && isLeaseAhead(row, step.now))
      workers.put(path, { ...row, until: step.now + (row.lease ?? DEFAULT_WORKER_LEASE_MS) });
  }
  for (const [[id], { worker, attempt }] of running.entries()) {
    if (living.has(worker)) continue;
    // One that can't be read now is brought back when it can.
    const read = attempted(() => readJob(step.tables, id));
    if ('refused' in read) continue;
    running.delete(id);
    step.count('running', -1);
    const owner = lost.get(worker);
    const error = `Its worker was lost${owner ? `: ${describeProcess(owner)} has ended, or its lease has` : ''}`;
    failAttempt(step, id, read.value, { attempt, error, retryDelayMs: attempt < attempts ? 0 : undefined });
  }
}

/** Why an attempt was in vain, and how many milliseconds the job rests; undefined: it is dead. */
export interface AttemptFailure {
  readonly attempt: number;
  readonly error: string;
  readonly retryDelayMs: number | undefined;
}

/** How an attempt ended; `'returned'`: before it could succeed or fail, so it is not counted. */
export type AttemptOutcome = 'done' | 'returned' | AttemptFailure;

/** Whether an attempt is still its worker's. */
export const isClaimCurrent = ({ running }: Tables, { id, ticket }: Claim): boolean =>
  running.get(id)?.ticket === ticket;

/** Ends an attempt; returns false, and does nothing, when it is not its worker's any more. */
export function settle(step: QueueTransaction, claim: Claim, outcome: AttemptOutcome): boolean {
  const { tables } = step;
  const { id, job } = claim;
  if (!isClaimCurrent(tables, claim)) return false;
  tables.running.delete(id);
  step.count('running', -1);
  if (outcome === 'done') {
    tables.jobs.delete(id);
    if (claim.attempt > 1) tables.failed.delete(id);
    if (claim.progress !== undefined) tables.progress.delete(id);
    step.count('done', 1);
    step.recordJob('done', id, claim.attempt);
    releaseGroup(step, id, job);
  } else if (outcome === 'returned') {
    makeWaiting(step, id, job.priority, step.now);
    step.recordJob('returned', id, claim.attempt);
  } else failAttempt(step, id, job, outcome);
  return true;
}

/** A failed job without a worker: it waits for its retry at the head of its group, or is dead. */
export function failAttempt(
  step: QueueTransaction,
  id: number,
  job: JobRow,
  { attempt, error, retryDelayMs }: AttemptFailure,
): void {
  step.tables.failed.put([id], { attempts: attempt, error, failedAt: step.now });
  if (retryDelayMs !== undefined) {
    makeWaiting(step, id, job.priority, step.now + retryDelayMs);
    step.recordJob('retried', id, attempt, retryDelayMs);
    return;
  }
  step.tables.dead.put([id], step.now);
  step.count('dead', 1);
  step.recordJob('dead', id, attempt);
  releaseGroup(step, id, job);
}
