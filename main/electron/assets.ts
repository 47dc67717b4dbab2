import { setTimeout } from 'node:timers/promises';
import type { CustomScheme, Session } from 'electron';
import { ASSET_SCHEME } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import {
  type AssetServerOptions,
  type AssetStore,
  createAssetServer,
  type ServedStore,
} from '../assets/asset-server.ts';
import { type Grant, isGranted } from '../bridge/grant.ts';

/**
 * Returns the scheme with its privileges, for `protocol.registerSchemesAsPrivileged`. Electron accepts only one such call, before the
 * application is ready, so the application makes it: `protocol.registerSchemesAsPrivileged([assetScheme(), { scheme: 'app', … }])`.
 */
export function assetScheme(): CustomScheme {
  isSchemeRequested = true;
  return {
    scheme: ASSET_SCHEME,
    // `corsEnabled` lets pages of the application's other schemes send requests at all. Electron checks nothing further, so `serveAssets`
    // checks the origin.
    privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true, stream: true },
  };
}

/** Electron doesn't report which schemes have privileges; without them fetch and media fail in pages with no explanation. */
let isSchemeRequested = false;

function warnWithoutScheme(): void {
  if (isSchemeRequested) return;
  process.emitWarning(
    `${ASSET_SCHEME}: has no privileges unless protocol.registerSchemesAsPrivileged([assetScheme()]) is called before the application is ready`,
  );
}

export interface AssetOptions {
  /** Serves only these stores. Default: every cache, as far as pages are granted it. */
  readonly stores?: readonly string[];
  /** Returns the media type of an item if the extension of its key doesn't determine it. */
  readonly contentType?: AssetServerOptions['contentType'];
}

/** What the composition root provides. */
export interface AssetHost {
  readonly stores: Readonly<Record<string, object>>;
  /** Returns the grants of the documents of an origin that are currently shown in this session. */
  getGrants(origin: string): readonly Grant[];
}

/** Milliseconds by which the main process may learn of a document later than its first request arrives. */
const COMMIT_DELAY_MS = 100;

/**
 * Serves stores of bytes and text under `deskcache://<store>/<key>` to the pages of a session, if `authorize` grants the store to a
 * document of the requesting origin: Electron reports the origin of a request, but not its window or frame. Documents that are already open
 * can't use it before their next navigation. Returns a function that ends this; afterwards every request is refused. Warns if `assetScheme`
 * was never called.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a session that is already served and for a store that isn't a cache, `NO_SUCH_STORE`.
 */
export function serveAssets({ protocol }: Session, options: AssetOptions, host: AssetHost): () => void {
  if (protocol.isProtocolHandled(ASSET_SCHEME)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'deskcache: is handled in this session already. Call the function that the first host.serveAssets returned, then serve again',
    );
  }
  warnWithoutScheme();
  const served = getServedStores(options.stores, host);
  // A document keeps the handlers that its session had when it was committed: open documents still call this one after the end.
  let hasEnded = false;
  const handler = createAssetServer({
    async find(name, origin) {
      if (hasEnded) throw new DiskCacheError('NOT_ALLOWED', ENDED_MESSAGE);
      const found = served.get(name);
      if (found && (await isReadGranted(origin, found.name, host))) return found;
      const who = origin ? `pages of ${origin}` : 'requests that come from no page';
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `Store "${name}" is not served to ${who}; see host.serveAssets and authorize(frame)`,
      );
    },
    contentType: options.contentType,
  });
  protocol.handle(ASSET_SCHEME, handler);
  return () => {
    if (hasEnded) return;
    hasEnded = true;
    if (protocol.isProtocolHandled(ASSET_SCHEME)) protocol.unhandle(ASSET_SCHEME);
  };
}

const ENDED_MESSAGE =
  'host.serveAssets was ended for this session; if it was called again, a page has it after its next navigation';

/** Fails closed: a request without an origin, or with an opaque one, can't be attributed to a document. */
async function isReadGranted(origin: string | undefined, store: string, host: AssetHost): Promise<boolean> {
  if (!origin || origin === 'null') return false;
  const grantedNow = () => host.getGrants(origin).some((grant) => isGranted(grant, store, 'read'));
  if (grantedNow()) return true;
  // A new document's first requests and the event that announces it take different routes, so the event may arrive later.
  await setTimeout(COMMIT_DELAY_MS);
  return grantedNow();
}

/** By lower-case name, the only form in a URL. */
function getServedStores(requested: AssetOptions['stores'], { stores }: AssetHost): ReadonlyMap<string, ServedStore> {
  const names = requested ?? Object.keys(stores).filter((name) => isAssetStore(stores[name]));
  return new Map(names.map((name) => [name.toLowerCase(), { name, store: assertAssetStore(stores, name) }]));
}

function assertAssetStore(stores: AssetHost['stores'], name: string): AssetStore {
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (isAssetStore(store)) return store;
  if (store === undefined)
    throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared; add it to defineStores({ … })`);
  throw new DiskCacheError('BAD_OPTION', `Store "${name}" holds no bytes to serve; serve a cache or a fanout`);
}

const isAssetStore = (store: object | undefined): store is AssetStore => store !== undefined && 'openBytes' in store;
