import { inspect } from 'node:util';
import { formatValue } from '../../protocol/describe-value.ts';
import { MAX_TIMER_MS } from '../../protocol/options.ts';
import { parseStrategyOptions, STRATEGIES, type Strategy, type StrategyOptions } from '../../protocol/strategy.ts';
import { type CacheMethods, DiskCacheError } from '../engine/index.ts';
import { httpChannel, wrapListener } from '../engine/internal.ts';
import { HTTP_CACHE_OPTIONS, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
import { publishDecision } from './http/publish-decision.ts';
import type { CacheMode } from './http/respond.ts';
import { getCacheStatus } from './http/response.ts';
import { assertCacheAndFetch, assertingFetch, NetworkState, type RequestGuard } from './network.ts';
import { LOOKED_AT_LATER, type OptionRules, parseOptions, type Rule, withMethods } from './options.ts';
import type { Precache } from './precache.ts';

export type { Strategy, StrategyOptions } from '../../protocol/strategy.ts';

/**
 * How requests go about the cache, as cache modes.
 *
 * `http`: as the responses say (RFC 9111), and the request by a cache mode of its own. `cache-first`: what is stored, however old,
 * else the network; an error (4xx, 5xx) only while it is fresh. `network-first`: the network, where it fails or is too slow what is stored. `stale-while-revalidate`: what is
 * stored, renewed behind the scenes when it is stale. `network-only`: past the cache. `cache-only`: what is stored, else 504.
 */
const CACHE_MODES = {
  'cache-first': 'cache-first',
  'network-first': 'no-cache',
  'stale-while-revalidate': 'stale-while-revalidate',
  'network-only': 'no-store',
  'cache-only': 'only-if-cached',
} as const satisfies Record<Exclude<Strategy, 'http'>, CacheMode>;

/** What answers requests. */
export type Responder = Pick<HttpCache, 'respond' | 'finish'>;

export interface Route extends StrategyOptions {
  /** A `RegExp`, a `URLPattern`, or a function of the request. The first route that matches counts. */
  readonly match: { test(url: string): boolean } | ((request: Request) => boolean);
}

const MATCH: Rule = {
  is: 'a RegExp, a URLPattern or a function of the request',
  accepts: (value) => typeof value === 'function' || typeof Object(value).test === 'function',
};
const ROUTE_OPTIONS: OptionRules<Route> = { match: MATCH, strategy: LOOKED_AT_LATER, timeout: LOOKED_AT_LATER };

/** @throws {DiskCacheError} `BAD_OPTION` as `assertStrategyOptions`, for a route without a match, and for an unknown option. */
export function assertRoute(route: Route): void {
  parseOptions('A route', route, ROUTE_OPTIONS);
  if (route.match === undefined) throw new DiskCacheError('BAD_OPTION', `A route needs match: ${MATCH.is}`);
  assertStrategyOptions(route);
}

/** @throws {DiskCacheError} `BAD_OPTION` for an unknown strategy or an invalid time-out. */
export function assertStrategyOptions({ strategy, timeout }: StrategyOptions): void {
  if (!STRATEGIES.includes(strategy)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `There is no strategy ${formatValue(strategy, "'")}; there are ${STRATEGIES.join(', ')}`,
    );
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0)) {
    const given = inspect(timeout, { depth: 0 });
    throw new DiskCacheError(
      'BAD_OPTION',
      `The time-out of a strategy is a number of milliseconds above 0, not ${given}`,
    );
  }
}

/** The plan of the first route that matches. A global RegExp would remember where it was: it is asked from the start. */
export function matchRoute(routes: readonly Route[], request: Request): StrategyOptions | undefined {
  return routes.find(({ match }) => {
    if (typeof match === 'function') return match(request);
    if (match instanceof RegExp) match.lastIndex = 0;
    return match.test(request.url);
  });
}

/** Responds by a strategy. Only GET and HEAD have a choice. */
export async function applyStrategy(
  http: Responder,
  request: Request,
  { strategy, timeout }: StrategyOptions,
): Promise<Response> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead || strategy === 'http') return http.respond(request);
  if (strategy !== 'network-first') return http.respond(request, CACHE_MODES[strategy]);
  const answer = http.respond(request, CACHE_MODES[strategy]);
  try {
    if (timeout === undefined) return await answer;
    const inTime = await withTimeout(answer, timeout);
    if (inTime !== undefined) return inTime;
    const stored = await getStoredResponse(http, request);
    if (stored === undefined) return await answer;
    http.finish(request, answer);
    return stored;
  } catch (error) {
    const stored = request.signal.aborted ? undefined : await getStoredResponse(http, request);
    if (stored === undefined) throw error;
    return stored;
  }
}

