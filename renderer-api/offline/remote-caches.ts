import type { CachesAnswer, CachesCall, QueryOptions } from '../../protocol/offline.ts';
import type { Http } from './http.ts';
import type { RemoteWebCache } from './remote-web-cache.ts';
import { toQueryFlags, toWireRequests } from './wire-request.ts';

type RequestInput = RequestInfo | URL;

export type { QueryOptions, RemoteWebCache };

/**
 * The application's `CacheStorage`, seen from a page: one for all its windows, the same as `host.caches`, on disk. Behaves as the
 * standard's, https://w3c.github.io/ServiceWorker/#cachestorage-interface, whose errors it has, and also for schemes of the application's own.
 *
 * @throws {DiskCacheError} besides: `NOT_ALLOWED` without the grant `@caches`, `DISCONNECTED`, `DISK_FULL`, `TOO_LARGE`, `BUSY`.
 */
export class RemoteCacheStorage {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** The cache of a name, made if there is none. */
  async open(cacheName: string): Promise<RemoteWebCache> {
    const name = nameOf(cacheName);
    return this.#http.use((client) => client.openCache(name));
  }

  async has(cacheName: string): Promise<boolean> {
    return (await this.#call({ method: 'has', name: nameOf(cacheName) })) as boolean;
  }

  /** Deletes a cache with all that is in it; answers whether there was one. */
  async delete(cacheName: string): Promise<boolean> {
    return (await this.#call({ method: 'delete', name: nameOf(cacheName) })) as boolean;
  }

  /** The names, in the order in which the caches were made. */
  async keys(): Promise<string[]> {
    return (await this.#call({ method: 'keys' })) as string[];
  }

  /** The first response in any cache, or in the one named. */
  async match(
    request: RequestInput,
    { cacheName, ...options }: QueryOptions & { readonly cacheName?: string } = {},
  ): Promise<Response | undefined> {
    const named = cacheName === undefined ? {} : { cacheName: String(cacheName) };
    const call = {
      method: 'match',
      requests: toWireRequests(request),
      options: { ...toQueryFlags(options), ...named },
    };
    return (await this.#http.use((client) => client.responses(call)))[0];
  }

  get [Symbol.toStringTag](): string {
    return 'CacheStorage';
  }

  #call(call: Omit<CachesCall, 'id'>): Promise<CachesAnswer> {
    return this.#http.use((client) => client.caches(call));
  }
}

/** A name that is left out is a mistake, not the name "undefined". */
function nameOf(cacheName: string | undefined): string {
  if (cacheName === undefined) throw new TypeError('The name of the cache is missing');
  return String(cacheName);
}
