import type { Session } from 'electron';
import { DiskCacheError } from '../protocol/error.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import type { CachesOptions } from './electron/http-service.ts';
import type { OfflineSessionOptions } from './electron/intercept-session.ts';
import type { WindowStoreOptions } from './electron/window-stores.ts';
import { assertCacheOptions } from './engine/internal.ts';
import type { Host, HostOptions } from './host.ts';
import { CHECKED_LATER, FUNCTION, type OptionRules, parseOptions, TEXT, TEXTS } from './offline/options.ts';

// Applications may be plain JavaScript, where a misspelt option would be ignored silently.

type Options = HostOptions<StoreDeclarations>;
type MethodOptions<M extends 'install' | 'attach' | 'serveAssets'> = NonNullable<
  Parameters<Host<StoreDeclarations>[M]>[1]
>;

const RULES = {
  openDiskCache: {
    stores: CHECKED_LATER,
    placement: CHECKED_LATER,
    storesModule: CHECKED_LATER,
    directory: TEXT,
    authorize: { is: 'a function (frame) => grant or null', accepts: FUNCTION.accepts },
    windows: CHECKED_LATER,
    caches: CHECKED_LATER,
  } satisfies OptionRules<Options>,
  'openDiskCache, windows': {
    sizeLimit: CHECKED_LATER,
    evictionPolicy: CHECKED_LATER,
    ttl: CHECKED_LATER,
    fileThreshold: CHECKED_LATER,
    memory: CHECKED_LATER,
    durability: CHECKED_LATER,
    exclusive: CHECKED_LATER,
    timeout: CHECKED_LATER,
    readOnly: CHECKED_LATER,
    clock: CHECKED_LATER,
    codec: CHECKED_LATER,
    compression: CHECKED_LATER,
    statistics: CHECKED_LATER,
    tagIndex: CHECKED_LATER,
    encryptionKey: CHECKED_LATER,
  } satisfies OptionRules<WindowStoreOptions>,
  'openDiskCache, caches': {
    sizeLimit: CHECKED_LATER,
    durability: CHECKED_LATER,
    compression: CHECKED_LATER,
    schemes: TEXTS,
    onStoreFailure: FUNCTION,
  } satisfies OptionRules<CachesOptions>,
  'host.install': { name: CHECKED_LATER, lifetime: CHECKED_LATER } satisfies OptionRules<MethodOptions<'install'>>,
  'host.attach': { name: CHECKED_LATER, lifetime: CHECKED_LATER } satisfies OptionRules<MethodOptions<'attach'>>,
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
  const { stores, caches, windows } = options;
  if (typeof stores !== 'object' || stores === null) {
    throw new DiskCacheError('BAD_OPTION', 'openDiskCache: stores is missing; pass what defineStores({ … }) returned');
  }
  // Checked here, because these stores are only opened on first use.
  if (windows !== undefined) {
    assertKnownOptions('openDiskCache, windows', windows);
    assertCacheOptions('openDiskCache, windows', windows);
  }
  if (caches !== undefined) {
    assertKnownOptions('openDiskCache, caches', caches);
    const { schemes: _, onStoreFailure: __, ...stored } = caches;
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
