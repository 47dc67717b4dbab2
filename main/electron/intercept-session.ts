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
  /** The declared cache or fanout that keeps the responses. Default: one of the host's own, at most 1 GiB, the least recently used leave. */
  readonly store?: string;
  /** Whose requests go through it. Default `['https']`. Others than `http` and `https` need a `fetch`. */
  readonly schemes?: readonly string[];
  /**
   * The way to the network. Default: `networkFetch(session)`. Requests for a scheme of the application's own mean nothing to the network:
   * one of its own gets them from where they are. It hands out redirects, where the request says `redirect: 'manual'`. Requests of a
   * foreign page have an `HttpOrigin`, and `credentials: 'omit'`, which it has to keep to.
   */
  readonly fetch?: OfflineOptions['fetch'];
  /**
   * The origins of the application's own pages on the web, such as `https://app.example.com`: they may read every origin, with the
   * session's cookies. So may pages of `file:`, of custom schemes and, while developing, of a server on this machine. Any other page
   * may read of other origins what CORS allows, without cookies.
   */
  readonly origins?: readonly string[];
  /**
   * Whether `diskCache.fetch` and `diskCache.caches.add` of pages reach this machine and private networks (`127.0.0.1`, `localhost`,
   * `192.168.…`, `nas.local`, and names that resolve to such addresses), also by way of a redirect: `true`, or the hosts that they reach.
   * The same holds for what foreign pages request, unless they come from such an address. What own pages load otherwise, and what the
   * main process fetches, is not concerned. Default false.
   */
  readonly privateNetwork?: PrivateNetwork;
  /** Default: the path of the session, `''` for the default session. A session in memory has none: it needs a name here. */
  readonly partition?: string;
}

/** A session whose requests go through the cache. */
export interface OfflineSession {
  /** For requests of the main process, and its connection to say when there is no network. */
  readonly offline: Offline;
  /** Requests go to the network again, past the cache. Those for other schemes than `http` and `https` fail, also of documents that are open. */
  end(): void;
}

/**
 * Sends all requests of a session for the schemes through an HTTP cache in `cache`. The application's own go to the network with the
 * session's cookies. Those of a foreign page for another origin go without, are stored apart, and CORS is enforced on the responses.
 * A request that fails is a network error in the page.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a scheme that is handled already or has no network, a session in memory without
 * `partition`, for what is not an origin, and as `Offline` does.
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
      `${customScheme}: is nothing to the network; give host.offline a way to get it: { fetch: (request) => … }`,
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
      // As Chromium has it for a page of the internet, which this request would bypass.
      const isNear = origin !== 'null' && isPrivateHost(new URL(origin).hostname);
      const guard = isNear ? undefined : createPrivateNetworkGuard(session, privateNetwork);
      return guard === undefined ? responder : responder.withGuard(guard);
    },
  });
  // A document that is open at the end keeps the handler of a scheme of the application's own: Electron gives it at commit.
  let hasEnded = false;
  const respond = async (request: Request): Promise<Response> => {
    if (hasEnded) return Response.error();
    const asker = initiators.getInitiator(request);
    const asked = toPageRequest(request, fetch === undefined ? asker.origin : undefined);
    return asker.isOwn ? exposeCacheStatus(await offline.respond(asked)) : foreignPages.respond(asked, asker);
  };
  for (const scheme of schemes) protocol.handle(scheme, respond);
  return {
    offline,
    end() {
      // What handles the schemes now may be another's.
      if (hasEnded) return;
      hasEnded = true;
      initiators.end();
      for (const scheme of schemes) if (protocol.isProtocolHandled(scheme)) protocol.unhandle(scheme);
    },
  };
}

/**
 * Returns a page's request with the fields that Chromium would have added for the server. Redirects are left to Chromium: they change
 * the page's address, and another origin's rules may apply there.
 */
function toPageRequest(request: Request, origin: string | undefined): Request {
  const { method, url, referrer } = request;
  const asked = new Request(request, { redirect: 'manual' });
  const isRead = method === 'GET' || method === 'HEAD';
  if (origin === undefined) return asked;
  if (!isRead || origin !== getOrigin(url)) asked.headers.set('origin', origin);
  if (/^https?:/.test(referrer)) asked.headers.set('referer', referrer);
  return asked;
}

/** Where a response came from is for pages, too, and theirs is another origin: CORS shows them only fields that are named. */
function exposeCacheStatus(response: Response): Response {
  if (response.headers.has('access-control-allow-origin')) {
    response.headers.append('access-control-expose-headers', 'cache-status');
  }
  return response;
}

/** Sessions of different paths are different users, whatever their folders are called. */
function getPartition(session: Session): string {
  if (session === sessions.defaultSession) return '';
  if (session.storagePath !== null) return session.storagePath;
  throw new DiskCacheError(
    'BAD_OPTION',
    'A session in memory has no name of its own; give host.offline one: { partition: … }',
  );
}

/** @throws {DiskCacheError} `NO_SUCH_STORE`; `BAD_OPTION` for a store that is no cache. */
export function getCache(name: string, stores: Readonly<Record<string, object>>): CacheMethods {
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (store === undefined)
    throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared; add it to defineStores({ … })`);
  if (!('openBytes' in store)) {
    throw new DiskCacheError('BAD_OPTION', `Store "${name}" keeps no responses; declare a cache or a fanout for them`);
  }
  return store as CacheMethods;
}
