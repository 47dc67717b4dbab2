import type { CachesCall, CachesResult, QueryOptions } from '../../protocol/http.ts';
import { toQueryFlags, toWireRequest } from './http-messages.ts';
import { RemoteWebCache, type WebCacheCalls } from './remote-web-cache.ts';

/** Carries out the calls of `RemoteCacheStorage`. */
export class CacheStorageClient {
  readonly #calls: WebCacheCalls;

  constructor(calls: WebCacheCalls) {
    this.#calls = calls;
  }

  async open(cacheName: string): Promise<RemoteWebCache> {
    return new RemoteWebCache(
      this.#calls,
      (await this.#call({ method: 'open', name: toCacheName(cacheName) })) as string,
    );
  }

  async has(cacheName: string): Promise<boolean> {
    return (await this.#call({ method: 'has', name: toCacheName(cacheName) })) as boolean;
  }

  async delete(cacheName: string): Promise<boolean> {
    return (await this.#call({ method: 'delete', name: toCacheName(cacheName) })) as boolean;
  }

  async keys(): Promise<string[]> {
    return (await this.#call({ method: 'keys' })) as string[];
  }

  async match(
    request: Request,
    { cacheName, ...options }: QueryOptions & { readonly cacheName?: string } = {},
  ): Promise<Response | undefined> {
    const cacheOption = cacheName === undefined ? {} : { cacheName: String(cacheName) };
    const call = {
      method: 'match',
      requests: [toWireRequest(request)],
      options: { ...toQueryFlags(options), ...cacheOption },
    };
    return (await this.#calls.responses(call))[0];
  }

  #call(call: Omit<CachesCall, 'id'>): Promise<CachesResult> {
    return this.#calls.caches(call);
  }
}

/** @throws {TypeError} for a missing name, which would become "undefined". */
function toCacheName(cacheName: string | undefined): string {
  if (cacheName === undefined) throw new TypeError('The name of the cache is missing');
  return String(cacheName);
}
