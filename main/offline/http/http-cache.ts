import type { CacheMethods } from '../../engine/index.ts';
import { drainBody } from '../bodies.ts';
import type { RequestGuard } from '../network.ts';
import { assertCacheAndFetch, assertingFetch, followRedirects } from '../network.ts';
import { CHECKED_LATER, FLAG, FUNCTION, type OptionRules, parseOptions, TEXT, TEXTS } from '../options.ts';
import { HttpCacheContext } from './context.ts';
import type { CacheMode } from './decide.ts';
import { respondAndPublish } from './respond.ts';
import { respondFromStore } from './response.ts';
import { ResponseStore } from './response-store.ts';

export interface HttpCacheOptions {
  /** Stores the responses, within its size limit and by its eviction policy; `least-recently-used` suits. */
  readonly cache: CacheMethods;
  /**
   * Sends a request to the origin, such as the global `fetch`. With `redirect: 'manual'` it has to return a redirect as a response, as
   * Node's does; Electron's `net.fetch` doesn't, `networkFetch` of `deskcache/main` does.
   */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Separates what sessions or users have stored: a partition reads only its own responses. Default `''`. */
  readonly partition?: string;
  /** Whether several users get the same responses, as from a proxy; `private` ones are not stored then. Default false. */
  readonly shared?: boolean;
  /**
   * Request fields that `fetch` adds, such as `cookie` in Electron. A response that varies by one of them is not stored, because this cache
   * can't see which requests may reuse it. Default none.
   */
  readonly hiddenHeaders?: readonly string[];
  /**
   * Whether `Set-Cookie` is stored with a response and served with it later, as RFC 9111 §7.3 allows. Sessions are then on disk, and a
   * cookie comes back after it was revoked. Default false.
   */
  readonly keepSetCookie?: boolean;
  /** Returns the current time in epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Called when the store has failed (`DISK_FULL`, `TOO_LARGE`, `CORRUPT`, …); the request still gets its response. */
  readonly onStoreFailure?: (error: unknown, url: string) => void;
  /** Called when a background request has failed, such as one of `stale-while-revalidate`; the stored response stays. */
  readonly onRevalidationFailure?: (error: unknown, url: string) => void;
}

export const HTTP_CACHE_OPTIONS: OptionRules<HttpCacheOptions> = {
  cache: CHECKED_LATER,
  fetch: CHECKED_LATER,
  partition: TEXT,
  shared: FLAG,
  hiddenHeaders: TEXTS,
  keepSetCookie: FLAG,
  clock: FUNCTION,
  onStoreFailure: FUNCTION,
  onRevalidationFailure: FUNCTION,
};

/**
 * `fetch` with a cache on disk, by RFC 9111 as a private cache: freshness, Vary, validation by ETag and Last-Modified,
 * `stale-while-revalidate` and `stale-if-error` (RFC 5861), HEAD and Range from stored responses, invalidation. If the origin can't be
 * reached, a stale response is served, unless it says `must-revalidate` or `no-cache`. Equal requests at the same time, in this process,
 * are one request to the origin. Bodies stream from and to the disk. The methods are bound: `const { fetch } = createHttpCache(…)` works.
 */
export class HttpCache {
  readonly #context: HttpCacheContext;

  /** @throws {DiskCacheError} `BAD_OPTION` */
  constructor(options: HttpCacheOptions) {
    const {
      cache,
      fetch,
      partition = '',
      shared = false,
      hiddenHeaders = [],
      keepSetCookie = false,
      clock = Date.now,
      onStoreFailure = () => {},
      onRevalidationFailure = () => {},
    } = parseOptions('createHttpCache', options, HTTP_CACHE_OPTIONS);
    assertCacheAndFetch('An HTTP cache', { cache, fetch });
    const store = new ResponseStore(cache, partition, keepSetCookie);
    const audience = { shared, hiddenHeaders: new Set(hiddenHeaders.map((name) => name.toLowerCase())) };
    const network = assertingFetch('an HTTP cache', fetch);
    this.#context = new HttpCacheContext({
      store,
      fetch: network,
      ...audience,
      clock,
      onStoreFailure,
      onRevalidationFailure,
    });
    this.fetch = this.fetch.bind(this);
    this.respond = this.respond.bind(this);
    this.match = this.match.bind(this);
    this.delete = this.delete.bind(this);
    this.clear = this.clear.bind(this);
  }

  /**
   * Works as the global `fetch`, including the cache modes of the standard. `getCacheStatus(response)` returns where the response came
   * from. If the origin fails, it rejects with the error of `fetch`; `only-if-cached` responds with 504 if nothing is stored. If the
   * store fails or was closed, the request goes to the origin.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.respond(new Request(input, init));
  }

  /** `fetch` with a cache mode apart from that of the request. Redirects are followed as the request says. */
  respond(request: Request, mode: CacheMode = request.cache): Promise<Response> {
    return this.#followRedirects(request, (hop) => respondAndPublish(this.#context, hop, mode));
  }

  /**
   * Returns the stored response that a request selects, fresh or stale; undefined if none is stored.
   *
   * @throws {DiskCacheError} what reading the store throws: `CLOSED`, `CORRUPT`.
   */
  async match(input: string | URL | Request): Promise<Response | undefined> {
    return this.#followRedirects(new Request(input), async (hop) => {
      const stored = this.#context.store.find(hop);
      return stored && respondFromStore(this.#context, hop, stored);
    });
  }

  /**
   * Deletes all responses of a URL. Returns whether there were any.
   *
   * @throws {DiskCacheError} what writing the store throws: `BUSY`, `CLOSED`, `READ_ONLY`.
   */
  delete(url: string): boolean {
    return this.#context.invalidate(new URL(url).href);
  }

  /**
   * Deletes all responses of the partition, for example when its user signs out, and keeps those under way from being stored. Returns the
   * number of URLs. O(n).
   *
   * @throws {DiskCacheError} as `delete`.
   */
  clear(): number {
    return this.#context.clear();
  }

  /** Reads a response to its end in the background, so that it is stored. */
  finish(request: Request, response: Promise<Response>): void {
    this.#context.runInBackground(request.url, response.then(drainBody), request.signal);
  }

  /** Resolves when no background request is left. */
  idle(): Promise<void> {
    return this.#context.idle();
  }

  /** Returns the same cache for callers with limited access: `guard` checks each of their requests, redirects included. */
  withGuard(guard: RequestGuard): Pick<HttpCache, 'respond' | 'finish'> {
    const context = this.#context.withGuard(guard);
    return {
      respond: (request, mode = request.cache) =>
        this.#followRedirects(request, (hop) => respondAndPublish(context, hop, mode), guard),
      finish: (request, response) => this.finish(request, response),
    };
  }

  #followRedirects<T extends Response | undefined>(
    request: Request,
    respondTo: (hop: Request) => Promise<T>,
    guard?: RequestGuard,
  ): Promise<T> {
    return followRedirects(request, respondTo, (hop, redirect) => this.finish(hop, Promise.resolve(redirect)), guard);
  }
}

/**
 * Returns an `HttpCache` over a cache of the engine.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a cache that is not open in this process, for a `fetch` that isn't a function, and for an
 * unknown option.
 */
export const createHttpCache = (options: HttpCacheOptions): HttpCache => new HttpCache(options);
