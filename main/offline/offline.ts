import { inspect } from 'node:util';
import { formatValue } from '../../protocol/describe-value.ts';
import { MAX_TIMER_MS } from '../../protocol/options.ts';
import { parseStrategyOptions, STRATEGIES, type Strategy, type StrategyOptions } from '../../protocol/strategy.ts';
import { type CacheMethods, DiskCacheError } from '../engine/index.ts';
import { httpChannel, wrapListener } from '../engine/internal.ts';
import type { CacheMode } from './http/decide.ts';
import { HTTP_CACHE_OPTIONS, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
import { publishDecision } from './http/respond.ts';
import { getCacheStatus } from './http/response.ts';
import { assertCacheAndFetch, assertingFetch, NetworkState, type RequestGuard } from './network.ts';
import { CHECKED_LATER, type OptionRules, parseOptions, type Rule, withMethods } from './options.ts';
import type { Precache } from './precache.ts';

export type { Strategy, StrategyOptions } from '../../protocol/strategy.ts';

/**
 * The strategies as cache modes.
 *
 * `http`: as the response (RFC 9111) and the cache mode of the request say. `cache-first`: a stored response, however old, else the
 * network; a stored error (4xx, 5xx) only while it is fresh. `network-first`: the network; if that fails or is too slow, a stored
 * response. `stale-while-revalidate`: a stored response, which is revalidated in the background if it is stale. `network-only`: without
 * the cache. `cache-only`: a stored response, else 504.
 */
const CACHE_MODES = {
  'cache-first': 'cache-first',
  'network-first': 'no-cache',
  'stale-while-revalidate': 'stale-while-revalidate',
  'network-only': 'no-store',
  'cache-only': 'only-if-cached',
} as const satisfies Record<Exclude<Strategy, 'http'>, CacheMode>;

/** Responds to requests. */
export type Responder = Pick<HttpCache, 'respond' | 'finish'>;

export interface Route extends StrategyOptions {
  /** A `RegExp`, a `URLPattern`, or a function of the request. The first matching route counts. */
  readonly match: { test(url: string): boolean } | ((request: Request) => boolean);
}

const MATCH: Rule = {
  is: 'a RegExp, a URLPattern or a function of the request',
  accepts: (value) => typeof value === 'function' || typeof Object(value).test === 'function',
};
const ROUTE_OPTIONS: OptionRules<Route> = { match: MATCH, strategy: CHECKED_LATER, timeout: CHECKED_LATER };

/** @throws {DiskCacheError} `BAD_OPTION` as `assertStrategyOptions`, for a route without `match`, and for an unknown option. */
function assertRoute(route: Route): void {
  parseOptions('A route', route, ROUTE_OPTIONS);
  if (route.match === undefined) throw new DiskCacheError('BAD_OPTION', `A route needs match: ${MATCH.is}`);
  assertStrategyOptions(route);
}

/** @throws {DiskCacheError} `BAD_OPTION` for an unknown strategy or an invalid time-out. */
function assertStrategyOptions({ strategy, timeout }: StrategyOptions): void {
  if (!STRATEGIES.includes(strategy)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `Unknown strategy ${formatValue(strategy, "'")}; valid strategies: ${STRATEGIES.join(', ')}`,
    );
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0)) {
    const given = inspect(timeout, { depth: 0 });
    throw new DiskCacheError(
      'BAD_OPTION',
      `The timeout of a strategy has to be a number of milliseconds above 0, not ${given}`,
    );
  }
}

/** Returns the first route that matches. `lastIndex` is reset, because a global RegExp would go on from its last match. */
function matchRoute(routes: readonly Route[], request: Request): StrategyOptions | undefined {
  return routes.find(({ match }) => {
    if (typeof match === 'function') return match(request);
    if (match instanceof RegExp) match.lastIndex = 0;
    return match.test(request.url);
  });
}

/** Responds by a strategy, which only GET and HEAD have. */
async function applyStrategy(
  http: Responder,
  request: Request,
  { strategy, timeout }: StrategyOptions,
): Promise<Response> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead || strategy === 'http') return http.respond(request);
  if (strategy !== 'network-first') return http.respond(request, CACHE_MODES[strategy]);
  const response = http.respond(request, CACHE_MODES[strategy]);
  try {
    if (timeout === undefined) return await response;
    const inTime = await withTimeout(response, timeout);
    if (inTime !== undefined) return inTime;
    const stored = await getStoredResponse(http, request);
    if (stored === undefined) return await response;
    http.finish(request, response);
    return stored;
  } catch (error) {
    const stored = request.signal.aborted ? undefined : await getStoredResponse(http, request);
    if (stored === undefined) throw error;
    return stored;
  }
}

