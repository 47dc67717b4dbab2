/** `deskcache/main`: the composition root of the main process. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, type BrowserWindow, type Session } from 'electron';
import {
  type CacheDeclaration,
  type DEFAULT_STORE,
  type DequeDeclaration,
  type FanoutDeclaration,
  type IndexDeclaration,
  queueMeant,
  type StoreDeclarations,
} from '../protocol/stores.ts';
import { FULL_GRANT } from './bridge/grant.ts';
import { type AssetOptions, serveAssets } from './electron/assets.ts';
import { AttachedWindows, type AttachOptions } from './electron/attached-windows.ts';
import { EngineHere } from './electron/engine-here.ts';
import { type InstallOptions, install } from './electron/install.ts';
import type { OfflineSession, OfflineSessionOptions } from './electron/offline.ts';
import { type CachesOptions, OfflineSide } from './electron/offline-side.ts';
import { type Authorize, isOwnOrigin, ownPages } from './electron/sender.ts';
import { type WindowOptions, Windows } from './electron/windows.ts';
import type { Cache, Deque, FanoutCache, Index } from './engine/index.ts';
import { Registry } from './engine/registry.ts';
import type { CacheStorage } from './offline/index.ts';
import type { OpenQueueOptions, Queue } from './offline/queue/index.ts';
import { Queues } from './offline/queue/queues.ts';

export { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
export { cache, defineStores, deque, fanout, index } from '../protocol/stores.ts';
export type { Grant } from './bridge/grant.ts';
export { type AssetAccess, type AssetOptions, assetScheme } from './electron/assets.ts';
export type { AttachOptions } from './electron/attached-windows.ts';
export type { InstallOptions } from './electron/install.ts';
export type { OfflineSession, OfflineSessionOptions } from './electron/offline.ts';
export type { CachesOptions } from './electron/offline-side.ts';
export type { Authorize, FrameInfo } from './electron/sender.ts';
export type { Keep, WindowOptions, WindowShard } from './electron/windows.ts';
export type { Cache, Deque, FanoutCache, Index } from './engine/index.ts';
export type { OpenQueueOptions, Queue } from './offline/queue/index.ts';

/** The sandboxed preload script, for `webPreferences.preload` of a window that is attached; `host.install` brings it along. */
export const preloadPath = fileURLToPath(new URL('./preload.cjs', import.meta.url));

export interface HostOptions<S extends StoreDeclarations> {
  /** What `defineStores` returned. A store named `default` exists besides. */
  readonly stores: S;
  /** Where the stores live, a folder each. Default: `deskcache` in the application's `userData`. */
  readonly directory?: string;
  /**
   * Who may do what. Default: everything for the top frame of attached windows that shows the application's own pages
   * (`file:` or a custom scheme; unpackaged also a server on this machine), nothing for anyone else.
   */
  readonly authorize?: Authorize;
  /** For what windows keep for themselves (`diskCache.window`); `sizeLimit` is that of all windows together, default 1 GiB. */
  readonly windows?: WindowOptions;
  /** For `host.caches`; nothing of it is evicted, at its `sizeLimit` (default 1 GiB) `put` rejects with `DISK_FULL`. */
  readonly caches?: CachesOptions;
}

export type OpenStore<D> =
  D extends CacheDeclaration<infer K, infer V>
    ? Cache<K, V>
    : D extends FanoutDeclaration<infer K, infer V>
      ? FanoutCache<K, V>
      : D extends IndexDeclaration<infer K, infer V>
        ? Index<K, V>
        : D extends DequeDeclaration<infer V>
          ? Deque<V>
          : never;

