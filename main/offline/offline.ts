import { planOf } from '../../protocol/strategy.ts';
import type { CacheFace } from '../engine/index.ts';
import { Connection } from './connection.ts';
import { demandHandedIn } from './handed-in.ts';
import { HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
import type { Precache } from './precache.ts';
import { demandPlan, follow, type Plan, planFor, type Route, type Strategy } from './strategy.ts';

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

/** `fetch` for an application that works without a network: precached files, strategies by route, an HTTP cache underneath. */
export class Offline {
  readonly connection: Connection;
  readonly http: HttpCache;
  readonly #routes: readonly Route[];
  readonly #otherwise: Plan;
  readonly #precache: Precache | undefined;

  /** @throws {DiskCacheError} `BAD_OPTION` for a strategy that there isn't, a route that can't match, and as `createHttpCache`. */
  constructor({ routes = [], strategy = 'http', precache, connection = new Connection(), ...options }: OfflineOptions) {
    for (const route of routes) demandPlan(route, route.match);
    demandPlan({ strategy });
    demandHandedIn('Offline', options);
    this.connection = connection;
    this.http = new HttpCache({ ...options, fetch: connection.guard(options.fetch) });
    this.#routes = routes;
    this.#otherwise = { strategy };
    this.#precache = precache;
  }

  /** Answers a request by its route, or by `plan`. `provenanceOf(response)` tells where the answer came from. */
  async respond(request: Request, plan?: Plan): Promise<Response> {
    if (plan !== undefined) demandPlan(plan);
    const precached = plan === undefined ? await this.#precache?.match(request) : undefined;
    return precached ?? follow(this.http, request, plan ?? planFor(this.#routes, request) ?? this.#otherwise);
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
