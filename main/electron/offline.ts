import { basename, dirname } from 'node:path';
import type { Session } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheFace } from '../engine/index.ts';
import { Offline, type OfflineOptions } from '../offline/index.ts';
import { networkFetch } from './network.ts';

export interface OfflineSessionOptions extends Omit<OfflineOptions, 'cache' | 'fetch' | 'shared' | 'unseen' | 'clock'> {
  /** The declared cache or fanout that keeps the responses. Default: one of the host's own, at most 1 GiB, the least recently used leave. */
  readonly store?: string;
  /** Whose requests go through it. Default `['https']`. Others than `http` and `https` need a `fetch`. */
  readonly schemes?: readonly string[];
  /**
   * The way to the network. Default: `networkFetch(session)`. Requests for a scheme of the application's own mean nothing to the network:
   * one of its own gets them from where they are. It hands out redirects, where the request says `redirect: 'manual'`.
   */
  readonly fetch?: OfflineOptions['fetch'];
  /** Default: that of the session, `''` for the default session. A session in memory has no name: it needs one here. */
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
 * Lets all requests of a session for the schemes go through an HTTP cache in `cache`; to the network they go with the session's
 * cookies. A request that fails is a network error in the page.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a scheme that is handled already or has no network, a session in memory without
 * `partition`, and as `Offline` does.
 */
export function goOffline(
  session: Session,
  { store: _, schemes = ['https'], partition = partitionOf(session), fetch, ...options }: OfflineSessionOptions,
  cache: CacheFace,
): OfflineSession {
  const { protocol } = session;
  const foreign = schemes.find((scheme) => scheme !== 'https' && scheme !== 'http');
  if (foreign !== undefined && fetch === undefined && options.precache === undefined) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${foreign}: is nothing to the network; give host.offline a way to get it: { fetch: (request) => … }`,
    );
  }
  for (const scheme of schemes) {
    if (!protocol.isProtocolHandled(scheme)) continue;
    throw new DiskCacheError('BAD_OPTION', `${scheme}: is handled in this session already; end that first`);
  }
  const offline = new Offline({
    ...options,
    partition,
    cache,
    fetch: fetch ?? networkFetch(session),
    unseen: ['cookie'],
  });
  // A redirect is Chromium's to follow: the page is at another address then, and its origin may have no say there.
  const respond = async (request: Request) =>
    telling(await offline.respond(new Request(request, { redirect: 'manual' })));
  for (const scheme of schemes) protocol.handle(scheme, respond);
  return {
    offline,
    end() {
      for (const scheme of schemes) if (protocol.isProtocolHandled(scheme)) protocol.unhandle(scheme);
    },
  };
}

/** Where a response came from is for pages, too, and theirs is another origin: CORS shows them only fields that are named. */
function telling(response: Response): Response {
  if (response.headers.has('access-control-allow-origin')) {
    response.headers.append('access-control-expose-headers', 'cache-status');
  }
  return response;
}

/** Sessions made with `persist:name` are stored in `Partitions/name`. */
function partitionOf({ storagePath }: Session): string {
  if (storagePath === null) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'A session in memory has no name of its own; give host.offline one: { partition: … }',
    );
  }
  return basename(dirname(storagePath)) === 'Partitions' ? basename(storagePath) : '';
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
