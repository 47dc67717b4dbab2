import { type Session, session as sessions } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheMethods } from '../engine/index.ts';
import { Offline, type OfflineOptions } from '../offline/index.ts';
import { ForeignPages, toForeignRequest } from './foreign-pages.ts';
import { getOrigin, Initiators } from './initiator.ts';
import { networkFetch, ownNetworkFetch } from './network-fetch.ts';
import { createPrivateNetworkGuard, isPrivateHost, type PrivateNetwork } from './private-network.ts';

export interface OfflineSessionOptions
  extends Omit<OfflineOptions, 'cache' | 'fetch' | 'shared' | 'hiddenHeaders' | 'keepSetCookie' | 'clock'> {
  /**
   * The declared cache or fanout that stores the responses. Default: one of the host's own, at most 1 GiB, evicting the least recently
   * used.
   */
  readonly store?: string;
  /** The schemes whose requests are intercepted. Default `['https']`. Schemes other than `http` and `https` need a `fetch`. */
  readonly schemes?: readonly string[];
  /**
   * Performs the network requests. Default: `networkFetch(session)`. The network can't serve the application's own schemes; pass a function
   * that gets them from their source. It must return redirects if the request says `redirect: 'manual'`. Requests of a foreign page have an
   * `Origin` and `credentials: 'omit'`, which it must respect.
   */
  readonly fetch?: OfflineOptions['fetch'];
  /**
   * The origins of the application's own pages on the web, such as `https://app.example.com`: they may read every origin, with the
   * session's cookies. The same holds for pages of `file:`, of custom schemes and, during development, of a server on this machine. Any
   * other page may only read from other origins what CORS allows, without cookies.
   */
  readonly origins?: readonly string[];
  /**
   * Whether `diskCache.fetch` and `diskCache.caches.add` of pages can reach this machine and private networks (`127.0.0.1`, `localhost`,
   * `192.168.…`, `nas.local`, and names that resolve to such addresses), also through redirects: `true`, or a list of allowed hosts. The
   * same applies to requests of foreign pages, unless the page itself comes from such an address. Other requests of own pages, and those of
   * the main process, are not restricted. Default false.
   */
  readonly privateNetwork?: PrivateNetwork;
  /** Default: the path of the session, `''` for the default session. An in-memory session has no path and needs a name here. */
  readonly partition?: string;
}

/** A session whose requests go through the cache. */
export interface OfflineSession {
  /** Makes requests for the main process; set its `connection` when there is no network. */
  readonly offline: Offline;
  /**
   * Sends requests to the network again, bypassing the cache. Requests for schemes other than `http` and `https` then fail, even those of
   * open documents.
   */
  end(): void;
}

/**
 * Sends all requests of a session for the schemes through an HTTP cache in `cache`. The application's own requests go to the network with
 * the session's cookies. Requests of a foreign page for another origin go without cookies, are stored separately, and CORS is enforced on
 * the responses. A request that fails is a network error in the page.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a scheme that is already handled or has no network, for an in-memory session without
 * `partition`, for a value that is not an origin; and anything that `Offline` throws.
 */
export function interceptSession(
  session: Session,
  options: OfflineSessionOptions,
  cache: CacheMethods,
): OfflineSession {
  const {
    store: _,
    schemes = ['https'],
    origins,
    partition = getPartition(session),
    privateNetwork = false,
    fetch,
    precache,
    ...rest
  } = options;
  const { protocol } = session;
  const customScheme = schemes.find((scheme) => scheme !== 'https' && scheme !== 'http');
  if (customScheme !== undefined && fetch === undefined && precache === undefined) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `host.offline: the network has no scheme ${customScheme}:; pass { fetch: (request) => … } to load it`,
    );
  }
  for (const scheme of schemes) {
    if (!protocol.isProtocolHandled(scheme)) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${scheme}: is handled in this session already. End that first: end() of what host.offline returned, or protocol.unhandle('${scheme}') of the session`,
    );
  }
  const common = { ...rest, cache };
  const offline = new Offline({
    ...common,
    ...(precache && { precache }),
    partition,
    fetch: fetch ?? ownNetworkFetch(session),
    hiddenHeaders: ['cookie'],
  });
  const initiators = new Initiators(session, origins);
  const network = fetch ?? networkFetch(session);
  const foreignPages = new ForeignPages({
    initiators,
    makesPreflights: fetch === undefined,
    // Without the precache, which was fetched with the user's cookies.
    open: (origin) => {
      const responder = new Offline({
        ...common,
        connection: offline.connection,
        partition: `foreign ${JSON.stringify([partition, origin])}`,
        fetch: (request) => network(toForeignRequest(origin, request)),
      });
      // Chromium applies the same rule to pages from the internet, but this request would bypass it.
      const isPrivate = origin !== 'null' && isPrivateHost(new URL(origin).hostname);
      const guard = isPrivate ? undefined : createPrivateNetworkGuard(session, privateNetwork);
      return guard === undefined ? responder : responder.withGuard(guard);
    },
  });
  // A document that is open at the end keeps the handler of the application's own scheme: Electron assigns it at commit.
  let hasEnded = false;
  const respond = async (request: Request): Promise<Response> => {
    if (hasEnded) return Response.error();
    const requester = initiators.getInitiator(request);
    const pageRequest = toPageRequest(request, fetch === undefined ? requester.origin : undefined);
    return requester.isOwn
      ? exposeCacheStatus(await offline.respond(pageRequest))
      : foreignPages.respond(pageRequest, requester);
  };
  for (const scheme of schemes) protocol.handle(scheme, respond);
  return {
    offline,
    end() {
      // Another caller may have set the current handlers of the schemes.
      if (hasEnded) return;
      hasEnded = true;
      initiators.end();
      for (const scheme of schemes) if (protocol.isProtocolHandled(scheme)) protocol.unhandle(scheme);
    },
  };
}

/**
 * Returns a page's request with the headers that Chromium would have added for the server. Redirects are left to Chromium: they change the
 * page's URL, and another origin's rules may apply there.
 */
function toPageRequest(request: Request, origin: string | undefined): Request {
  const { method, url, referrer } = request;
  const pageRequest = new Request(request, { redirect: 'manual' });
  const isRead = method === 'GET' || method === 'HEAD';
  if (origin === undefined) return pageRequest;
  if (!isRead || origin !== getOrigin(url)) pageRequest.headers.set('origin', origin);
  if (/^https?:/.test(referrer)) pageRequest.headers.set('referer', referrer);
  return pageRequest;
}

/** Exposes the Cache-Status header to pages: they are of another origin, and CORS shows them only the headers named here. */
function exposeCacheStatus(response: Response): Response {
  if (response.headers.has('access-control-allow-origin')) {
    response.headers.append('access-control-expose-headers', 'cache-status');
  }
  return response;
}

/** Sessions with different paths are different users, whatever their folders are called. */
function getPartition(session: Session): string {
  if (session === sessions.defaultSession) return '';
  if (session.storagePath !== null) return session.storagePath;
  throw new DiskCacheError(
    'BAD_OPTION',
    'A session in memory has no name of its own; give host.offline one: { partition: … }',
  );
}

/**
 * Returns the named cache.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE`; `BAD_OPTION` for a store that isn't a cache.
 */
export function getCache(name: string, stores: Readonly<Record<string, object>>): CacheMethods {
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (store === undefined)
    throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared; add it to defineStores({ … })`);
  if (!('openBytes' in store)) {
    throw new DiskCacheError('BAD_OPTION', `Store "${name}" keeps no responses; declare a cache or a fanout for them`);
  }
  return store as CacheMethods;
}
