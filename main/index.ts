/** `deskcache/main`: the composition root of the main process. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { app, type Session } from 'electron';
import { DiskCacheError } from '../protocol/error.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import { FULL_GRANT } from './bridge/grant.ts';
import { DamageGuard } from './damage/damage-guard.ts';
import { serveAssets } from './electron/assets.ts';
import { AttachedWindows, installInSession, warnIfPreloadMissing } from './electron/attached-windows.ts';
import { chooseExclusiveStores } from './electron/exclusive-stores.ts';
import { HttpService } from './electron/http-service.ts';
import { ReadyWindows } from './electron/ready-windows.ts';
import { allowOwnPages, isOwnOrigin } from './electron/sender.ts';
import { assertReadyStores } from './electron/settings-snapshot.ts';
import { BackupRotation, completeRestore, parseBackupOptions, parseRotation } from './engine/internal.ts';
import { assertRuntimeFile, describeMissing, getRuntimePath } from './engine/runtime-files.ts';
import { placeEngine } from './engine-placement.ts';
import type { Host, HostOptions, Placement } from './host.ts';
import { assertHostOptions, assertKnownOptions, assertSession, assertWindow } from './host.ts';
import { HostSealing } from './host-sealing.ts';
import { hideFromPages, isCacheDeclaration, QUEUES_FOLDER } from './open-engine.ts';
import { HostInspector } from './open-inspector.ts';
import { HostMetricsReader } from './open-metrics.ts';

export type { RemoteCache, RemoteDeque, RemoteIndex, RemoteStoreOf } from '../client/remote.ts';
export type { RemoteSettings } from '../client/remote-settings.ts';
export { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
export { conf, electronConf, electronJsonStorage, electronStore, lowdb } from '../protocol/move-source.ts';
export type { OnDamage } from '../protocol/stores.ts';
export { cache, defineStores, deque, fanout, index, settings } from '../protocol/stores.ts';
export type { Grant } from './bridge/grant.ts';
export type { DamageReport } from './damage/report.ts';
export { type AssetOptions, assetScheme } from './electron/assets.ts';
export type { AttachOptions, InstallOptions } from './electron/attached-windows.ts';
export type { CachesOptions } from './electron/http-service.ts';
export type { OfflineSession, OfflineSessionOptions } from './electron/intercept-session.ts';
export { networkFetch } from './electron/network-fetch.ts';
export type { Authorize, FrameInfo } from './electron/sender.ts';
export type { StoresModule } from './electron/utility/engine-messages.ts';
export type { Lifetime, WindowStoreInfo, WindowStoreOptions } from './electron/window-stores.ts';
export type {
  BackedUpStore,
  BackupOptions,
  BackupProgress,
  BackupResult,
  Cache,
  CallMessage,
  CheckpointMessage,
  DamageMessage,
  Deque,
  DiagnosticsMessages,
  EvictionMessage,
  FanoutCache,
  HttpMessage,
  Index,
  JobMessage,
  ResealResult,
  SessionMessage,
  Settings,
  TransactionMessage,
} from './engine/index.ts';
export { type RestoreResult, restore } from './engine/index.ts';
export type { RotationOptions, SafeStorage } from './engine/internal.ts';
export type {
  Host,
  HostOptions,
  HostQueueOptions,
  HostStore,
  InspectorOptions,
  OpenStore,
  Placement,
  RotateOptions,
  WindowStores,
} from './host.ts';
export {
  type ImportDiskCacheOptions,
  type ImportProgress,
  type ImportResult,
  type ImportTarget,
  importDiskCache,
  type NamedImport,
  type PythonDisk,
  type PythonStoreKind,
  type SkippedItem,
} from './import/index.ts';
export type { DurationHistogram } from './metrics/duration-recorder.ts';
export type {
  BridgeMetrics,
  CallMetrics,
  EventLoopDelay,
  HostMetrics,
  HttpMetrics,
  ProcessMetrics,
  QueueMetrics,
  StoreMeasurement,
  StoreMetrics,
} from './metrics/process-metrics.ts';
export type {
  EnqueueOptions,
  EnqueueResult,
  Handler,
  Job,
  JobContext,
  JobCounts,
  JobState,
  NewJob,
  OpenQueueOptions,
  ProcessOptions,
  Queue,
  QueueEvent,
  Retry,
} from './queue/index.ts';

/**
 * The sandboxed preload script, for `webPreferences.preload` of an attached window; `host.install` adds it automatically. A bundle made
 * without the plugin `deskcache/vite` (`/esbuild`, `/webpack`) has no file at this path; `host.install` then throws.
 */
