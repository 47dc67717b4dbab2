import type { Job, JobCounts, JobState } from '../../protocol/job.ts';

/** Which jobs of a queue to show. */
export interface JobsOptions {
  /** Only jobs in these states, in this order. Default: running, ready, delayed, held, dead. */
  readonly states?: readonly JobState[];
  /** At most this many jobs. Default 1000. */
  readonly limit?: number;
}

/** Jobs of a queue, and the counts of all its jobs. */
export interface JobList<T> {
  /** The jobs, ordered by state. */
  readonly jobs: readonly Job<T>[];
  /** How many jobs the queue has in each state. */
  readonly counts: JobCounts;
  /** Whether the queue is paused: no job is started until it is resumed. */
  readonly isPaused: boolean;
}
