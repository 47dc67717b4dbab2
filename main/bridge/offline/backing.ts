import type { QueryOptions } from '../../../protocol/offline.ts';
import type { Plan } from '../../../protocol/strategy.ts';

/** What stands behind a page's port for `fetch`, CacheStorage and the connection. */
export interface Backing {
  /**
   * What answers the page's requests for a scheme (`https:`); without one, what knows whether there is a network.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` where nothing does, or not this scheme.
   */
  offline(scheme?: string): Answering;
  /** The application's caches; `add` goes to the network as the page's session does. */
  readonly caches: () => Caches;
}

export interface Answering {
  respond(request: Request, plan?: Plan): Promise<Response>;
  readonly connection: {
    isOnline(): boolean;
    set(online: boolean): void;
    subscribe(listener: (online: boolean) => void): () => void;
  };
}

/** The standard's `CacheStorage`, whose caches have ids. */
export interface Caches {
  open(name: string): Promise<{ readonly id: string }>;
  has(name: string): Promise<boolean>;
  delete(name: string): Promise<boolean>;
  keys(): Promise<string[]>;
  match(request: Request, options: QueryOptions & { readonly cacheName?: string }): Promise<Response | undefined>;
  withId(id: string): OneCache;
}

export interface OneCache {
  match(request: Request, options: QueryOptions): Promise<Response | undefined>;
  matchAll(request: Request | undefined, options: QueryOptions): Promise<Response[]>;
  addAll(requests: readonly Request[]): Promise<void>;
  put(request: Request, response: Response): Promise<void>;
  delete(request: Request, options: QueryOptions): Promise<boolean>;
  keys(request: Request | undefined, options: QueryOptions): Promise<Request[]>;
}
