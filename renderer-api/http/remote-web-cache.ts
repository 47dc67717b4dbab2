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

  /** Returns the first matching response, in put order. */
  async match(request: RequestInput, options: QueryOptions = {}): Promise<Response | undefined> {
    return (await this.#calls.responses(this.#toCall('match', toWireRequests(request), options)))[0];
  }

  /** Returns all responses that match a request, or all of the cache. */
  async matchAll(request?: RequestInput, options: QueryOptions = {}): Promise<Response[]> {
    return this.#calls.responses(
      this.#toCall('matchAll', request === undefined ? [] : toWireRequests(request), options),
    );
  }

  add(request: RequestInput): Promise<void> {
    return this.addAll([request]);
  }

  /** Lets the main process fetch and put all requests; nothing, if one of them fails or may not be stored. */
  async addAll(requests: Iterable<RequestInput>): Promise<void> {
    const wanted = Array.from(requests, (request) => toRequest(request));
    if (new Set(wanted).size < wanted.length)
      throw new DOMException('addAll got the same request twice', 'InvalidStateError');
    const signal = AbortSignal.any(wanted.map((request) => request.signal));
    signal.throwIfAborted();
    await this.#calls.caches(this.#toCall('addAll', wanted.map(toWireRequest)), signal);
  }

  /** Stores a response, whose body it reads to the end. It replaces those that match the request. */
  async put(request: RequestInput, response: Response): Promise<void> {
    const wanted = toRequest(request);
    if (!(response instanceof Response)) throw new TypeError('Only a Response can be cached');
    if (response.bodyUsed || response.body?.locked) throw new TypeError('The body of the response was read already');
    if (response.type.startsWith('opaque')) throw new TypeError('The page can’t read this response');
    await this.#calls.put(this.#id, wanted, response);
  }

  /** Deletes the matching responses. Returns whether there were any. */
  async delete(request: RequestInput, options: QueryOptions = {}): Promise<boolean> {
    return (await this.#calls.caches(this.#toCall('delete', toWireRequests(request), options))) as boolean;
  }

  /** Returns the requests, in put order. */
  async keys(request?: RequestInput, options: QueryOptions = {}): Promise<Request[]> {
    const call = this.#toCall('keys', request === undefined ? [] : toWireRequests(request), options);
    return ((await this.#calls.caches(call)) as WireRequest[]).map(createRequest);
  }

  get [Symbol.toStringTag](): string {
    return 'Cache';
  }

  #toCall(method: string, requests: readonly WireRequest[], options: QueryOptions = {}): Omit<CachesCall, 'id'> {
    return { method, cache: this.#id, requests, options: toQueryFlags(options) };
  }
}
