import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { EnqueueOptions, EnqueueResult, NewJob } from '../../protocol/job.ts';
import type { Key } from '../engine/index.ts';
import { assertIterable, assertOptions, isRecord } from '../engine/internal.ts';
import type { JobRow } from './tables.ts';
import { inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

/** So many jobs whose time has come are moved in one transaction, so that it stays short. */
const MAX_PROMOTED_JOBS = 1024;

/** Lets a job wait: by itself, or behind the head of its group. */
export function schedule(step: QueueTransaction, id: number, { priority, group }: JobRow, dueAt: number): void {
  const { heads, held } = step.tables;
  if (group !== undefined) {
    if (heads.has(group)) {
      held.put([group, id], { priority, dueAt });
      step.count('held', 1);
      return;
    }
    heads.put([group], id);
  }
  makeWaiting(step, id, priority, dueAt);
}

/** A job that stands for its group, or has none, waits for its time, then for a worker. */
export function makeWaiting(step: QueueTransaction, id: number, priority: number, dueAt: number): void {
  const { ready, delayed, due } = step.tables;
  if (dueAt <= step.now) {
    ready.put([-priority, id], null);
    step.count('ready', 1);
  } else {
    delayed.put([id], dueAt);
    due.put([dueAt, id], priority);
    step.count('delayed', 1);
  }
}

/** Makes those ready whose time has come. */
export function promoteDue(step: QueueTransaction): void {
  if (!step.hasAny('delayed')) return;
  const { due } = step.tables;
  for (const [dueAt, id] of due.firstKeys(MAX_PROMOTED_JOBS)) {
    if (dueAt > step.now) return;
    const priority = due.get(dueAt, id) ?? 0;
    removeFromDelayed(step, id);
    makeWaiting(step, id, priority, dueAt);
  }
}

function removeFromDelayed(step: QueueTransaction, id: number): void {
  const { delayed, due } = step.tables;
  const dueAt = delayed.get(id);
  if (dueAt === undefined) return;
  delayed.delete(id);
  due.delete(dueAt, id);
  step.count('delayed', -1);
}

/** Takes a job from where it waits, wherever that is. */
export function unschedule(step: QueueTransaction, id: number, { priority, group }: JobRow): void {
  const { ready, held } = step.tables;
  removeFromDelayed(step, id);
  if (ready.delete(-priority, id)) step.count('ready', -1);
  if (group !== undefined && held.delete(group, id)) step.count('held', -1);
}

/** A job that is done, dead or removed: its group goes on, its key is free. */
export function releaseGroup(step: QueueTransaction, id: number, { group, dedupeKey }: JobRow): void {
  if (dedupeKey !== undefined) step.tables.dedupe.delete(dedupeKey);
  if (group !== undefined && step.tables.heads.get(group) === id) advanceGroup(step, group);
}

function advanceGroup(step: QueueTransaction, group: Key): void {
  const { heads, held } = step.tables;
  const [next] = held.firstKeys(1, group);
  if (next === undefined) {
    heads.delete(group);
    return;
  }
  const [, id] = next;
  const { priority, dueAt } = held.get(group, id)!;
  held.delete(group, id);
  step.count('held', -1);
  heads.put([group], id);
  makeWaiting(step, id, priority, dueAt);
}

const ENQUEUE_OPTIONS: ReadonlySet<string> = new Set(['delay', 'priority', 'dedupeKey', 'group']);

/** All or none. */
export function enqueueMany(core: OpenQueue, jobs: Iterable<NewJob<unknown>>): EnqueueResult[] {
  // Read to its end first, so that no lock is held while the caller's generator runs.
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
  return inTransaction(core, (step) => checked.map((job) => enqueueOne(step, job)));
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
  step: QueueTransaction,
  { payload, delay = 0, priority = 0, dedupeKey, group }: NewJob<unknown>,
): EnqueueResult {
  const { jobs, dedupe } = step.tables;
  const earlier = dedupeKey === undefined ? undefined : dedupe.get(dedupeKey);
  if (earlier !== undefined) return { id: earlier, duplicate: true };
  const id = step.nextNumber('id');
  const job: JobRow = {
    payload,
    priority,
    enqueuedAt: step.now,
    ...(group !== undefined && { group }),
    ...(dedupeKey !== undefined && { dedupeKey }),
  };
  if (dedupeKey !== undefined) dedupe.put([dedupeKey], id);
  schedule(step, id, job, step.now + delay);
  jobs.put([id], job);
  step.recordJob('enqueued', id, 0, delay);
  return { id, duplicate: false };
}
