import type { MessagePortLike } from '../../client/port-connection.ts';
import type { DiskCacheError } from '../../protocol/error.ts';
import {
  type CachesCall,
  type CachesResult,
  MAX_HTTP_CALLS,
  serializeResponseHead,
  type WireResponse,
} from '../../protocol/http.ts';
import { MAX_TIMER_MS } from '../../protocol/options.ts';
import { parseStrategyOptions } from '../../protocol/strategy.ts';
import { CacheStorageClient } from './cache-storage-client.ts';
import { HttpConnection } from './http-connection.ts';
import { createResponse, toWireRequest } from './http-messages.ts';
import { NetworkStateClient } from './network-state.ts';
import { type OutgoingRequestBody, prepareBody } from './outgoing-body.ts';

const NEVER_ABORTED = new AbortController().signal;

/** What ends a call, and the body that it sends. */
interface CallContext {
  readonly signal: AbortSignal;
  /** Aborted when the client disconnects. */
  readonly lifetime: AbortSignal;
  readonly body?: OutgoingRequestBody;
}

/**
 * Carries `fetch` and CacheStorage to the main process, over a port that the first call opens, and the first call after it was lost opens
 * again. At most `MAX_HTTP_CALLS` calls are in flight; the others wait here.
 *
 * Invariant: every call settles, at the latest when its port is closed. There is no timeout for the network; a signal ends a call.
 */
export class HttpClient {
  readonly connection: NetworkStateClient;
  readonly storage = new CacheStorageClient(this);
  readonly #connect: (signal: AbortSignal) => Promise<MessagePortLike>;
  readonly #timeout: number;
  readonly #waiting: (() => void)[] = [];
  #lifetime = new AbortController();
  #httpConnection: Promise<HttpConnection> | undefined;
  #inFlight = 0;
  #lastId = 0;

  /** `timeout` limits the wait for a port, in milliseconds. */
  constructor(connect: (signal: AbortSignal) => Promise<MessagePortLike>, timeout: number) {
    this.#connect = connect;
    this.#timeout = Math.min(timeout, MAX_TIMER_MS);
    this.connection = new NetworkStateClient(() => this.#getConnection());
  }

  /** @throws as `DiskCache.fetch`. */
  async fetch(request: Request, options: Parameters<typeof parseStrategyOptions>[0]): Promise<Response> {
    const { signal } = request;
    if (request.integrity !== '') throw new TypeError(`The integrity of ${request.url} can't be checked here`);
    const plan = parseStrategyOptions(options);
    return this.#raceAbort(signal, async (lifetime) => {
      const outgoing = await prepareBody(request.body, AbortSignal.any([signal, lifetime]));
      const argument = { request: toWireRequest(request), body: outgoing.body, ...(plan !== undefined && { plan }) };
      const [connection, response] = await this.#call({ signal, lifetime, body: outgoing }, (it, id) =>
        it.request('fetch', { ...argument, id }),
      );
      return createResponse(connection, response, signal);
    });
  }

  put(cache: string, request: Request, response: Response): Promise<void> {
    return this.#raceAbort(NEVER_ABORTED, async (lifetime) => {
      const outgoing = await prepareBody(response.body, lifetime);
      const argument = {
        method: 'put',
        cache,
        requests: [toWireRequest(request)],
        response: { ...serializeResponseHead(response), body: outgoing.body },
      };
      await this.#call({ signal: NEVER_ABORTED, lifetime, body: outgoing }, (it, id) =>
        it.request('caches', { ...argument, id }),
      );
    });
  }

  /** Calls a method of CacheStorage and returns its result. */
  caches(call: Omit<CachesCall, 'id'>, signal = NEVER_ABORTED): Promise<CachesResult> {
    return this.#raceAbort(signal, async (lifetime) => {
      const [, result] = await this.#call({ signal, lifetime }, (it, id) => it.request('caches', { ...call, id }));
      return result;
    });
  }

  /** Calls a method of CacheStorage that returns responses. */
  responses(call: Omit<CachesCall, 'id'>): Promise<Response[]> {
    return this.#raceAbort(NEVER_ABORTED, async (lifetime) => {
      const [connection, result] = await this.#call({ signal: NEVER_ABORTED, lifetime }, (it, id) =>
        it.request('caches', { ...call, id }),
      );
      return (result as readonly WireResponse[]).map((response) => createResponse(connection, response, NEVER_ABORTED));
    });
  }

  /** Rejects all pending calls with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#lifetime.abort(reason);
    this.#lifetime = new AbortController();
    this.#httpConnection?.then((connection) => connection.close(reason)).catch(() => {});
    this.#httpConnection = undefined;
    this.connection.interrupted();
  }

  /** Settles as `work`, or rejects with the reason of `signal` or of a disconnect as soon as either is aborted. */
  #raceAbort<T>(signal: AbortSignal, work: (lifetime: AbortSignal) => Promise<T>): Promise<T> {
    const lifetime = this.#lifetime.signal;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = ({ target }: Event) => reject((target as AbortSignal).reason);
      for (const it of [signal, lifetime]) it.addEventListener('abort', onAbort, { once: true });
      work(lifetime)
        .then(resolve, reject)
        .finally(() => {
          for (const it of [signal, lifetime]) it.removeEventListener('abort', onAbort);
        });
    });
  }

  async #call<T>(
    { signal, lifetime, body }: CallContext,
    send: (connection: HttpConnection, id: number) => Promise<T>,
  ): Promise<readonly [HttpConnection, T]> {
    await this.#acquireSlot();
    const id = ++this.#lastId;
    let connection: HttpConnection | undefined;
    const abort = () => connection?.notify('abort', id);
    signal.addEventListener('abort', abort, { once: true });
    let failure: { readonly error: unknown } | undefined;
    try {
      lifetime.throwIfAborted();
      connection = await this.#getConnection();
      for (const it of [signal, lifetime]) it.throwIfAborted();
      const reply = send(connection, id);
      body?.send?.(connection).catch((error: unknown) => {
        failure = { error };
      });
      return [connection, await reply];
    } catch (error) {
      body?.cancel?.(error);
      throw failure === undefined ? error : failure.error;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#releaseSlot();
    }
  }

  async #acquireSlot(): Promise<void> {
    if (this.#inFlight < MAX_HTTP_CALLS) this.#inFlight++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the slot to the call that has waited longest. */
  #releaseSlot(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inFlight--;
    else next();
  }

  #getConnection(): Promise<HttpConnection> {
    if (this.#httpConnection !== undefined) return this.#httpConnection;
    const connecting = this.#connect(AbortSignal.timeout(this.#timeout)).then((port) => {
      const connection = new HttpConnection(port, {
        onEnd: () => this.#onConnectionLost(connecting),
        onConnection: (online) => this.connection.report(online),
      });
      if (this.#httpConnection === connecting) this.connection.resume(connection);
      return connection;
    });
    this.#httpConnection = connecting;
    connecting.catch(() => {
      if (this.#httpConnection === connecting) this.#httpConnection = undefined;
    });
    return connecting;
  }

  #onConnectionLost(connection: Promise<HttpConnection>): void {
    if (this.#httpConnection !== connection) return;
    this.#httpConnection = undefined;
    this.connection.interrupted();
    this.connection.reconnect();
  }
}
