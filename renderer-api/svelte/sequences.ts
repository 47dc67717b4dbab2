import type { RemoteDeque } from '../../client/remote.ts';
import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { Job, JobCounts } from '../../protocol/job.ts';
import {
  type ConnectionSource,
  type JobsOptions,
  observeConnection,
  observeDeque,
  observeJobs,
} from '../bindings/index.ts';
import { diskCache } from '../index.ts';
import { createLive, getKey, type Live, type ValueOrGetter } from './live-data.ts';

/**
 * Returns the values of a deque as reactive state, from the first to the last, and follows its changes from any window and process. The whole
 * deque is read again after each change, so it should be short.
 */
export const useDeque = <V>(deque: RemoteDeque<V>): Live<readonly V[]> => createLive(() => observeDeque(deque));

/** The jobs of a queue, and the counts of all its jobs. */
export interface LiveJobs<T> extends Live<readonly Job<T>[]> {
  /** How many jobs the queue has in each state. */
  readonly counts: JobCounts;
  /** Whether the queue is paused: no job is started until it is resumed. */
  readonly isPaused: boolean;
}

/**
 * Returns the jobs of a queue as reactive state, ordered by state: running, waiting, dead. The result also has `counts` and `isPaused`. Completed
 * jobs are not included. Pass options that depend on state as a function.
 */
export function useJobs<T>(queue: RemoteQueue<T>, options?: ValueOrGetter<JobsOptions | undefined>): LiveJobs<T> {
  const live = createLive(
    () => observeJobs(queue, getKey(options)),
    (getSnapshot) => ({
      get value() {
        return getSnapshot().value.jobs;
      },
      get counts() {
        return getSnapshot().value.counts;
      },
      get isPaused() {
        return getSnapshot().value.isPaused;
      },
    }),
  );
  return live as unknown as LiveJobs<T>;
}

/**
 * Returns as reactive state whether the application can reach the network, as `source.connection` reports it. Until it has answered, and without
 * `host.offline`, the value is `navigator.onLine`.
 */
export const useConnection = (source: ConnectionSource = diskCache): Live<boolean> =>
  createLive(() => observeConnection(source));
