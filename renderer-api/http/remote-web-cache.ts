import type { CachesCall, CachesResult, QueryOptions, WireRequest } from '../../protocol/http.ts';
import { createRequest, toQueryFlags, toWireRequest, toWireRequests } from './http-messages.ts';
import { type RequestInput, toRequest } from './request-input.ts';

/** Carries the calls of a cache to the main process. */
export interface WebCacheCalls {
  caches(call: Omit<CachesCall, 'id'>, signal?: AbortSignal): Promise<CachesResult>;
  responses(call: Omit<CachesCall, 'id'>): Promise<Response[]>;
  put(cache: string, request: Request, response: Response): Promise<void>;
}

/** The standard's `Cache`, seen from a page. https://w3c.github.io/ServiceWorker/#cache-interface */
export class RemoteWebCache {
  readonly #calls: WebCacheCalls;
  readonly #id: string;

  constructor(calls: WebCacheCalls, id: string) {
    this.#calls = calls;
    this.#id = id;
  }

  /** The first response, in the order in which they were put. */
  async match(request: RequestInput, options: QueryOptions = {}): Promise<Response | undefined> {
    return (await this.#calls.responses(this.#toCall('match', toWireRequests(request), options)))[0];
  }

  /** All responses that a request asks for, or all there are. */
  async matchAll(request?: RequestInput, options: QueryOptions = {}): Promise<Response[]> {
    return this.#calls.responses(
      this.#toCall('matchAll', request === undefined ? [] : toWireRequests(request), options),
    );
  }

  add(request: RequestInput): Promise<void> {
    return this.addAll([request]);
  }

  /** Has the main process fetch all and put all; or nothing, if one of them fails or may not be stored. */
  async addAll(requests: Iterable<RequestInput>): Promise<void> {
    const wanted = Array.from(requests, (request) => toRequest(request));
    if (new Set(wanted).size < wanted.length)
      throw new DOMException('addAll was asked for the same request twice', 'InvalidStateError');
    const signal = AbortSignal.any(wanted.map((request) => request.signal));
    signal.throwIfAborted();
    await this.#calls.caches(this.#toCall('addAll', wanted.map(toWireRequest)), signal);
  }

  /** Keeps a response; reads its body to the end. It takes the place of those that the request asks for. */
  async put(request: RequestInput, response: Response): Promise<void> {
    const wanted = toRequest(request);
    if (!(response instanceof Response)) throw new TypeError('Only a Response can be cached');
    if (response.bodyUsed || response.body?.locked) throw new TypeError('The body of the response was read already');
    if (response.type.startsWith('opaque')) throw new TypeError('The page can’t read this response');
    await this.#calls.put(this.#id, wanted, response);
  }

  /** Whether there was anything to delete. */
  async delete(request: RequestInput, options: QueryOptions = {}): Promise<boolean> {
    return (await this.#calls.caches(this.#toCall('delete', toWireRequests(request), options))) as boolean;
  }

  /** The requests, in the order in which they were put. */
  async keys(request?: RequestInput, options: QueryOptions = {}): Promise<Request[]> {
    const said = this.#toCall('keys', request === undefined ? [] : toWireRequests(request), options);
    return ((await this.#calls.caches(said)) as WireRequest[]).map(createRequest);
  }

  get [Symbol.toStringTag](): string {
    return 'Cache';
  }

  #toCall(method: string, requests: readonly WireRequest[], options: QueryOptions = {}): Omit<CachesCall, 'id'> {
    return { method, cache: this.#id, requests, options: toQueryFlags(options) };
  }
}
