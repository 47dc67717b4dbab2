import { QUEUE_SIGNATURES, type QueueContract } from '../protocol/contract/queue.ts';
import { getRequiredAccess } from '../protocol/contract/signature.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { Job, JobState, QueueEvent } from '../protocol/job.ts';
import type { ResultPage } from '../protocol/results.ts';
import type { Client } from './client.ts';
import { rethrowLater } from './on-demand.ts';
import { rejectOnThrow } from './reject-on-throw.ts';
import type { Remote } from './remote.ts';
import { defineMethods } from './remote.ts';
import { RemoteRange } from './remote-range.ts';
import { toWireArguments } from './wire-arguments.ts';

/**
 * A durable queue of the main process, seen from a page; what is done with its jobs is decided there. A job whose `enqueue` has
 * resolved survives a kill and a power cut. Calls made in one turn travel and commit together, as those on a store. Every method
 * rejects with a `DiskCacheError`: `NOT_ALLOWED`, `NO_SUCH_STORE` for a queue that the main process has not opened,
 * `DISCONNECTED`, `TIMEOUT`, or what the queue threw.
 */
export interface RemoteQueue<T = unknown> extends Remote<QueueContract<T>> {
  /** The jobs in a state: the ready ones in the order in which they will be begun, others by group or id. */
  jobs(state: JobState): RemoteRange<Job<T>>;
  /**
   * Tells `listener` what happens from now on, in any window or process, in commit order; `missed` if there was too much to
   * deliver: read again. Returns an unsubscribe function; `onError` hears why there is no more, and without it that is an uncaught
   * error.
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
