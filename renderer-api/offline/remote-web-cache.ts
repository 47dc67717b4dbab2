import type { CachesCall, QueryOptions, WireRequest } from '../../protocol/offline.ts';
import type { OfflineClient } from './offline-client.ts';
import { requestFrom, requestOf, sayRequest } from './web-messages.ts';

type RequestInput = RequestInfo | URL;

export type { QueryOptions };

/**
 * The application's `CacheStorage`, seen from a page: one for all its windows, the same as `host.caches`, on disk. Behaves as the
 * standard's, https://w3c.github.io/ServiceWorker/#cachestorage-interface, whose errors it has, and also for schemes of the application's own.
 *
 * @throws {DiskCacheError} besides: `NOT_ALLOWED` without the grant `@caches`, `DISCONNECTED`, `DISK_FULL`, `TOO_LARGE`, `BUSY`.
 */
export class RemoteCacheStorage {
  readonly #client: OfflineClient;

  constructor(client: OfflineClient) {
    this.#client = client;
  }

  /** The cache of a name, made if there is none. */
  async open(cacheName: string): Promise<RemoteWebCache> {
    const id = await this.#client.caches({ method: 'open', name: nameOf(cacheName) });
    return new RemoteWebCache(this.#client, id as string);
  }

  async has(cacheName: string): Promise<boolean> {
    return (await this.#client.caches({ method: 'has', name: nameOf(cacheName) })) as boolean;
  }

  /** Deletes a cache with all that is in it; answers whether there was one. */
  async delete(cacheName: string): Promise<boolean> {
    return (await this.#client.caches({ method: 'delete', name: nameOf(cacheName) })) as boolean;
  }

  /** The names, in the order in which the caches were made. */
  async keys(): Promise<string[]> {
    return (await this.#client.caches({ method: 'keys' })) as string[];
  }

  /** The first response in any cache, or in the one named. */
  async match(
    request: RequestInput,
    { cacheName, ...options }: QueryOptions & { readonly cacheName?: string } = {},
  ): Promise<Response | undefined> {
    const named = cacheName === undefined ? {} : { cacheName: String(cacheName) };
    const call = { method: 'match', requests: asked(request), options: { ...flags(options), ...named } };
    return (await this.#client.responses(call))[0];
  }

  get [Symbol.toStringTag](): string {
    return 'CacheStorage';
  }
}

/** The standard's `Cache`, seen from a page. https://w3c.github.io/ServiceWorker/#cache-interface */
export class RemoteWebCache {
  readonly #client: OfflineClient;
  readonly #id: string;

  constructor(client: OfflineClient, id: string) {
    this.#client = client;
    this.#id = id;
  }

  /** The first response, in the order in which they were put. */
  async match(request: RequestInput, options: QueryOptions = {}): Promise<Response | undefined> {
    return (await this.#client.responses(this.#said('match', asked(request), options)))[0];
  }

  /** All responses that a request asks for, or all there are. */
  async matchAll(request?: RequestInput, options: QueryOptions = {}): Promise<Response[]> {
    return this.#client.responses(this.#said('matchAll', request === undefined ? [] : asked(request), options));
  }

  add(request: RequestInput): Promise<void> {
    return this.addAll([request]);
  }

  /** Lets the main process fetch all and put all or, when one of them fails or is none to keep, nothing. */
  async addAll(requests: Iterable<RequestInput>): Promise<void> {
    const wanted = Array.from(requests, (request) => requestOf(request));
    if (new Set(wanted).size < wanted.length)
      throw new DOMException('addAll was asked for the same request twice', 'InvalidStateError');
    const signal = AbortSignal.any(wanted.map((request) => request.signal));
    signal.throwIfAborted();
    await this.#client.caches(this.#said('addAll', wanted.map(sayRequest)), signal);
  }

  /** Keeps a response; reads its body to the end. It takes the place of those that the request asks for. */
  async put(request: RequestInput, response: Response): Promise<void> {
    const wanted = requestOf(request);
    if (!(response instanceof Response)) throw new TypeError('Only a Response can be cached');
    if (response.bodyUsed || response.body?.locked) throw new TypeError('The body of the response was read already');
    if (response.type.startsWith('opaque'))
      throw new TypeError('The page may not read this response, so it can’t keep it');
    await this.#client.put(this.#id, wanted, response);
  }

  /** Whether there was anything to delete. */
  async delete(request: RequestInput, options: QueryOptions = {}): Promise<boolean> {
    return (await this.#client.caches(this.#said('delete', asked(request), options))) as boolean;
  }

  /** The requests, in the order in which they were put. */
  async keys(request?: RequestInput, options: QueryOptions = {}): Promise<Request[]> {
    const said = this.#said('keys', request === undefined ? [] : asked(request), options);
    return ((await this.#client.caches(said)) as WireRequest[]).map(requestFrom);
  }

  get [Symbol.toStringTag](): string {
    return 'Cache';
  }

  #said(method: string, requests: readonly WireRequest[], options: QueryOptions = {}): Omit<CachesCall, 'id'> {
    return { method, cache: this.#id, requests, options: flags(options) };
  }
}

const asked = (request: RequestInput): readonly WireRequest[] => [sayRequest(requestOf(request))];

const flags = ({ ignoreSearch, ignoreMethod, ignoreVary }: QueryOptions): QueryOptions => ({
  ignoreSearch: Boolean(ignoreSearch),
  ignoreMethod: Boolean(ignoreMethod),
  ignoreVary: Boolean(ignoreVary),
});

/** A name that is left out is a mistake, not the name "undefined". */
function nameOf(cacheName: string | undefined): string {
  if (cacheName === undefined) throw new TypeError('The name of the cache is missing');
  return String(cacheName);
}
