import { join } from 'node:path';
import { net, protocol, type Session } from 'electron';
import { ASSET_SCHEME } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Answering, Backing } from '../bridge/offline/backing.ts';
import { openOfflineSession } from '../bridge/offline/offline-session.ts';
import { Principals } from '../bridge/principal.ts';
import { Cache, type CacheOptions } from '../engine/index.ts';
import { CacheStorage } from '../offline/index.ts';
import { failed } from './network.ts';
import { cacheNamed, goOffline, type OfflineSession, type OfflineSessionOptions } from './offline.ts';
import type { PageAnswering } from './page-engine.ts';
import { fromPortMain } from './port.ts';

export interface CachesOptions extends Pick<CacheOptions, 'sizeLimit' | 'durability' | 'compression'> {
  /** Schemes that may be cached besides `http`, `https` and those that the session handles: ones that are not handled yet or any more. */
  readonly schemes?: readonly string[];
}

/** No declared store has such names. */
const CACHES_FOLDER = '_caches';
const RESPONSES_FOLDER = '_responses';

/** Who adds what is there would have what `authorize` keeps from it, or what is no application's. */
const NEVER_CACHED: readonly string[] = [ASSET_SCHEME, 'file'];

/** What answers requests of a session, and for which schemes. */
interface Begun {
  readonly schemes: readonly string[];
  readonly offline: Answering;
}

/**
 * The HTTP side of one application: its CacheStorage, and what `host.offline` has begun in which session. It answers pages over
 * ports of their own, always in the main process, which has the sessions.
 */
export class OfflineSide {
  readonly #directory: string;
  readonly #options: CachesOptions;
  readonly #principals = new Principals();
  readonly #begun = new WeakMap<Session, Set<Begun>>();
  #store: Cache | undefined;
  #responses: Cache | undefined;
  #caches: CacheStorage | undefined;
  #isClosed = false;

  constructor(directory: string, options: CachesOptions = {}) {
    this.#directory = directory;
    this.#options = options;
  }

  /**
   * As the main process has them, where `add` goes to the network as the default session does. Opens the store when first asked.
   *
   * @throws {DiskCacheError} `CLOSED`; what opening a cache throws.
   */
  get caches(): CacheStorage {
    this.#caches ??= this.#storageWith(net, protocol);
    return this.#caches;
  }

  /**
   * As `goOffline`; pages of the session reach it from now on.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`; `BAD_OPTION`, also for a store that is no cache; what opening a cache throws.
   */
  begin(session: Session, how: OfflineSessionOptions, stores: Readonly<Record<string, object>>): OfflineSession {
    const cache = how.store === undefined ? this.#ownResponses() : cacheNamed(how.store, stores);
    const { offline, end } = goOffline(session, how, cache);
    const begun = { schemes: (how.schemes ?? ['https']).map((scheme) => `${scheme}:`), offline };
    const ofSession = this.#begun.get(session) ?? new Set();
    this.#begun.set(session, ofSession.add(begun));
    return {
      offline,
      end: () => {
        ofSession.delete(begun);
        end();
      },
    };
  }

  /** Answers the pages of a session. */
  pagesOf(session: Session): PageAnswering {
    const backing: Backing = {
      offline: (scheme) => this.#answering(session, scheme),
      // Through the session's own handlers: whatever a page could load can be added.
      caches: () => this.#storageWith(session, session.protocol),
    };
    return {
      openSession: (port, { grant, principal }, onEnd) => {
        const opened = openOfflineSession(fromPortMain(port), grant, backing, this.#principals.get(principal));
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
    this.#store?.close();
    this.#responses?.close();
  }

  #answering(session: Session, scheme: string | undefined): Answering {
    const begun = [...(this.#begun.get(session) ?? [])];
    const [first] = begun;
    if (first === undefined) {
      throw new DiskCacheError(
        'NOT_ALLOWED',
        'Nothing answers fetch in the session of this page; the main process has to call host.offline(session, …)',
      );
    }
    const found = scheme === undefined ? first : begun.find(({ schemes }) => schemes.includes(scheme));
    if (found !== undefined) return found.offline;
    // Never a file, or whatever else Electron's fetch would open.
    if (scheme === 'http:' || scheme === 'https:') return first.offline;
    throw new DiskCacheError('NOT_ALLOWED', `${scheme} is none of the schemes of host.offline(session, { schemes })`);
  }

  /** What the standard says of `http` and `https` holds for every scheme that the application answers. */
  #storageWith(network: Pick<Session, 'fetch'>, handled: Pick<Session['protocol'], 'isProtocolHandled'>): CacheStorage {
    const { schemes = [] } = this.#options;
    return new CacheStorage({
      cache: this.#opened(),
      fetch: (request) => fetched(network, request),
      schemes: (scheme) =>
        schemes.includes(scheme) || (!NEVER_CACHED.includes(scheme) && handled.isProtocolHandled(scheme)),
    });
  }

  #ownResponses(): Cache {
    this.#demandOpen();
    this.#responses ??= new Cache(join(this.#directory, RESPONSES_FOLDER), { evictionPolicy: 'least-recently-used' });
    return this.#responses;
  }

  #opened(): Cache {
    this.#demandOpen();
    const { schemes: _, ...options } = this.#options;
    this.#store ??= new Cache(join(this.#directory, CACHES_FOLDER), { ...options, evictionPolicy: 'none' });
    return this.#store;
  }

  #demandOpen(): void {
    if (this.#isClosed) throw new DiskCacheError('CLOSED', 'The host was closed, and its caches with it');
  }
}

/** Electron's fetch leaves the address out, of what it answers and of what it fails with. */
async function fetched(network: Pick<Session, 'fetch'>, request: Request): Promise<Response> {
  const response = await network.fetch(request).catch((error: unknown) => {
    throw request.signal.aborted ? error : failed(request, error);
  });
  return response.url === '' ? Object.defineProperty(response, 'url', { value: request.url }) : response;
}
