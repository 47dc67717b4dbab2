import type { CustomScheme, Session } from 'electron';
import { ASSET_SCHEME } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { type AssetAccess, type AssetStore, assetServer, type ServedStore, type Serving } from '../assets/serve.ts';

export type { AssetAccess } from '../assets/serve.ts';

/**
 * The scheme with its privileges, for `protocol.registerSchemesAsPrivileged`. Electron takes one call, before the application
 * is ready, so it is the application's: `protocol.registerSchemesAsPrivileged([assetScheme(), { scheme: 'app', … }])`.
 */
export function assetScheme(): CustomScheme {
  return {
    scheme: ASSET_SCHEME,
    // `corsEnabled` lets pages of the application's other schemes ask at all. Electron then asks no further, so it is
    // `serveAssets` that looks at who asks.
    privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true, stream: true },
  };
}

export interface AssetOptions {
  /**
   * Which stores, by name: a list to read from, or an access for each; `'write'` lets pages store streams, too. Others answer
   * 403. Default: all for `'write'` where `authorize` is left to its default, since the same pages may do everything
   * then; none where the application has an `authorize` of its own.
   */
  readonly stores?: readonly string[] | Readonly<Record<string, AssetAccess>>;
  /**
   * Whose pages may ask. All that Electron says of a request is the origin of the document behind it, not its window or
   * frame. Default: the application's own pages, as for `authorize`, subframes of the same origin included.
   */
  readonly origin?: (origin: string) => boolean;
  /** The media type of an item that the extension of its key does not tell. */
  readonly contentType?: Serving['contentType'];
}

/** What the composition root knows. */
export interface AssetHost {
  readonly stores: Readonly<Record<string, object>>;
  /** Whether pages of this origin may do everything, where nobody said otherwise. */
  isOwnOrigin(origin: string): boolean;
  readonly hasOwnPolicy: boolean;
}

/**
 * Serves stores of bytes and text under `deskcache://<store>/<key>` to the pages of a session. Answers the way out.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a session that is served already and for a store that is no cache, `NO_SUCH_STORE`.
 */
export function serveAssets({ protocol }: Session, options: AssetOptions, host: AssetHost): () => void {
  if (protocol.isProtocolHandled(ASSET_SCHEME)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `This session is served already; end that first, serveAssets answers the way`,
    );
  }
  const served = servedStores(options.stores, host);
  const mayAsk = options.origin ?? host.isOwnOrigin;
  const server = assetServer({
    find(name, access, origin) {
      const found = served.get(name);
      const isGranted = found?.access === 'write' || (found && access === 'read');
      // Nobody behind it, or a document without an origin: nobody who could be known.
      if (found && isGranted && origin && origin !== 'null' && mayAsk(origin)) return found;
      const who = origin ? `pages of ${origin}` : 'who is no page';
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `Store "${name}" is not served to ${who} for "${access}"; see host.serveAssets`,
      );
    },
    contentType: options.contentType,
  });
  protocol.handle(ASSET_SCHEME, (request) => server.answer(request));
  return () => {
    server.close();
    if (protocol.isProtocolHandled(ASSET_SCHEME)) protocol.unhandle(ASSET_SCHEME);
  };
}

interface Served extends ServedStore {
  readonly access: AssetAccess;
}

/** By the lower-case name: an address has no other. */
function servedStores(
  wanted: AssetOptions['stores'],
  { stores, hasOwnPolicy }: AssetHost,
): ReadonlyMap<string, Served> {
  const all = Object.keys(stores).filter((name) => isAssetStore(stores[name]));
  const accesses = wanted === undefined ? allowing('write', hasOwnPolicy ? [] : all) : accessOf(wanted);
  return new Map(
    accesses.map(([name, access]) => [name.toLowerCase(), { name, store: assetStore(stores, name), access }]),
  );
}

function assetStore(stores: AssetHost['stores'], name: string): AssetStore {
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (isAssetStore(store)) return store;
  if (store === undefined) throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared`);
  throw new DiskCacheError('BAD_OPTION', `Store "${name}" holds no bytes to serve; serve a cache or a fanout`);
}

type Access = readonly (readonly [name: string, access: AssetAccess])[];

const isList = (wanted: NonNullable<AssetOptions['stores']>): wanted is readonly string[] => Array.isArray(wanted);
const accessOf = (wanted: NonNullable<AssetOptions['stores']>): Access =>
  isList(wanted) ? allowing('read', wanted) : Object.entries(wanted);
const allowing = (access: AssetAccess, names: readonly string[]): Access => names.map((name) => [name, access]);

const isAssetStore = (store: object | undefined): store is AssetStore => store !== undefined && 'openBytes' in store;
