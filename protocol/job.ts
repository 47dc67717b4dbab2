import type { Key } from './key.ts';

/**
 * `ready`: may start now; `delayed`: not before its time, for which a worker waits; `held`: an earlier job of its group comes first;
 * `running`; `dead`: out of attempts, until it is retried or removed.
 */
export type JobState = 'ready' | 'delayed' | 'held' | 'running' | 'dead';

/** The number of jobs in each state, and the number ever completed. */
export type JobCounts = Readonly<Record<JobState | 'done', number>>;

export interface EnqueueOptions {
  /** Milliseconds before the job may start. Default 0. */
  readonly delay?: number;
  /** Ready jobs start in descending priority. Any finite number; default 0. */
  readonly priority?: number;
  /** While a job with this key waits or runs, enqueueing another returns that job and adds nothing. */
  readonly dedupeKey?: Key;
  /** Jobs of a group run one at a time in the order in which they were enqueued, regardless of priority. */
  readonly group?: Key;
}

/** One of several jobs that are enqueued together. */
export interface NewJob<T> extends EnqueueOptions {
  readonly payload: T;
}

export interface EnqueueResult {
  readonly id: number;
  /** True if this is an earlier job with the same `dedupeKey`. */
  readonly duplicate: boolean;
}

/** A snapshot of a job. Times are epoch milliseconds. */
export interface Job<T> {
  /** Greater than the id of every earlier job; never reused. */
  readonly id: number;
  readonly payload: T;
  readonly state: JobState;
  readonly priority: number;
  readonly enqueuedAt: number;
  readonly group?: Key;
  readonly dedupeKey?: Key;
  /** How often it was started. */
  readonly attempts: number;
  /** When it may start, while it is `delayed`. */
  readonly dueAt?: number;
  /** When it was started, while it is `running`. */
  readonly startedAt?: number;
  /** The last progress its handler reported. */
  readonly progress?: unknown;
  /** The reason for its last failure, and its time. */
  readonly error?: string;
  readonly failedAt?: number;
}

/**
 * Of a job: `enqueued`, also when a dead one is retried; `started`; `progress`; `failed`, followed by `dead` after the last attempt;
 * `returned`: its worker was stopped before it finished; `done`; `removed`. Of the queue: `paused`, `resumed`; `missed`: events were lost,
 * read the queue again.
 */
export type QueueEvent =
  | {
      readonly kind: 'enqueued' | 'started' | 'progress' | 'failed' | 'dead' | 'returned' | 'done' | 'removed';
      readonly id: number;
    }
  | { readonly kind: 'paused' | 'resumed' | 'missed'; readonly id?: never };
