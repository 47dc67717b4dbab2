import type { JobCounts } from '../../protocol/job.ts';
import type { Index } from '../engine/index.ts';
import { CLOCK_TOLERANCE_MS, type JobMessage, queueChannel } from '../engine/internal.ts';
import type { CountersRow, ImportedRow, Tables } from './tables.ts';
import { forgetSchedule, readJob } from './tables.ts';

/** The state of an open queue. */
export interface OpenQueue {
  readonly index: Index;
  readonly tables: Tables;
  readonly clock: () => number;
  /** Rebuilds counters and schedule from the jobs. Passed in, because `schedule.ts` imports this file. */
  readonly rebuildSchedule: (transaction: QueueTransaction) => void;
  /** The open transaction; all calls belong to it. */
  transaction: QueueTransaction | undefined;
}

const EMPTY_COUNTERS: CountersRow = { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0, id: 0, ticket: 0 };

/** The state of one transaction: its time, the tables, and the counters, which are written once at its end. */
export class QueueTransaction {
  readonly now: number;
  readonly tables: Tables;
  /** Whether the counters are missing: the queue is new, or they were lost to damage. */
  readonly areCountersMissing: boolean;
  readonly #counters: { -readonly [name in keyof CountersRow]: CountersRow[name] };
  /** What has happened to jobs; undefined while nothing listens. */
  readonly #jobEvents: Omit<JobMessage, 'directory'>[] | undefined = queueChannel.hasSubscribers ? [] : undefined;
  #isChanged = false;

  constructor({ tables, clock }: OpenQueue) {
    this.now = clock();
    this.tables = tables;
    const counters = tables.counters.get();
    this.areCountersMissing = counters === undefined;
    this.#counters = { ...(counters ?? EMPTY_COUNTERS) };
  }

  get counters(): CountersRow {
    return this.#counters;
  }

  /** Runs a nested part; if it throws, the counters are restored. */
  runNested<T>(work: (transaction: QueueTransaction) => T): T {
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

  /** Resets the counters, except the number of done jobs. */
  resetCounts(): void {
    Object.assign(this.#counters, { ready: 0, delayed: 0, held: 0, running: 0, dead: 0 });
    this.#isChanged = true;
  }

  /** Records that an id or ticket was already given. */
  markUsed(kind: 'id' | 'ticket', number: number): void {
    this.#counters[kind] = Math.max(this.#counters[kind], number);
  }

  /** Records how far an import has come. */
  recordImport(imported: ImportedRow): void {
    this.#counters.imported = imported;
    this.#isChanged = true;
  }

  /** Records a change that no counter reflects. */
  markChanged(): void {
    this.#isChanged = true;
  }

  /** Returns the next id or ticket: a number from 1 that was never given before. */
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
    if (this.#isChanged) this.tables.counters.put([], { ...this.#counters, at: this.now });
  }
}

/** Returns the milliseconds by which the clock was set back since the last change; 0 within `CLOCK_TOLERANCE_MS`. */
export function getClockSetbackMs({ at = Number.NEGATIVE_INFINITY }: CountersRow, now: number): number {
  return at > now + CLOCK_TOLERANCE_MS ? at - now : 0;
}

export const getCounters = (core: OpenQueue): CountersRow =>
  core.transaction?.counters ?? core.tables.counters.get() ?? inTransaction(core, ({ counters }) => ({ ...counters }));

/** Runs `work` in one transaction, which is rolled back if it throws. Inside another transaction, it is a savepoint of that. */
export function inTransaction<T>(core: OpenQueue, work: (transaction: QueueTransaction) => T): T {
  let outermost: QueueTransaction | undefined;
  const transact = () => {
    if (core.transaction !== undefined) return core.transaction.runNested(work);
    const transaction = new QueueTransaction(core);
    core.transaction = outermost = transaction;
    try {
      // Without the counters, the next id could belong to a waiting job.
      if (transaction.areCountersMissing) core.rebuildSchedule(transaction);
      const setbackMs = getClockSetbackMs(transaction.counters, transaction.now);
      if (setbackMs > 0) rescheduleAll(transaction, setbackMs);
      const result = work(transaction);
      transaction.writeCounters();
      return result;
    } finally {
      core.transaction = undefined;
    }
  };
  let result: T;
  try {
    result = core.index.transact<unknown>(transact) as T;
  } catch (error) {
    forgetSchedule(core.tables);
    throw error;
  }
  (outermost as QueueTransaction | undefined)?.publishJobs(core.index.directory);
  return result;
}

/**
 * Reschedules delayed jobs after the clock was set back, which would otherwise wait until the clock has caught up. O(delayed and held
 * jobs); rare.
 */
function rescheduleAll(transaction: QueueTransaction, setbackMs: number): void {
  const { delayed, due, held } = transaction.tables;
  for (const [[id], before] of delayed.entries()) {
    const dueAt = computeDueAt(transaction, id, before, setbackMs);
    if (dueAt === before) continue;
    const priority = due.get(before, id) ?? 0;
    due.delete(before, id);
    due.put([dueAt, id], priority);
    delayed.put([id], dueAt);
  }
  for (const [path, row] of held.entries()) {
    const dueAt = computeDueAt(transaction, path[1], row.dueAt, setbackMs);
    if (dueAt !== row.dueAt) held.put(path, { ...row, dueAt });
  }
  transaction.markChanged();
}

/**
 * Returns when a job is due by the clock that was set back. If the clock was set back further than a retry delay, that delay may be
 * over, and the job is due now; a delay given to `enqueue` starts again.
 */
function computeDueAt({ now, tables }: QueueTransaction, id: number, dueAt: number, setbackMs: number): number {
  const { damage, enqueuedAt } = readJob(tables, id);
  const failedAt = tables.failed.get(id)?.failedAt;
  const since = damage === undefined ? (failedAt ?? enqueuedAt) : Number.POSITIVE_INFINITY;
  if (dueAt <= now || since <= now + CLOCK_TOLERANCE_MS) return dueAt;
  // Rescheduled before: its time is earlier than the start of its wait.
  if (dueAt < since) return Math.max(now, dueAt - setbackMs);
  const wait = dueAt - since;
  return failedAt !== undefined && wait <= setbackMs ? now : now + wait;
}
