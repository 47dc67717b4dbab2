import { setTimeout } from 'node:timers/promises';
import { findValueFault } from '../protocol/clone-check.ts';
import { formatValue } from '../protocol/describe-value.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { EncryptionKeys } from '../protocol/options.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import type { DamageGuard } from './damage/damage-guard.ts';
import type { AssetHost, AssetOptions } from './electron/assets.ts';
import type { EngineEndpoint } from './electron/engine-endpoint.ts';
import type { ExclusiveStores } from './electron/exclusive-stores.ts';
import { assertSendableWindowOptions, serializeStores } from './electron/utility/engine-messages.ts';
import { ReaderCaches, RemoteHostStores } from './electron/utility/remote-stores.ts';
import { UtilityEngine } from './electron/utility/utility-engine.ts';
import type { BackupOptions, BackupResult } from './engine/index.ts';
import { backUpTree, limitBlocking, toFolderFilter, withBriefWait, withoutWorkerThread } from './engine/internal.ts';
import { assertRuntimeFile } from './engine/runtime-files.ts';
import type { HostOptions, Placement, WindowStores } from './host.ts';
import type { ProcessMetrics } from './metrics/process-metrics.ts';
import { createQueues, openEngine } from './open-engine.ts';
import type { OpenQueueOptions, Queue } from './queue/index.ts';

/** The parts of a host that depend on which process its engine runs in. */
export interface PlacedEngine {
  readonly engine: EngineEndpoint;
  readonly stores: object;
  readonly windows: { readonly [M in keyof WindowStores]: (...args: Parameters<WindowStores[M]>) => unknown };
  /** Returns the stores that `deskcache://` serves. */
  getAssetStores(options: AssetOptions): Pick<AssetHost, 'stores'>;
  /** Returns the stores in which the main process may keep responses, with the named one open. */
  getResponseStores(name: string): Readonly<Record<string, object>>;
  queue<T>(name: string, options: OpenQueueOptions | undefined): Queue<T>;
  /** The stores and queues that are open in this process, by name. Absent if they are in another process. */
  readonly listStores?: () => readonly (readonly [name: string, store: object])[];
  /** The declared stores that are open in this process, by name. */
  listOwnStores(): readonly (readonly [name: string, store: object])[];
  /** The queues that are open in this process, by the names of their folders. */
  listQueues(): readonly (readonly [name: string, queue: Queue])[];
  /** Absent if everything is in this process. */
  readonly readUtilityMetrics?: () => Promise<ProcessMetrics>;
  /** Backs up everything below the directory of the stores, or the folders that are named. */
  backup(path: string, options: BackupOptions & { readonly folders?: readonly string[] }): Promise<BackupResult>;
  close(): Promise<void>;
}

/** The options of a host, with what was chosen for `exclusive`, and the keys of sealed stores. */
type Options = Omit<HostOptions<StoreDeclarations>, 'exclusive'> & {
  readonly exclusive?: ExclusiveStores;
  readonly storeKeys?: EncryptionKeys | undefined;
  /** Repairs damaged stores, and is told of those that the utility process repairs. */
  readonly damage?: DamageGuard;
};

/** Directories and files of the application. */
export interface EnginePaths {
  /** The directory of the stores. */
  readonly directory: string;
  /** The application's own directory, for the relative paths of files that a store moves in. */
  readonly userData: string | undefined;
  /** The module of the utility process. */
  readonly utilityPath: string;
}

/** Opens everything in this process, or in the utility process. */
export async function placeEngine(paths: EnginePaths, options: Options): Promise<PlacedEngine> {
  const { placement = 'main', workerThread = true } = options;
  if (Object.hasOwn(PLACEMENTS, placement)) {
    const allowThread = workerThread ? () => {} : withoutWorkerThread();
    try {
      return withLimitedWaits(await PLACEMENTS[placement](paths, options), allowThread);
    } catch (error) {
      allowThread();
      throw error;
    }
  }
  throw new DiskCacheError(
    'BAD_OPTION',
    `placement is ${formatValue(placement, "'")}; it has to be 'main' or 'utility'`,
  );
}

const PLACEMENTS: Readonly<Record<Placement, (...args: Parameters<typeof placeEngine>) => Promise<PlacedEngine>>> = {
  main: placeInMain,
  utility: placeInUtility,
};

/** Maximum time that another process's lock blocks the main thread, in stores without a `timeout` of their own. */
const MAX_LOCK_WAIT_MS = 250;

/** From now on, once everything is open, limits waits for locks so that they can't freeze the windows. */
function withLimitedWaits(open: PlacedEngine, onClose: () => void): PlacedEngine {
  const unlimit = limitBlocking(MAX_LOCK_WAIT_MS);
  return {
    ...open,
    async close() {
      unlimit();
      try {
        await open.close();
      } finally {
        onClose();
      }
    },
  };
}

