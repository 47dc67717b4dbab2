import type { QueueContract } from '../protocol/contract/queue.ts';
import type { Job, JobState, QueueEvent } from '../protocol/job.ts';
import type { Remote } from './remote.ts';
import type { RemoteRange } from './remote-range.ts';

/**
 * A durable queue of the main process, used from a page; its handlers run in the main process. A job whose `enqueue` has resolved survives a
 * crash and a power cut. Calls made in one turn are sent and committed together, like those on a store. Every method rejects with a
 * `DiskCacheError`: `NOT_ALLOWED`, `NO_SUCH_STORE` for a queue that the main process has not opened, `DISCONNECTED`, `TIMEOUT`, or the
 * queue's own error.
 */
export interface RemoteQueue<T = unknown> extends Remote<QueueContract<T>> {
  /** The jobs in a state: ready ones in the order in which they will start, others by group or id. */
  jobs(state: JobState): RemoteRange<Job<T>>;
  /**
   * Calls `listener` with each event from now on, from any window or process, in commit order; `missed` means that some were lost: read
   * again. Returns an unsubscribe function. `onError` receives the reason when the subscription ends by itself; without it that is an
   * uncaught error.
   */
  subscribe(
    listener: (event: QueueEvent) => void,
    options?: { readonly onError?: (error: unknown) => void },
  ): () => void;
}
