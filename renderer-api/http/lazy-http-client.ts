import { loadPart, startWhenLoaded, unlessAborted } from '../../client/on-demand.ts';
import type { MessagePortLike } from '../../client/port-connection.ts';
import type { DiskCacheError } from '../../protocol/error.ts';
import type { HttpClient } from './http-client.ts';
import type { RemoteFetchInit, RequestInput } from './request-input.ts';

/**
 * `fetch`, CacheStorage and the network state. The first call loads their code.
 *
 * Invariant: calls reach the client in the order in which they were made, and every one settles.
 */
export class LazyHttpClient {
  readonly #connect: (signal: AbortSignal) => Promise<MessagePortLike>;
  readonly #timeout: number;
  #loading: Promise<HttpClient> | undefined;
  #client: HttpClient | undefined;
  #lifetime = new AbortController();

  /** `timeout` limits the wait for a port, in milliseconds. */
  constructor(connect: (signal: AbortSignal) => Promise<MessagePortLike>, timeout: number) {
    this.#connect = connect;
    this.#timeout = timeout;
  }

  /** Settles as `work` does, or rejects with the reason of an aborted signal or of a disconnect. */
  use<T>(work: (client: HttpClient) => Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
    const ended = AbortSignal.any([this.#lifetime.signal, ...signals]);
    const working = this.#load().then((client) => {
      ended.throwIfAborted();
      return work(client);
    });
    return unlessAborted(working, ended);
  }

  /** Calls `listener` when the network state changes, also after a disconnect. Returns an unsubscribe function. */
  listen(listener: (online: boolean) => void, onError: (error: unknown) => void): () => void {
    const lifetime = this.#lifetime.signal;
    const start = ({ connection }: HttpClient) => connection.subscribe(listener, onError, !lifetime.aborted);
    return startWhenLoaded(this.#load(), start, onError);
  }

  /** Rejects all pending calls with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#lifetime.abort(reason);
    this.#lifetime = new AbortController();
    this.#client?.disconnect(reason);
  }

  #load(): Promise<HttpClient> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = loadPart('http', () => import('./http-client.ts')).then((part) => {
      this.#client = new part.HttpClient(this.#connect, this.#timeout);
      return this.#client;
    });
    loading.catch(() => {
      this.#loading = undefined;
    });
    this.#loading = loading;
    return loading;
  }
}

/** `fetch` through the main process; see `DiskCache.fetch`. */
export async function remoteFetch(
  http: LazyHttpClient,
  input: RequestInput,
  { strategy, timeout, ...init }: RemoteFetchInit,
): Promise<Response> {
  // Without `duplex`, `Request` refuses a stream as body.
  const request = new Request(input, { duplex: 'half', ...init } as RequestInit);
  return http.use((client) => client.fetch(request, { strategy, timeout }), request.signal);
}
