import { randomUUID } from 'node:crypto';
import { toReasonPhrase } from '../../../protocol/reason-phrase.ts';
import type { CacheMethods, Key } from '../../engine/index.ts';
import { wrapListener } from '../../engine/internal.ts';
import { parseListField, withoutCookies } from '../../http-semantics/fields.ts';
import { keepRequestsAlive } from '../bodies.ts';
import { MAX_VARY_FIELDS } from '../http/policy.ts';
import { assertCacheAndFetch, assertingFetch, followRedirects, type RequestGuard } from '../network.ts';
import { CHECKED_LATER, FUNCTION, type OptionRules, parseOptions, TEXT, TEXTS, withMethods } from '../options.ts';
import {
  type CachedItem,
  CachedItems,
  matchesItem,
  type OnStoreFailure,
  type QueryOptions,
  type StagedItem,
  toHeaders,
} from './cached-items.ts';

/** What all caches of a CacheStorage share. */
export interface CacheEnvironment {
  readonly fetch: (request: Request) => Promise<Response>;
  /** Whether URLs of this scheme may be put. */
  readonly isCached: (scheme: string) => boolean;
  /** Checks what `add` fetches, redirects included. */
  readonly guard: RequestGuard | undefined;
}

/**
 * The standard's `Cache`: requests and their responses, stored until they are deleted. Freshness and Cache-Control are ignored.
 * https://w3c.github.io/ServiceWorker/#cache-interface
 *
 * @throws {TypeError} where the standard says so; {DiskCacheError} as the store does, such as `DISK_FULL`.
 */
export class WebCache {
  readonly #items: CachedItems;
  readonly #environment: CacheEnvironment;

  constructor(items: CachedItems, environment: CacheEnvironment) {
    this.#items = items;
    this.#environment = environment;
  }

  /** Returns the first matching response, in put order. If the store fails, nothing is found; `matchAll` does the same. */
  async match(request: RequestInfo, options: QueryOptions = {}): Promise<Response | undefined> {
    for (const item of this.#findOrEmpty(asRequest(request), options)) {
      const response = await this.#toResponse(item);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  /** Returns all responses that match a request, or all of the cache. */
  async matchAll(request?: RequestInfo, options: QueryOptions = {}): Promise<Response[]> {
    const responses = await Promise.all(this.#findOrEmpty(request, options).map((item) => this.#toResponse(item)));
    return responses.filter((it) => it !== undefined);
  }

  add(request: RequestInfo): Promise<void> {
    return this.addAll([request]);
  }

  /** Fetches all requests and puts all responses; nothing, if one of them fails or may not be stored. */
  async addAll(inputs: Iterable<RequestInfo>): Promise<void> {
    const requests = [...inputs].map(asRequest);
    for (const request of requests) this.#assertPuttable(request);
    if (new Set(requests).size < requests.length) throw duplicateRequestError();
    const stop = new AbortController();
    const staged: [StagedItem, Request][] = [];
    const fetchAndStage = async (request: Request): Promise<void> => {
      const signal = AbortSignal.any([request.signal, stop.signal]);
      const sent = new Request(request, { signal });
      const response = keepRequestsAlive(await this.#fetch(sent), sent);
      if (!response.ok) throw new TypeError(`${request.url} responded with ${response.status}; only 2xx can be added`);
      assertCacheable(response);
      await this.#items.stage(request, response, (it, query) => {
        // Its item is written after all bodies, so a note names it until then.
        it.staged?.writeNote();
        staged.push([it, query]);
      });
    };
    // The first failure stops the others; all have stopped before what they have staged is deleted.
    await Promise.all(requests.map((request) => fetchAndStage(request).catch((error: unknown) => stop.abort(error))));
    try {
      stop.signal.throwIfAborted();
      this.#items.transact(() => this.#putEach(staged, requests));
    } catch (error) {
      for (const [it] of staged) it.staged?.discard();
      throw error;
    }
  }

  /** Stores a response, whose body it reads to the end. It replaces those that match the request. */
  async put(input: RequestInfo, response: Response): Promise<void> {
    const request = asRequest(input);
    this.#assertPuttable(request);
    assertCacheable(response);
    if (response.bodyUsed || response.body?.locked) throw new TypeError('The body of the response was read already');
    await this.#items.stage(request, response, (staged, query) => this.#items.put(staged, query));
  }

  /** Deletes the matching responses. Returns whether there were any. */
  async delete(request: RequestInfo, options: QueryOptions = {}): Promise<boolean> {
    const items = this.#find(asRequest(request), options);
    this.#items.remove(items);
    return items.length > 0;
  }

  /** Returns the requests, in put order. */
  async keys(request?: RequestInfo, options: QueryOptions = {}): Promise<Request[]> {
    return this.#find(request, options).map(
      (item) =>
        new Request(item.request.url, { method: item.request.method, headers: toHeaders(item.request.headers) }),
    );
  }

  /** Identifies this cache as long as it exists: `caches.withId(id)` is the same one. */
  get id(): string {
    return this.#items.id;
  }

  get [Symbol.toStringTag](): string {
    return 'Cache';
  }

  #find(input: RequestInfo | undefined, options: QueryOptions): CachedItem[] {
    if (input === undefined) return this.#items.find(undefined, options);
    const query = asRequest(input);
    return query.method === 'GET' || options.ignoreMethod ? this.#items.find(query, options) : [];
  }

