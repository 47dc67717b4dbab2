import type { CacheMethods } from '../../engine/index.ts';
import { drainBody } from '../bodies.ts';
import type { RequestGuard } from '../network.ts';
import { assertCacheAndFetch, assertingFetch, followRedirects } from '../network.ts';
import { FLAG, FUNCTION, LOOKED_AT_LATER, type OptionRules, parseOptions, TEXT, TEXTS } from '../options.ts';
import { HttpCacheContext } from './context.ts';
import { respondAndPublish } from './publish-decision.ts';
import type { CacheMode } from './respond.ts';
import { respondFromStore } from './response.ts';
import { ResponseStore } from './response-store.ts';

export interface HttpCacheOptions {
  /** Where responses are kept, within its limit and by its policy; `least-recently-used` suits. */
  readonly cache: CacheMethods;
  /**
   * The way to the origin, such as the global `fetch`. With `redirect: 'manual'` it hands out a redirect as a response, as Node's
   * does; Electron's `net.fetch` doesn't, `networkFetch` of `deskcache/main` does.
   */
  readonly fetch: (request: Request) => Promise<Response>;
  /** What one partition has stored no other one gets: a session, a user. Default `''`. */
  readonly partition?: string;
  /** Whether several users get the same responses, as from a proxy: then `private` ones are not kept. Default false. */
  readonly shared?: boolean;
  /**
   * Request fields that `fetch` adds on its way, such as `cookie` in Electron: a response that varies by one is not kept, because no later request could
   * tell for whom it is. Default none.
   */
  readonly hiddenHeaders?: readonly string[];
  /**
   * Whether `Set-Cookie` is kept with a response and shown with it later, as RFC 9111 §7.3 lets a cache do. Then sessions are on
   * the disk, and a cookie comes back after it was withdrawn. Default false.
   */
  readonly keepSetCookie?: boolean;
  /** Now, in epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Told when the store failed (`DISK_FULL`, `TOO_LARGE`, `CORRUPT`, …); who asked gets the response all the same. */
  readonly onStoreFailure?: (error: unknown, url: string) => void;
  /** Told when a request behind the scenes failed, such as that of `stale-while-revalidate`; what is stored stays as it is. */
  readonly onRevalidationFailure?: (error: unknown, url: string) => void;
}

export const HTTP_CACHE_OPTIONS: OptionRules<HttpCacheOptions> = {
  cache: LOOKED_AT_LATER,
  fetch: LOOKED_AT_LATER,
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
 * `stale-while-revalidate` and `stale-if-error` (RFC 5861), HEAD and Range from stored responses, invalidation. Where the origin
 * can't be reached a stale response stands in, unless it says `must-revalidate` or `no-cache`. Equal requests at the same time, in
 * this process, are one request to the origin. Bodies stream from and to the disk. What it does with
 * requests and URLs is bound to it: `const { fetch } = createHttpCache(…)`.
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
    const readers = { shared, hiddenHeaders: new Set(hiddenHeaders.map((name) => name.toLowerCase())) };
    const network = assertingFetch('an HTTP cache', fetch);
    this.#context = new HttpCacheContext({
      store,
      fetch: network,
      ...readers,
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
   * As the global `fetch`, the cache modes of the standard included. `getCacheStatus(response)` tells where it came from. A failure
   * of the origin rejects with what `fetch` rejected with; `only-if-cached` answers 504 where nothing is stored. Where the store
   * fails, even when it was closed, the request goes to the origin.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.respond(new Request(input, init));
  }

  /** `fetch` for a request whose cache mode the caller doesn't choose. Redirects are followed as the request says. */
  respond(request: Request, mode: CacheMode = request.cache): Promise<Response> {
    return this.#followRedirects(request, (hop) => respondAndPublish(this.#context, hop, mode));
  }

  /**
   * The stored response that a request selects, fresh or stale; undefined when there is none.
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
   * Forgets all responses of a URL; answers whether there were any.
   *
   * @throws {DiskCacheError} what writing the store throws: `BUSY`, `CLOSED`, `READ_ONLY`.
   */
  delete(url: string): boolean {
    return this.#context.invalidate(new URL(url).href);
  }

  /**
   * Forgets all responses of the partition, as when its user leaves, also those on the way; answers of how many URLs. O(n).
   *
   * @throws {DiskCacheError} as `delete`.
   */
  clear(): number {
    return this.#context.clear();
  }

  /** Reads a response to its end in the background, so that it is stored. */
  finish(request: Request, answer: Promise<Response>): void {
    this.#context.runInBackground(request.url, answer.then(drainBody), request.signal);
  }

  /** Resolves when nothing is being revalidated behind the scenes. */
  idle(): Promise<void> {
    return this.#context.idle();
  }

  /** The same cache for callers that may not reach everything: `guard` looks at each, redirects included. */
  withGuard(guard: RequestGuard): Pick<HttpCache, 'respond' | 'finish'> {
    const room = this.#context.withGuard(guard);
    return {
      respond: (request, mode = request.cache) =>
        this.#followRedirects(request, (hop) => respondAndPublish(room, hop, mode), guard),
      finish: (request, answer) => this.finish(request, answer),
    };
  }

  #followRedirects<T extends Response | undefined>(
    request: Request,
    answer: (hop: Request) => Promise<T>,
    guard?: RequestGuard,
  ): Promise<T> {
    return followRedirects(request, answer, (hop, redirect) => this.finish(hop, Promise.resolve(redirect)), guard);
  }
}

/**
 * An `HttpCache` over a cache of the engine.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a cache that is not open in this process, a `fetch` that isn't a function, and a name that
 * no option has.
 */
export const createHttpCache = (options: HttpCacheOptions): HttpCache => new HttpCache(options);
