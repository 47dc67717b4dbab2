import type { DiskCacheError } from '../../protocol/error.ts';
import type { Port } from '../client/line.ts';
import { loadPart, startWhenLoaded, unlessAborted } from '../client/on-demand.ts';
import type { OfflineClient } from './offline-client.ts';

/** What `fetch` takes; `RequestInfo` is not known to every library of types. */
export type RequestInput = string | Request | URL;

/** Returns a Request as it is: copying it would use up its body. @throws {TypeError} if it is missing, instead of requesting "undefined". */
export function requestOf(input: RequestInput | undefined): Request {
  if (input === undefined) throw new TypeError('A request is missing');
  return input instanceof Request ? input : new Request(input);
}

/**
 * `fetch`, CacheStorage and the connection. Their code is loaded with the first call.
 *
 * Invariant: calls reach the client in the order in which they were made, and every one settles.
 */
export class Http {
  readonly #connect: (signal: AbortSignal) => Promise<Port>;
  readonly #timeout: number;
  #loading: Promise<OfflineClient> | undefined;
  #client: OfflineClient | undefined;
  #left = new AbortController();

  /** `timeout`: milliseconds to wait for a port. */
  constructor(connect: (signal: AbortSignal) => Promise<Port>, timeout: number) {
    this.#connect = connect;
    this.#timeout = timeout;
  }

  /** Settles as `work` does, or rejects with the reason of an aborted signal or of a disconnect. */
  use<T>(work: (client: OfflineClient) => Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
    const ends = [this.#left.signal, ...signals];
    const working = this.#load().then((client) => {
      for (const signal of ends) signal.throwIfAborted();
      return work(client);
    });
    return unlessAborted(working, ...ends);
  }

  /** Tells of the connection from now on, also after a disconnect. Returns an unsubscribe function. */
  listen(listener: (online: boolean) => void, onError: (error: unknown) => void): () => void {
    const left = this.#left.signal;
    const start = ({ connection }: OfflineClient) => connection.subscribe(listener, onError, !left.aborted);
    return startWhenLoaded(this.#load(), start, onError);
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#left.abort(reason);
    this.#left = new AbortController();
    this.#client?.disconnect(reason);
  }

  #load(): Promise<OfflineClient> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = loadPart('http', () => import('./offline-client.ts')).then((part) => {
      this.#client = new part.OfflineClient(this.#connect, this.#timeout);
      return this.#client;
    });
    loading.catch(() => {
      this.#loading = undefined;
    });
    this.#loading = loading;
    return loading;
  }
}
