import type { Job, JobCounts, JobState } from '../../protocol/job.ts';

/** Which jobs of a queue. */
export interface JobsOptions {
  /** Only jobs in these states, in this order. Default: running, ready, delayed, held, dead. */
  readonly states?: readonly JobState[];
  /** At most this many jobs. Default 1000. */
  readonly limit?: number;
}

/** Jobs of a queue, and how many there are. */
export interface JobList<T> {
  readonly jobs: readonly Job<T>[];
  readonly counts: JobCounts;
  /** No job is started until the queue is resumed. */
  readonly isPaused: boolean;
}
