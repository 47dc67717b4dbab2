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
import { copyKey } from '../bindings/key-copy.ts';
import { diskCache } from '../index.ts';
import { createLive, getValue, type Live, type ValueOrGetter } from './live-data.ts';

/** Returns the values of a deque as reactive state, from the first to the last, and follows them in all windows and processes. */
export const useDeque = <V>(deque: RemoteDeque<V>): Live<readonly V[]> => createLive(() => observeDeque(deque));

/** The jobs of a queue, and numbers of it. */
export interface LiveJobs<T> extends Live<readonly Job<T>[]> {
  readonly counts: JobCounts;
  /** No job is started until the queue is resumed. */
  readonly isPaused: boolean;
}

/**
 * Returns the jobs of a queue as reactive state, by their states: those that run, wait, and have failed for the last time; `counts` and
 * `isPaused` beside them. Jobs that are done aren't among them. Options that depend on state are given as a function.
 */
export function useJobs<T>(queue: RemoteQueue<T>, options?: ValueOrGetter<JobsOptions | undefined>): LiveJobs<T> {
  const live = createLive(
    () => observeJobs(queue, copyKey(getValue(options))),
    ({ getSnapshot }) => ({
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
 * Returns whether the application can reach the network as reactive state: what `diskCache.connection` knows, and until it has told, what
 * the browser says.
 */
export const useConnection = (source: ConnectionSource = diskCache): Live<boolean> =>
  createLive(() => observeConnection(source));
