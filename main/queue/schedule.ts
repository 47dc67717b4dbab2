import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { EnqueueOptions, EnqueueResult, NewJob } from '../../protocol/job.ts';
import type { Finding, Key } from '../engine/index.ts';
import { assertIterable, assertOptions, CONSISTENCY, type ConsistencyOptions, isRecord } from '../engine/internal.ts';
import { forgetSchedule, type JobRow } from './tables.ts';
import { inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

/** Due jobs that are moved in one transaction, which keeps it short. */
const MAX_PROMOTED_JOBS = 1024;

/** Schedules a job: by itself, or behind the head of its group. */
export function schedule(transaction: QueueTransaction, id: number, { priority, group }: JobRow, dueAt: number): void {
  const { heads, held } = transaction.tables;
  if (group !== undefined) {
    if (heads.has(group)) {
      held.put([group, id], { priority, dueAt });
      transaction.count('held', 1);
      return;
    }
    heads.put([group], id);
  }
  makeWaiting(transaction, id, priority, dueAt);
}

/** Makes a job ready, or delayed until it is due. For a job that is the head of its group or has none. */
export function makeWaiting(transaction: QueueTransaction, id: number, priority: number, dueAt: number): void {
  const { ready, delayed, due } = transaction.tables;
  if (dueAt <= transaction.now) {
    ready.put([-priority, id], null);
    transaction.count('ready', 1);
  } else {
    delayed.put([id], dueAt);
    due.put([dueAt, id], priority);
    transaction.count('delayed', 1);
  }
}

/** Makes due jobs ready. */
export function promoteDue(transaction: QueueTransaction): void {
  if (!transaction.hasAny('delayed')) return;
  const { due } = transaction.tables;
  for (const [dueAt, id] of due.firstKeys(MAX_PROMOTED_JOBS)) {
    if (dueAt > transaction.now) return;
    const priority = due.get(dueAt, id) ?? 0;
    removeFromDelayed(transaction, id);
    makeWaiting(transaction, id, priority, dueAt);
  }
}

function removeFromDelayed(transaction: QueueTransaction, id: number): void {
  const { delayed, due } = transaction.tables;
  const dueAt = delayed.get(id);
  if (dueAt === undefined) return;
  delayed.delete(id);
  due.delete(dueAt, id);
  transaction.count('delayed', -1);
}

/** Removes a waiting job from the schedule. */
export function unschedule(transaction: QueueTransaction, id: number, { priority, group }: JobRow): void {
  const { ready, held } = transaction.tables;
  removeFromDelayed(transaction, id);
  if (ready.delete(-priority, id)) transaction.count('ready', -1);
  if (group !== undefined && held.delete(group, id)) transaction.count('held', -1);
}

/** Frees the dedupe key of a job that is done, dead or removed, and advances its group. */
export function releaseGroup(transaction: QueueTransaction, id: number, { group, dedupeKey }: JobRow): void {
  if (dedupeKey !== undefined) transaction.tables.dedupe.delete(dedupeKey);
  if (group !== undefined && transaction.tables.heads.get(group) === id) advanceGroup(transaction, group);
}

function advanceGroup(transaction: QueueTransaction, group: Key): void {
  const { heads, held } = transaction.tables;
  const [next] = held.firstKeys(1, group);
  if (next === undefined) {
    heads.delete(group);
    return;
  }
  const [, id] = next;
  const { priority, dueAt } = held.get(group, id)!;
  held.delete(group, id);
  transaction.count('held', -1);
  heads.put([group], id);
  makeWaiting(transaction, id, priority, dueAt);
}

const ENQUEUE_OPTIONS: ReadonlySet<string> = new Set(['delay', 'priority', 'dedupeKey', 'group']);

/** Enqueues all jobs or none. @throws {DiskCacheError} `BAD_OPTION`, `BAD_VALUE`, `BAD_KEY` */
export function enqueueMany(core: OpenQueue, jobs: Iterable<NewJob<unknown>>): EnqueueResult[] {
  // Read to the end first, so that no lock is held while the caller's generator runs.
  const checked = Array.from(assertIterable(jobs, 'jobs { payload, … }'), (job) => {
    if (!isRecord(job) || !Object.hasOwn(job, 'payload')) {
      throw new DiskCacheError(
        'BAD_OPTION',
        'enqueueMany takes objects { payload, delay, priority, dedupeKey, group }',
      );
    }
    const { payload, ...options } = job;
    return { payload, ...parseEnqueueOptions(options) };
  });
  return inTransaction(core, (transaction) => checked.map((job) => enqueueOne(transaction, job)));
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function parseEnqueueOptions(options: EnqueueOptions | undefined): EnqueueOptions {
  const checked = assertOptions(options, ENQUEUE_OPTIONS);
  const { delay = 0, priority = 0 } = checked;
  if (!(Number.isFinite(delay) && delay >= 0)) {
    throw new DiskCacheError('BAD_OPTION', `delay is ${formatValue(delay, "'")}; give a number of milliseconds from 0`);
  }
  if (!Number.isFinite(priority)) {
    throw new DiskCacheError('BAD_OPTION', `priority is ${formatValue(priority, "'")}; give a finite number`);
  }
  return checked;
}

export function enqueueOne(
  transaction: QueueTransaction,
  { payload, delay = 0, priority = 0, dedupeKey, group }: NewJob<unknown>,
): EnqueueResult {
  const { jobs, dedupe } = transaction.tables;
  const earlier = dedupeKey === undefined ? undefined : dedupe.get(dedupeKey);
  if (earlier !== undefined) return { id: earlier, duplicate: true };
  const id = transaction.nextNumber('id');
  const job: JobRow = {
    payload,
    priority,
    enqueuedAt: transaction.now,
    ...(group !== undefined && { group }),
    ...(dedupeKey !== undefined && { dedupeKey }),
  };
  if (dedupeKey !== undefined) dedupe.put([dedupeKey], id);
  schedule(transaction, id, job, transaction.now + delay);
  jobs.put([id], job);
  transaction.recordJob('enqueued', id, 0, delay);
  return { id, duplicate: false };
}

/**
 * Finds damage of every kind. `repair` deletes damaged rows, and jobs that can't be read because of them, and rebuilds the schedule of
 * the others.
 */
export function checkQueue(core: OpenQueue, repair: boolean): Finding[] {
  if (!repair) return core.index.check();
  // In the transaction of the repair, so that no other writer comes between the deletions and the rebuild.
  const options: ConsistencyOptions = {
    repair,
    [CONSISTENCY]: { check: () => [], repair: () => inTransaction(core, rebuildSchedule) },
  };
  return core.index.check(options);
}

/**
 * Rebuilds the schedule, group heads, dedupe keys and counters from the jobs and the remaining rows about them. In an undamaged queue
 * it changes nothing, except that due jobs become ready. O(n).
 */
export function rebuildSchedule(transaction: QueueTransaction): void {
  // A repair may have deleted rows.
  forgetSchedule(transaction.tables);
  const { jobs, ready, delayed, due, held, heads, dedupe, running, dead, failed, progress } = transaction.tables;
  const dueAt = new Map<number, number>();
  for (const [[id], when] of delayed.entries()) dueAt.set(id, when);
  for (const [[, id], { dueAt: when }] of held.entries()) dueAt.set(id, when);
  const formerHeads = heads.entries().map(([, id]) => id);
  for (const table of [ready, delayed, due, held, heads, dedupe]) table.clear();
  for (const table of [running, dead, failed, progress]) {
    for (const [id] of [...table.keys()]) if (!jobs.has(id)) table.delete(id);
  }

  transaction.resetCounts();
  const waiting = new Set<number>();
  for (const [id] of jobs.keys()) {
    transaction.markUsed('id', id);
    // Tickets given before the counters were lost must not be given again; none was ever as large as the time.
    if (transaction.areCountersMissing) transaction.markUsed('ticket', Math.floor(transaction.now));
    const attempt = running.get(id);
    if (dead.has(id)) transaction.count('dead', 1);
    else if (attempt === undefined) waiting.add(id);
    else {
      const { group, dedupeKey } = jobs.get(id)!;
      transaction.markUsed('ticket', attempt.ticket);
      transaction.count('running', 1);
      if (group !== undefined) heads.put([group], id);
      if (dedupeKey !== undefined) dedupe.put([dedupeKey], id);
    }
  }
  // Former heads of groups come first, so that they stay heads.
  const inOrder = new Set([...formerHeads.filter((id) => waiting.has(id)), ...waiting]);
  for (const id of inOrder) {
    const job = jobs.get(id)!;
    if (job.dedupeKey !== undefined) dedupe.put([job.dedupeKey], id);
    schedule(transaction, id, job, dueAt.get(id) ?? transaction.now);
  }
}
