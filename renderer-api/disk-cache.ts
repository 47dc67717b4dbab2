import { DiskCacheError } from '../protocol/error.ts';
import type { Key } from '../protocol/key.ts';
import { DEFAULT_STORE, isStoreName, type StoreDeclaration, type StoreDeclarations } from '../protocol/stores.ts';
import { Client, type Connect } from './client.ts';
import { RemoteCache } from './remote-cache.ts';

/** A declared store as a page sees it. */
export type RemoteStore<D> = D extends StoreDeclaration<infer K, infer V> ? RemoteCache<K, V> : never;
export type RemoteStores<S extends StoreDeclarations> = { readonly [N in keyof S]: RemoteStore<S[N]> };

export interface DiskCacheOptions {
  /** Milliseconds after which a call that was not answered rejects with `TIMEOUT`. Default 30 000. */
  readonly timeout?: number;
}

/** The application's stores, from a page. It is itself the store named `default`. */
export class DiskCache extends RemoteCache {
  readonly #client: Client;
  readonly #caches = new Map<string, RemoteCache>();

  constructor(connect: Connect, { timeout = 30_000 }: DiskCacheOptions = {}) {
    const client = new Client(connect, timeout);
    super(client, DEFAULT_STORE);
    this.#client = client;
  }

  /**
   * A store by its declared name. One that was not declared rejects its calls with `NO_SUCH_STORE`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that no store can have.
   */
  cache<K extends Key = Key, V = unknown>(name: string): RemoteCache<K, V> {
    if (!isStoreName(name)) throw new DiskCacheError('BAD_OPTION', `"${String(name)}" can't be the name of a store`);
    const cache = this.#caches.get(name) ?? new RemoteCache(this.#client, name);
    this.#caches.set(name, cache);
    return cache as unknown as RemoteCache<K, V>;
  }

  /** The declared stores by name, typed: `diskCache.as<typeof stores>().api.get(…)`. */
  as<S extends StoreDeclarations>(): RemoteStores<S> {
    return new Proxy({} as RemoteStores<S>, {
      get: (_, name) => (isStoreName(name) ? this.cache(name) : undefined),
    });
  }

  /** Rejects every open call with `DISCONNECTED`; the next call connects again. */
  disconnect(why = 'The page disconnected'): void {
    this.#client.disconnect(new DiskCacheError('DISCONNECTED', why));
  }
}
