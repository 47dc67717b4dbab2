import { randomUUID } from 'node:crypto';
import type { CacheFace, Key } from '../../engine/index.ts';
import { asListener } from '../../engine/internal.ts';
import { checkedFetch, demandHandedIn } from '../handed-in.ts';
import { FUNCTION, LOOKED_AT_LATER, type OptionRules, parseOptions, TEXT, TEXTS, withMethods } from '../options.ts';
import type { RequestGuard } from '../request-guard.ts';
import type { QueryOptions } from './matching.ts';
import { type OnStoreFailure, Shelf } from './shelf.ts';
import { type RequestInfo, requestOf, type Surroundings, WebCache } from './web-cache.ts';

export interface CacheStorageOptions {
  /** Where it all is. What an evicting store drops is not found any more: `evictionPolicy: 'none'` keeps what the standard promises. */
  readonly cache: CacheFace;
  /** The way to the network, for `add` and `addAll`. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Several storages in one store, such as one for each origin, have names. Default `''`. */
  readonly name?: string;
  /** Schemes that may be cached besides `http` and `https`, such as the application's own: a list, or who is asked each time. */
  readonly schemes?: readonly string[] | ((scheme: string) => boolean);
  /** Told when the store failed while it was asked for a response (`CORRUPT`, `BUSY`, `CLOSED`, …); nothing is found then. */
  readonly onStoreFailure?: (error: unknown, url: string) => void;
  /** Looks at what `add` and `addAll` fetch, redirects included, where somebody asks who may not reach everything. Default none. */
  readonly guard?: RequestGuard;
}

const OPTIONS: OptionRules<CacheStorageOptions> = {
  cache: LOOKED_AT_LATER,
  fetch: LOOKED_AT_LATER,
  name: TEXT,
  schemes: {
    is: `${TEXTS.is}, or a function of a scheme`,
    accepts: (value) => TEXTS.accepts(value) || FUNCTION.accepts(value),
  },
  onStoreFailure: FUNCTION,
  guard: withMethods('a RequestGuard', 'beforeAnswer', 'beforeSending'),
};

/** The names of the caches in the order of their creation, and the ids under which their items are. */
type Names = readonly (readonly [name: string, id: string])[];

/** The standard's `CacheStorage` on disk. https://w3c.github.io/ServiceWorker/#cachestorage-interface */
export class CacheStorage {
  readonly #cache: CacheFace;
  readonly #key: Key;
  readonly #name: string;
  readonly #around: Surroundings;
  readonly #onStoreFailure: OnStoreFailure;

  /** @throws {DiskCacheError} `BAD_OPTION` */
  constructor(options: CacheStorageOptions) {
    const {
      cache,
      fetch,
      name = '',
      schemes = [],
      onStoreFailure = () => {},
      guard,
    } = parseOptions('CacheStorage', options, OPTIONS);
    demandHandedIn('CacheStorage', { cache, fetch });
    this.#cache = cache;
    this.#key = ['caches', name];
    this.#name = name;
    const isOne = typeof schemes === 'function' ? schemes : (scheme: string) => schemes.includes(scheme);
    this.#around = {
      fetch: checkedFetch('CacheStorage', fetch),
      isCached: (scheme) => scheme === 'http' || scheme === 'https' || isOne(scheme),
      guard,
    };
    this.#onStoreFailure = asListener(onStoreFailure, 'onStoreFailure');
  }

  /** The cache of a name, made if there is none. */
  async open(cacheName: string): Promise<WebCache> {
    const name = demanded(cacheName);
    const opened = this.#cache.transact(() => {
      const names = this.#names();
      const id = idOf(names, name) ?? randomUUID();
      if (idOf(names, name) === undefined) this.#cache.set(this.#key, [...names, [name, id]]);
      return id;
    });
    this.#shelf(opened).sweep();
    return this.#opened(opened);
  }

  /** The cache that has this id; when there is none any more, one in which nothing is and stays. */
  withId(id: string): WebCache {
    return this.#opened(id);
  }

  async has(cacheName: string): Promise<boolean> {
    return idOf(this.#names(), demanded(cacheName)) !== undefined;
  }

  /** Deletes a cache with all that is in it; answers whether there was one. */
  async delete(cacheName: string): Promise<boolean> {
    return this.#cache.transact(() => {
      const names = this.#names();
      const id = idOf(names, demanded(cacheName));
      if (id === undefined) return false;
      this.#cache.set(
        this.#key,
        names.filter((it) => it[1] !== id),
      );
      this.#shelf(id).clear();
      return true;
    });
  }

  async keys(): Promise<string[]> {
    return this.#names().map(([name]) => name);
  }

  /** The first response in any cache, or in the one named. Where the store fails it finds nothing. */
  async match(
    request: RequestInfo,
    { cacheName, ...options }: QueryOptions & { readonly cacheName?: string } = {},
  ): Promise<Response | undefined> {
    const query = requestOf(request);
    for (const [name, id] of this.#lookUpNames(query.url)) {
      if (cacheName !== undefined && name !== String(cacheName)) continue;
      const response = await this.#opened(id).match(query, options);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  get [Symbol.toStringTag](): string {
    return 'CacheStorage';
  }

  #opened(id: string): WebCache {
    return new WebCache(this.#shelf(id), this.#around);
  }

  #shelf(id: string): Shelf {
    return new Shelf(this.#cache, this.#name, id, () => this.#names().some((it) => it[1] === id), this.#onStoreFailure);
  }

  #lookUpNames(url: string): Names {
    try {
      return this.#names();
    } catch (error) {
      this.#onStoreFailure(error, url);
      return [];
    }
  }

  #names(): Names {
    return (this.#cache.get(this.#key) as Names | undefined) ?? [];
  }
}

const idOf = (names: Names, name: string): string | undefined => names.find((it) => it[0] === name)?.[1];

/** A name that is left out is a mistake, not the name "undefined". */
function demanded(cacheName: string | undefined): string {
  if (cacheName === undefined) throw new TypeError('The name of the cache is missing');
  return String(cacheName);
}
