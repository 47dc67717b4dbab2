import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { DiskCacheError } from '../../protocol/error.ts';
import type { ReadyFunction } from '../../protocol/handshake.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import { DEFAULT_STORE, type StoreDeclarations } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { FULL_GRANT, type Grant, SessionGrant } from '../bridge/grant.ts';
import { getKind } from '../bridge/handlers.ts';
import { openHttpSession } from '../bridge/http/http-session.ts';
import { Principals } from '../bridge/principal.ts';
import { type ClosableSession, fromPortMain, type SessionOpener } from '../electron/engine-endpoint.ts';
import { assertReadyStores } from '../electron/settings-snapshot.ts';
import { assertFlag, createUnknownOptionError, sealStores, toOwnRealm, withStoreKeys } from '../engine/internal.ts';
import { temporaryDirectory } from '../engine/temporary-directory.ts';
import type { Host } from '../host.ts';
import { NetworkState } from '../offline/index.ts';
import { openEngine } from '../open-engine.ts';
import { TestHttpBackend } from './http-backend.ts';
import { InjectedFailures } from './injected-failures.ts';
import { defineMissingGlobals } from './missing-globals.ts';
import { parsePageGrant, toPageOptions } from './page-grant.ts';
import { attachToWindow } from './page-window.ts';
import { PagePort, toPortMain } from './ports.ts';
import { TestClock } from './test-clock.ts';
import type { TestAttachOptions, TestHost, TestHostOptions, TestPortOptions } from './test-host.ts';

/** The window of raw ports that name none. */
const RAW_PORT_WINDOW = 'port';

const DEFAULT_ORIGIN = 'app://test';
/** Seals stores with `sealed: true`: a test has no key store, and may open its directory again. */
const TEST_KEYS = { encryptionKey: new Uint8Array(32).fill(1), previousEncryptionKey: [] };

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
    exclusive = false,
    offline: offlineOptions,
    ...others
  }: TestHostOptions<S> = {} as TestHostOptions<S>,
): Promise<TestHost<S>> {
  if (typeof stores !== 'object' || stores === null || Array.isArray(stores)) {
    throw new DiskCacheError('BAD_OPTION', 'testHost needs stores, as defineStores({ … }) makes them, or {}');
  }
  assertNoUnknownOptions(others, 'testHost', ['stores', 'directory', 'windows', 'exclusive', 'offline']);
  assertFlag(exclusive, 'testHost, exclusive');
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
      const { close, ...parts } = openEngine(directory, withClock(sealStores(stores, TEST_KEYS), clock), {
        windows: withStoreKeys('testHost, windows', { clock: clock.now, ...windowOptions }, TEST_KEYS),
        queues: { clock: clock.now },
        userData: directory,
        exclusive: exclusive ? 'all' : 'none',
      });
      try {
        for (const [name, store] of Object.entries(parts.registry.stores)) failures.watch(name, getKind(store), store);
        const backend = new TestHttpBackend(
          { directory, exclusive, clock: clock.now },
          offlineOptions && { ...offlineOptions, connection },
        );
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
    }: TestPortOptions = toPageOptions(granted);
    assertNoUnknownOptions(others, 'A page of testHost', ['grant', 'window', 'origin', 'purpose']);
    const allowed = parsePageGrant(grant, Object.keys(registry.stores));
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
      const { ready = [], ...pageOptions }: TestAttachOptions = toPageOptions(granted);
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
    network: {
      offline(isOffline = true) {
        assertFlag(isOffline, 't.network.offline: isOffline');
        connection.set(!isOffline);
      },
    },
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
