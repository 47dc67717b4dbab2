import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { MessagePortLike } from '../../../client/port-connection.ts';
import type { Grant } from '../../../main/bridge/grant.ts';
import type { HttpBackend } from '../../../main/bridge/http/calls.ts';
import { type HttpSession, openHttpSession } from '../../../main/bridge/http/http-session.ts';
import type { Principal } from '../../../main/bridge/principal.ts';
import { Cache } from '../../../main/engine/index.ts';
import { CacheStorage, type CacheStorageOptions, Offline, type OfflineOptions } from '../../../main/offline/index.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { DiskCache } from '../../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../../engine/fresh-directory.ts';

/** What `FULL_GRANT` gives, and a test may take away. */
export const FULL_HTTP_GRANT: Grant = { stores: { '*': 'admin', '@fetch': 'admin' } };

export interface HttpPage extends Disposable {
  readonly diskCache: DiskCache;
  /** What the page reaches, in the main process. */
  readonly offline: Offline;
  readonly caches: CacheStorage;
  /** Where responses, and what is put, are. */
  readonly http: Cache;
  readonly stored: Cache;
  /** One for each time a page connected. */
  readonly sessions: readonly HttpSession[];
  /** Another page of the same main process, with a grant of its own. */
  anotherPage(grant?: Grant): DiskCache;
  /** A raw port to a session of its own, as a hostile page would use it. */
  rawPort(grant?: Grant, principal?: Principal): MessagePort;
}

export interface HttpPageOptions extends Partial<Pick<OfflineOptions, 'routes' | 'strategy' | 'clock'>> {
  /** The network. Default: nothing is there. */
  readonly fetch?: (request: Request) => Promise<Response> | Response;
  readonly grant?: Grant;
  readonly schemes?: CacheStorageOptions['schemes'];
}

/** Pages, their sessions, `Offline` and `CacheStorage` in one process, over real message ports and without a window. */
export function openHttpPage({
  fetch = () => {
    throw new TypeError('There is no network');
  },
  grant = FULL_HTTP_GRANT,
  schemes = ['app'],
  ...options
}: HttpPageOptions = {}): HttpPage {
  const http = new Cache(freshDirectory());
  const stored = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const network = async (request: Request) => fetch(request);
  const offline = new Offline({ ...options, cache: http, fetch: network });
  const caches = new CacheStorage({ cache: stored, fetch: network, schemes });
  const backing: HttpBackend = {
    getHandler(scheme = 'https:') {
      if (scheme === 'https:') return offline;
      throw new DiskCacheError('NOT_ALLOWED', `${scheme} is not served`);
    },
    caches: () => caches,
  };
  const sessions: HttpSession[] = [];
  const ports: MessagePort[] = [];
  const pages: DiskCache[] = [];
  function rawPort(granted: Grant = grant, principal?: Principal): MessagePort {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const session = openHttpSession(port1 as never, granted, backing, principal);
    port1.on('close', () => session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port')));
    sessions.push(session);
    return port2;
  }
  function anotherPage(granted: Grant = grant): DiskCache {
    const page = new DiskCache(async () => rawPort(granted) as unknown as MessagePortLike);
    pages.push(page);
    return page;
  }
  return {
    diskCache: anotherPage(),
    offline,
    caches,
    http,
    stored,
    sessions,
    anotherPage,
    rawPort,
    [Symbol.dispose]() {
      for (const page of pages) page.disconnect();
      for (const port of ports) port.close();
      http.close();
      stored.close();
    },
  };
}
