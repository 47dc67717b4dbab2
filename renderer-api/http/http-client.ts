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

/** Never aborted. */
const NEVER_ABORTED = new AbortController().signal;

/** What a call depends on. */
interface CallContext {
  readonly signal: AbortSignal;
  /** Aborted when the page leaves. */
  readonly left: AbortSignal;
  readonly pushed?: OutgoingRequestBody;
}

/**
 * Carries `fetch` and CacheStorage to the main process, over a port that is opened by the first call and again by the first after
 * it was cut. So many calls are under way and no more; the others wait here.
 *
 * Invariant: every call settles, at the latest when its port has gone. The network takes its time; a signal ends the wait.
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

  /** `timeout`: milliseconds to wait for a port. */
  constructor(connect: (signal: AbortSignal) => Promise<MessagePortLike>, timeout: number) {
    this.#connect = connect;
    this.#timeout = Math.min(timeout, MAX_TIMER_MS);
    this.connection = new NetworkStateClient(() => this.#getConnection());
  }

  /** @throws as `DiskCache.fetch`. */
  async fetch(request: Request, wanted: Parameters<typeof parseStrategyOptions>[0]): Promise<Response> {
    const { signal } = request;
    if (request.integrity !== '') throw new TypeError(`The integrity of ${request.url} can't be checked here`);
    const plan = parseStrategyOptions(wanted);
    return this.#raceAbort(signal, async (left) => {
      const pushed = await prepareBody(request.body, AbortSignal.any([signal, left]));
      const said = { request: toWireRequest(request), body: pushed.body, ...(plan !== undefined && { plan }) };
      const [line, response] = await this.#call({ signal, left, pushed }, (to, id) =>
        to.request('fetch', { ...said, id }),
      );
      return createResponse(line, response, signal);
    });
  }

  put(cache: string, request: Request, response: Response): Promise<void> {
    return this.#raceAbort(NEVER_ABORTED, async (left) => {
      const pushed = await prepareBody(response.body, left);
      const said = {
        method: 'put',
        cache,
        requests: [toWireRequest(request)],
        response: { ...serializeResponseHead(response), body: pushed.body },
      };
      await this.#call({ signal: NEVER_ABORTED, left, pushed }, (line, id) => line.request('caches', { ...said, id }));
    });
  }

  /** What a method of CacheStorage gives. */
  caches(call: Omit<CachesCall, 'id'>, signal = NEVER_ABORTED): Promise<CachesResult> {
    return this.#raceAbort(signal, async (left) => {
      const [, answer] = await this.#call({ signal, left }, (line, id) => line.request('caches', { ...call, id }));
      return answer;
    });
  }

  /** The responses that one gives. */
  responses(call: Omit<CachesCall, 'id'>): Promise<Response[]> {
    return this.#raceAbort(NEVER_ABORTED, async (left) => {
      const [line, answer] = await this.#call({ signal: NEVER_ABORTED, left }, (to, id) =>
        to.request('caches', { ...call, id }),
      );
      return (answer as readonly WireResponse[]).map((response) => createResponse(line, response, NEVER_ABORTED));
    });
  }

  /** Rejects everything open with `getErrorMessage`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#lifetime.abort(reason);
    this.#lifetime = new AbortController();
    this.#httpConnection?.then((line) => line.close(reason)).catch(() => {});
    this.#httpConnection = undefined;
    this.connection.interrupted();
  }

  /** What comes of `work`, or as soon as it is aborted the reason of `signal`, or why the page has left. */
  #raceAbort<T>(signal: AbortSignal, work: (left: AbortSignal) => Promise<T>): Promise<T> {
    const left = this.#lifetime.signal;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const aborted = ({ target }: Event) => reject((target as AbortSignal).reason);
      for (const it of [signal, left]) it.addEventListener('abort', aborted, { once: true });
      work(left)
        .then(resolve, reject)
        .finally(() => {
          for (const it of [signal, left]) it.removeEventListener('abort', aborted);
        });
    });
  }

  async #call<T>(
    { signal, left, pushed }: CallContext,
    say: (line: HttpConnection, id: number) => Promise<T>,
  ): Promise<readonly [HttpConnection, T]> {
    await this.#acquireSlot();
    const id = ++this.#lastId;
    let line: HttpConnection | undefined;
    const abort = () => line?.notify('abort', id);
    signal.addEventListener('abort', abort, { once: true });
    let failure: { readonly error: unknown } | undefined;
    try {
      left.throwIfAborted();
      line = await this.#getConnection();
      for (const it of [signal, left]) it.throwIfAborted();
      const answer = say(line, id);
      pushed?.send?.(line).catch((error: unknown) => {
        failure = { error };
      });
      return [line, await answer];
    } catch (error) {
      pushed?.cancel?.(error);
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

  /** Whoever waits longest takes the place. */
  #releaseSlot(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inFlight--;
    else next();
  }

  #getConnection(): Promise<HttpConnection> {
    if (this.#httpConnection !== undefined) return this.#httpConnection;
    const connecting = this.#connect(AbortSignal.timeout(this.#timeout)).then((port) => {
      const line = new HttpConnection(port, {
        onEnd: () => this.#onConnectionLost(connecting),
        onConnection: (online) => this.connection.report(online),
      });
      if (this.#httpConnection === connecting) this.connection.resume(line);
      return line;
    });
    this.#httpConnection = connecting;
    connecting.catch(() => {
      if (this.#httpConnection === connecting) this.#httpConnection = undefined;
    });
    return connecting;
  }

  #onConnectionLost(line: Promise<HttpConnection>): void {
    if (this.#httpConnection !== line) return;
    this.#httpConnection = undefined;
    this.connection.interrupted();
    this.connection.reconnect();
  }
}
