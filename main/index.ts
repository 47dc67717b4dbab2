/** `deskcache/main`: the composition root of the main process. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, type BrowserWindow, type Session } from 'electron';
import { DiskCacheError } from '../protocol/error.ts';
import {
  type CacheDeclaration,
  type DEFAULT_STORE,
  type DequeDeclaration,
  type FanoutDeclaration,
  type IndexDeclaration,
  type StoreDeclarations,
  WINDOW_STORE,
} from '../protocol/stores.ts';
import { FULL_GRANT } from './bridge/grant.ts';
import { Lobby } from './bridge/lobby.ts';
import { type AssetOptions, serveAssets } from './electron/assets.ts';
import { type Attachment, attach } from './electron/attach.ts';
import { type Authorize, isOwnOrigin, ownPages } from './electron/sender.ts';
import { type Keep, type WindowOptions, Windows } from './electron/windows.ts';
import type { Cache, Deque, FanoutCache, Index } from './engine/index.ts';
import { Registry } from './engine/registry.ts';
import type { OpenQueueOptions, Queue } from './offline/queue/index.ts';
import { Queues } from './offline/queue/queues.ts';

export { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
export { cache, defineStores, deque, fanout, index } from '../protocol/stores.ts';
export type { Grant } from './bridge/grant.ts';
export { type AssetAccess, type AssetOptions, assetScheme } from './electron/assets.ts';
export type { Authorize, FrameInfo } from './electron/sender.ts';
export type { Keep, WindowOptions, WindowShard } from './electron/windows.ts';
export type { Cache, Deque, FanoutCache, Index } from './engine/index.ts';
export type { OpenQueueOptions, Queue } from './offline/queue/index.ts';

/** The sandboxed preload script, for `webPreferences.preload` of a window that is attached. */
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
}

export interface AttachOptions {
  /** Stays the same between runs: the window's own shard is found by it. Windows of one name share it. */
  readonly name: string;
  /** How long the window's own shard is kept. Default `'forever'`. */
  readonly keep?: Keep;
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
   * Lets the window's pages connect. Call it before `loadURL`.
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
   * A durable queue by its name, opened when it is first asked for, with these options. Names that differ only in case are one.
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
  const lobby = new Lobby();
  const attachments = new Set<Attachment>();
  const servings = new Set<() => void>();

  function shut(): void {
    app.off('will-quit', shut);
    for (const attachment of attachments) attachment.detach(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    attachments.clear();
    for (const stop of servings) stop();
    servings.clear();
    queues.close();
    windows.close();
    registry.close();
  }
  app.on('will-quit', shut);

  return {
    stores: registry.stores as unknown as Host<S>['stores'],
    directory,
    attach(window, { name, keep = 'forever' }) {
      const own = windows.attach(name, keep);
      const find = (store: string) => (store === WINDOW_STORE ? own.shard() : registry.find(store));
      const attachment = attach(window.webContents, name, authorize, find, lobby);
      attachments.add(attachment);
      window.once('closed', () => {
        attachments.delete(attachment);
        own.release();
      });
    },
    windows: { list: () => windows.list(), clear: (name) => windows.clear(name) },
    serveAssets(session, assetOptions = {}) {
      const stop = serveAssets(session, assetOptions, {
        stores: registry.stores,
        // With the default policy own pages may everything, also in windows that are not attached.
        grantsOf: (origin) =>
          options.authorize === undefined && isOwnOrigin(origin, app.isPackaged)
            ? [FULL_GRANT]
            : [...attachments].flatMap((attachment) => attachment.grantsOf(origin, session)),
        dropNear: () => Promise.all([...lobby.nearPages].map((page) => page.tell())),
      });
      servings.add(stop);
      return () => {
        if (servings.delete(stop)) stop();
      };
    },
    queue: (name, queueOptions) => queues.find(name, queueOptions),
    get sessions() {
      return [...attachments].reduce((sum, attachment) => sum + attachment.sessions, 0);
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
