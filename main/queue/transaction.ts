import type { JobCounts } from '../../protocol/job.ts';
import type { Index } from '../engine/index.ts';
import { CLOCK_TOLERANCE_MS, type JobMessage, queueChannel } from '../engine/internal.ts';
import type { CountersRow, Tables } from './tables.ts';
import { readJob } from './tables.ts';

/** An open queue, as its verbs see it. */
export interface OpenQueue {
  readonly index: Index;
  readonly tables: Tables;
  readonly clock: () => number;
  /** Rebuilds the counts, and all that follows from the jobs. */
  readonly rebuild: (step: QueueTransaction) => void;
  /** While a transaction is open, everything done is part of it. */
  transaction: QueueTransaction | undefined;
}

const EMPTY_COUNTERS: CountersRow = { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0, id: 0, ticket: 0 };

/** What one transaction works on: one moment, the rows, and the counts, which are written once at its end. */
export class QueueTransaction {
  readonly now: number;
  readonly tables: Tables;
  /** The counts are missing: nothing was ever enqueued, or damage has taken them. */
  readonly areCountersMissing: boolean;
  readonly #counters: { -readonly [name in keyof CountersRow]: CountersRow[name] };
  /** What has happened to jobs; undefined while nothing listens. */
  readonly #jobEvents: Omit<JobMessage, 'directory'>[] | undefined = queueChannel.hasSubscribers ? [] : undefined;
  #isChanged = false;

  constructor({ tables, clock }: OpenQueue) {
    this.now = clock();
    this.tables = tables;
    const tally = tables.tally.get();
    this.areCountersMissing = tally === undefined;
    this.#counters = { ...(tally ?? EMPTY_COUNTERS) };
  }

  get counters(): CountersRow {
    return this.#counters;
  }

  /** Does a part that can fail alone: then nothing of it is counted. */
  runNested<T>(work: (step: QueueTransaction) => T): T {
    const before = { ...this.#counters };
    const eventsBefore = this.#jobEvents?.length ?? 0;
    try {
      return work(this);
    } catch (error) {
      this.#jobEvents?.splice(eventsBefore);
      Object.assign(this.#counters, before);
      throw error;
    }
  }

  hasAny(name: keyof JobCounts): boolean {
    return this.#counters[name] > 0;
  }

  count(name: keyof JobCounts, by: 1 | -1): void {
    this.#counters[name] += by;
    this.#isChanged = true;
  }

  /** Counts from nothing; how many were done stays. */
  resetCounts(): void {
    Object.assign(this.#counters, { ready: 0, delayed: 0, held: 0, running: 0, dead: 0 });
    this.#isChanged = true;
  }

  /** An id or ticket that was given once, whatever is remembered of it. */
  markUsed(kind: 'id' | 'ticket', number: number): void {
    this.#counters[kind] = Math.max(this.#counters[kind], number);
  }

  /** Something that is not counted has changed. */
  markChanged(): void {
    this.#isChanged = true;
  }

  /** The next id or ticket: a number from 1 that was never given before. */
  nextNumber(kind: 'id' | 'ticket'): number {
    this.#isChanged = true;
    return ++this.#counters[kind];
  }

  /** To be published after the commit. */
  recordJob(event: JobMessage['event'], id: number, attempt: number, delayMs?: number): void {
    this.#jobEvents?.push({ event, id, attempt, delayMs });
  }

  publishJobs(directory: string): void {
    for (const event of this.#jobEvents ?? []) queueChannel.publish({ directory, ...event });
  }

  writeCounters(): void {
    if (this.#isChanged) this.tables.tally.put([], { ...this.#counters, at: this.now });
  }
}

/** How far the clock was set back since the queue was last changed; 0 for less than clocks always are. Milliseconds. */
export function getClockSetbackMs({ at = Number.NEGATIVE_INFINITY }: CountersRow, now: number): number {
  return at > now + CLOCK_TOLERANCE_MS ? at - now : 0;
}

export const getCounters = (core: OpenQueue): CountersRow =>
  core.transaction?.counters ?? core.tables.tally.get() ?? inTransaction(core, ({ counters }) => ({ ...counters }));

/** Runs `work` in one transaction: whole or not at all. Inside of another one it is a part of that. */
export function inTransaction<T>(core: OpenQueue, work: (step: QueueTransaction) => T): T {
  let outermost: QueueTransaction | undefined;
  const result = core.index.transact<unknown>(() => {
    if (core.transaction !== undefined) return core.transaction.runNested(work);
    const step = new QueueTransaction(core);
    core.transaction = outermost = step;
    try {
      // Without them the next id would be one that a waiting job has.
      if (step.areCountersMissing) core.rebuild(step);
      const behind = getClockSetbackMs(step.counters, step.now);
      if (behind > 0) rescheduleAll(step, behind);
      const result = work(step);
      step.writeCounters();
      return result;
    } finally {
      core.transaction = undefined;
    }
  }) as T;
  (outermost as QueueTransaction | undefined)?.publishJobs(core.index.directory);
  return result;
}

/**
 * After the clock was set back: what was to wait for some time under the clock before would wait until the clock has caught up.
 * O(jobs that wait for a time); rare.
 */
function rescheduleAll(step: QueueTransaction, behind: number): void {
  const { delayed, due, held } = step.tables;
  for (const [[id], before] of delayed.entries()) {
    const dueAt = computeDueAt(step, id, before, behind);
    if (dueAt === before) continue;
    const priority = due.get(before, id) ?? 0;
    due.delete(before, id);
    due.put([dueAt, id], priority);
    delayed.put([id], dueAt);
  }
  for (const [path, row] of held.entries()) {
    const dueAt = computeDueAt(step, path[1], row.dueAt, behind);
    if (dueAt !== row.dueAt) held.put(path, { ...row, dueAt });
  }
  step.markChanged();
}

/**
 * When a job is due that was to be due at a time by the clock before. A rest after a failure may be over, for all that is known, if the
 * clock was set back by more; a delay that was asked for begins again.
 */
function computeDueAt({ now, tables }: QueueTransaction, id: number, dueAt: number, behind: number): number {
  const { damage, enqueuedAt } = readJob(tables, id);
  const failedAt = tables.failed.get(id)?.failedAt;
  const since = damage === undefined ? (failedAt ?? enqueuedAt) : Number.POSITIVE_INFINITY;
  if (dueAt <= now || since <= now + CLOCK_TOLERANCE_MS) return dueAt;
  // What was rescheduled before is due before the clock of then began to wait.
  if (dueAt < since) return Math.max(now, dueAt - behind);
  const wait = dueAt - since;
  return failedAt !== undefined && wait <= behind ? now : now + wait;
}
