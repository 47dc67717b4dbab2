import { Client } from '../client/client.ts';
import type { MessagePortLike } from '../client/port-connection.ts';
import type { RemoteCache, RemoteDeque, RemoteIndex, RemoteStores } from '../client/remote.ts';
import { RemoteQueue } from '../client/remote-queue.ts';
import type { RemoteSettings } from '../client/remote-settings.ts';
import { RemoteStore } from '../client/remote-store.ts';
import { toAssetUrl } from '../protocol/asset-url.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { PortPurpose } from '../protocol/handshake.ts';
import type { Key } from '../protocol/key.ts';
import { DEFAULT_STORE, isStoreName, type StoreDeclarations, WINDOW_STORE } from '../protocol/stores.ts';
import { LazyHttpClient, remoteFetch } from './http/lazy-http-client.ts';
import { RemoteCacheStorage } from './http/remote-caches.ts';
import { RemoteConnection } from './http/remote-connection.ts';
import type { RemoteFetchInit, RequestInput } from './http/request-input.ts';

export interface DiskCacheOptions {
  /** Milliseconds after which a call without a response rejects with `TIMEOUT`. Default 30 000. */
  readonly timeout?: number;
}

const DEFAULT_NEAR_CACHE_BYTES = 4 * 2 ** 20;

/** A `RemoteStore` with the types of a cache. */
const DefaultStore = RemoteStore as unknown as new (...args: ConstructorParameters<typeof RemoteStore>) => RemoteCache;

/** Returns a port to the main process for a purpose, unless `signal` is aborted before. */
export type ConnectPort = (signal: AbortSignal, to: PortPurpose) => Promise<MessagePortLike>;

/** The application's stores, from a page. It is itself the store named `default`. */
export class DiskCache extends DefaultStore {
  /**
   * This window's own cache, by the name under which the window was attached. It exists again after a restart, unless its lifetime is
   * `'session'`. No other window can open it.
   */
  readonly window: RemoteCache;
  /** The application's caches of requests and responses on disk, shared by all windows; like the standard's `caches`. */
  readonly caches: RemoteCacheStorage;
  /** The network state, and the switch for it. */
  readonly connection: RemoteConnection;
  readonly #http: LazyHttpClient;
  readonly #client: Client;
  readonly #stores = new Map<string, RemoteStore>();
  readonly #queues = new Map<string, RemoteQueue>();

  constructor(connect: ConnectPort, { timeout = 30_000 }: DiskCacheOptions = {}) {
    const client = new Client((signal) => connect(signal, 'stores'), timeout);
    super(client, DEFAULT_STORE);
    this.#client = client;
    this.#http = new LazyHttpClient((signal) => connect(signal, 'offline'), timeout);
    this.caches = new RemoteCacheStorage(this.#http);
    this.connection = new RemoteConnection(this.#http);
    this.window = new DefaultStore(client, WINDOW_STORE);
  }

  /**
   * Returns a cache, in one directory or in shards, by its declared name. Calls on an undeclared name reject with `NO_SUCH_STORE`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid name.
   */
  cache<K extends Key = Key, V = unknown>(name: string): RemoteCache<K, V> {
    return this.#store(name) as unknown as RemoteCache<K, V>;
  }

  /** Returns an index by its declared name; like `cache`. */
  index<K extends Key = Key, V = unknown>(name: string): RemoteIndex<K, V> {
    return this.#store(name) as unknown as RemoteIndex<K, V>;
  }

  /** Returns a deque by its declared name; like `cache`. */
  deque<V = unknown>(name: string): RemoteDeque<V> {
    return this.#store(name) as unknown as RemoteDeque<V>;
  }

  /** Returns settings by their declared name; like `cache`. `diskCache.as<typeof stores>()` knows their paths. */
  settings<T extends object = Record<string, unknown>>(name: string): RemoteSettings<T> {
    return this.#store(name) as unknown as RemoteSettings<T>;
  }

  /**
   * Returns a durable queue that the main process has opened with `host.queue(name)`. Calls on another name reject with `NO_SUCH_STORE`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid name.
   */
  queue<T = unknown>(name: string): RemoteQueue<T> {
    const queue = this.#queues.get(assertStoreName(name)) ?? new RemoteQueue(this.#client, name);
    this.#queues.set(name, queue);
    return queue as RemoteQueue<T>;
  }

  /** Returns the declared stores by name, typed: `diskCache.as<typeof stores>().api.get(…)`. The page needs only the type. */
  as<S extends StoreDeclarations>(): RemoteStores<S> {
    return new Proxy({} as RemoteStores<S>, {
      get: (_, name) => (isStoreName(name) ? this.#store(name) : undefined),
    });
  }

  /**
   * Returns the URL of an item, for `<img src>`, `<video src>` or `fetch`. It is streamed from disk, with Range and ETag. The main process
   * has to serve the store: `host.serveAssets(session)`.
   *
   * @throws {DiskCacheError} `BAD_KEY`, and `BAD_OPTION` for an invalid store name.
   */
  url(store: string, key: Key): string {
    return toAssetUrl(store, key);
  }

  /**
   * Caches values of a cache or an index in the page when they are read with `get` by a string or number key; the next `get` returns a copy
   * from here. Once a write of any page has resolved, no page reads the old value; nor one that the main process replaced before it sent
   * this page its latest response. Writes of other processes, and expired items, are dropped a moment later. Reads from here don't count as
   * accesses. Holds at most `maxBytes` (4 MiB); the least recently read values leave first. Returns a function that ends it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`.
   */
  nearCache(store: string, { maxBytes = DEFAULT_NEAR_CACHE_BYTES }: { readonly maxBytes?: number } = {}): () => void {
    if (typeof maxBytes !== 'number' || !(maxBytes >= 0))
      throw new DiskCacheError('BAD_OPTION', `maxBytes is ${String(maxBytes)}; give a number from 0`);
    return this.#client.updates.openNearCache(assertStoreName(store), maxBytes);
  }

  /**
   * Like `fetch`, through the main process: the `Offline` of `host.offline(session, …)` responds from disk or from the network, by its routes
   * or by `strategy`. The request carries the cookies of the session, unless `credentials` is `'omit'`, and CORS doesn't apply: that is the
   * application's privilege, so it is granted separately, as `@fetch`. `Set-Cookie` doesn't reach the page; `getCacheStatus(response)`
   * returns where the response came from.
   *
   * @throws {TypeError} like `fetch`, if there is no response, and for an `integrity`; the reason of the signal; {DiskCacheError}
   * `NOT_ALLOWED` without the grant (`'read'` for GET and HEAD, else `'write'`), without `host.offline` and for schemes other than its own,
   * `http` and `https`; `BAD_OPTION` for an unknown strategy, and for a `timeout` without a strategy; `DISCONNECTED`.
   */
  fetch(input: RequestInput, init: RemoteFetchInit = {}): Promise<Response> {
    return remoteFetch(this.#http, input, init);
  }

  /** Rejects every open call with `DISCONNECTED`; the next call connects again. */
  disconnect(why = 'The page disconnected'): void {
    const reason = new DiskCacheError('DISCONNECTED', why);
    this.#client.disconnect(reason);
    this.#http.disconnect(reason);
  }

  #store(name: string): RemoteStore {
    const store = this.#stores.get(assertStoreName(name)) ?? new RemoteStore(this.#client, name);
    this.#stores.set(name, store);
    return store;
  }
}

function assertStoreName(name: string): string {
  if (isStoreName(name)) return name;
  throw new DiskCacheError('BAD_OPTION', `"${String(name)}" can't name a store or queue`);
}
