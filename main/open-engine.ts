import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hideDirectory } from '../protocol/redaction.ts';
import { parseQueueAddress, type StoreDeclaration, type StoreDeclarations } from '../protocol/stores.ts';
import type { DamageGuard } from './damage/damage-guard.ts';
import { LocalEngine } from './electron/engine-endpoint.ts';
import type { ExclusiveStores } from './electron/exclusive-stores.ts';
import { WindowShards, type WindowStoreId, type WindowStoreOptions } from './electron/window-stores.ts';
import { assertCacheOptions, completeRestore, resolveDirectory, withoutWorkerThread } from './engine/internal.ts';
import { Registry, withExclusive } from './engine/registry.ts';
import { openAsItIs, type StoreOpener } from './engine/store-opener.ts';
import type { OpenQueueOptions } from './queue/queue.ts';
import { Queues } from './queue/queues.ts';

/** An application's stores, open in this process, and the engine that serves its pages. */
export interface OpenEngine {
  readonly registry: Registry;
  readonly windows: WindowShards;
  readonly queues: Queues;
  readonly engine: LocalEngine;
  close(): void;
}

/** Declared stores can't have these names. */
const WINDOWS_FOLDER = '_windows';
export const QUEUES_FOLDER = '_queues';

/** Opens the queues of an application, with `defaults` for options not given; several processes may have them open. */
export const createQueues = (directory: string, defaults?: OpenQueueOptions, openStore?: StoreOpener): Queues =>
  new Queues(join(directory, QUEUES_FOLDER), defaults, openStore);

export interface OpenEngineOptions {
  readonly windows?: WindowStoreOptions | undefined;
  /** The windows that outlived the process that previously had the stores open. */
  readonly attached?: readonly WindowStoreId[];
  /** The default options of queues. */
  readonly queues?: OpenQueueOptions;
  /** The directory of the application, where relative paths of `from` start. */
  readonly userData?: string | undefined;
  /** False: this process starts no worker thread while the engine is open. */
  readonly workerThread?: boolean | undefined;
  /** Queues are opened by their own options. Default `'none'`. */
  readonly exclusive?: ExclusiveStores | undefined;
  /** Repairs damaged stores. Default: they are refused. */
  readonly damage?: DamageGuard | undefined;
}

export const isCacheDeclaration = ({ kind }: StoreDeclaration): boolean => kind === 'cache' || kind === 'fanout';

/**
 * Opens all declared stores.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, also for the directory `':memory:'`, and anything that opening a store throws; every store is then
 * closed again.
 */
export function openEngine(
  directory: string,
  stores: StoreDeclarations,
  {
    windows: windowOptions,
    attached = [],
    queues: queueOptions,
    userData,
    workerThread = true,
    exclusive = 'none',
    damage,
  }: OpenEngineOptions = {},
): OpenEngine {
  // Not left to the stores: theirs are folders in it, and the folder `:memory:` would be created.
  completeRestore(resolveDirectory(directory));
  // Checked here, because the windows' store is only opened by the first window that needs it, which is late to report a mistake.
  if (windowOptions !== undefined) assertCacheOptions('windows', windowOptions);
  const allowThread = workerThread ? () => {} : withoutWorkerThread();
  const openStore = damage?.open ?? openAsItIs;
  let registry: Registry;
  let windows: WindowShards;
  try {
    const isExclusive = (declaration: StoreDeclaration) =>
      exclusive === 'all' || (exclusive === 'collections' && !isCacheDeclaration(declaration));
    registry = new Registry(directory, stores, { userData, isExclusive, openStore });
    hideFromPages(directory);
    const ownWindowOptions = exclusive === 'none' ? windowOptions : withExclusive(windowOptions ?? {});
    windows = openWindows(registry, join(directory, WINDOWS_FOLDER), ownWindowOptions, attached, openStore);
  } catch (error) {
    damage?.close();
    allowThread();
    throw error;
  }
  const queues = createQueues(directory, queueOptions, openStore);
  const engine = new LocalEngine(windows, (name) => {
    const queue = parseQueueAddress(name);
    return queue === undefined ? registry.get(name) : queues.findOpen(queue);
  });
  return {
    registry,
    windows,
    queues,
    engine,
    close() {
      queues.close();
      windows.close();
      registry.close();
      damage?.close();
      allowThread();
    },
  };
}

/** Hides an application's directory from its pages, under every path that a message may use for it. */
export function hideFromPages(directory: string): void {
  for (const name of [directory, resolve(directory), realpathSync(directory)]) hideDirectory(name);
}

function openWindows(
  registry: Registry,
  directory: string,
  options: WindowStoreOptions | undefined,
  attached: readonly WindowStoreId[],
  openStore: StoreOpener,
): WindowShards {
  try {
    return new WindowShards(directory, options, attached, openStore);
  } catch (error) {
    registry.close();
    throw error;
  }
}
