import { Client } from '../client/client.ts';
import type { MessagePortLike } from '../client/port-connection.ts';
import type { RemoteCache, RemoteDeque, RemoteIndex, RemoteStores } from '../client/remote.ts';
import { RemoteQueue } from '../client/remote-queue.ts';
import { RemoteStore } from '../client/remote-store.ts';
import { toAssetUrl } from '../protocol/asset-url.ts';
import { type Kind, SIGNATURES } from '../protocol/contract.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { PortPurpose } from '../protocol/handshake.ts';
import type { Key } from '../protocol/key.ts';
import {
  DEFAULT_STORE,
  isStoreName,
  type StoreDeclarations,
  toQueueAddress,
  WINDOW_STORE,
} from '../protocol/stores.ts';
import { LazyHttpClient, remoteFetch } from './http/lazy-http-client.ts';
import { RemoteCacheStorage } from './http/remote-caches.ts';
import { RemoteConnection } from './http/remote-connection.ts';
import type { RemoteFetchInit, RequestInput } from './http/request-input.ts';

export interface DiskCacheOptions {
  /** Milliseconds after which a call that was not answered rejects with `TIMEOUT`. Default 30 000. */
  readonly timeout?: number;
}

const DEFAULT_NEAR_CACHE_BYTES = 4 * 2 ** 20;

/** What a `RemoteStore` is to the compiler, when it is one of a cache. */
const DefaultStore = RemoteStore as unknown as new (...args: ConstructorParameters<typeof RemoteStore>) => RemoteCache;

/** Gets a port to the main process for a purpose; `signal` tells it to give up. */
export type ConnectPort = (signal: AbortSignal, to: PortPurpose) => Promise<MessagePortLike>;

/** The application's stores, from a page. It is itself the store named `default`. */
export class DiskCache extends DefaultStore {
  /**
   * This window's own cache, found by the name under which the window was attached: there again after a restart, unless it is
   * kept `'session'`. No other window can open it.
   */
  readonly window: RemoteCache;
  /** The application's caches of requests and responses, for all its windows, on disk; as the standard's `caches`. */
  readonly caches: RemoteCacheStorage;
  /** Whether there is a network, and the switch for it. */
  readonly connection: RemoteConnection;
  readonly #http: LazyHttpClient;
  readonly #client: Client;
  readonly #stores = new Map<string, RemoteStore>();
  readonly #queues = new Map<string, RemoteQueue>();

  constructor(connect: ConnectPort, { timeout = 30_000 }: DiskCacheOptions = {}) {
    const client = new Client((signal) => connect(signal, 'stores'), timeout);
    super(client, DEFAULT_STORE, SIGNATURES.cache);
    this.#client = client;
    this.#http = new LazyHttpClient((signal) => connect(signal, 'offline'), timeout);
    this.caches = new RemoteCacheStorage(this.#http);
    this.connection = new RemoteConnection(this.#http);
    this.window = new DefaultStore(client, WINDOW_STORE, SIGNATURES.cache);
  }

  /**
   * A cache, in one directory or in shards, by its declared name. A name that was not declared rejects the calls with
   * `NO_SUCH_STORE`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that no store can have.
   */
  cache<K extends Key = Key, V = unknown>(name: string): RemoteCache<K, V> {
    return this.#store(name, 'cache') as unknown as RemoteCache<K, V>;
  }

  /** An index by its declared name; as `cache`. */
  index<K extends Key = Key, V = unknown>(name: string): RemoteIndex<K, V> {
    return this.#store(name, 'index') as unknown as RemoteIndex<K, V>;
  }

  /** A deque by its declared name; as `cache`. */
  deque<V = unknown>(name: string): RemoteDeque<V> {
    return this.#store(name, 'deque') as unknown as RemoteDeque<V>;
  }

  /**
   * A durable queue that the main process has opened: `host.queue(name)`. Another name rejects the calls with `NO_SUCH_STORE`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that no queue can have.
   */
  queue<T = unknown>(name: string): RemoteQueue<T> {
    const queue =
      this.#queues.get(name) ?? new RemoteQueue(this.#client, toQueueAddress(assertStoreName(name, 'queue')));
    this.#queues.set(name, queue);
    return queue as RemoteQueue<T>;
  }

  /** The declared stores by name, typed: `diskCache.as<typeof stores>().api.get(…)`. Nothing of a declaration is needed here. */
  as<S extends StoreDeclarations>(): RemoteStores<S> {
    return new Proxy({} as RemoteStores<S>, {
      get: (_, name) => (isStoreName(name) ? this.#store(name) : undefined),
    });
  }

  /**
   * The address of an item, for `<img src>`, `<video src>` or `fetch`: read from the disk as it is taken, with Range and ETag.
   * The main process has to serve the store: `host.serveAssets(session)`.
   *
   * @throws {DiskCacheError} `BAD_KEY`, and `BAD_OPTION` for a name that no store can have.
   */
  url(store: string, key: Key): string {
    return toAssetUrl(store, key);
  }

  /**
   * Keeps values of a cache or an index in the page when they were read with `get`, by keys that are strings or numbers: the next
   * `get` is answered from here, with a copy. Once a write of any page has resolved, no page reads what was there before, nor what
   * the main process has replaced before it answered anything to the page; what another process writes, and what expires, is
   * dropped a moment after. Reads from here aren't counted as uses. At most `maxBytes` (4 MiB): those read longest ago
   * leave first. Returns a function that ends it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`.
   */
  nearCache(store: string, { maxBytes = DEFAULT_NEAR_CACHE_BYTES }: { readonly maxBytes?: number } = {}): () => void {
    if (typeof maxBytes !== 'number' || !(maxBytes >= 0))
      throw new DiskCacheError('BAD_OPTION', `maxBytes is ${String(maxBytes)}; it has to be a number from 0`);
    return this.#client.updates.openNearCache(assertStoreName(store, 'store'), maxBytes);
  }

  /**
   * As `fetch`, by way of the main process: the `Offline` of `host.offline(session, …)` answers, by its routes or by `strategy`, with
   * what is stored or from the network. It goes with the cookies of the session, unless `credentials` is `'omit'`, and no CORS is
   * applied: the application's privilege, which is why it is granted apart, as `@fetch`. `Set-Cookie` doesn't reach the page;
   * `getCacheStatus(response)` tells where it came from.
   *
   * @throws {TypeError} as `fetch`, where no answer comes, and for an `integrity`; what the signal says; {DiskCacheError}
   * `NOT_ALLOWED` without the grant (`'read'` for GET and HEAD, else `'write'`), without `host.offline` and for other schemes than
   * its own, `http` and `https`; `BAD_OPTION` for a strategy that there isn't, and for a `timeout` without one; `DISCONNECTED`.
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

  #store(name: string, kind?: Kind): RemoteStore {
    assertStoreName(name, 'store');
    const called = `${kind ?? 'any'} ${name}`;
    const store = this.#stores.get(called) ?? new RemoteStore(this.#client, name, kind && SIGNATURES[kind]);
    this.#stores.set(called, store);
    return store;
  }
}

function assertStoreName(name: string, what: 'store' | 'queue'): string {
  if (isStoreName(name)) return name;
  throw new DiskCacheError('BAD_OPTION', `"${String(name)}" can't be the name of a ${what}`);
}