  #findOrEmpty(input: RequestInfo | undefined, options: QueryOptions): CachedItem[] {
    if (input === undefined) return this.#items.findOrEmpty(undefined, options);
    const query = asRequest(input);
    return query.method === 'GET' || options.ignoreMethod ? this.#items.findOrEmpty(query, options) : [];
  }

  #fetch(request: Request): Promise<Response> {
    const { fetch, guard } = this.#environment;
    if (guard === undefined) return fetch(request);
    const send = async (hop: Request): Promise<Response> => {
      await guard.beforeSending(hop);
      return fetch(new Request(hop, { redirect: 'manual' }));
    };
    const cancelRedirect = (_: Request, response: Response) => void response.body?.cancel().catch(() => undefined);
    return followRedirects(request, send, cancelRedirect, guard);
  }

  async #toResponse(item: CachedItem): Promise<Response | undefined> {
    const body = await this.#items.openBody(item);
    if (body === undefined) return undefined;
    const { status, statusText, headers, url, redirected, type } = item.response;
    if (type === 'error') return Response.error();
    // Earlier versions kept cookies.
    const fields = toHeaders(withoutCookies(headers));
    const response = new Response(body, { status, statusText: toReasonPhrase(statusText), headers: fields });
    return Object.defineProperties(response, {
      url: { value: url },
      redirected: { value: redirected },
      type: { value: type },
    });
  }

  /** Puts the responses in the order of the requests, not of their arrival. */
  #putEach(staged: readonly (readonly [StagedItem, Request])[], requests: readonly Request[]): void {
    const remaining = [...staged];
    const done: (readonly [StagedItem, Request])[] = [];
    for (const request of requests) {
      const [item] = remaining.splice(
        remaining.findIndex(([, query]) => query === request),
        1,
      );
      if (item === undefined) continue;
      const isDuplicate = done.some((other) => matchesItem(request, other[0]) || matchesItem(other[1], item[0]));
      if (isDuplicate) throw duplicateRequestError();
      done.push(item);
      this.#items.put(item[0], request);
    }
  }

  #assertPuttable({ url, method }: Request): void {
    const scheme = new URL(url).protocol.slice(0, -1);
    if (!this.#environment.isCached(scheme)) {
      throw new TypeError(
        `${url} can't be cached: ${scheme} is neither http nor https nor a scheme of the application`,
      );
    }
    if (method !== 'GET') throw new TypeError(`${method} ${url} can't be cached, only GET`);
  }
}

export type RequestInfo = string | URL | Request;

/** Returns a Request as it is: copying it would use up its body. @throws {TypeError} if it is missing, instead of requesting "undefined". */
function asRequest(input: RequestInfo | undefined): Request {
  if (input === undefined) throw new TypeError('A request is missing');
  return input instanceof Request ? input : new Request(input);
}

const duplicateRequestError = () => new DOMException('addAll got the same request twice', 'InvalidStateError');

function assertCacheable(response: Response): void {
  if (!(response instanceof Response)) throw new TypeError('Only a Response can be cached');
  const { status, headers } = response;
  if (status === 206) throw new TypeError("A part of a response (206) can't be cached");
  const varyFields = parseListField(headers.get('vary'));
  if (varyFields.includes('*')) throw new TypeError("A response with Vary: * can't be cached");
  if (varyFields.length > MAX_VARY_FIELDS)
    throw new TypeError(`A response that varies by more than ${MAX_VARY_FIELDS} fields can't be cached`);
}

export interface CacheStorageOptions {
  /** The store. An evicted response is not found: `evictionPolicy: 'none'` keeps what the standard promises. */
  readonly cache: CacheMethods;
  /** Sends the requests of `add` and `addAll`. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Separates several storages in one store, such as one per origin. Default `''`. */
  readonly name?: string;
  /** Schemes that may be cached in addition to `http` and `https`, such as the application's own: a list or a function. */
  readonly schemes?: readonly string[] | ((scheme: string) => boolean);
  /** Called when the store has failed during a lookup (`CORRUPT`, `BUSY`, `CLOSED`, …); nothing is found then. */
  readonly onStoreFailure?: (error: unknown, url: string) => void;
  /** Checks what `add` and `addAll` fetch, redirects included, for callers with limited access. Default none. */
  readonly guard?: RequestGuard;
}