/** Returns the stored response; undefined if there is none or the store fails. */
async function getStoredResponse(http: Responder, request: Request): Promise<Response | undefined> {
  const response = await http.respond(request, 'only-if-cached');
  return getCacheStatus(response) === 'miss' ? undefined : response;
}

/** Settles as the promise, or resolves with undefined after `timeoutMs`, which may be `Infinity`. */
function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout;
  const late = new Promise<undefined>((resolve) => {
    const wait = (remainingMs: number): void => {
      const delayMs = Math.min(remainingMs, MAX_TIMER_MS);
      timer = setTimeout(() => (remainingMs > delayMs ? wait(remainingMs - delayMs) : resolve(undefined)), delayMs);
    };
    wait(timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export interface OfflineOptions extends HttpCacheOptions {
  readonly cache: CacheMethods;
  /** Strategies by request; the first matching route counts. */
  readonly routes?: readonly Route[];
  /** The strategy of requests that match no route. Default `'http'`. */
  readonly strategy?: Strategy;
  /** Precached files; they are served before any route is considered. */
  readonly precache?: Precache;
  /** Whether the network can be reached. Default: a new `NetworkState`, online. */
  readonly connection?: NetworkState;
}

export const OFFLINE_OPTIONS: OptionRules<OfflineOptions> = {
  ...HTTP_CACHE_OPTIONS,
  routes: { is: 'an array of routes { match, strategy }', accepts: Array.isArray },
  strategy: CHECKED_LATER,
  precache: withMethods('a Precache', 'match'),
  connection: withMethods('a NetworkState', 'isOnline', 'set', 'subscribe', 'guard'),
};

/** `fetch` for an application that works without a network: precached files, strategies by route, an HTTP cache underneath. */
export class Offline {
  readonly connection: NetworkState;
  readonly http: HttpCache;
  readonly #routes: readonly Route[];
  readonly #defaultStrategy: StrategyOptions;
  readonly #precache: Precache | undefined;
  readonly #onStoreFailure: (error: unknown, url: string) => void;

  /** @throws {DiskCacheError} `BAD_OPTION` for an unknown strategy, a route without a valid `match`, and as `createHttpCache`. */
  constructor(options: OfflineOptions) {
    const {
      routes = [],
      strategy = 'http',
      precache,
      connection = new NetworkState(),
      ...httpOptions
    } = parseOptions('Offline', options, OFFLINE_OPTIONS);
    for (const route of routes) assertRoute(route);
    assertStrategyOptions({ strategy });
    assertCacheAndFetch('Offline', httpOptions);
    this.connection = connection;
    this.http = new HttpCache({
      ...httpOptions,
      fetch: connection.guard(assertingFetch('Offline', httpOptions.fetch)),
    });
    this.#routes = routes;
    this.#defaultStrategy = { strategy };
    this.#precache = precache;
    this.#onStoreFailure = wrapListener(httpOptions.onStoreFailure ?? (() => {}), 'onStoreFailure');
    // So that `const { fetch } = offline` and `respond` as a handler work.
    this.fetch = this.fetch.bind(this);
    this.respond = this.respond.bind(this);
  }

  /** Responds by the request's route, or by `plan`. `getCacheStatus(response)` returns where the response came from. */
  respond(request: Request, plan?: StrategyOptions): Promise<Response> {
    return this.#respond(this.http, request, plan);
  }

  /**
   * Returns the same for callers with limited access: `guard` checks each request, also those that redirects lead to, and refuses it by
   * throwing. Guarded requests share what is stored with others.
   */
  withGuard(guard: RequestGuard): Pick<Offline, 'respond' | 'connection'> {
    const http = this.http.withGuard(guard);
    return {
      connection: this.connection,
      respond: async (request, plan) => {
        guard.beforeAnswer(request);
        return this.#respond(http, request, plan);
      },
    };
  }

  async #respond(http: Responder, request: Request, plan: StrategyOptions | undefined): Promise<Response> {
    if (plan !== undefined) assertStrategyOptions(plan);
    const onStoreFailure = this.#onStoreFailure;
    const precached = plan === undefined ? await this.#precache?.match(request, { onStoreFailure }) : undefined;
    if (precached !== undefined && httpChannel.hasSubscribers) return publishDecision(request, async () => precached);
    return (
      precached ?? applyStrategy(http, request, plan ?? matchRoute(this.#routes, request) ?? this.#defaultStrategy)
    );
  }

  /**
   * Works as the global `fetch`, with an optional strategy for this request.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an unknown strategy, and for a `timeout` without a strategy; otherwise as `fetch`.
   */
  async fetch(input: string | URL | Request, init: RequestInit & Partial<StrategyOptions> = {}): Promise<Response> {
    const { strategy, timeout, ...rest } = init;
    const request = new Request(input, rest);
    return this.respond(request, parseStrategyOptions({ strategy, timeout }));
  }
}
