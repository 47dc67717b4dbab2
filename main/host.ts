import type { BrowserWindow, Session } from 'electron';
import type { Remote, RemoteStoreOf } from '../client/remote.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type {
  CacheDeclaration,
  DEFAULT_STORE,
  DequeDeclaration,
  FanoutDeclaration,
  IndexDeclaration,
  OnDamage,
  SealedOption,
  SettingsDeclaration,
  StoreDeclarations,
} from '../protocol/stores.ts';
import type { DamageReport } from './damage/report.ts';
import type { AssetOptions } from './electron/assets.ts';
import type { AttachOptions, InstallOptions } from './electron/attached-windows.ts';
import type { CachesOptions } from './electron/http-service.ts';
import type { OfflineSession, OfflineSessionOptions } from './electron/intercept-session.ts';
import type { Authorize } from './electron/sender.ts';
import type { StoresModule } from './electron/utility/engine-messages.ts';
import type { WindowStoreInfo, WindowStoreOptions } from './electron/window-stores.ts';
import type {
  BackupOptions,
  BackupResult,
  Cache,
  Deque,
  FanoutCache,
  Index,
  ResealOptions,
  ResealResult,
  Settings,
} from './engine/index.ts';
import { assertCacheOptions, parseRotation, type RotationOptions, type SafeStorage } from './engine/internal.ts';
import type { HostMetrics } from './metrics/process-metrics.ts';
import type { CacheStorage } from './offline/index.ts';
import {
  CHECKED_LATER,
  FLAG,
  FUNCTION,
  type OptionRules,
  POSITIVE_MS,
  parseOptions,
  TEXT,
  TEXTS,
} from './offline/options.ts';
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
  /**
   * Whether the process of the engine may have a worker thread, in which stores checkpoint, so that its own thread doesn't wait for the
   * disk. With `false`, and where threads can't be started, checkpoints run in the thread of the engine. Default true.
   */
  readonly workerThread?: boolean;
  /**
   * Whether the stores are opened with `exclusive`: faster, but to open one of them in another process or thread fails with `BUSY`.
   * Default: true if the application holds Electron's single-instance lock (`app.requestSingleInstanceLock()`) when it calls
   * `openDiskCache`; with `placement: 'utility'` not for caches and queues, which the main process opens as well. A store that has
   * `exclusive` in its declaration, or `readOnly`, is opened as that says.
   */
  readonly exclusive?: boolean;
  /**
   * What to do with a store that is damaged so that it can't be opened, if its declaration doesn't say it; also with queues, the windows'
   * shards and the HTTP caches. Default: caches of any kind are set aside and begin empty; settings, indexes, deques and queues are restored
   * from what can be read and from the newest backup. With `'refuse'`, `openDiskCache` throws `CORRUPT`.
   */
  readonly onDamage?: OnDamage;
  /** Called for each report that `host.damage` gets; also before `openDiskCache` resolves. */
  readonly onDamaged?: (report: DamageReport) => void;
  /**
   * Makes a backup of all settings, indexes, deques and queues by itself, below `_backups` in the directory of the stores, when the last one is
   * old enough, and keeps the newest ones. Default: none. Caches aren't in it; `host.backup` has everything.
   */
  readonly backup?: RotationOptions;
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
  /**
   * Electron's `safeStorage`, for stores with `sealed: true`. It encrypts the random key of the host, which is kept in its directory; the key
   * itself is never on disk.
   */
  readonly seal?: SafeStorage;
  /**
   * Whether to accept `safeStorage` where the system has no key store (Linux without a keyring, `basic_text`): anyone who can read the
   * directory can then read what is sealed. Default false.
   */
  readonly allowPlainTextKey?: boolean;
  /** Whether `host.metrics()` counts from the start. Default: from its first call on; until then it costs nothing. */
  readonly metrics?: boolean;
  /**
   * Emits a process warning with store and method when a call of a page held the process of the engine for longer, in milliseconds: a frame of
   * a window is 16.7. At most one a minute for each method of each store. Default: none.
   */
  readonly slowCallWarningMs?: number;
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

/** The names of the declared settings; any name where the declarations aren't known. */
type SettingsName<S extends StoreDeclarations> = string extends keyof S
  ? string
  : { [N in keyof S & string]: S[N] extends SettingsDeclaration<infer _> ? N : never }[keyof S & string];

/** The windows' own shards: lists and measures them, and clears one or all. */
export interface WindowStores {
  list(): WindowStoreInfo[];
  clear(name?: string): void;
}

