import { planOf } from '../../protocol/strategy.ts';
import type { CacheFace } from '../engine/index.ts';
import { asListener } from '../engine/internal.ts';
import { Connection } from './connection.ts';
import { checkedFetch, demandHandedIn } from './handed-in.ts';
import { HTTP_CACHE_OPTIONS, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
import { LOOKED_AT_LATER, type OptionRules, parseOptions, withMethods } from './options.ts';
import type { Precache } from './precache.ts';
import type { RequestGuard } from './request-guard.ts';
import {
  demandPlan,
  demandRoute,
  follow,
  type Plan,
  planFor,
  type Responder,
  type Route,
  type Strategy,
} from './strategy.ts';

export interface OfflineOptions extends HttpCacheOptions {
  readonly cache: CacheFace;
  /** What requests do, by URL; the first that matches counts. */
  readonly routes?: readonly Route[];
  /** What requests do that match no route. Default `'http'`. */
  readonly strategy?: Strategy;
  /** Files that are there in advance; they answer before any route. */
  readonly precache?: Precache;
  /** Whether there is a network. Default: a connection of its own, online. */
  readonly connection?: Connection;
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
  readonly connection: Connection;
  readonly http: HttpCache;
  readonly #routes: readonly Route[];
  readonly #otherwise: Plan;
  readonly #precache: Precache | undefined;
  readonly #onStoreFailure: (error: unknown, url: string) => void;

  /** @throws {DiskCacheError} `BAD_OPTION` for a strategy that there isn't, a route that can't match, and as `createHttpCache`. */
  constructor(given: OfflineOptions) {
    const {
      routes = [],
      strategy = 'http',
      precache,
      connection = new Connection(),
      ...options
    } = parseOptions('Offline', given, OFFLINE_OPTIONS);
    for (const route of routes) demandRoute(route);
    demandPlan({ strategy });
    demandHandedIn('Offline', options);
    this.connection = connection;
    this.http = new HttpCache({ ...options, fetch: connection.guard(checkedFetch('Offline', options.fetch)) });
    this.#routes = routes;
    this.#otherwise = { strategy };
    this.#precache = precache;
    this.#onStoreFailure = asListener(options.onStoreFailure ?? (() => {}), 'onStoreFailure');
    // So that `const { fetch } = offline` and `respond` as a handler work.
    this.fetch = this.fetch.bind(this);
    this.respond = this.respond.bind(this);
  }

  /** Answers a request by its route, or by `plan`. `provenanceOf(response)` tells where the answer came from. */
  respond(request: Request, plan?: Plan): Promise<Response> {
    return this.#respond(this.http, request, plan);
  }

  /**
   * The same for requests of somebody who may not reach everything: `guard` looks at each, also those that redirects lead to, and
   * refuses it by throwing. They get what is stored as others do.
   */
  guardedBy(guard: RequestGuard): Pick<Offline, 'respond' | 'connection'> {
    const http = this.http.guardedBy(guard);
    return {
      connection: this.connection,
      respond: async (request, plan) => {
        guard.beforeAnswer(request);
        return this.#respond(http, request, plan);
      },
    };
  }

  async #respond(http: Responder, request: Request, plan: Plan | undefined): Promise<Response> {
    if (plan !== undefined) demandPlan(plan);
    const onStoreFailure = this.#onStoreFailure;
    const precached = plan === undefined ? await this.#precache?.match(request, { onStoreFailure }) : undefined;
    return precached ?? follow(http, request, plan ?? planFor(this.#routes, request) ?? this.#otherwise);
  }

  /**
   * As the global `fetch`, with the strategy for this once.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a strategy that there isn't, and for a `timeout` without one; else as `fetch`.
   */
  async fetch(input: string | URL | Request, init: RequestInit & Partial<Plan> = {}): Promise<Response> {
    const { strategy, timeout, ...rest } = init;
    const request = new Request(input, rest);
    return this.respond(request, planOf({ strategy, timeout }));
  }
}
