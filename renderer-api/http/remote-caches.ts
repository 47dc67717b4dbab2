import type { QueryOptions } from '../../protocol/http.ts';
import type { LazyHttpClient } from './lazy-http-client.ts';
import type { RemoteWebCache } from './remote-web-cache.ts';
import { type RequestInput, toRequest } from './request-input.ts';

export type { QueryOptions, RemoteWebCache };

/**
 * The application's `CacheStorage` in a page: one on disk for all windows, the same as `host.caches`. Behaves and fails as the standard's,
 * https://w3c.github.io/ServiceWorker/#cachestorage-interface, and also takes schemes of the application's own.
 *
 * @throws {DiskCacheError} in addition: `NOT_ALLOWED` without the grant `@caches`, `DISCONNECTED`, `DISK_FULL`, `TOO_LARGE`, `BUSY`.
 */
export class RemoteCacheStorage {
  readonly #http: LazyHttpClient;

  constructor(http: LazyHttpClient) {
    this.#http = http;
  }

  /** Opens the cache of this name; creates it if needed. */
  open(cacheName: string): Promise<RemoteWebCache> {
    return this.#http.use(({ storage }) => storage.open(cacheName));
  }

  has(cacheName: string): Promise<boolean> {
    return this.#http.use(({ storage }) => storage.has(cacheName));
  }

  /** Deletes a cache and its content. Returns whether there was one. */
  delete(cacheName: string): Promise<boolean> {
    return this.#http.use(({ storage }) => storage.delete(cacheName));
  }

  /** Returns the names, in creation order. */
  keys(): Promise<string[]> {
    return this.#http.use(({ storage }) => storage.keys());
  }

  /** Returns the first matching response in any cache, or in the named one. */
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
