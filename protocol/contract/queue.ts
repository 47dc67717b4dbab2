import type { EnqueueOptions, EnqueueResult, Job, JobCounts, JobState, NewJob } from '../job.ts';
import type { CheckOptions, Cursor, Finding, ResultPage } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/**
 * The methods of a durable queue that a page may call. Handlers are functions, so processing stays in the main process. `pause` needs
 * `admin` access because it stops everyone's work.
 */
export interface QueueContract<T = unknown> {
  /** Returns a job by its id, in its current state; undefined if it was completed or removed. */
  get(id: number): Job<T> | undefined;
  /** Returns the jobs in a state: ready jobs in the order in which they will start, others by group or id. */
  page(state: JobState, after?: Cursor): ResultPage<Job<T>>;
  /** Returns the number of jobs in each state, and the number ever completed. */
  counts(): JobCounts;
  /** Returns whether the queue is paused. */
  paused(): boolean;
  /** Returns the bytes used on disk. */
  volume(): number;
  /** Adds a job. */
  enqueue(payload: T, options?: EnqueueOptions): EnqueueResult;
  /** Adds many jobs, all or none. */
  enqueueMany(jobs: Iterable<NewJob<T>>): EnqueueResult[];
  /** Resets the attempts of a dead job and makes it ready; returns false if there is no dead job with this id. */
  retry(id: number): boolean;
  /** Removes a job in any state; a handler that is running it can't acknowledge it. Returns whether there was one. */
  remove(id: number): boolean;
  /** Stops all workers in all processes from starting new jobs until `resume`; running jobs finish. Survives restarts. */
  pause(): void;
  resume(): void;
  /** Checks for damage of every kind; `repair` deletes what is damaged and restores the order of the rest. */
  check(options?: CheckOptions): Finding[];
}

export const QUEUE_SIGNATURES: Signatures<QueueContract> = /* @__PURE__ */ (() => ({
  get: reads('plain'),
  page: reads('plain', 'plain'),
  counts: reads(),
  paused: reads(),
  volume: reads(),
  enqueue: writes('value', 'jobOptions'),
  enqueueMany: writes('jobs'),
  retry: writes('plain'),
  remove: writes('plain'),
  pause: administers(),
  resume: administers(),
  check: administersAlone('plain'),
}))();
