import { QUEUE_SIGNATURES, type QueueContract } from '../protocol/contract/queue.ts';
import type { EnqueueOptions, EnqueueResult, Job, JobState, NewJob, QueueEvent } from '../protocol/job.ts';
import type { StoredItems, StoredValue } from '../protocol/plain-values.ts';
import type { ResultPage } from '../protocol/results.ts';
import { toQueueAddress } from '../protocol/stores.ts';
import type { Client } from './client.ts';
import type { Remote, RemoteSubscribeOptions } from './remote.ts';
import { defineMethods } from './remote.ts';
import { RemoteRange } from './remote-range.ts';
import { RemoteStore } from './remote-store.ts';
import type { UpdateListener } from './subscriptions.ts';

/**
 * A durable queue of the main process, used from a page; its handlers run in the main process. A job whose `enqueue` has resolved survives a
 * crash and a power cut. Calls made in one turn are sent and committed together, like those on a store. Every method rejects with a
 * `DiskCacheError`: `NOT_ALLOWED`, `NO_SUCH_STORE` for a queue that the main process has not opened, `DISCONNECTED`, `TIMEOUT`, or the
 * queue's own error.
 */
export interface RemoteQueue<T = unknown> extends Remote<Omit<QueueContract<T>, 'enqueue' | 'enqueueMany'>> {
  /** Adds a job. */
  enqueue<W>(payload: StoredValue<T, W>, options?: EnqueueOptions): Promise<EnqueueResult>;
  /** Adds many jobs, all or none. */
  enqueueMany<W>(jobs: StoredItems<T, NewJob<T>, W>): Promise<EnqueueResult[]>;
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

/** A queue has only some methods of a `RemoteStore`, so it contains one instead of extending it. */
class QueueMethods {
  readonly #store: RemoteStore;

  constructor(client: Client, name: string) {
    const { page: _, ...methods } = QUEUE_SIGNATURES;
    defineMethods(QueueMethods, Object.keys(methods), (queue, method, args) =>
      RemoteStore.run(queue.#store, method, args),
    );
    this.#store = new RemoteStore(client, toQueueAddress(name), QUEUE_SIGNATURES);
  }

  jobs(state: JobState): RemoteRange<unknown> {
    return new RemoteRange((after) => RemoteStore.run(this.#store, 'page', [state, after]) as Promise<ResultPage>);
  }

  subscribe(listener: UpdateListener, options?: RemoteSubscribeOptions): () => void {
    return this.#store.subscribe(listener, options);
  }
}

export const RemoteQueue = QueueMethods as unknown as new <T>(client: Client, name: string) => RemoteQueue<T>;
