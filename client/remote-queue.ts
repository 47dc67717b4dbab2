import { QUEUE_SIGNATURES, type QueueContract } from '../protocol/contract/queue.ts';
import { getRequiredAccess } from '../protocol/contract/signature.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { Job, JobState, QueueEvent } from '../protocol/job.ts';
import type { ResultPage } from '../protocol/results.ts';
import type { Client } from './client.ts';
import { rethrowLater } from './on-demand.ts';
import type { Remote } from './remote.ts';
import { defineMethods, rejectOnThrow } from './remote.ts';
import { RemoteRange } from './remote-range.ts';
import { toWireArguments } from './wire-arguments.ts';

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

class QueueMethods {
  readonly #client: Client;
  readonly #address: string;

  constructor(client: Client, address: string) {
    const methods = Object.keys(QUEUE_SIGNATURES).filter((method) => method !== 'page');
    defineMethods(QueueMethods, methods, (queue, method, args) => queue.#call(method as QueueMethod, args));
    this.#client = client;
    this.#address = address;
  }

  jobs(state: JobState): RemoteRange<Job<unknown>> {
    return new RemoteRange((after) => this.#call('page', [state, after]) as Promise<ResultPage<Job<unknown>>>);
  }

  subscribe(
    listener: (event: QueueEvent) => void,
    { onError = rethrowLater }: { readonly onError?: (error: unknown) => void } = {},
  ): () => void {
    if (typeof listener !== 'function') throw new DiskCacheError('BAD_OPTION', 'subscribe takes a function');
    return this.#client.updates.subscribe({
      store: this.#address,
      range: {},
      listener: (news) => listener(news.kind === 'reset' ? { kind: 'missed' } : (news as QueueEvent)),
      onError,
    });
  }

  #call(method: QueueMethod, args: readonly unknown[]): Promise<unknown> {
    return rejectOnThrow(() => {
      const sent = toWireArguments(args, QUEUE_SIGNATURES[method].takes);
      return this.#client.call(this.#address, method, sent, getRequiredAccess(QUEUE_SIGNATURES[method], sent));
    });
  }
}

type QueueMethod = keyof QueueContract;

export const RemoteQueue = QueueMethods as unknown as new <T>(client: Client, address: string) => RemoteQueue<T>;
