import type { EnqueueOptions, EnqueueResult, Job, JobCounts, JobState, NewJob } from '../job.ts';
import type { CheckOptions, Cursor, Finding, ResultPage } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/**
 * The methods of a durable queue that a page may call. What is to be done with the jobs stays in the main process: a handler is
 * a function. Who may hold up everybody's work (`pause`) administers it.
 */
export interface QueueContract<T = unknown> {
  /** A job by its id, as it stands; undefined when it was done or removed. */
  get(id: number): Job<T> | undefined;
  /** The jobs in a state: the ready ones in the order in which they will be begun, others by group or id. */
  page(state: JobState, after?: Cursor): ResultPage<Job<T>>;
  /** How many jobs there are by state, and how many were done ever. */
  counts(): JobCounts;
  /** Whether nothing more is begun. */
  paused(): boolean;
  /** Bytes on disk. */
  volume(): number;
  /** Adds a job. */
  enqueue(payload: T, options?: EnqueueOptions): EnqueueResult;
  /** `enqueue` for many, all or none. */
  enqueueMany(jobs: Iterable<NewJob<T>>): EnqueueResult[];
  /** Gives a dead job all its attempts anew; false when there is no dead one with this id. */
  retry(id: number): boolean;
  /** Removes a job, whatever its state: a handler that has it can't acknowledge it. Answers whether there was one. */
  remove(id: number): boolean;
  /** Nothing more is begun, by whoever, until `resume`; what is in hand goes on. Outlives restarts. */
  pause(): void;
  resume(): void;
  /** Looks for damage of every kind; `repair` deletes what is damaged and puts the rest in order again. */
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
