import type { CachesAnswer, CachesCall, QueryOptions } from '../../protocol/offline.ts';
import { RemoteWebCache, type WebCacheCalls } from './remote-web-cache.ts';
import { toQueryFlags, toWireRequest } from './wire-request.ts';

/** The calls of `RemoteCacheStorage`. */
export class Caches {
  readonly #calls: WebCacheCalls;

  constructor(calls: WebCacheCalls) {
    this.#calls = calls;
  }

  async open(cacheName: string): Promise<RemoteWebCache> {
    return new RemoteWebCache(this.#calls, (await this.#call({ method: 'open', name: nameOf(cacheName) })) as string);
  }

  async has(cacheName: string): Promise<boolean> {
    return (await this.#call({ method: 'has', name: nameOf(cacheName) })) as boolean;
  }

  async delete(cacheName: string): Promise<boolean> {
    return (await this.#call({ method: 'delete', name: nameOf(cacheName) })) as boolean;
  }

  async keys(): Promise<string[]> {
    return (await this.#call({ method: 'keys' })) as string[];
  }

  async match(
    request: Request,
    { cacheName, ...options }: QueryOptions & { readonly cacheName?: string } = {},
  ): Promise<Response | undefined> {
    const named = cacheName === undefined ? {} : { cacheName: String(cacheName) };
    const call = {
      method: 'match',
      requests: [toWireRequest(request)],
      options: { ...toQueryFlags(options), ...named },
    };
    return (await this.#calls.responses(call))[0];
  }

  #call(call: Omit<CachesCall, 'id'>): Promise<CachesAnswer> {
    return this.#calls.caches(call);
  }
}

/** A name that is left out is a mistake, not the name "undefined". */
function nameOf(cacheName: string | undefined): string {
  if (cacheName === undefined) throw new TypeError('The name of the cache is missing');
  return String(cacheName);
}
