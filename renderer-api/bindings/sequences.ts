import type { RemoteDeque } from '../../client/remote.ts';
import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { Job, JobCounts, JobState } from '../../protocol/job.ts';
import { followByReading } from './follow-by-reading.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';

/** Returns the observer of the values of a deque, from the first to the last. */
export const observeDeque = <V>(deque: RemoteDeque<V>): Observer<readonly V[]> =>
  getSharedObserver<readonly V[]>(
    deque,
    ['deque'],
    [],
    followByReading(deque, () => deque.values()),
  );

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

const ALL_STATES: readonly JobState[] = ['running', 'ready', 'delayed', 'held', 'dead'];
const NO_JOBS: JobList<never> = {
  jobs: [],
  counts: { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0 },
  isPaused: false,
};

/** Returns the observer of the jobs of a queue. */
export const observeJobs = <T>(
  queue: RemoteQueue<T>,
  { states = ALL_STATES, limit = 1000 }: JobsOptions = {},
): Observer<JobList<T>> =>
  getSharedObserver<JobList<T>>(
    queue,
    ['jobs', states, limit],
    NO_JOBS,
    followByReading(queue, async () => {
      // In one turn, so that the numbers are those of the same moment as the first jobs.
      const [counts, isPaused, ...lists] = await Promise.all([
        queue.counts(),
        queue.paused,
        ...states.map((state) => readJobs(queue, state, limit)),
      ]);
      return { jobs: lists.flat().slice(0, limit), counts, isPaused };
    }),
  );

async function readJobs<T>(queue: RemoteQueue<T>, state: JobState, limit: number): Promise<Job<T>[]> {
  const jobs: Job<T>[] = [];
  for await (const job of queue.jobs(state)) if (jobs.push(job) >= limit) break;
  return jobs;
}
