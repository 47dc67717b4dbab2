import type { Session } from 'electron';
import { DiskCacheError } from '../protocol/error.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import type { OfflineSessionOptions } from './electron/offline.ts';
import type { CachesOptions } from './electron/offline-side.ts';
import type { WindowOptions } from './electron/windows.ts';
import type { Host, HostOptions } from './host.ts';

// Applications are written in plain JavaScript, too, where a misspelt option would be one that is not there.

type Options = HostOptions<StoreDeclarations>;
type OptionsOf<M extends 'install' | 'attach' | 'serveAssets'> = NonNullable<Parameters<Host<StoreDeclarations>[M]>[1]>;

/** A name that is added to a type and forgotten here does not compile. */
type NamesOf<T> = { readonly [N in keyof Required<T>]: true };

const NAMES = {
  openDiskCache: {
    stores: true,
    placement: true,
    storesModule: true,
    directory: true,
    authorize: true,
    windows: true,
    caches: true,
  } satisfies NamesOf<Options>,
  'openDiskCache, windows': {
    sizeLimit: true,
    evictionPolicy: true,
    ttl: true,
    fileThreshold: true,
    memory: true,
    durability: true,
    exclusive: true,
    timeout: true,
    readOnly: true,
    clock: true,
    codec: true,
    compression: true,
    statistics: true,
    tagIndex: true,
    encryptionKey: true,
  } satisfies NamesOf<WindowOptions>,
  'openDiskCache, caches': {
    sizeLimit: true,
    durability: true,
    compression: true,
    schemes: true,
    onStoreFailure: true,
  } satisfies NamesOf<CachesOptions>,
  'host.install': { name: true, keep: true } satisfies NamesOf<OptionsOf<'install'>>,
  'host.attach': { name: true, keep: true } satisfies NamesOf<OptionsOf<'attach'>>,
  'host.serveAssets': { stores: true, contentType: true } satisfies NamesOf<OptionsOf<'serveAssets'>>,
  'host.offline': {
    store: true,
    schemes: true,
    fetch: true,
    origins: true,
    partition: true,
    privateNetwork: true,
    routes: true,
    strategy: true,
    precache: true,
    connection: true,
    onStoreFailure: true,
    onRevalidationFailure: true,
  } satisfies NamesOf<OfflineSessionOptions>,
} as const;

/** @throws {DiskCacheError} `BAD_OPTION` for what are no options, and for a name that none of them has. */
export function demandOptions(of: keyof typeof NAMES, options: unknown): void {
  const names = Object.keys(NAMES[of]);
  if (typeof options !== 'object' || options === null) {
    throw new DiskCacheError('BAD_OPTION', `${of} takes an object of options; there are ${names.join(', ')}`);
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new DiskCacheError('BAD_OPTION', `${of}: "${name}" is no option here; there are ${names.join(', ')}`);
  }
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function demandHostOptions(options: Options): void {
  demandOptions('openDiskCache', options);
  const { stores, authorize, caches, windows } = options;
  if (typeof stores !== 'object' || stores === null) {
    throw new DiskCacheError('BAD_OPTION', 'openDiskCache: stores is missing; pass what defineStores({ … }) returned');
  }
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new DiskCacheError('BAD_OPTION', 'openDiskCache: authorize has to be a function (frame) => grant or null');
  }
  if (windows !== undefined) demandOptions('openDiskCache, windows', windows);
  if (caches !== undefined) demandOptions('openDiskCache, caches', caches);
}

/** Refuses, among others, the `webContents` of a window in the window's place. @throws {DiskCacheError} `BAD_OPTION` */
export function assertWindow(window: unknown): void {
  const { webContents } = Object(window) as { readonly webContents?: unknown };
  if (typeof webContents === 'object' && webContents !== null) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    'host.attach takes a window, such as new BrowserWindow(…) or a WebContentsView: something with webContents',
  );
}

/** Refuses, among others, Electron's module `session` and a window. @throws {DiskCacheError} `BAD_OPTION` */
export function demandSession(method: keyof Host<StoreDeclarations>, session: Session): void {
  const { protocol, registerPreloadScript } = Object(session) as Partial<Session>;
  if (typeof (method === 'install' ? registerPreloadScript : protocol?.handle) === 'function') return;
  throw new DiskCacheError('BAD_OPTION', `host.${method} takes a session, such as session.defaultSession`);
}
