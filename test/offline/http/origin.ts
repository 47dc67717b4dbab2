import { Cache, type CacheOptions } from '../../../main/engine/index.ts';
import { createHttpCache, type HttpCache, type HttpCacheOptions } from '../../../main/offline/http/http-cache.ts';
import { provenanceOf } from '../../../main/offline/http/provenance.ts';
import { freshDirectory } from '../../engine/directory.ts';

export const URL_A = 'https://a.example/thing';

/** An origin without a network, and a cache in front of it whose clock the test moves. */
export interface Setup extends Disposable {
  readonly http: HttpCache;
  readonly cache: Cache;
  /** What the origin was asked. */
  readonly asked: Request[];
  readonly failures: unknown[];
  /** Milliseconds. */
  pass(time: number): void;
  /** Another cache over the same store and origin. */
  another(options: Partial<HttpCacheOptions>): HttpCache;
}

export type Answer = (request: Request, count: number) => Response | Promise<Response>;

export function inFrontOf(
  answer: Answer,
  options: Partial<HttpCacheOptions> & { readonly store?: CacheOptions } = {},
): Setup {
  const { store, ...rest } = options;
  let now = Date.parse('2026-03-01T12:00:00Z');
  const clock = () => now;
  const cache = new Cache(freshDirectory(), { clock, ...store });
  const asked: Request[] = [];
  const failures: unknown[] = [];
  const fetch = async (request: Request) => {
    asked.push(request);
    const response = await answer(request, asked.length);
    if (!response.headers.has('date')) response.headers.set('date', new Date(now).toUTCString());
    return response;
  };
  const another = (more: Partial<HttpCacheOptions>) =>
    createHttpCache({ cache, fetch, clock, onStoreFailure: (error) => failures.push(error), ...rest, ...more });
  return {
    http: another({}),
    cache,
    asked,
    failures,
    pass: (time) => {
      now += time;
    },
    another,
    [Symbol.dispose]: () => cache.close(),
  };
}

/** A response whose body is its count: which answer it was. */
export const numbered =
  (headers: Record<string, string>, status = 200): Answer =>
  (_, count) =>
    new Response(String(count), { status, headers });

/** Body and provenance of what a request gets. */
export async function got({ http }: Setup, init?: RequestInit, url = URL_A): Promise<[string, string | undefined]> {
  const response = await http.fetch(url, init);
  return [await response.text(), provenanceOf(response)];
}