const OPTIONS: OptionRules<CacheStorageOptions> = {
  cache: CHECKED_LATER,
  fetch: CHECKED_LATER,
  name: TEXT,
  schemes: {
    is: `${TEXTS.is}, or a function of a scheme`,
    accepts: (value) => TEXTS.accepts(value) || FUNCTION.accepts(value),
  },
  onStoreFailure: FUNCTION,
  guard: withMethods('a RequestGuard', 'beforeAnswer', 'beforeSending'),
};

/** The names of the caches in creation order, and the ids of their items. */
type Names = readonly (readonly [name: string, id: string])[];

/** The standard's `CacheStorage` on disk. https://w3c.github.io/ServiceWorker/#cachestorage-interface */
export class CacheStorage {
  readonly #cache: CacheMethods;
  readonly #key: Key;
  readonly #name: string;
  readonly #environment: CacheEnvironment;
  readonly #onStoreFailure: OnStoreFailure;

  /** @throws {DiskCacheError} `BAD_OPTION` */
  constructor(options: CacheStorageOptions) {
    const {
      cache,
      fetch,
      name = '',
      schemes = [],
      onStoreFailure = () => {},
      guard,
    } = parseOptions('CacheStorage', options, OPTIONS);
    assertCacheAndFetch('CacheStorage', { cache, fetch });
    this.#cache = cache;
    this.#key = ['caches', name];
    this.#name = name;
    const isAllowed = typeof schemes === 'function' ? schemes : (scheme: string) => schemes.includes(scheme);
    this.#environment = {
      fetch: assertingFetch('CacheStorage', fetch),
      isCached: (scheme) => scheme === 'http' || scheme === 'https' || isAllowed(scheme),
      guard,
    };
    this.#onStoreFailure = wrapListener(onStoreFailure, 'onStoreFailure');
  }

  /** Opens the cache of this name; creates it if needed. */
  async open(cacheName: string): Promise<WebCache> {
    const name = toCacheName(cacheName);
    const opened = this.#cache.transact(() => {
      const names = this.#names();
      const id = findId(names, name) ?? randomUUID();
      if (findId(names, name) === undefined) this.#cache.set(this.#key, [...names, [name, id]]);
      return id;
    });
    this.#getItems(opened).sweep();
    return this.#createCache(opened);
  }

  /** Returns the cache with this id; if it was deleted, a cache that stays empty. */
  withId(id: string): WebCache {
    return this.#createCache(id);
  }

  async has(cacheName: string): Promise<boolean> {
    return findId(this.#names(), toCacheName(cacheName)) !== undefined;
  }

  /** Deletes a cache and its content. Returns whether there was one. */
  async delete(cacheName: string): Promise<boolean> {
    return this.#cache.transact(() => {
      const names = this.#names();
      const id = findId(names, toCacheName(cacheName));
      if (id === undefined) return false;
      this.#cache.set(
        this.#key,
        names.filter((it) => it[1] !== id),
      );
      this.#getItems(id).clear();
      return true;
    });
  }

  async keys(): Promise<string[]> {
    return this.#names().map(([name]) => name);
  }

  /** Returns the first matching response in any cache, or in the named one. If the store fails, nothing is found. */
  async match(
    request: RequestInfo,
    { cacheName, ...options }: QueryOptions & { readonly cacheName?: string } = {},
  ): Promise<Response | undefined> {
    const query = asRequest(request);
    for (const [name, id] of this.#namesOrEmpty(query.url)) {
      if (cacheName !== undefined && name !== String(cacheName)) continue;
      const response = await this.#createCache(id).match(query, options);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  get [Symbol.toStringTag](): string {
    return 'CacheStorage';
  }

  #createCache(id: string): WebCache {
    return new WebCache(this.#getItems(id), this.#environment);
  }

  #getItems(id: string): CachedItems {
    return new CachedItems(
      this.#cache,
      this.#name,
      id,
      () => this.#names().some((it) => it[1] === id),
      this.#onStoreFailure,
    );
  }

  #namesOrEmpty(url: string): Names {
    try {
      return this.#names();
    } catch (error) {
      this.#onStoreFailure(error, url);
      return [];
    }
  }

  #names(): Names {
    return (this.#cache.get(this.#key) as Names | undefined) ?? [];
  }
}

const findId = (names: Names, name: string): string | undefined => names.find((it) => it[0] === name)?.[1];

/** @throws {TypeError} for a missing name, which would become "undefined". */
function toCacheName(cacheName: string | undefined): string {
  if (cacheName === undefined) throw new TypeError('The name of the cache is missing');
  return String(cacheName);
}
