import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import type { PortPurpose, ReadyFunction } from '../../protocol/handshake.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import { DEFAULT_STORE, type StoreDeclarations } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { FULL_GRANT, type Grant, parseGrant, SessionGrant } from '../bridge/grant.ts';
import { getKind } from '../bridge/handlers.ts';
import { openHttpSession } from '../bridge/http/http-session.ts';
import { Principals } from '../bridge/principal.ts';
import { type ClosableSession, fromPortMain, type SessionOpener } from '../electron/engine-endpoint.ts';
import { assertReadyStores } from '../electron/settings-snapshot.ts';
import type { WindowStoreOptions } from '../electron/window-stores.ts';
import { createUnknownOptionError, toOwnRealm } from '../engine/internal.ts';
import { temporaryDirectory } from '../engine/temporary-directory.ts';
import type { Host } from '../host.ts';
import { NetworkState } from '../offline/index.ts';
import { openEngine } from '../open-engine.ts';
import { TestHttpBackend, type TestOfflineOptions } from './http-backend.ts';
import { type FailOptions, InjectedFailures } from './injected-failures.ts';
import { defineMissingGlobals } from './missing-globals.ts';
import { attachToWindow, type PageWindow } from './page-window.ts';
import { PagePort, toPortMain } from './ports.ts';
import { TestClock } from './test-clock.ts';

/** `deskcache/testing`: a real host and its pages in one process of plain Node, without Electron and without a window. */

export { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
export type { DiskCache } from '../../renderer-api/disk-cache.ts';
export type { Grant } from '../bridge/grant.ts';
export { type TemporaryDirectory, temporaryDirectory } from '../engine/temporary-directory.ts';
export type { TestOfflineOptions } from './http-backend.ts';
export type { FailOptions } from './injected-failures.ts';
export type { PageWindow } from './page-window.ts';
export type { TestClock } from './test-clock.ts';

/** The window of raw ports that name none. */
const RAW_PORT_WINDOW = 'port';

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
   * The options of `host.offline(session, …)`; `fetch` is the network. Default: no network, and `diskCache.fetch` is not allowed.
   */
  readonly offline?: TestOfflineOptions;
}

const DEFAULT_ORIGIN = 'app://test';

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
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant; `CLOSED`.
   */
  page(granted?: Grant | TestPageOptions): DiskCache;
  /**
   * Connects a window of jsdom or happy-dom, as `host.attach(window)` does in an application: `diskCache` of `deskcache/renderer`, which the
   * components under test import, becomes a page of this host. Attach the window before the first call. Attaching it to another host detaches it
   * from this one. Returns a function that detaches it. Detaching, and closing the host, rejects open calls with `DISCONNECTED`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant, or if `window` is not a window; `CLOSED`.
   */
  attach(window: PageWindow, granted?: Grant | TestAttachOptions): () => void;
  /**
   * Opens a session and returns the page's end of its port, for messages of your own (docs/wire.md), as a page without
   * deskcache's client would send them.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant; `CLOSED`.
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

/**
 * Opens the application's stores as `openDiskCache` does, in a process without Electron. Only the window of its pages is missing: client, gate,
 * grants and limits are those of an application. Takes some milliseconds for each store.
 *
 * @throws {DiskCacheError} (as a rejection) what `openDiskCache` throws.
 */
