import { inspect } from 'node:util';
import { shownValue } from '../../protocol/fault.ts';
import { type Plan, STRATEGIES, type Strategy } from '../../protocol/strategy.ts';
import { MAX_TIMER_MS } from '../../protocol/timer.ts';
import { DiskCacheError } from '../engine/index.ts';
import type { HttpCache } from './http/http-cache.ts';
import { provenanceOf } from './http/provenance.ts';
import type { Mode } from './http/respond.ts';
import { LOOKED_AT_LATER, type OptionRules, parseOptions, type Rule } from './options.ts';

export type { Plan, Strategy } from '../../protocol/strategy.ts';

/**
 * How requests go about the cache, as cache modes.
 *
 * `http`: as the responses say (RFC 9111), and the request by a cache mode of its own. `cache-first`: what is stored, however old,
 * else the network; an error (4xx, 5xx) only while it is fresh. `network-first`: the network, where it fails or is too slow what is stored. `stale-while-revalidate`: what is
 * stored, renewed behind the scenes when it is stale. `network-only`: past the cache. `cache-only`: what is stored, else 504.
 */
const MODES = {
  'cache-first': 'cache-first',
  'network-first': 'no-cache',
  'stale-while-revalidate': 'stale-while-revalidate',
  'network-only': 'no-store',
  'cache-only': 'only-if-cached',
} as const satisfies Record<Exclude<Strategy, 'http'>, Mode>;

/** What answers requests. */
export type Responder = Pick<HttpCache, 'respond' | 'finish'>;

export interface Route extends Plan {
  /** A `RegExp`, a `URLPattern`, or a function of the request. The first route that matches counts. */
  readonly match: { test(url: string): boolean } | ((request: Request) => boolean);
}

const MATCH: Rule = {
  is: 'a RegExp, a URLPattern or a function of the request',
  accepts: (value) => typeof value === 'function' || typeof Object(value).test === 'function',
};
const ROUTE_OPTIONS: OptionRules<Route> = { match: MATCH, strategy: LOOKED_AT_LATER, timeout: LOOKED_AT_LATER };

/** @throws {DiskCacheError} `BAD_OPTION` as `demandPlan`, for a route that matches nothing, and for a name that is none of a route's. */
export function demandRoute(route: Route): void {
  parseOptions('A route', route, ROUTE_OPTIONS);
  if (route.match === undefined) throw new DiskCacheError('BAD_OPTION', `A route needs match: ${MATCH.is}`);
  demandPlan(route);
}

/** @throws {DiskCacheError} `BAD_OPTION` for a strategy that there isn't, and a time-out that is no time. */
export function demandPlan({ strategy, timeout }: Plan): void {
  if (!STRATEGIES.includes(strategy)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `There is no strategy ${shownValue(strategy, "'")}; there are ${STRATEGIES.join(', ')}`,
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
export function planFor(routes: readonly Route[], request: Request): Plan | undefined {
  return routes.find(({ match }) => {
    if (typeof match === 'function') return match(request);
    if (match instanceof RegExp) match.lastIndex = 0;
    return match.test(request.url);
  });
}

/** Answers a request by a plan. Only GET and HEAD have a choice. */
export async function follow(http: Responder, request: Request, { strategy, timeout }: Plan): Promise<Response> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead || strategy === 'http') return http.respond(request);
  if (strategy !== 'network-first') return http.respond(request, MODES[strategy]);
  const answer = http.respond(request, MODES[strategy]);
  try {
    if (timeout === undefined) return await answer;
    const inTime = await within(answer, timeout);
    if (inTime !== undefined) return inTime;
    const stored = await storedAnswer(http, request);
    if (stored === undefined) return await answer;
    http.finish(request, answer);
    return stored;
  } catch (error) {
    const stored = request.signal.aborted ? undefined : await storedAnswer(http, request);
    if (stored === undefined) throw error;
    return stored;
  }
}

/** What is stored; a store that fails has nothing. */
async function storedAnswer(http: Responder, request: Request): Promise<Response | undefined> {
  const answer = await http.respond(request, 'only-if-cached');
  return provenanceOf(answer) === 'miss' ? undefined : answer;
}

/** What the promise brings; undefined after `time` milliseconds, which may be `Infinity`. */
function within<T>(promise: Promise<T>, time: number): Promise<T | undefined> {
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
