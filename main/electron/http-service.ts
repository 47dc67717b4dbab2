import { join } from 'node:path';
import { net, protocol, type Session } from 'electron';
import { ASSET_SCHEME } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { HttpBackend, RequestHandler } from '../bridge/http/calls.ts';
import { openHttpSession } from '../bridge/http/http-session.ts';
import { Cache, type CacheMethods, type CacheOptions } from '../engine/index.ts';
import { openAsItIs, type StoreOpener } from '../engine/store-opener.ts';
import { CacheStorage, type CacheStorageOptions } from '../offline/index.ts';
import type { SessionOpener } from './engine-endpoint.ts';
import { fromPortMain } from './engine-endpoint.ts';
import { getCache, interceptSession, type OfflineSession, type OfflineSessionOptions } from './intercept-session.ts';
import { networkFetch, toNetworkError } from './network-fetch.ts';
import { assertPrivateNetwork, createPrivateNetworkGuard, type PrivateNetwork } from './private-network.ts';

export interface CachesOptions extends Pick<CacheOptions, 'sizeLimit' | 'durability' | 'compression'> {
  /**
   * Schemes that may be cached in addition to `http`, `https` and those that the session currently handles, such as ones that it will
   * handle later.
   */
  readonly schemes?: readonly string[];
  /** Called when the store fails while a page or the main process looks for a response; the lookup then finds nothing. */
  readonly onStoreFailure?: CacheStorageOptions['onStoreFailure'];
}

/** Declared stores can't have these names. */
const CACHES_FOLDER = '_caches';
const RESPONSES_FOLDER = '_responses';

/** Adding responses of these schemes would bypass `authorize` or read local files. */
const UNCACHEABLE_SCHEMES: readonly string[] = [ASSET_SCHEME, 'file'];

/** A handler for requests of a session, and its schemes. */
interface Interception {
  readonly schemes: readonly string[];
  readonly handler: RequestHandler;
  readonly privateNetwork: PrivateNetwork;
}

/**
 * The HTTP side of an application: its CacheStorage, and the interceptions that `host.offline` has started in each session. Serves pages
 * over ports of their own, always in the main process, because the sessions are there.
 */
export class HttpService {
  readonly #directory: string;
  readonly #options: CachesOptions;
  readonly #exclusive: boolean;
  readonly #openStore: StoreOpener;
  readonly #interceptions = new WeakMap<Session, Set<Interception>>();
  #cacheStore: Cache | undefined;
  #responseStore: Cache | undefined;
  #caches: CacheStorage | undefined;
  #isClosed = false;

  /** `exclusive`: no other process or thread may open the stores. `openStore` may repair a damaged one. */
  constructor(directory: string, options: CachesOptions = {}, exclusive = false, openStore: StoreOpener = openAsItIs) {
    this.#directory = directory;
    this.#options = options;
    this.#exclusive = exclusive;
    this.#openStore = openStore;
  }

  /**
   * The CacheStorage of the main process, where `add` fetches by the default session. Opens the store on first use.
   *
   * @throws {DiskCacheError} `CLOSED`; anything that opening a cache throws.
   */
  get caches(): CacheStorage {
    this.#caches ??= this.#createCacheStorage(net, protocol);
    return this.#caches;
  }

  /**
   * Like `interceptSession`; from now on the session's pages reach it. If the host's own store can't be opened, requests go to the network,
   * and `onStoreFailure` is called for each.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`; `BAD_OPTION`, also for a store that isn't a cache; `CLOSED`.
   */
  intercept(
    session: Session,
    options: OfflineSessionOptions,
    stores: Readonly<Record<string, object>>,
  ): OfflineSession {
    const { privateNetwork = false } = options;
    assertPrivateNetwork('host.offline', privateNetwork);
    const cache = options.store === undefined ? this.#openResponseStore() : getCache(options.store, stores);
    const { offline, end } = interceptSession(session, options, cache);
    const guard = createPrivateNetworkGuard(session, privateNetwork);
    const interception: Interception = {
      schemes: (options.schemes ?? ['https']).map((scheme) => `${scheme}:`),
      handler: guard === undefined ? offline : offline.withGuard(guard),
      privateNetwork,
    };
    const interceptions = this.#interceptions.get(session) ?? new Set();
    this.#interceptions.set(session, interceptions.add(interception));
    return {
      offline,
      end: () => {
        interceptions.delete(interception);
        end();
      },
    };
  }