export async function testHost<const S extends StoreDeclarations>(
  {
    stores,
    directory: given,
    windows: windowOptions,
    offline: offlineOptions,
    ...others
  }: TestHostOptions<S> = {} as TestHostOptions<S>,
): Promise<TestHost<S>> {
  if (typeof stores !== 'object' || stores === null || Array.isArray(stores)) {
    throw new DiskCacheError('BAD_OPTION', 'testHost needs stores, as defineStores({ … }) makes them, or {}');
  }
  assertNoUnknownOptions(others, 'testHost', ['stores', 'directory', 'windows', 'offline']);
  if (given !== undefined && (typeof given !== 'string' || given === '')) {
    throw new DiskCacheError('BAD_OPTION', 'testHost: directory must be a path; without it there is a temporary one');
  }
  defineMissingGlobals();
  const temporary = given === undefined ? temporaryDirectory() : undefined;
  const directory = given ?? temporary!.path;
  const clock = new TestClock();
  const connection = offlineOptions?.connection ?? new NetworkState();
  const failures = new InjectedFailures();
  const { engine, registry, windows, queues, offline, closeEngine } = openAll();
  /** Detach windows. Called before the sessions are closed, so that pages get this reason and not a consequence of it. */
  const disconnectors = new Set<() => void>();
  const sessions = new Set<ClosableSession>();
  /** The principals of each window, by its name. */
  const principalsByWindow = new Map<string, Principals>();
  let windowCount = 0;
  let isClosed = false;

  function openAll() {
    try {
      const { close, ...parts } = openEngine(directory, withClock(stores, clock), {
        windows: { clock: clock.now, ...windowOptions },
        queues: { clock: clock.now },
        userData: directory,
      });
      try {
        for (const [name, store] of Object.entries(parts.registry.stores)) failures.watch(name, getKind(store), store);
        const backend = new TestHttpBackend(directory, clock, offlineOptions && { ...offlineOptions, connection });
        return { ...parts, closeEngine: close, offline: backend };
      } catch (error) {
        close();
        throw error;
      }
    } catch (error) {
      temporary?.remove();
      throw error;
    }
  }

  function openPort({ grant, window, origin, purpose }: Required<TestPortOptions>): MessagePort {
    assertOpen();
    const { port1, port2 } = new MessageChannel();
    const attached = engine.attach(window, 'persistent');
    const answering: SessionOpener = purpose === 'stores' ? attached : httpOpener;
    const principals = principalsByWindow.get(window) ?? new Principals(window);
    principalsByWindow.set(window, principals);
    const rights = { grant, hasShard: true, origin, principal: principals.get(origin) };
    const session = answering.openSession(toPortMain(port1), rights, () => {
      sessions.delete(session);
      attached.release();
    });
    sessions.add(session);
    return port2;
  }

  function withDefaults(granted: Grant | TestPortOptions, otherwise?: string): Required<TestPortOptions> {
    assertOpen();
    const {
      grant = FULL_GRANT,
      window,
      origin = DEFAULT_ORIGIN,
      purpose = 'stores',
      ...others
    }: TestPortOptions = 'stores' in granted ? { grant: granted } : granted;
    assertNoUnknownOptions(others, 'A page of testHost', ['grant', 'window', 'origin', 'purpose']);
    const allowed = parseGrant(grant);
    if (allowed === null)
      throw new DiskCacheError(
        'BAD_OPTION',
        'A page that is granted nothing gets no port: leave grant out, or name stores',
      );
    return { grant: allowed, window: window ?? otherwise ?? `window-${++windowCount}`, origin, purpose };
  }

  /** Returns the settings of a store, as the preload script of a window with `ready` does. */
  function readReadySettings(store: string, ready: readonly string[], grant: Grant): ReturnType<ReadyFunction> {
    if (!ready.includes(store)) return undefined;
    try {
      new SessionGrant(grant).require(store, 'read');
      const { bytes, value } = engine.readSettings(store);
      if (value === undefined)
        throw new DiskCacheError(
          'TOO_LARGE',
          `The settings "${store}" have ${bytes} bytes, too many for ready; await load()`,
        );
      return new Map([[store, toOwnRealm(structuredClone(value))]]);
    } catch (error) {
      return toPageErrorData(error);
    }
  }

  function assertOpen(): void {
    if (!isClosed) return;
    throw new DiskCacheError('CLOSED', `The test host of ${directory} was closed; open another with testHost`);
  }

  const httpOpener: SessionOpener = {
    openSession(port, { grant, principal }, onEnd) {
      const session = openHttpSession(fromPortMain(port), grant, offline, principal);
      port.on('close', () => {
        session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port'));
        onEnd('closed');
      });
      return session;
    },
  };

  function closeNow(): void {
    if (isClosed) return;
    isClosed = true;
    for (const disconnect of [...disconnectors]) disconnect();
    for (const session of sessions) session.close(new DiskCacheError('DISCONNECTED', 'The test host was closed'));
    offline.close();
    closeEngine();
    temporary?.remove();
  }
  const close = async () => closeNow();

  return {
    host: {
      stores: registry.stores as Host<S>['stores'],
      directory,
      windows: { list: () => windows.list(), clear: (name) => windows.clear(name) },
      queue: (name, queueOptions) => queues.find(name, queueOptions),
      get caches() {
        assertOpen();
        return offline.caches();
      },
      get sessions() {
        return sessions.size;
      },
      close,
    },
    page(granted = {}) {
      const options = withDefaults(granted);
      const page = new DiskCache(async (_signal, purpose) => new PagePort(openPort({ ...options, purpose })));
      disconnectors.add(() => page.disconnect('The test host was closed'));
      return page;
    },
    attach(window, granted = {}) {
      const { ready = [], ...pageOptions }: TestAttachOptions = 'stores' in granted ? { grant: granted } : granted;
      assertReadyStores('t.attach', ready, stores);
      const options = withDefaults(pageOptions);
      const detach = attachToWindow(window, {
        openPort: (purpose) => new PagePort(openPort({ ...options, purpose })),
        readSettings: (store) => readReadySettings(store, ready, options.grant),
        onDetach: () => disconnectors.delete(detach),
      });
      disconnectors.add(detach);
      return detach;
    },
    port: (granted = {}) => openPort(withDefaults(granted, RAW_PORT_WINDOW)),
    clock,
    network: { offline: (isOffline = true) => connection.set(!isOffline) },
    fail: (code, failOptions) => failures.add(code, failOptions),
    close,
    [Symbol.dispose]: closeNow,
    [Symbol.asyncDispose]: close,
  };
}

/** Returns the declarations with the test's clock, except where a declaration has its own. */
const withClock = <S extends StoreDeclarations>(stores: S, { now }: TestClock): S =>
  Object.fromEntries(
    Object.entries<StoreDeclarations[string]>({ [DEFAULT_STORE]: { kind: 'cache', options: {} }, ...stores }).map(
      ([name, declaration]) => [name, { ...declaration, options: { clock: now, ...declaration.options } }],
    ),
  ) as unknown as S;

/** Refuses unknown options. A test in plain JavaScript would not notice a misspelt one. */
function assertNoUnknownOptions(others: object, subject: string, validNames: readonly string[]): void {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw createUnknownOptionError(unknown, validNames, `${subject}: `);
}
