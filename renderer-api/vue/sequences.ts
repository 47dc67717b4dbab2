import { type MaybeRefOrGetter, type Ref, toValue } from 'vue';
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
import { createLiveRef, type LiveRef, toLiveRef } from './live-ref.ts';

/** Returns a ref of the values of a deque, from the first to the last, and follows them in all windows and processes. */
export const useDeque = <V>(deque: RemoteDeque<V>): LiveRef<Readonly<Ref<readonly V[]>>> =>
  toLiveRef(() => observeDeque(deque));

/** Numbers of a queue, beside its jobs. */
export interface QueueState {
  readonly counts: Readonly<Ref<JobCounts>>;
  /** No job is started until the queue is resumed. */
  readonly isPaused: Readonly<Ref<boolean>>;
}

/**
 * Returns a ref of the jobs of a queue, by their states: those that run, wait, and have failed for the last time. `counts` and `isPaused`
 * are more refs. Jobs that are done aren't among them. The options may be a ref or a getter.
 */
export function useJobs<T>(
  queue: RemoteQueue<T>,
  options?: MaybeRefOrGetter<JobsOptions | undefined>,
): LiveRef<Readonly<Ref<readonly Job<T>[]>>, QueueState> {
  return createLiveRef(
    () => observeJobs(queue, copyKey(toValue(options))),
    ({ select }) => [
      select(({ jobs }) => jobs),
      { counts: select(({ counts }) => counts), isPaused: select(({ isPaused }) => isPaused) },
    ],
  );
}

/**
 * Returns a ref of whether the application can reach the network: what `diskCache.connection` knows, and until it has told, what the browser
 * says.
 */
export const useConnection = (source: ConnectionSource = diskCache): LiveRef<Readonly<Ref<boolean>>> =>
  toLiveRef(() => observeConnection(source));
