import type { Key } from '../../engine/index.ts';

/**
 * `ready`: may be begun now; `delayed`: not before its time, which a worker looks for; `held`: somebody of its group is
 * before it; `running`; `dead`: out of attempts, until it is retried or removed.
 */
export type JobState = 'ready' | 'delayed' | 'held' | 'running' | 'dead';

/** How many jobs are in each state, and how many were done ever. */
export type Counts = Readonly<Record<JobState | 'done', number>>;

export interface EnqueueOptions {
  /** Milliseconds before which it is not begun. Default 0. */
  readonly delay?: number;
  /** Of several that are ready the one with the greatest priority is begun first. Any finite number; default 0. */
  readonly priority?: number;
  /** While a job with this key waits or runs, enqueuing another one answers that job and adds nothing. */
  readonly dedupeKey?: Key;
  /** Jobs of a group run one at a time in the order in which they were enqueued, whatever their priorities. */
  readonly group?: Key;
}

/** One of many that are enqueued together. */
export interface NewJob<T> extends EnqueueOptions {
  readonly payload: T;
}

export interface Enqueued {
  readonly id: number;
  /** Whether it is an earlier job with the same `dedupeKey`. */
  readonly duplicate: boolean;
}

/** A job as it stood when it was looked at. Times are epoch milliseconds. */
export interface Job<T> {
  /** Greater than that of every job enqueued before; never given again. */
  readonly id: number;
  readonly payload: T;
  readonly state: JobState;
  readonly priority: number;
  readonly enqueuedAt: number;
  readonly group?: Key;
  readonly dedupeKey?: Key;
  /** How often it was begun. */
  readonly attempts: number;
  /** When it may be begun, while it is `delayed`. */
  readonly dueAt?: number;
  /** When it was begun, while it is `running`. */
  readonly startedAt?: number;
  /** What its handler reported last. */
  readonly progress?: unknown;
  /** Why it failed last, and when. */
  readonly error?: string;
  readonly failedAt?: number;
}

/** A job as its handler gets it. */
export interface Assignment<T> {
  readonly id: number;
  readonly payload: T;
  /** From 1. */
  readonly attempt: number;
  readonly priority: number;
  readonly group: Key | undefined;
  readonly enqueuedAt: number;
  readonly startedAt: number;
  /** What an earlier attempt reported last: where to go on. */
  readonly progress: unknown;
  /** Aborted when the job is not this handler's any more: its lease was lost, it was removed, or the worker is to stop. */
  readonly signal: AbortSignal;
  /**
   * Keeps how far it is, for who looks and for the next attempt, in a transaction of its own; undefined: forget that.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when the lease was lost; `BAD_VALUE` for what can't be stored.
   */
  report(progress: unknown): void;
  /** Fails for good, by throwing: no other attempt would help, so the job is dead at once. */
  bury(reason: string): never;
}

/** Resolves: the job is done. Throws or rejects: it failed. */
export type Handler<T> = (job: Assignment<T>) => unknown;
