import type { Key } from './key.ts';

/**
 * `ready`: may be begun now; `delayed`: not before its time, which a worker looks for; `held`: somebody of its group is
 * before it; `isRunning`; `dead`: out of attempts, until it is retried or removed.
 */
export type JobState = 'ready' | 'delayed' | 'held' | 'running' | 'dead';

/** How many jobs are in each state, and how many were done ever. */
export type JobCounts = Readonly<Record<JobState | 'done', number>>;

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

export interface EnqueueResult {
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
  /** When it was begun, while it is `isRunning`. */
  readonly startedAt?: number;
  /** What its handler reported last. */
  readonly progress?: unknown;
  /** Why it failed last, and when. */
  readonly error?: string;
  readonly failedAt?: number;
}

/**
 * `enqueued`, also of a dead letter that is retried; `started`; `progress`; `toNetworkError`, and `dead` after it when it was the last
 * time; `returned`: its worker was stopped before it was done; `done`; `removed`. Of the queue itself: `paused`, `resumed`;
 * `missed`: more has happened than can be told, look again.
 */
export type QueueEvent =
  | {
      readonly kind: 'enqueued' | 'started' | 'progress' | 'failed' | 'dead' | 'returned' | 'done' | 'removed';
      readonly id: number;
    }
  | { readonly kind: 'paused' | 'resumed' | 'missed'; readonly id?: never };
