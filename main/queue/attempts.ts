import { CLOCK_TOLERANCE_MS, describeProcess, hasExited } from '../engine/internal.ts';
import { makeWaiting, promoteDue, releaseGroup } from './schedule.ts';
import {
  type JobRow,
  type RunningRow,
  readJob,
  type Tables,
  tryReadRows,
  unlessDamaged,
  type WorkerRow,
} from './tables.ts';
import type { QueueTransaction } from './transaction.ts';
import type { RetryPolicy } from './worker-options.ts';

/** The lease of a worker, unless the option `lease` says otherwise. */
export const DEFAULT_WORKER_LEASE_MS = 30_000;

/** A job that a worker has claimed. */
export interface Claim extends RunningRow {
  readonly id: number;
  readonly job: JobRow;
  /** The last reported progress, of this attempt or an earlier one. Invariant: undefined if there is no row of it. */
  readonly progress: unknown;
}

/** Delay of a job that can't be read for a transient reason. It was not started, so this is not counted as an attempt. */
const UNREADABLE_RETRY_MS = 5000;

/** Claims up to `count` jobs for a worker, in order. A damaged job becomes dead; one that can't be read now is delayed. */
export function claim(transaction: QueueTransaction, worker: string, count: number): Claim[] {
  const { ready, running, failed, progress } = transaction.tables;
  promoteDue(transaction);
  const claims: Claim[] = [];
  for (const [negativePriority, id] of ready.firstKeys(count)) {
    ready.delete(negativePriority, id);
    transaction.count('ready', -1);
    const read = tryReadRows(() => ({
      job: readJob(transaction.tables, id),
      attempts: unlessDamaged(() => failed.get(id))?.attempts ?? 0,
      progress: unlessDamaged(() => progress.get(id)),
    }));
    if ('error' in read) {
      makeWaiting(transaction, id, 0 - negativePriority, transaction.now + UNREADABLE_RETRY_MS);
      continue;
    }
    const { job } = read.value;
    const attempt = read.value.attempts + 1;
    if (job.damage !== undefined) {
      failAttempt(transaction, id, job, { attempt, error: job.damage.message, retryDelayMs: undefined });
      continue;
    }
    const row: RunningRow = { worker, ticket: transaction.nextNumber('ticket'), attempt, startedAt: transaction.now };
    running.put([id], row);
    transaction.count('running', 1);
    transaction.recordJob('claimed', id, attempt);
    claims.push({ ...row, id, job, progress: read.value.progress });
  }
  return claims;
}

/** Whether a worker's process has exited or its lease is over. */
const isWorkerLost = (row: WorkerRow, now: number): boolean => row.until <= now || hasExited(row);

/** Whether a lease ends later than possible: it was taken before the clock was set back. */
const isLeaseAhead = ({ until, lease = DEFAULT_WORKER_LEASE_MS }: WorkerRow, now: number): boolean =>
  until > now + lease + CLOCK_TOLERANCE_MS;

/** Returns the ids of live workers and the rows of lost ones. */
function listWorkers({ workers }: Tables, self: string, now: number) {
  const alive = new Set([self]);
  const lost = new Map<string, WorkerRow>();
  for (const [[worker], row] of workers.entries()) {
    if (worker === self || !isWorkerLost(row, now)) alive.add(worker);
    else lost.set(worker, row);
  }
  return { alive, lost };
}

/** Whether there are lost workers, or running jobs without a live worker. O(workers + running jobs). */
export function hasLostJobs(tables: Tables, self: string, now: number): boolean {
  const { alive, lost } = listWorkers(tables, self, now);
  if (tables.workers.entries().some(([[worker], row]) => worker !== self && isLeaseAhead(row, now))) return true;
  return lost.size > 0 || tables.running.entries().some(([, { worker }]) => !alive.has(worker));
}

/** Takes running jobs from lost workers: the attempt counts as failed, and is retried at once. O(workers + running jobs). */
export function reclaimLost(transaction: QueueTransaction, self: string, { attempts }: RetryPolicy): void {
  const { workers, running } = transaction.tables;
  const { alive, lost } = listWorkers(transaction.tables, self, transaction.now);
  for (const worker of lost.keys()) workers.delete(worker);
  // Shorten leases from before the clock was set back: a live worker renews at once, a dead one is lost after one lease.
  for (const [path, row] of workers.entries()) {
    if (path[0] !== self && isLeaseAhead(row, transaction.now))
      workers.put(path, { ...row, until: transaction.now + (row.lease ?? DEFAULT_WORKER_LEASE_MS) });
  }
  for (const [[id], { worker, attempt }] of running.entries()) {
    if (alive.has(worker)) continue;
    // A job that can't be read now is taken later.
    const read = tryReadRows(() => readJob(transaction.tables, id));
    if ('error' in read) continue;
    running.delete(id);
    transaction.count('running', -1);
    const owner = lost.get(worker);
    const error = `Its worker was lost${owner ? `: ${describeProcess(owner)} has exited, or its lease is over` : ''}`;
    failAttempt(transaction, id, read.value, { attempt, error, retryDelayMs: attempt < attempts ? 0 : undefined });
  }
}

/** Why an attempt failed, and the milliseconds until the retry; undefined if the job is dead. */
interface AttemptFailure {
  readonly attempt: number;
  readonly error: string;
  readonly retryDelayMs: number | undefined;
}

/** How an attempt ended. `'returned'`: stopped before it succeeded or failed, so it is not counted. */
export type AttemptOutcome = 'done' | 'returned' | AttemptFailure;

/** Whether a claim still belongs to its worker. */
export const isClaimCurrent = ({ running }: Tables, { id, ticket }: Claim): boolean =>
  running.get(id)?.ticket === ticket;

/** Ends an attempt. Returns false, and changes nothing, if the claim no longer belongs to its worker. */
export function settle(transaction: QueueTransaction, claim: Claim, outcome: AttemptOutcome): boolean {
  const { tables } = transaction;
  const { id, job } = claim;
  if (!isClaimCurrent(tables, claim)) return false;
  tables.running.delete(id);
  transaction.count('running', -1);
  if (outcome === 'done') {
    tables.jobs.delete(id);
    if (claim.attempt > 1) tables.failed.delete(id);
    if (claim.progress !== undefined) tables.progress.delete(id);
    transaction.count('done', 1);
    transaction.recordJob('done', id, claim.attempt);
    releaseGroup(transaction, id, job);
  } else if (outcome === 'returned') {
    makeWaiting(transaction, id, job.priority, transaction.now);
    transaction.recordJob('returned', id, claim.attempt);
  } else failAttempt(transaction, id, job, outcome);
  return true;
}

/** Records a failed attempt: the job waits for its retry at the head of its group, or becomes dead. */
function failAttempt(
  transaction: QueueTransaction,
  id: number,
  job: JobRow,
  { attempt, error, retryDelayMs }: AttemptFailure,
): void {
  transaction.tables.failed.put([id], { attempts: attempt, error, failedAt: transaction.now });
  if (retryDelayMs !== undefined) {
    makeWaiting(transaction, id, job.priority, transaction.now + retryDelayMs);
    transaction.recordJob('retried', id, attempt, retryDelayMs);
    return;
  }
  transaction.tables.dead.put([id], transaction.now);
  transaction.count('dead', 1);
  transaction.recordJob('dead', id, attempt);
  releaseGroup(transaction, id, job);
}
