import { Cache, type CacheOptions } from '../../../main/engine/index.ts';
import { createHttpCache, type HttpCache, type HttpCacheOptions } from '../../../main/offline/http/http-cache.ts';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { freshDirectory } from '../../engine/fresh-directory.ts';

export const URL_A = 'https://a.example/thing';

/** An origin without a network, and a cache in front of it whose clock the test sets. */
export interface HttpCacheFixture extends Disposable {
  readonly http: HttpCache;
  readonly cache: Cache;
  /** The requests that the origin has received. */
  readonly originRequests: Request[];
  readonly failures: unknown[];
  /** Advances the clock by milliseconds. */
  advance(time: number): void;
  /** Another cache over the same store and origin. */
  openAnother(options: Partial<HttpCacheOptions>): HttpCache;
}

export type OriginHandler = (request: Request, count: number) => Response | Promise<Response>;

export function openHttpCache(
  respond: OriginHandler,
  options: Partial<HttpCacheOptions> & { readonly store?: CacheOptions } = {},
): HttpCacheFixture {
  const { store, ...httpOptions } = options;
  let now = Date.parse('2026-03-01T12:00:00Z');
  const clock = () => now;
  const cache = new Cache(freshDirectory(), { clock, ...store });
  const originRequests: Request[] = [];
  const failures: unknown[] = [];
  const fetch = async (request: Request) => {
    originRequests.push(request);
    const response = await respond(request, originRequests.length);
    if (!response.headers.has('date')) response.headers.set('date', new Date(now).toUTCString());
    return response;
  };
  const openAnother = (more: Partial<HttpCacheOptions>) =>
    createHttpCache({ cache, fetch, clock, onStoreFailure: (error) => failures.push(error), ...httpOptions, ...more });
  return {
    http: openAnother({}),
    cache,
    originRequests,
    failures,
    advance: (time) => {
      now += time;
    },
    openAnother,
    [Symbol.dispose]: () => cache.close(),
  };
}

/** Responds with the number of the request as body. */
export const createNumberedAnswer =
  (headers: Record<string, string>, status = 200): OriginHandler =>
  (_, count) =>
    new Response(String(count), { status, headers });

/** Returns the body and the cache status of a response. */
export async function fetchText(
  { http }: HttpCacheFixture,
  init?: RequestInit,
  url = URL_A,
): Promise<[string, string | undefined]> {
  const response = await http.fetch(url, init);
  return [await response.text(), getCacheStatus(response)];
}
