import { join } from 'node:path';
import { net, type Session } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Answering, Backing } from '../bridge/offline/backing.ts';
import { openOfflineSession } from '../bridge/offline/offline-session.ts';
import { Cache, type CacheOptions } from '../engine/index.ts';
import { CacheStorage } from '../offline/index.ts';
import { failed } from './network.ts';
import { goOffline, type OfflineSession, type OfflineSessionOptions } from './offline.ts';
import type { PageAnswering } from './page-engine.ts';
import { fromPortMain } from './port.ts';

export interface CachesOptions extends Pick<CacheOptions, 'sizeLimit' | 'durability' | 'compression'> {
  /** Schemes that may be cached besides `http` and `https`, such as the application's own. */
  readonly schemes?: readonly string[];
}

/** No declared store has such a name. */
const FOLDER = '_caches';

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
  readonly #begun = new WeakMap<Session, Set<Begun>>();
  #store: Cache | undefined;
  #caches: CacheStorage | undefined;
  #isClosed = false;

  constructor(directory: string, options: CachesOptions = {}) {
    this.#directory = join(directory, FOLDER);
    this.#options = options;
  }

  /**
   * As the main process has them, where `add` goes to the network as the default session does. Opens the store when first asked.
   *
   * @throws {DiskCacheError} `CLOSED`; what opening a cache throws.
   */
  get caches(): CacheStorage {
    this.#caches ??= this.#storageWith(net);
    return this.#caches;
  }

  /** As `goOffline`; pages of the session reach it from now on. */
  begin(session: Session, how: OfflineSessionOptions, stores: Readonly<Record<string, object>>): OfflineSession {
    const { offline, end } = goOffline(session, how, stores);
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
      caches: () => this.#storageWith(session),
    };
    return {
      openSession(port, { grant }, onEnd) {
        const opened = openOfflineSession(fromPortMain(port), grant, backing);
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

  #storageWith(network: Pick<Session, 'fetch'>): CacheStorage {
    const { schemes = [] } = this.#options;
    return new CacheStorage({ cache: this.#opened(), fetch: (request) => fetched(network, request), schemes });
  }

  #opened(): Cache {
    if (this.#isClosed) throw new DiskCacheError('CLOSED', 'The host was closed, and its caches with it');
    const { schemes: _, ...options } = this.#options;
    this.#store ??= new Cache(this.#directory, { ...options, evictionPolicy: 'none' });
    return this.#store;
  }
}

/** Electron's fetch leaves the address out, of what it answers and of what it fails with. */
async function fetched(network: Pick<Session, 'fetch'>, request: Request): Promise<Response> {
  const response = await network.fetch(request).catch((error: unknown) => {
    throw request.signal.aborted ? error : failed(request, error);
  });
  return response.url === '' ? Object.defineProperty(response, 'url', { value: request.url }) : response;
}