/** The open stores and the windows that may use them. */
export interface Host<S extends StoreDeclarations> {
  /** The engine itself, synchronous. */
  readonly stores: { readonly [N in keyof S | typeof DEFAULT_STORE]: N extends keyof S ? OpenStore<S[N]> : Cache };
  readonly directory: string;
  /**
   * Lets the pages of every window of the session connect that is opened from now on; no preload script to write. Answers the
   * way to end it; the host's own end does so, too. A window that is attached besides has the name it is attached under.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a session that has it already.
   */
  install(session: Session, options?: InstallOptions): () => void;
  /**
   * Lets the window's pages connect, which need `preloadPath`. Call it before `loadURL`. A window that is attached already gets
   * another name.
   *
   * @throws {DiskCacheError} `BAD_OPTION`.
   */
  attach(window: BrowserWindow, options: AttachOptions): void;
  /** What windows keep for themselves: listed and measured, and cleared for one name or for all. */
  readonly windows: Pick<Windows, 'list' | 'clear'>;
  /**
   * Serves items to the session's pages under `deskcache://<store>/<key>`, with Range, ETag and content type; the application
   * has registered `assetScheme()`. Answers the way to end it; the host's own end does so, too.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, `NO_SUCH_STORE`.
   */
  serveAssets(session: Session, options?: AssetOptions): () => void;
  /**
   * Lets the session's requests for `https`, or other `schemes`, go through an HTTP cache in a declared store, with strategies by
   * route and precached files. Answers it, for requests of the main process, and the way to end it; the host's own end does so, too.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_OPTION`.
   */
  offline(session: Session, options: OfflineSessionOptions): OfflineSession;
  /**
   * The standard's `CacheStorage`, one for the application: pages have it as `diskCache.caches`. Opened when it is first asked for.
   * What the main process adds comes by way of the default session.
   */
  readonly caches: CacheStorage;
  /**
   * A durable queue by its name, opened when it is first asked for, with these options. Names that differ only in case are one.
   * Pages reach the queues that are open, as `diskCache.queue(name)`: open it before their windows are attached.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that could not be a folder (a letter, then letters, digits, `-`), and for
   * options of a queue that is open; `CLOSED` after `close`; else what opening throws.
   */
  queue<T = unknown>(name: string, options?: OpenQueueOptions): Queue<T>;
  /** Pages connected at this moment. */
  readonly sessions: number;
  /** Settles what pages have open, then closes the stores. Happens by itself when the application quits. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the application's stores and waits for windows.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BUSY`, `CORRUPT`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL` or `UNSUPPORTED_VERSION`,
 * naming the path; no store is left open then.
 */
export async function openDiskCache<const S extends StoreDeclarations>(options: HostOptions<S>): Promise<Host<S>> {
  await app.whenReady();
  const directory = options.directory ?? join(app.getPath('userData'), 'deskcache');
  const authorize = options.authorize ?? ownPages(app.isPackaged);
  const registry = new Registry(directory, options.stores);
  const windows = openWindows(registry, join(directory, WINDOWS_FOLDER), options.windows);
  const queues = new Queues(join(directory, QUEUES_FOLDER));
  const engine = new EngineHere(windows, (name) => {
    const queue = queueMeant(name);
    return queue === undefined ? registry.find(name) : queues.findOpen(queue);
  });
  const offlineSide = new OfflineSide(directory, options.caches);
  const attached = new AttachedWindows(authorize, engine, (session) => offlineSide.pagesOf(session));
  const endings = new Set<() => void>();

  function shut(): void {
    app.off('quit', shut);
    // First, so that pages hear of this and not of what follows from it.
    attached.close('The host was closed');
    for (const end of endings) end();
    endings.clear();
    queues.close();
    offlineSide.close();
    windows.close();
    registry.close();
  }
  // Not `will-quit`: who listens to that may still read and write, or decide to stay.
  app.on('quit', shut);

  /** Ended by whoever began it, or with the host. */
  function untilShut(end: () => void): () => void {
    endings.add(end);
    return () => {
      if (endings.delete(end)) end();
    };
  }

  return {
    stores: registry.stores as unknown as Host<S>['stores'],
    directory,
    install: (session, how = {}) => untilShut(install(session, how, preloadPath, attached)),
    attach: (window, how) => void attached.attach(window.webContents, how),
    windows: { list: () => windows.list(), clear: (name) => windows.clear(name) },
    serveAssets: (session, assetOptions = {}) =>
      untilShut(
        serveAssets(session, assetOptions, {
          stores: registry.stores,
          // With the default policy own pages may everything, also in windows that are not attached.
          grantsOf: (origin) =>
            options.authorize === undefined && isOwnOrigin(origin, app.isPackaged)
              ? [FULL_GRANT]
              : attached.grantsOf(origin, session),
          dropNear: () => engine.dropNear(),
        }),
      ),
    offline(session, how) {
      const { offline, end } = offlineSide.begin(session, how, registry.stores);
      return { offline, end: untilShut(end) };
    },
    get caches() {
      return offlineSide.caches;
    },
    queue: (name, queueOptions) => queues.find(name, queueOptions),
    get sessions() {
      return attached.sessions;
    },
    close: async () => shut(),
  };
}

/** No declared store has such names. */
const WINDOWS_FOLDER = '_windows';
const QUEUES_FOLDER = '_queues';

function openWindows(registry: Registry, directory: string, options: WindowOptions | undefined): Windows {
  try {
    return new Windows(directory, options);
  } catch (error) {
    registry.close();
    throw error;
  }
}