/** Options of `host.openInspector`. */
export interface InspectorOptions {
  /** Whether it may change, delete and repair. Default false. */
  readonly write?: boolean;
}

/** The options of a queue of a host. */
export interface HostQueueOptions extends OpenQueueOptions, SealedOption {}

export type RotateOptions = Omit<ResealOptions, 'encryptionKey'>;

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
   * @throws {DiskCacheError} `BAD_OPTION` if the session is already installed, or for a store in `ready` that isn't one of settings;
   * `NO_SUCH_STORE` for one that isn't declared; `CLOSED` after `close`, like `attach`, `serveAssets` and `offline`.
   */
  install(session: Session, options?: InstallOptions<SettingsName<S>>): () => void;
  /**
   * Lets the window's pages connect; the window needs `preloadPath`. Call it before `loadURL`. A window that is already attached gets the
   * new name.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, `NO_SUCH_STORE`.
   */
  attach(window: BrowserWindow, options?: AttachOptions<SettingsName<S>>): void;
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
  queue<T = unknown>(name: string, options?: HostQueueOptions): Queue<T>;
  /**
   * Opens a window that looks into the stores, or brings the open one to the front: keys, values, HTTP responses, jobs, windows, changes, plots. Loads its
   * code when it is first called. `close` closes it.
   *
   * @throws {DiskCacheError} `BAD_OPTION` with `placement: 'utility'`, and if its files are not there: a bundle has them with the plugin's option
   * `inspector`; `CLOSED`.
   */
  openInspector(options?: InspectorOptions): Promise<BrowserWindow>;
  /**
   * Makes a new key and seals every declared store with it, in steps of a few milliseconds; queues, windows and HTTP caches follow when they are
   * opened next. If the application ends before, the next `openDiskCache` goes on. Not available with `placement: 'utility'`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` without `seal`, and for stores that aren't exclusive; `CLOSED`; else what writing throws.
   */
  rotateSealKey(options?: RotateOptions): Promise<ResealResult>;
  /**
   * The damage that was found, since the host was opened and while it was: what was saved, what is lost, and where the damaged store is
   * kept. Empty where nothing is damaged.
   */
  readonly damage: readonly DamageReport[];
  /**
   * Backs up all stores and queues into a new directory, while they are used. Each store is there as it was at one moment: stores that are
   * `exclusive` as at the end, others as when the copy begins. `restore` puts the backup back.
   *
   * @throws {DiskCacheError} `BAD_OPTION` if the path exists; `CORRUPT`, `DISK_FULL`, `IO`, `CLOSED`; the reason of `signal`. Nothing is left behind.
   */
  backup(path: string, options?: BackupOptions): Promise<BackupResult>;
  /**
   * Returns what the host has done since it counts, and what it holds, for monitoring: stores, calls of pages, HTTP, queues, the delay of the event
   * loop; of the main process and of the utility process. Counts from the first call on, or with the option `metrics` from the start.
   * O(value files), for it measures each store.
   *
   * @throws {DiskCacheError} `CLOSED`; `DISCONNECTED` if the utility process ends meanwhile.
   */
  metrics(): Promise<HostMetrics>;
  /** Number of currently connected pages. */
  readonly sessions: number;
  /**
   * Settles the pages' pending calls, then closes the stores, and waits for the utility process to exit. When the application quits this
   * happens automatically, without waiting: a resolved write is on disk. Idempotent.
   */
  close(): Promise<void>;
}

// Applications may be plain JavaScript, where a misspelt option would be ignored silently.

type Options = HostOptions<StoreDeclarations>;

const isSafeStorage = (storage: unknown): boolean =>
  (['isEncryptionAvailable', 'encryptString', 'decryptString'] as const).every(
    (name) => typeof Object(storage)[name] === 'function',
  );
type MethodOptions<M extends 'install' | 'attach' | 'serveAssets'> = NonNullable<
  Parameters<Host<StoreDeclarations>[M]>[1]
>;