export const preloadPath = getRuntimePath('preload.cjs');
/** The script that `host.install` and `host.attach` add to the session for `ready`. */
const readyPreloadPath = getRuntimePath('preload-ready.cjs');

/**
 * Opens the application's stores, as soon as Electron is ready, and accepts windows. Don't await it at the top level of an ES module:
 * Electron is only ready when that module has finished. Call it in `app.whenReady().then(…)`.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BUSY`, `CORRUPT`, `NOT_ALLOWED`, `READ_ONLY`, `DISK_FULL` or `UNSUPPORTED_VERSION`, naming the
 * path; every store is then closed again. `CLOSED` if the utility process keeps crashing.
 */
export async function openDiskCache<const S extends StoreDeclarations, P extends Placement = 'main'>(
  options: HostOptions<S, P>,
): Promise<Host<S, P>> {
  assertHostOptions(options);
  await whenAppReady();
  const directory = options.directory ?? join(app.getPath('userData'), 'deskcache');
  const authorize = options.authorize ?? allowOwnPages(app.isPackaged);
  const utilityPath = getRuntimePath('utility.cjs');
  const userData = movesIn(options.stores) ? app.getPath('userData') : undefined;
  const exclusive = chooseExclusiveStores(options.exclusive, options.placement ?? 'main');
  completeRestore(directory);
  const sealing = await HostSealing.open(directory, options);
  const sealedOptions = sealing.withKeys<HostOptions<StoreDeclarations>>(options);
  const damage = new DamageGuard(directory, options);
  const placedEngine = await placeEngine({ directory, userData, utilityPath }, { ...sealedOptions, exclusive, damage });
  if (options.placement !== 'utility') sealing.start(Object.values(placedEngine.stores));
  hideFromPages(directory);
  // Only the main process opens these, wherever the engine runs.
  const http = new HttpService(directory, sealedOptions.caches, exclusive !== 'none', damage.open);
  const ready = new ReadyWindows(readyPreloadPath, authorize, placedEngine.engine);
  const getHttpOpener = (session: Session) => http.createSessionOpener(session);
  const attached = new AttachedWindows(authorize, placedEngine.engine, getHttpOpener, ready);
  const inspector = new HostInspector({ directory, engine: placedEngine, http, attached });
  const metrics = new HostMetricsReader({ directory, engine: placedEngine, http }, options);
  const rotation =
    options.backup &&
    new BackupRotation(directory, parseRotation(options.backup), (path, signal) =>
      placedEngine.backup(path, { folders: listBackedUpFolders(options.stores), signal }),
    );
  const disposers = new Set<() => void>();
  let isClosed = false;

  function closeHost(): Promise<void> {
    app.off('quit', closeHost);
    isClosed = true;
    inspector.close();
    metrics.close();
    rotation?.close();
    // First, so that pages get this reason and not a consequence of it.
    attached.close('The host was closed');
    for (const end of disposers) end();
    disposers.clear();
    http.close();
    sealing.close();
    return placedEngine.close();
  }
  // Not `will-quit`: its listeners may still read and write, or cancel quitting.
  app.on('quit', closeHost);

  function assertOpen(): void {
    if (isClosed)
      throw new DiskCacheError('CLOSED', `The host of ${directory} was closed; open another with openDiskCache`);
  }

  /** Checks the option `ready` of a method. */
  function assertReady(method: string, stores: readonly string[] = []): void {
    assertReadyStores(method, stores, options.stores);
    if (stores.length > 0) assertRuntimeFile('preload-ready.cjs', readyPreloadPath);
  }

  /** Registers a function to run at close; returns one that runs it earlier. */
  function disposeWithHost(end: () => void): () => void {
    disposers.add(end);
    return () => {
      if (disposers.delete(end)) end();
    };
  }

  return {
    stores: placedEngine.stores as Host<S, P>['stores'],
    directory,
    install(session, installOptions = {}) {
      assertOpen();
      assertKnownOptions('host.install', installOptions);
      assertSession('install', session);
      assertReady('host.install', installOptions.ready);
      assertRuntimeFile('preload.cjs', preloadPath);
      return disposeWithHost(installInSession(session, installOptions, preloadPath, attached));
    },
    attach(window, attachOptions = {}) {
      assertOpen();
      assertKnownOptions('host.attach', attachOptions);
      assertWindow(window);
      assertReady('host.attach', attachOptions.ready);
      const isNew = !attached.has(window.webContents);
      attached.attach(window.webContents, attachOptions);
      if (isNew && !existsSync(preloadPath)) {
        const message = describeMissing('preload.cjs', preloadPath);
        disposeWithHost(warnIfPreloadMissing(window.webContents, preloadPath, message));
      }
    },
    windows: placedEngine.windows as Host<S, P>['windows'],
    serveAssets(session, assetOptions = {}) {
      assertOpen();
      assertKnownOptions('host.serveAssets', assetOptions);
      assertSession('serveAssets', session);
      const served = serveAssets(session, assetOptions, {
        ...placedEngine.getAssetStores(assetOptions),
        // Under the default policy own pages have full access, also in windows that are not attached.
        getGrants: (origin) =>
          options.authorize === undefined && isOwnOrigin(origin, app.isPackaged)
            ? [FULL_GRANT]
            : attached.getGrants(origin, session),
      });
      return disposeWithHost(served);
    },
    offline(session, offlineOptions = {}) {
      assertOpen();
      assertKnownOptions('host.offline', offlineOptions);
      assertSession('offline', session);
      const { offline, end } = http.intercept(
        session,
        offlineOptions,
        offlineOptions.store === undefined ? {} : placedEngine.getResponseStores(offlineOptions.store),
      );
      return { offline, end: disposeWithHost(end) };
    },
    get caches() {
      return http.caches;
    },
    async openInspector(inspectorOptions = {}) {
      assertOpen();
      assertKnownOptions('host.openInspector', inspectorOptions);
      return inspector.open(inspectorOptions);
    },
    queue: (name, queueOptions) => placedEngine.queue(name, sealing.withQueueKeys(name, queueOptions)),
    rotateSealKey: async (rotateOptions) => {
      assertOpen();
      return sealing.rotate(rotateOptions);
    },
    get damage() {
      return damage.reports;
    },
    async backup(path, backupOptions) {
      assertOpen();
      return placedEngine.backup(path, parseBackupOptions(backupOptions));
    },
    async metrics() {
      assertOpen();
      return metrics.read();
    },
    get sessions() {
      return attached.sessions;
    },
    close: closeHost,
  };
}

/** The folders that a host backs up by itself: not those of caches, which can be filled again. */
const listBackedUpFolders = (stores: StoreDeclarations): readonly string[] => [
  ...Object.keys(stores).filter((name) => !isCacheDeclaration(stores[name]!)),
  QUEUES_FOLDER,
];

/** Whether a store moves files in, whose relative paths start in `userData`. Each declaration is checked when its store is opened. */
const movesIn = (stores: StoreDeclarations): boolean =>
  Object.values(stores).some((declaration) => Object(Object(declaration).options).from !== undefined);

const SLOW_START_WARNING_MS = 5000;

/**
 * Waits until Electron is ready, which is when the main module has finished. An ES module that awaits this at its top level waits for
 * itself, and Electron gives no hint of that, so warn.
 */
async function whenAppReady(): Promise<void> {
  const warning = setTimeout(() => {
    process.emitWarning(
      'openDiskCache still waits for Electron to be ready. An ES module must not await it at its top level: call it in app.whenReady().then(…)',
    );
  }, SLOW_START_WARNING_MS);
  await app.whenReady();
  clearTimeout(warning);
}
