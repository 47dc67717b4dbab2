import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../protocol/error.ts';
import type { PortPurpose } from '../../protocol/handshake.ts';
import type { StoreDeclarations } from '../../protocol/stores.ts';
import type { DiskCache } from '../../renderer-api/disk-cache.ts';
import type { Grant } from '../bridge/grant.ts';
import type { WindowStoreOptions } from '../electron/window-stores.ts';
import type { Host } from '../host.ts';
import type { TestOfflineOptions } from './http-backend.ts';
import type { FailOptions } from './injected-failures.ts';
import type { PageWindow } from './page-window.ts';
import type { TestClock } from './test-clock.ts';

/** Options of `testHost`. */
export interface TestHostOptions<S extends StoreDeclarations> {
  /** The result of `defineStores`. */
  readonly stores: S;
  /**
   * The directory of the stores, which is kept. Relative paths of `from` are resolved from it. Default: a temporary directory, deleted when the
   * host is closed.
   */
  readonly directory?: string;
  /** As in `openDiskCache`. */
  readonly windows?: WindowStoreOptions;
  /**
   * As in `openDiskCache`: whether the stores are opened with `exclusive`, as those of an application that holds the single-instance lock are by
   * default. Default: `false`.
   */
  readonly exclusive?: boolean;
  /**
   * The options of `host.offline(session, …)`; `fetch` is the network. Default: no network, and `diskCache.fetch` is not allowed.
   */
  readonly offline?: TestOfflineOptions;
}

/** Options of `t.page`. */
export interface TestPageOptions {
  /** The result of `authorize` for the page. Default: everything. */
  readonly grant?: Grant;
  /**
   * The name under which its window is attached: pages with the same name share `diskCache.window` and the limits of a window. Default: a
   * window of its own for a page; one common window for raw ports, like the ports of one page.
   */
  readonly window?: string;
  /**
   * The origin of its document: pages of one origin in one window share limits such as `grant.bytes` over all their connections. Default
   * `'app://test'`.
   */
  readonly origin?: string;
}

/** Options of `t.attach`. */
export interface TestAttachOptions extends TestPageOptions {
  /** Names of settings that the page has in its first line, as with `ready` of `host.install`. */
  readonly ready?: readonly string[];
}

/** Options of `t.port`. */
export interface TestPortOptions extends TestPageOptions {
  /**
   * The purpose of the port: calls of stores, or HTTP (`diskCache.fetch` and `diskCache.caches`). Default `'stores'`.
   */
  readonly purpose?: PortPurpose;
}

/** Like `Host`, without `attach`, `install`, `serveAssets` and `offline`, which need Electron. */
export type ElectronlessHost<S extends StoreDeclarations> = Pick<
  Host<S>,
  'stores' | 'directory' | 'windows' | 'queue' | 'caches' | 'sessions' | 'close'
>;

/** A host without Electron, and the controls of a test. Disposing it closes it: `using t = await testHost(…)`. */
export interface TestHost<S extends StoreDeclarations> {
  /** The host of the application, as its main process has it. */
  readonly host: ElectronlessHost<S>;
  /**
   * Opens a page over a message port. Returns what `diskCache` is in a window. Default grant: everything.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant, and for one that names a store that isn't declared; `CLOSED`.
   */
  page(granted?: Grant | TestPageOptions): DiskCache;
  /**
   * Connects a window of jsdom or happy-dom, as `host.attach(window)` does in an application: `diskCache` of `deskcache/renderer`, which the
   * components under test import, becomes a page of this host. Attach the window before the first call. Attaching it to another host detaches it
   * from this one. Returns a function that detaches it. Detaching, and closing the host, rejects open calls with `DISCONNECTED`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant, or one that names a store that isn't declared, or if `window` is not a
   * window; `CLOSED`.
   */
  attach(window: PageWindow, granted?: Grant | TestAttachOptions): () => void;
  /**
   * Opens a session and returns the page's end of its port, for messages of your own (docs/wire.md), as a page without
   * deskcache's client would send them.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant, and for one that names a store that isn't declared; `CLOSED`.
   */
  port(granted?: Grant | TestPortOptions): MessagePort;
  /** The clock of the stores, the queues and the HTTP cache. A store that was declared with a `clock` keeps its own. */
  readonly clock: TestClock;
  /** The network of `diskCache.fetch`: `offline()` or `offline(true)` switches it off, `offline(false)` on again. */
  readonly network: { offline(isOffline?: boolean): void };
  /**
   * Makes the next calls on the stores fail with this code, in the main process and from pages, before they do anything. By default one call
   * fails. Returns a function that ends this.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an unknown code, store or method.
   */
  fail(code: ErrorCode, options?: FailOptions): () => void;
  /** Disconnects the pages and closes the host; deletes the directory unless it was given. Idempotent. */
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
