import type { BrowserWindow, Session } from 'electron';
import type { Remote, RemoteStoreOf } from '../client/remote.ts';
import type {
  CacheDeclaration,
  DEFAULT_STORE,
  DequeDeclaration,
  FanoutDeclaration,
  IndexDeclaration,
  SettingsDeclaration,
  StoreDeclarations,
} from '../protocol/stores.ts';
import type { AssetOptions } from './electron/assets.ts';
import type { AttachOptions, InstallOptions } from './electron/attached-windows.ts';
import type { CachesOptions } from './electron/http-service.ts';
import type { OfflineSession, OfflineSessionOptions } from './electron/intercept-session.ts';
import type { Authorize } from './electron/sender.ts';
import type { StoresModule } from './electron/utility/engine-messages.ts';
import type { WindowStoreInfo, WindowStoreOptions } from './electron/window-stores.ts';
import type { Cache, Deque, FanoutCache, Index, Settings } from './engine/index.ts';
import type { CacheStorage } from './offline/index.ts';
import type { OpenQueueOptions, Queue } from './queue/index.ts';

/** Where the engine runs: in the main process, or in a utility process to which pages have ports of their own. */
export type Placement = 'main' | 'utility';

export interface HostOptions<S extends StoreDeclarations, P extends Placement = Placement> {
  /** The result of `defineStores`. A store named `default` always exists as well. */
  readonly stores: S;
  /**
   * Default `'main'`: the engine runs in the main process, and its stores are synchronous there. With `'utility'`, calls of pages take no
   * time of the main process, and its own stores return promises, as in pages.
   */
  readonly placement?: P;
  /**
   * The module whose export `stores` (or `default`) is the result of `defineStores`, as an absolute path or a `file:` URL. With `'utility'`
   * the process imports it, because functions (`schema`, `migrate`, `codec`, `clock`) can't be sent there. Not needed if the declarations
   * have no functions, or with `'main'`.
   */
  readonly storesModule?: StoresModule;
  /** The directory of the stores, one folder each. Default: `deskcache` in the application's `userData`. */
  readonly directory?: string;
  /**
   * Decides what each frame may access. Default: everything for the top frame of attached windows that shows the application's own pages
   * (`file:` or a custom scheme; in an unpackaged application also a server on this machine), nothing for others.
   */
  readonly authorize?: Authorize;
  /** Options of the windows' own shards (`diskCache.window`); `sizeLimit` applies to all windows together, default 1 GiB. */
  readonly windows?: WindowStoreOptions;
  /** Options of `host.caches`. Nothing is evicted from it: at its `sizeLimit` (default 1 GiB) `put` rejects with `DISK_FULL`. */
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
          : D extends SettingsDeclaration<infer T>
            ? Settings<T>
            : never;

/** A declared store in the main process: the synchronous engine itself, or the utility process's store with promises. */
export type HostStore<D, P extends Placement> = P extends 'utility' ? RemoteStoreOf<D> : OpenStore<D>;

/** The windows' own shards: lists and measures them, and clears one or all. */
export interface WindowStores {
  list(): WindowStoreInfo[];
  clear(name?: string): void;
}

/** The open stores and the windows that may use them. */
export interface Host<S extends StoreDeclarations, P extends Placement = 'main'> {
  /** The stores by name. */
  readonly stores: {
    readonly [N in keyof S | typeof DEFAULT_STORE]: HostStore<N extends keyof S ? S[N] : CacheDeclaration, P>;
  };
  readonly directory: string;
  /**
   * Lets the pages of every window of the session connect that is opened from now on, without a preload script of the application's.
   * Returns a function that ends this; `close` ends it, too. A window that is also attached keeps the name given to `attach`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` if the session is already installed; `CLOSED` after `close`, like `attach`, `serveAssets` and
   * `offline`.
   */
  install(session: Session, options?: InstallOptions): () => void;
  /**
   * Lets the window's pages connect; the window needs `preloadPath`. Call it before `loadURL`. A window that is already attached gets the
   * new name.
   *
   * @throws {DiskCacheError} `BAD_OPTION`.
   */
  attach(window: BrowserWindow, options?: AttachOptions): void;
  readonly windows: P extends 'utility' ? Remote<WindowStores> : WindowStores;
  /**
   * Serves items to the session's pages under `deskcache://<store>/<key>`, with Range, ETag and content type. The application must have
   * registered `assetScheme()`. Returns a function that ends this; `close` ends it, too.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`, or `BAD_OPTION`, also for an `exclusive` store of a utility process.
   */
  serveAssets(session: Session, options?: AssetOptions): () => void;
  /**
   * Sends the session's requests for `https`, or other `schemes`, through an HTTP cache, with strategies by route and precached files.
   * Returns that cache, for requests of the main process, and a function that ends this; `close` ends it, too. Meant for sessions that show
   * the application's own pages: a foreign page can only read from other origins what CORS allows, without the session's cookies.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`, or `BAD_OPTION`, also for an `exclusive` store of a utility process.
   */
  offline(session: Session, options?: OfflineSessionOptions): OfflineSession;
  /**
   * The standard `CacheStorage`, one for the whole application; pages have it as `diskCache.caches`. Opened on first use. What the main
   * process adds is fetched by the default session.
   */
  readonly caches: CacheStorage;
  /**
   * Returns the durable queue of this name, opened on first use with these options. Names are case-insensitive. Pages reach open queues as
   * `diskCache.queue(name)`, so open a queue before attaching their windows.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that can't be a folder name (a letter, then letters, digits, `-`), and for options of
   * a queue that is already open; `CLOSED` after `close`; anything that opening throws.
   */
  queue<T = unknown>(name: string, options?: OpenQueueOptions): Queue<T>;
  /** Number of currently connected pages. */
  readonly sessions: number;
  /**
   * Settles the pages' pending calls, then closes the stores, and waits for the utility process to exit. When the application quits this
   * happens automatically, without waiting: a resolved write is on disk. Idempotent.
   */
  close(): Promise<void>;
}