  /** Returns the opener of HTTP ports for a session's pages. */
  createSessionOpener(session: Session): SessionOpener {
    const backend: HttpBackend = {
      getHandler: (scheme) => this.#getHandler(session, scheme),
      caches: () => this.#getPageCacheStorage(session),
    };
    return {
      openSession(port, { grant, principal }, onEnd) {
        const opened = openHttpSession(fromPortMain(port), grant, backend, principal);
        port.on('close', () => {
          opened.close(new DiskCacheError('DISCONNECTED', 'The page closed its port'));
          onEnd('closed');
        });
        return opened;
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cacheStore?.close();
    this.#responseStore?.close();
  }

  #getHandler(session: Session, scheme: string | undefined): RequestHandler {
    const interceptions = [...(this.#interceptions.get(session) ?? [])];
    const [first] = interceptions;
    if (first === undefined) {
      throw new DiskCacheError(
        'NOT_ALLOWED',
        'No handler for fetch in the session of this page; the main process has to call host.offline(session, …)',
      );
    }
    const found = scheme === undefined ? first : interceptions.find(({ schemes }) => schemes.includes(scheme));
    if (found !== undefined) return found.handler;
    // Never opens a file, or anything else that Electron's fetch would open.
    if (scheme === 'http:' || scheme === 'https:') return first.handler;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `${scheme} is not one of the schemes of host.offline(session, { schemes })`,
    );
  }

  /** Fetches through the session's own handlers: a page can add anything that it could load, except what it isn't allowed to. */
  #getPageCacheStorage(session: Session): CacheStorage {
    const interceptions = [...(this.#interceptions.get(session) ?? [])];
    const allowsAll = interceptions.some(({ privateNetwork }) => privateNetwork === true);
    const hosts = interceptions.flatMap(({ privateNetwork }) => (Array.isArray(privateNetwork) ? privateNetwork : []));
    const guard = createPrivateNetworkGuard(session, allowsAll || hosts);
    if (guard === undefined) return this.#createCacheStorage(session, session.protocol);
    const fetch = (hop: Request): Promise<Response> => {
      // Follows redirects itself, which Electron's fetch doesn't do, so that the guard sees every target.
      const { protocol: scheme } = new URL(hop.url);
      const handler = interceptions.find(({ schemes }) => schemes.includes(scheme));
      if (handler !== undefined) return handler.handler.respond(hop);
      const isWeb = scheme === 'http:' || scheme === 'https:';
      if (isWeb && !session.protocol.isProtocolHandled(scheme.slice(0, -1))) return networkFetch(session)(hop);
      // The application follows redirects of responses that it makes itself.
      return fetchWithUrl(session, new Request(hop, { redirect: 'follow' }));
    };
    return this.#createCacheStorage({ fetch }, session.protocol, guard);
  }

  /** The standard's rules for `http` and `https` apply to every scheme that the application handles. */
  #createCacheStorage(
    network: { fetch(request: Request): Promise<Response> },
    protocol: Pick<Session['protocol'], 'isProtocolHandled'>,
    guard?: CacheStorageOptions['guard'],
  ): CacheStorage {
    const { schemes = [], onStoreFailure } = this.#options;
    return new CacheStorage({
      cache: this.#openCacheStore(),
      ...(guard && { guard }),
      ...(onStoreFailure && { onStoreFailure }),
      fetch: (request) => fetchWithUrl(network, request),
      schemes: (scheme) =>
        schemes.includes(scheme) || (!UNCACHEABLE_SCHEMES.includes(scheme) && protocol.isProtocolHandled(scheme)),
    });
  }

  #openResponseStore(): CacheMethods {
    this.#assertOpen();
    try {
      this.#responseStore ??= this.#openCache(RESPONSES_FOLDER, { evictionPolicy: 'least-recently-used' });
      return this.#responseStore;
    } catch (error) {
      return createFailedStore(error);
    }
  }

  #openCacheStore(): Cache {
    this.#assertOpen();
    const { schemes: _, onStoreFailure: __, ...options } = this.#options;
    this.#cacheStore ??= this.#openCache(CACHES_FOLDER, { ...options, evictionPolicy: 'none' });
    return this.#cacheStore;
  }

  #openCache(name: string, options: CacheOptions): Cache {
    const directory = join(this.#directory, name);
    return this.#openStore(
      { name, directory, kind: 'cache' },
      () => new Cache(directory, { ...options, exclusive: this.#exclusive }),
    );
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new DiskCacheError('CLOSED', 'The host was closed, and its caches with it');
  }
}

/** Returns a store in place of one that could not be opened: every call fails with the reason, as in a closed store. */
function createFailedStore(reason: unknown): CacheMethods {
  const fail = (): never => {
    throw reason;
  };
  return new Proxy({} as CacheMethods, {
    has: () => true,
    get: (_, name) => (name === 'codec' ? undefined : fail),
  });
}

/** Electron's fetch leaves the URL out of its responses and its errors. */
async function fetchWithUrl(
  network: { fetch(request: Request): Promise<Response> },
  request: Request,
): Promise<Response> {
  const response = await network.fetch(request).catch((error: unknown) => {
    throw request.signal.aborted || error instanceof DiskCacheError ? error : toNetworkError(request, error);
  });
  return response.url === '' ? Object.defineProperty(response, 'url', { value: request.url }) : response;
}
