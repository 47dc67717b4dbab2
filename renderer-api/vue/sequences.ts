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

/**
 * Returns a ref of the values of a deque, from the first to the last, and follows its changes from any window and process. The whole deque is read
 * again after each change, so it should be short.
 */
export const useDeque = <V>(deque: RemoteDeque<V>): LiveRef<Readonly<Ref<readonly V[]>>> =>
  toLiveRef(() => observeDeque(deque));

/** Refs of a queue, beside its jobs. */
export interface QueueState {
  /** How many jobs the queue has in each state. */
  readonly counts: Readonly<Ref<JobCounts>>;
  /** Whether the queue is paused: no job is started until it is resumed. */
  readonly isPaused: Readonly<Ref<boolean>>;
}

/**
 * Returns a ref of the jobs of a queue, ordered by state: running, waiting, dead. `counts` and `isPaused` are more refs. Completed jobs are not
 * included. The options may be a ref or a getter.
 */
export function useJobs<T>(
  queue: RemoteQueue<T>,
  options?: MaybeRefOrGetter<JobsOptions | undefined>,
): LiveRef<Readonly<Ref<readonly Job<T>[]>>, QueueState> {
  return createLiveRef(
    () => observeJobs(queue, copyKey(toValue(options))),
    (select) => [
      select(({ jobs }) => jobs),
      { counts: select(({ counts }) => counts), isPaused: select(({ isPaused }) => isPaused) },
    ],
  );
}

/**
 * Returns a ref of whether the application can reach the network, as `source.connection` reports it. Until it has answered, and without
 * `host.offline`, the value is `navigator.onLine`.
 */
export const useConnection = (source: ConnectionSource = diskCache): LiveRef<Readonly<Ref<boolean>>> =>
  toLiveRef(() => observeConnection(source));