/** What is stored; a store that fails has nothing. */
async function getStoredResponse(http: Responder, request: Request): Promise<Response | undefined> {
  const answer = await http.respond(request, 'only-if-cached');
  return getCacheStatus(answer) === 'miss' ? undefined : answer;
}

/** What the promise brings; undefined after `time` milliseconds, which may be `Infinity`. */
function withTimeout<T>(promise: Promise<T>, time: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout;
  const late = new Promise<undefined>((resolve) => {
    const wait = (left: number): void => {
      const step = Math.min(left, MAX_TIMER_MS);
      timer = setTimeout(() => (left > step ? wait(left - step) : resolve(undefined)), step);
    };
    wait(time);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export interface OfflineOptions extends HttpCacheOptions {
  readonly cache: CacheMethods;
  /** What requests do, by URL; the first that matches counts. */
  readonly routes?: readonly Route[];
  /** What requests do that match no route. Default `'http'`. */
  readonly strategy?: Strategy;
  /** Files that are there in advance; they answer before any route. */
  readonly precache?: Precache;
  /** Whether there is a network. Default: a connection of its own, online. */
  readonly connection?: NetworkState;
}

export const OFFLINE_OPTIONS: OptionRules<OfflineOptions> = {
  ...HTTP_CACHE_OPTIONS,
  routes: { is: 'an array of routes { match, strategy }', accepts: Array.isArray },
  strategy: LOOKED_AT_LATER,
  precache: withMethods('a Precache', 'match'),
  connection: withMethods('a Connection', 'isOnline', 'set', 'subscribe', 'guard'),
};

/** `fetch` for an application that works without a network: precached files, strategies by route, an HTTP cache underneath. */
export class Offline {
  readonly connection: NetworkState;
  readonly http: HttpCache;
  readonly #routes: readonly Route[];
  readonly #defaultStrategy: StrategyOptions;
  readonly #precache: Precache | undefined;
  readonly #onStoreFailure: (error: unknown, url: string) => void;

  /** @throws {DiskCacheError} `BAD_OPTION` for a strategy that there isn't, a route that can't match, and as `createHttpCache`. */
  constructor(given: OfflineOptions) {
    const {
      routes = [],
      strategy = 'http',
      precache,
      connection = new NetworkState(),
      ...options
    } = parseOptions('Offline', given, OFFLINE_OPTIONS);
    for (const route of routes) assertRoute(route);
    assertStrategyOptions({ strategy });
    assertCacheAndFetch('Offline', options);
    this.connection = connection;
    this.http = new HttpCache({ ...options, fetch: connection.guard(assertingFetch('Offline', options.fetch)) });
    this.#routes = routes;
    this.#defaultStrategy = { strategy };
    this.#precache = precache;
    this.#onStoreFailure = wrapListener(options.onStoreFailure ?? (() => {}), 'onStoreFailure');
    // So that `const { fetch } = offline` and `respond` as a handler work.
    this.fetch = this.fetch.bind(this);
    this.respond = this.respond.bind(this);
  }

  /** Responds by the request's route, or by `plan`. `getCacheStatus(response)` tells where the response came from. */
  respond(request: Request, plan?: StrategyOptions): Promise<Response> {
    return this.#respond(this.http, request, plan);
  }

  /**
   * The same for callers that may not reach everything: `guard` looks at each, also those that redirects lead to, and
   * refuses it by throwing. They get what is stored as others do.
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
   * As the global `fetch`, with the strategy for this once.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a strategy that there isn't, and for a `timeout` without one; else as `fetch`.
   */
  async fetch(input: string | URL | Request, init: RequestInit & Partial<StrategyOptions> = {}): Promise<Response> {
    const { strategy, timeout, ...rest } = init;
    const request = new Request(input, rest);
    return this.respond(request, parseStrategyOptions({ strategy, timeout }));
  }
}