/** The longest time that an attempt to open the stores waits for a lock, which blocks the thread, and the pause between two attempts. */
const MAX_OPEN_WAIT_MS = 50;
const OPEN_RETRY_INTERVAL_MS = 50;

/**
 * Opens stores that may be held by a process that is about to exit: the instance before a relaunch, or a first instance that
 * is still quitting. Waits as long as the store's `timeout`, without blocking the thread.
 *
 * @throws {DiskCacheError} `BUSY` after that; what `open` throws.
 */
async function openWhenUnlocked<T>(open: () => T): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    let outcome: { readonly opened: T } | { readonly error: unknown } | undefined;
    const timeoutMs = withBriefWait(MAX_OPEN_WAIT_MS, performance.now() - startedAt, () => {
      try {
        outcome = { opened: open() };
      } catch (error) {
        outcome = { error };
      }
    });
    if ('opened' in outcome!) return outcome.opened;
    const { error } = outcome!;
    const isBusy = error instanceof DiskCacheError && error.code === 'BUSY';
    if (!isBusy || performance.now() - startedAt >= timeoutMs) throw error;
    await setTimeout(OPEN_RETRY_INTERVAL_MS);
  }
}

async function placeInMain(
  { directory, userData }: EnginePaths,
  { stores, windows: windowOptions, exclusive = 'none', damage }: Options,
): Promise<PlacedEngine> {
  const { engine, registry, windows, queues, close } = await openWhenUnlocked(() =>
    openEngine(directory, stores, {
      windows: windowOptions,
      userData,
      exclusive,
      queues: { exclusive: exclusive !== 'none' },
      damage,
    }),
  );
  return {
    engine,
    stores: registry.stores,
    windows: { list: () => windows.list(), clear: (name) => windows.clear(name) },
    getAssetStores: () => ({ stores: registry.stores }),
    getResponseStores: () => registry.stores,
    queue: (name, queueOptions) => queues.find(name, queueOptions),
    backup: (path, { folders, ...backupOptions }) =>
      backUpTree(directory, path, { ...backupOptions, includes: toFolderFilter(folders) }),
    listStores: () => [
      ...Object.entries(registry.stores),
      ...queues.list().map(([name, queue]) => [`queue ${name}`, queue] as const),
    ],
    listOwnStores: () => Object.entries(registry.stores),
    listQueues: () => queues.list(),
    close: async () => close(),
  };
}

async function placeInUtility(
  { directory, userData, utilityPath }: EnginePaths,
  options: Options,
): Promise<PlacedEngine> {
  const { stores, storesModule, windows, workerThread, storeKeys, exclusive = 'none', onDamage, damage } = options;
  assertRuntimeFile('utility.cjs', utilityPath);
  const opening = {
    directory,
    userData,
    stores: serializeStores(stores, storesModule),
    windows: assertSendableWindowOptions(windows),
    workerThread,
    exclusive,
    storeKeys,
    onDamage,
    metrics: options.metrics,
    slowCallWarningMs: options.slowCallWarningMs,
  };
  const engine = await UtilityEngine.open(utilityPath, opening, (report) => damage?.add(report));
  const remoteStores = new RemoteHostStores(engine, stores);
  const readerCaches = new ReaderCaches(directory, stores, exclusive === 'all');
  const queues = createQueues(directory, {}, damage?.open);
  return {
    engine,
    stores: remoteStores.stores,
    windows: {
      list: () => engine.query({ call: 'windows.list' }),
      clear: (name) => engine.query({ call: 'windows.clear', name }),
    },
    getAssetStores: ({ stores: requested = [] }) => ({ stores: readerCaches.getServedStores(requested) }),
    getResponseStores: (name) => readerCaches.getStoresWith(name),
    queue<T>(name: string, queueOptions: OpenQueueOptions | undefined) {
      const fault = findValueFault(queueOptions, 'options');
      if (fault !== undefined) {
        throw new DiskCacheError(
          'BAD_OPTION',
          `Queue "${name}" is also opened in the utility process: ${fault}, which can't be sent there; leave it out`,
        );
      }
      if (queueOptions?.exclusive) {
        throw new DiskCacheError(
          'BAD_OPTION',
          `Queue "${name}" is also opened in the utility process, so it can't be exclusive; leave out exclusive`,
        );
      }
      const queue = queues.find<T>(name, queueOptions);
      engine.openQueue(name, queueOptions);
      return queue;
    },
    backup: (path, { folders, onProgress, signal }) =>
      engine.query(
        { call: 'backup', path, folders },
        onProgress as (progress: unknown) => void,
        signal,
      ) as Promise<BackupResult>,
    listOwnStores: () => [],
    listQueues: () => queues.list(),
    readUtilityMetrics: () => engine.query({ call: 'metrics' }) as Promise<ProcessMetrics>,
    async close() {
      remoteStores.close();
      readerCaches.close();
      queues.close();
      damage?.close();
      await engine.close();
    },
  };
}
