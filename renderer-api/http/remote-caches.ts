import type { QueryOptions } from '../../protocol/http.ts';
import type { LazyHttpClient } from './lazy-http-client.ts';
import type { RemoteWebCache } from './remote-web-cache.ts';
import { type RequestInput, toRequest } from './request-input.ts';

export type { QueryOptions, RemoteWebCache };

/**
 * The application's `CacheStorage`, seen from a page: one for all its windows, the same as `host.caches`, on disk. Behaves as the
 * standard's, https://w3c.github.io/ServiceWorker/#cachestorage-interface, whose errors it has, and also for schemes of the application's own.
 *
 * @throws {DiskCacheError} besides: `NOT_ALLOWED` without the grant `@caches`, `DISCONNECTED`, `DISK_FULL`, `TOO_LARGE`, `BUSY`.
 */
export class RemoteCacheStorage {
  readonly #http: LazyHttpClient;

  constructor(http: LazyHttpClient) {
    this.#http = http;
  }

  /** The cache of a name, made if there is none. */
  open(cacheName: string): Promise<RemoteWebCache> {
    return this.#http.use(({ storage }) => storage.open(cacheName));
  }

  has(cacheName: string): Promise<boolean> {
    return this.#http.use(({ storage }) => storage.has(cacheName));
  }

  /** Deletes a cache with all that is in it; returns whether there was one. */
  delete(cacheName: string): Promise<boolean> {
    return this.#http.use(({ storage }) => storage.delete(cacheName));
  }

  /** The names, in the order in which the caches were made. */
  keys(): Promise<string[]> {
    return this.#http.use(({ storage }) => storage.keys());
  }

  /** The first response in any cache, or in the one named. */
  async match(
    request: RequestInput,
    options?: QueryOptions & { readonly cacheName?: string },
  ): Promise<Response | undefined> {
    const wanted = toRequest(request);
    return this.#http.use(({ storage }) => storage.match(wanted, options));
  }

  get [Symbol.toStringTag](): string {
    return 'CacheStorage';
  }
}