const RULES = {
  openDiskCache: {
    stores: CHECKED_LATER,
    placement: CHECKED_LATER,
    storesModule: CHECKED_LATER,
    workerThread: FLAG,
    exclusive: FLAG,
    onDamage: CHECKED_LATER,
    onDamaged: FUNCTION,
    backup: CHECKED_LATER,
    directory: TEXT,
    authorize: { is: 'a function (frame) => grant or null', accepts: FUNCTION.accepts },
    windows: CHECKED_LATER,
    caches: CHECKED_LATER,
    seal: { is: "Electron's safeStorage", accepts: isSafeStorage },
    allowPlainTextKey: FLAG,
    metrics: FLAG,
    slowCallWarningMs: POSITIVE_MS,
  } satisfies OptionRules<Options>,
  'openDiskCache, windows': {
    sizeLimit: CHECKED_LATER,
    evictionPolicy: CHECKED_LATER,
    ttl: CHECKED_LATER,
    fileThreshold: CHECKED_LATER,
    memory: CHECKED_LATER,
    pageCache: CHECKED_LATER,
    durability: CHECKED_LATER,
    exclusive: CHECKED_LATER,
    timeout: CHECKED_LATER,
    readOnly: CHECKED_LATER,
    workerThread: CHECKED_LATER,
    clock: CHECKED_LATER,
    codec: CHECKED_LATER,
    compression: CHECKED_LATER,
    statistics: CHECKED_LATER,
    tagIndex: CHECKED_LATER,
    sealed: CHECKED_LATER,
    encryptExisting: CHECKED_LATER,
    encryptionKey: CHECKED_LATER,
    previousEncryptionKey: CHECKED_LATER,
  } satisfies OptionRules<WindowStoreOptions>,
  'openDiskCache, caches': {
    sizeLimit: CHECKED_LATER,
    durability: CHECKED_LATER,
    compression: CHECKED_LATER,
    sealed: CHECKED_LATER,
    schemes: TEXTS,
    onStoreFailure: FUNCTION,
  } satisfies OptionRules<CachesOptions>,
  'host.install': { name: CHECKED_LATER, lifetime: CHECKED_LATER, ready: TEXTS } satisfies OptionRules<
    MethodOptions<'install'>
  >,
  'host.attach': { name: CHECKED_LATER, lifetime: CHECKED_LATER, ready: TEXTS } satisfies OptionRules<
    MethodOptions<'attach'>
  >,
  'host.openInspector': { write: FLAG } satisfies OptionRules<InspectorOptions>,
  'host.serveAssets': { stores: TEXTS, contentType: FUNCTION } satisfies OptionRules<MethodOptions<'serveAssets'>>,
  'host.offline': {
    store: TEXT,
    schemes: TEXTS,
    fetch: FUNCTION,
    origins: TEXTS,
    partition: TEXT,
    privateNetwork: CHECKED_LATER,
    routes: CHECKED_LATER,
    strategy: CHECKED_LATER,
    precache: CHECKED_LATER,
    connection: CHECKED_LATER,
    onStoreFailure: FUNCTION,
    onRevalidationFailure: FUNCTION,
  } satisfies OptionRules<OfflineSessionOptions>,
} as const;

/** @throws {DiskCacheError} `BAD_OPTION` if `options` isn't an object, has an unknown name, or a value of another type. */
export function assertKnownOptions(method: keyof typeof RULES, options: object | undefined): void {
  parseOptions<object>(method, options, RULES[method]);
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertHostOptions(options: Options): void {
  assertKnownOptions('openDiskCache', options);
  const { stores, caches, windows, backup } = options;
  if (backup !== undefined) parseRotation(backup);
  if (typeof stores !== 'object' || stores === null) {
    throw new DiskCacheError('BAD_OPTION', 'openDiskCache: stores is missing; pass what defineStores({ … }) returned');
  }
  // Checked here, because these stores are only opened on first use.
  if (windows !== undefined) {
    assertKnownOptions('openDiskCache, windows', windows);
    const { sealed: _, ...own } = windows;
    assertCacheOptions('openDiskCache, windows', own);
  }
  if (caches !== undefined) {
    assertKnownOptions('openDiskCache, caches', caches);
    const { schemes: _, onStoreFailure: __, sealed: ___, ...stored } = caches;
    assertCacheOptions('openDiskCache, caches', stored);
  }
}

/**
 * Refuses anything but a window, such as a window's `webContents`.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function assertWindow(window: unknown): void {
  const { webContents } = Object(window) as { readonly webContents?: unknown };
  if (typeof webContents === 'object' && webContents !== null) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    'host.attach takes a window, such as new BrowserWindow(…) or a WebContentsView: something with webContents',
  );
}

/**
 * Refuses anything but a session, such as Electron's module `session` or a window.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function assertSession(method: keyof Host<StoreDeclarations>, session: Session): void {
  const { protocol, registerPreloadScript } = Object(session) as Partial<Session>;
  if (typeof (method === 'install' ? registerPreloadScript : protocol?.handle) === 'function') return;
  throw new DiskCacheError('BAD_OPTION', `host.${method} takes a session, such as session.defaultSession`);
}
