import type { CheckOptions, Finding } from '../../protocol/check.ts';
import { QUEUE, type QueueContract } from '../../protocol/contract/queue.ts';
import { accessOf } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Counts, Enqueued, EnqueueOptions, Job, JobState, NewJob, QueueEvent } from '../../protocol/job.ts';
import type { Client } from './client.ts';
import { rethrowLater } from './on-demand.ts';
import type { Remote } from './remote.ts';
import { RemoteRange } from './remote-range.ts';
import { sendable } from './sendable.ts';

/**
 * A durable queue of the main process, seen from a page; what is done with its jobs is decided there. A job whose `enqueue` has
 * resolved survives a kill and a power cut. Calls made in one turn travel and commit together, as those on a store. Every method
 * rejects with a `DiskCacheError`: `NOT_ALLOWED`, `NO_SUCH_STORE` for a queue that the main process has not opened,
 * `DISCONNECTED`, `TIMEOUT`, or what the queue threw.
 */
export class RemoteQueue<T = unknown> implements Remote<QueueContract<T>> {
  readonly #client: Client;
  readonly #address: string;

  constructor(client: Client, address: string) {
    this.#client = client;
    this.#address = address;
  }

  enqueue(payload: T, options?: EnqueueOptions): Promise<Enqueued> {
    return this.#call('enqueue', payload, options);
  }

  enqueueMany(jobs: Iterable<NewJob<T>>): Promise<Enqueued[]> {
    return this.#call('enqueueMany', jobs);
  }

  get(id: number): Promise<Job<T> | undefined> {
    return this.#call('get', id);
  }

  /** The jobs in a state: the ready ones in the order in which they will be begun, others by group or id. */
  jobs(state: JobState): RemoteRange<Job<T>> {
    return new RemoteRange((after) => this.#call('page', state, after));
  }

  counts(): Promise<Counts> {
    return this.#call('counts');
  }

  retry(id: number): Promise<boolean> {
    return this.#call('retry', id);
  }

  remove(id: number): Promise<boolean> {
    return this.#call('remove', id);
  }

  pause(): Promise<void> {
    return this.#call('pause');
  }

  resume(): Promise<void> {
    return this.#call('resume');
  }

  get paused(): Promise<boolean> {
    return this.#call('paused');
  }

  volume(): Promise<number> {
    return this.#call('volume');
  }

  check(options?: CheckOptions): Promise<Finding[]> {
    return this.#call('check', options);
  }

  /**
   * Tells `listener` what happens from now on, by whoever, in the order of the commits; `missed` where more has happened than
   * could be told: look again. Answers the way out; `onError` hears why there is no more, and without it that is an uncaught error.
   */
  subscribe(
    listener: (event: QueueEvent) => void,
    { onError = rethrowLater }: { readonly onError?: (error: unknown) => void } = {},
  ): () => void {
    if (typeof listener !== 'function') throw new DiskCacheError('BAD_OPTION', 'subscribe takes a function');
    return this.#client.listeners.subscribe({
      store: this.#address,
      range: {},
      listener: (news) => listener(news.kind === 'reset' ? { kind: 'missed' } : (news as QueueEvent)),
      onError,
    });
  }

  #call<M extends keyof QueueContract>(
    method: M,
    ...args: Parameters<QueueContract<T>[M]>
  ): Promise<ReturnType<QueueContract<T>[M]>> {
    try {
      const sent = sendable(args, QUEUE[method].takes);
      const answer = this.#client.call(this.#address, method, sent, accessOf(QUEUE[method], sent));
      return answer as Promise<ReturnType<QueueContract<T>[M]>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
