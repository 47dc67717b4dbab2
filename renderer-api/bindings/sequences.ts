import type { RemoteDeque } from '../../client/remote.ts';
import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { JobList, JobsOptions } from './job-list.ts';
import type { Observer } from './observer.ts';
import { startOnDemand } from './on-demand.ts';
import { getSharedObserver } from './shared-observers.ts';

/** Returns the observer of the values of a deque, from the first to the last. */
export const observeDeque = <V>(deque: RemoteDeque<V>): Observer<readonly V[]> =>
  getSharedObserver<readonly V[]>(
    deque,
    ['deque'],
    [],
    startOnDemand(async () => (await import('./follow-sequences.ts')).followDeque(deque)),
  );

const NO_JOBS: JobList<never> = {
  jobs: [],
  counts: { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0 },
  isPaused: false,
};

/** Returns the observer of the jobs of a queue. */
export const observeJobs = <T>(queue: RemoteQueue<T>, options: JobsOptions = {}): Observer<JobList<T>> =>
  getSharedObserver<JobList<T>>(
    queue,
    ['jobs', options],
    NO_JOBS,
    startOnDemand(async () => (await import('./follow-sequences.ts')).followJobs(queue, options)),
  );
