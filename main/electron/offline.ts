import { type Session, session as sessions } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheFace } from '../engine/index.ts';
import { Offline, type OfflineOptions } from '../offline/index.ts';
import { ForeignPages, inNameOf } from './foreign-pages.ts';
import { Initiators } from './initiator.ts';
import { networkFetch, ownNetworkFetch } from './network.ts';
import { originOf } from './shown-documents.ts';

export interface OfflineSessionOptions extends Omit<OfflineOptions, 'cache' | 'fetch' | 'shared' | 'unseen' | 'clock'> {
  /** The declared cache or fanout that keeps the responses. Default: one of the host's own, at most 1 GiB, the least recently used leave. */
  readonly store?: string;
  /** Whose requests go through it. Default `['https']`. Others than `http` and `https` need a `fetch`. */
  readonly schemes?: readonly string[];
  /**
   * The way to the network. Default: `networkFetch(session)`. Requests for a scheme of the application's own mean nothing to the network:
   * one of its own gets them from where they are. It hands out redirects, where the request says `redirect: 'manual'`. Requests of a
   * foreign page have an `Origin`, and `credentials: 'omit'`, which it has to keep to.
   */
  readonly fetch?: OfflineOptions['fetch'];
  /**
   * The origins of the application's own pages on the web, such as `https://app.example.com`: they may ask everywhere, with the
   * session's cookies. Pages of `file:` and of custom schemes are its own anyway, and a server on this machine while developing. Any
   * other page gets from other origins what CORS gives it, without cookies.
   */
  readonly origins?: readonly string[];
  /** Default: the path of the session, `''` for the default session. A session in memory has none: it needs a name here. */
  readonly partition?: string;
}

/** A session whose requests go through the cache. */
export interface OfflineSession {
  /** For requests of the main process, and its connection to say when there is no network. */
  readonly offline: Offline;
  /** Requests go to the network again, past the cache. */
  end(): void;
}

/**
 * Lets all requests of a session for the schemes go through an HTTP cache in `cache`; to the network the application's own go with the
 * session's cookies. What a foreign page asks another origin for goes without, is kept apart, and reaches it as far as CORS lets it.
 * A request that fails is a network error in the page.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a scheme that is handled already or has no network, a session in memory without
 * `partition`, for what is not an origin, and as `Offline` does.
 */
export function goOffline(session: Session, how: OfflineSessionOptions, cache: CacheFace): OfflineSession {
  const { store: _, schemes = ['https'], origins, partition = partitionOf(session), fetch, precache, ...options } = how;
  const { protocol } = session;
  const foreign = schemes.find((scheme) => scheme !== 'https' && scheme !== 'http');
  if (foreign !== undefined && fetch === undefined && precache === undefined) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${foreign}: is nothing to the network; give host.offline a way to get it: { fetch: (request) => … }`,
    );
  }
  for (const scheme of schemes) {
    if (!protocol.isProtocolHandled(scheme)) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${scheme}: is handled in this session already. End that first: end() of what host.offline returned, or protocol.unhandle('${scheme}') of the session`,
    );
  }
  const common = { ...options, cache };
  const offline = new Offline({
    ...common,
    ...(precache && { precache }),
    partition,
    fetch: fetch ?? ownNetworkFetch(session),
    unseen: ['cookie'],
  });
  const initiators = new Initiators(session, origins);
  const network = fetch ?? networkFetch(session);
  const foreignPages = new ForeignPages({
    initiators,
    makesPreflights: fetch === undefined,
    // Without what is there in advance, which was fetched with the user's cookies.
    open: (origin) =>
      new Offline({
        ...common,
        connection: offline.connection,
        partition: `foreign ${JSON.stringify([partition, origin])}`,
        fetch: (request) => network(inNameOf(origin, request)),
      }),
  });
  const respond = async (request: Request): Promise<Response> => {
    const asker = initiators.getAsker(request);
    const asked = toAsked(request, fetch === undefined ? asker.origin : undefined);
    return asker.isOwn ? telling(await offline.respond(asked)) : foreignPages.respond(asked, asker);
  };
  for (const scheme of schemes) protocol.handle(scheme, respond);
  return {
    offline,
    end() {
      initiators.end();
      for (const scheme of schemes) if (protocol.isProtocolHandled(scheme)) protocol.unhandle(scheme);
    },
  };
}

/**
 * The request of a page, with what Chromium would have told the server of it. A redirect is Chromium's to follow: the page is at another
 * address then, and its origin may have no say there.
 */
function toAsked(request: Request, origin: string | undefined): Request {
  const { method, url, referrer } = request;
  const asked = new Request(request, { redirect: 'manual' });
  const isRead = method === 'GET' || method === 'HEAD';
  if (origin === undefined) return asked;
  if (!isRead || origin !== originOf(url)) asked.headers.set('origin', origin);
  if (/^https?:/.test(referrer)) asked.headers.set('referer', referrer);
  return asked;
}

/** Where a response came from is for pages, too, and theirs is another origin: CORS shows them only fields that are named. */
function telling(response: Response): Response {
  if (response.headers.has('access-control-allow-origin')) {
    response.headers.append('access-control-expose-headers', 'cache-status');
  }
  return response;
}

/** Sessions of different paths are different users, whatever their folders are called. */
function partitionOf(session: Session): string {
  if (session === sessions.defaultSession) return '';
  if (session.storagePath !== null) return session.storagePath;
  throw new DiskCacheError(
    'BAD_OPTION',
    'A session in memory has no name of its own; give host.offline one: { partition: … }',
  );
}

/** @throws {DiskCacheError} `NO_SUCH_STORE`; `BAD_OPTION` for a store that is no cache. */
export function cacheNamed(name: string, stores: Readonly<Record<string, object>>): CacheFace {
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (store === undefined)
    throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared; add it to defineStores({ … })`);
  if (!('openBytes' in store)) {
    throw new DiskCacheError('BAD_OPTION', `Store "${name}" keeps no responses; declare a cache or a fanout for them`);
  }
  return store as CacheFace;
}
