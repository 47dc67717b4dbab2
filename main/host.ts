import type { BrowserWindow, Session } from 'electron';
import type { Remote, RemoteStoreOf } from '../client/remote.ts';
import type {
  CacheDeclaration,
  DEFAULT_STORE,
  DequeDeclaration,
  FanoutDeclaration,
  IndexDeclaration,
  StoreDeclarations,
} from '../protocol/stores.ts';
import type { AssetOptions } from './electron/assets.ts';
import type { AttachOptions, InstallOptions } from './electron/attached-windows.ts';
import type { CachesOptions } from './electron/http-service.ts';
import type { OfflineSession, OfflineSessionOptions } from './electron/intercept-session.ts';
import type { Authorize } from './electron/sender.ts';
import type { StoresModule } from './electron/utility/engine-messages.ts';
import type { WindowStoreInfo, WindowStoreOptions } from './electron/window-stores.ts';
import type { Cache, Deque, FanoutCache, Index } from './engine/index.ts';
import type { CacheStorage } from './offline/index.ts';
import type { OpenQueueOptions, Queue } from './queue/index.ts';

/** Where the engine is: in the main process, or in a utility process to which pages have ports of their own. */
export type Placement = 'main' | 'utility';

export interface HostOptions<S extends StoreDeclarations, P extends Placement = Placement> {
  /** What `defineStores` returned. A store named `default` exists besides. */
  readonly stores: S;
  /**
   * Default `'main'`: the engine is in the main process, and its stores are synchronous there. With `'utility'` no call of a page
   * takes the main process any time, which has the stores as pages do: as promises.
   */
  readonly placement?: P;
  /**
   * The module whose export `stores` (or `default`) is what `defineStores` returned, as an absolute path or a `file:` address: with
   * `'utility'` the process imports it, for functions (`schema`, `migrate`, `codec`, `clock`) can't be sent there. Not needed where
   * there are none, nor with `'main'`.
   */
  readonly storesModule?: StoresModule;
  /** Where the stores live, a folder each. Default: `deskcache` in the application's `userData`. */
  readonly directory?: string;
  /**
   * Who may do what. Default: everything for the top frame of attached windows that shows the application's own pages
   * (`file:` or a custom scheme; unpackaged also a server on this machine), nothing for anyone else.
   */
  readonly authorize?: Authorize;
  /** For what windows keep for themselves (`diskCache.window`); `sizeLimit` is that of all windows together, default 1 GiB. */
  readonly windows?: WindowStoreOptions;
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

/** A declared store as the main process has it: the engine itself, synchronous, or that of the utility process, as promises. */
export type HostStore<D, P extends Placement> = P extends 'utility' ? RemoteStoreOf<D> : OpenStore<D>;

/** What windows keep for themselves: listed and measured, and cleared for one name or for all. */
export interface WindowStores {
  list(): WindowStoreInfo[];
  clear(name?: string): void;
}

/** The open stores and the windows that may use them. */
export interface Host<S extends StoreDeclarations, P extends Placement = 'main'> {
  /** By name. */
  readonly stores: {
    readonly [N in keyof S | typeof DEFAULT_STORE]: HostStore<N extends keyof S ? S[N] : CacheDeclaration, P>;
  };
  readonly directory: string;
  /**
   * Lets the pages of every window of the session connect that is opened from now on; no preload script to write. Answers the
   * way to end it; the host's own end does so, too. A window that is attached besides has the name it is attached under.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a session that has it already; `CLOSED` after `close`, as `attach`, `serveAssets` and
   * `runOffline`.
   */
  install(session: Session, options?: InstallOptions): () => void;
  /**
   * Lets the window's pages connect, which need `preloadPath`. Call it before `loadURL`. A window that is attached already gets
   * another name.
   *
   * @throws {DiskCacheError} `BAD_OPTION`.
   */
  attach(window: BrowserWindow, options?: AttachOptions): void;
  readonly windows: P extends 'utility' ? Remote<WindowStores> : WindowStores;
  /**
   * Serves items to the session's pages under `deskcache://<store>/<key>`, with Range, ETag and content type; the application
   * has registered `assetScheme()`. Answers the way to end it; the host's own end does so, too.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, also for an `exclusive` store of a utility process, `NO_SUCH_STORE`.
   */
  serveAssets(session: Session, options?: AssetOptions): () => void;
  /**
   * Lets the session's requests for `https`, or other `schemes`, go through an HTTP cache, with strategies by route and precached
   * files. Answers it, for requests of the main process, and the way to end it; the host's own end does so, too. For sessions that show
   * the application's own pages: a foreign page may read of other origins what CORS allows, without the session's cookies.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_OPTION`, also for an `exclusive` store of a utility process.
   */
  offline(session: Session, options?: OfflineSessionOptions): OfflineSession;
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
  /**
   * Settles what pages have open, then closes the stores, and waits for the end of a utility process. Happens by itself when the
   * application quits, without waiting: a resolved write is on disk. Idempotent.
   */
  close(): Promise<void>;
}
