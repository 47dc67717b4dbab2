import type { BrowserWindow } from 'electron';
import { DiskCacheError } from '../protocol/error.ts';
import type { AttachedWindows } from './electron/attached-windows.ts';
import type { HttpService } from './electron/http-service.ts';
import { openInspectorWindow } from './electron/inspector-window.ts';
import type { WindowStoreInfo } from './electron/window-stores.ts';
import { Cache, Deque, FanoutCache, Index, Settings } from './engine/index.ts';
import type { PlacedEngine } from './engine-placement.ts';
import type { InspectorOptions } from './host.ts';
import type { InspectedStore, InspectionSource } from './inspector/inspected-stores.ts';
import { loadInspector } from './inspector/load.ts';
import { Queue } from './queue/index.ts';

/** The parts of a host that its inspector looks into. */
export interface InspectedHost {
  readonly directory: string;
  readonly engine: PlacedEngine;
  readonly http: HttpService;
  readonly attached: AttachedWindows;
}

/** The inspector of a host: one window at a time. */
export class HostInspector {
  readonly #host: InspectedHost;
  #opening: Promise<BrowserWindow> | undefined;

  constructor(host: InspectedHost) {
    this.#host = host;
  }

  /**
   * Opens the window, or brings the open one to the front; its options stay.
   *
   * @throws {DiskCacheError} `BAD_OPTION` if the engine is in a utility process, or the inspector's files are not there.
   */
  async open({ write = false }: InspectorOptions): Promise<BrowserWindow> {
    const isOpen = this.#opening !== undefined;
    this.#opening ??= this.#openWindow(write);
    const window = await this.#opening;
    if (isOpen) window.focus();
    return window;
  }

  close(): void {
    this.#opening?.then(
      (window) => window.destroy(),
      () => {},
    );
  }

  async #openWindow(write: boolean): Promise<BrowserWindow> {
    try {
      const { inspection, handle } = await loadInspector(toSource(this.#host), write);
      return await openInspectorWindow(handle, () => {
        this.#opening = undefined;
        inspection.close();
      });
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}

function toSource({ directory, engine, http, attached }: InspectedHost): InspectionSource {
  const { listStores } = engine;
  if (listStores === undefined) {
    throw new DiskCacheError(
      'BAD_OPTION',
      "The inspector looks into stores of the main process, and this host has placement: 'utility'; use deskcache inspect on its directory",
    );
  }
  return {
    title: directory,
    listStores: () => [...listStores(), ...http.listStores()].flatMap(([name, store]) => toInspected(name, store)),
    listWindows: () => ({
      windows: attached.list(),
      shards: engine.windows.list() as WindowStoreInfo[],
    }),
  };
}

/** By their classes, the special ones first. */
const KINDS = [
  [FanoutCache, 'fanout'],
  [Cache, 'cache'],
  [Deque, 'deque'],
  [Settings, 'settings'],
  [Queue, 'queue'],
  [Index, 'index'],
] as const;

function toInspected(name: string, store: object): InspectedStore[] {
  const kind = KINDS.find(([type]) => store instanceof type)?.[1];
  return kind === undefined ? [] : [{ name, kind, store } as InspectedStore];
}
