/** `deskcache/main`: the composition root of the main process. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { app } from 'electron';
import { DiskCacheError } from '../protocol/error.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import { FULL_GRANT } from './bridge/grant.ts';
import { serveAssets } from './electron/assets.ts';
import { AttachedWindows } from './electron/attached-windows.ts';
import { install, warnOfMissingPreload } from './electron/install.ts';
import { OfflineSide } from './electron/offline-side.ts';
import { isOwnOrigin, ownPages } from './electron/sender.ts';
import { assertRuntimeFile, describeMissing, getRuntimePath } from './engine/runtime-files.ts';
import type { Host, HostOptions, Placement } from './host.ts';
import { assertWindow, demandHostOptions, demandOptions, demandSession } from './host-arguments.ts';
import { hideFromPages } from './open-engine.ts';
import { placed } from './placement.ts';

export { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
export { cache, defineStores, deque, fanout, index } from '../protocol/stores.ts';
export type { RemoteCache, RemoteDeque, RemoteIndex, RemoteStoreOf } from '../renderer-api/client/remote.ts';
export type { Grant } from './bridge/grant.ts';
export { type AssetOptions, assetScheme } from './electron/assets.ts';
export type { AttachOptions } from './electron/attached-windows.ts';
export type { InstallOptions } from './electron/install.ts';
export { networkFetch } from './electron/network.ts';
export type { OfflineSession, OfflineSessionOptions } from './electron/offline.ts';
export type { CachesOptions } from './electron/offline-side.ts';
export type { Authorize, FrameInfo } from './electron/sender.ts';
export type { StoresModule } from './electron/utility/sent-stores.ts';
export type { Keep, WindowOptions, WindowShard } from './electron/windows.ts';
export type { Cache, Deque, FanoutCache, Index } from './engine/index.ts';
export type { Host, HostOptions, HostStore, OpenStore, Placement, WindowStock } from './host.ts';
export type {
  Assignment,
  Counts,
  Enqueued,
  EnqueueOptions,
  Handler,
  Job,
  JobState,
  NewJob,
  OpenQueueOptions,
  ProcessOptions,
  Queue,
  QueueEvent,
  Retry,
} from './offline/queue/index.ts';

/**
 * The sandboxed preload script, for `webPreferences.preload` of a window that is attached; `host.install` brings it along. A bundle
 * made without the plugin `deskcache/vite` (`/esbuild`, `/webpack`) has no file at this path; `host.install` then throws.
 */
export const preloadPath = getRuntimePath('preload.cjs');

/**
 * Opens the application's stores, as soon as Electron is ready, and waits for windows. Not to be awaited at the top level of an ES
 * module, for Electron is ready when that has run to its end: call it in `app.whenReady().then(…)`.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BUSY`, `CORRUPT`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL` or `UNSUPPORTED_VERSION`,
 * naming the path; no store is left open then. `CLOSED` when the utility process dies over and over.
 */
export async function openDiskCache<const S extends StoreDeclarations, P extends Placement = 'main'>(
  options: HostOptions<S, P>,
): Promise<Host<S, P>> {
  demandHostOptions(options);
  await ready();
  const directory = options.directory ?? join(app.getPath('userData'), 'deskcache');
  const authorize = options.authorize ?? ownPages(app.isPackaged);
  const place = await placed(directory, options, getRuntimePath('utility.cjs'));
  hideFromPages(directory);
  const offlineSide = new OfflineSide(directory, options.caches);
  const attached = new AttachedWindows(authorize, place.engine, (session) => offlineSide.pagesOf(session));
  const endings = new Set<() => void>();
  let isShut = false;

  function shut(): Promise<void> {
    app.off('quit', shut);
    isShut = true;
    // First, so that pages hear of this and not of what follows from it.
    attached.close('The host was closed');
    for (const end of endings) end();
    endings.clear();
    offlineSide.close();
    return place.close();
  }
  // Not `will-quit`: who listens to that may still read and write, or decide to stay.
  app.on('quit', shut);

  function demandOpen(): void {
    if (isShut)
      throw new DiskCacheError('CLOSED', `The host of ${directory} was closed; open another with openDiskCache`);
  }

  /** Ended by whoever began it, or with the host. */
  function untilShut(end: () => void): () => void {
    endings.add(end);
    return () => {
      if (endings.delete(end)) end();
    };
  }

  return {
    stores: place.stores as Host<S, P>['stores'],
    directory,
    install(session, how = {}) {
      demandOpen();
      demandOptions('host.install', how);
      demandSession('install', session);
      assertRuntimeFile('preload.cjs', preloadPath);
      return untilShut(install(session, how, preloadPath, attached));
    },
    attach(window, how = {}) {
      demandOpen();
      demandOptions('host.attach', how);
      assertWindow(window);
      const isNew = !attached.has(window.webContents);
      attached.attach(window.webContents, how);
      if (isNew && !existsSync(preloadPath)) {
        const message = describeMissing('preload.cjs', preloadPath);
        untilShut(warnOfMissingPreload(window.webContents, preloadPath, message));
      }
    },
    windows: place.windows as Host<S, P>['windows'],
    serveAssets(session, assetOptions = {}) {
      demandOpen();
      demandOptions('host.serveAssets', assetOptions);
      demandSession('serveAssets', session);
      const served = serveAssets(session, assetOptions, {
        ...place.served(assetOptions),
        // With the default policy own pages may everything, also in windows that are not attached.
        grantsOf: (origin) =>
          options.authorize === undefined && isOwnOrigin(origin, app.isPackaged)
            ? [FULL_GRANT]
            : attached.grantsOf(origin, session),
      });
      return untilShut(served);
    },
    offline(session, how = {}) {
      demandOpen();
      demandOptions('host.offline', how);
      demandSession('offline', session);
      const { offline, end } = offlineSide.begin(
        session,
        how,
        how.store === undefined ? {} : place.cachesFor(how.store),
      );
      return { offline, end: untilShut(end) };
    },
    get caches() {
      return offlineSide.caches;
    },
    queue: (name, queueOptions) => place.queue(name, queueOptions),
    get sessions() {
      return attached.sessions;
    },
    close: shut,
  };
}

/** Milliseconds. */
const SLOW_START = 5000;

/**
 * Electron is ready when the main module has run to its end: an ES module that awaits this at its top level waits for itself, and
 * Electron doesn't say so.
 */
async function ready(): Promise<void> {
  const warning = setTimeout(() => {
    process.emitWarning(
      'openDiskCache still waits for Electron to be ready. An ES module must not await it at its top level: call it in app.whenReady().then(…)',
    );
  }, SLOW_START);
  await app.whenReady();
  clearTimeout(warning);
}
