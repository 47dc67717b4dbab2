import { setTimeout } from 'node:timers/promises';
import type { CustomScheme, Session } from 'electron';
import { ASSET_SCHEME } from '../../protocol/asset-url.ts';
import { covers } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { type AssetAccess, type AssetStore, assetServer, type ServedStore, type Serving } from '../assets/serve.ts';
import { type Grant, grants } from '../bridge/grant.ts';

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
   * No other stores than these: a list to read from, or an access for each, `'write'` where pages may store streams, too.
   * Default: every cache, as far as pages are granted it.
   */
  readonly stores?: readonly string[] | Readonly<Record<string, AssetAccess>>;
  /** The media type of an item that the extension of its key does not tell. */
  readonly contentType?: Serving['contentType'];
}

/** What the composition root knows. */
export interface AssetHost {
  readonly stores: Readonly<Record<string, object>>;
  /** What the documents of an origin are granted that are shown in this session now. */
  grantsOf(origin: string): readonly Grant[];
  /** Resolves when no page reads near what was there before; `keepNear` in pages. */
  dropNear(): Promise<unknown>;
}

/** Milliseconds in which the main process hears of a document that asks already. */
const COMMIT_PATIENCE = 100;

/**
 * Serves stores of bytes and text under `deskcache://<store>/<key>` to the pages of a session, as far as `authorize` grants the
 * store to a document of the origin that asks: of a request Electron tells the origin, neither window nor frame. Answers the
 * way out.
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
  const server = assetServer({
    async find(name, access, origin) {
      const found = served.get(name);
      if (found && covers(found.access, access) && (await isGranted(origin, found.name, access, host))) return found;
      const who = origin ? `pages of ${origin}` : 'who is no page';
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `Store "${name}" is not served to ${who} for "${access}"; see host.serveAssets and authorize(frame)`,
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

/** Without an origin, or with an opaque one, nobody could be known. Fails closed. */
async function isGranted(
  origin: string | undefined,
  store: string,
  access: AssetAccess,
  host: AssetHost,
): Promise<boolean> {
  if (!origin || origin === 'null') return false;
  // Bytes of streams aren't counted; where they are limited, streams are not granted.
  const isLimited = ({ bytes }: Grant) => access === 'write' && bytes !== undefined;
  const grantedNow = () => host.grantsOf(origin).some((grant) => grants(grant, store, access) && !isLimited(grant));
  if (grantedNow()) return true;
  // A new document's first requests and the news that it is there come by different ways.
  await setTimeout(COMMIT_PATIENCE);
  return grantedNow();
}

interface Served extends ServedStore {
  readonly access: AssetAccess;
}

/** By the lower-case name: an address has no other. */
function servedStores(wanted: AssetOptions['stores'], host: AssetHost): ReadonlyMap<string, Served> {
  const { stores } = host;
  const all = Object.keys(stores).filter((name) => isAssetStore(stores[name]));
  const accesses = wanted === undefined ? allowing('write', all) : accessOf(wanted);
  return new Map(
    accesses.map(([name, access]) => [
      name.toLowerCase(),
      { name, store: coherent(assetStore(stores, name), host), access },
    ]),
  );
}

function assetStore(stores: AssetHost['stores'], name: string): AssetStore {
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (isAssetStore(store)) return store;
  if (store === undefined) throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared`);
  throw new DiskCacheError('BAD_OPTION', `Store "${name}" holds no bytes to serve; serve a cache or a fanout`);
}

/** A page's stream is stored when every page can see it, as is what it sets. */
function coherent(store: AssetStore, host: AssetHost): AssetStore {
  return {
    openBytes: (key) => store.openBytes(key),
    async writeStream(key, chunks, options) {
      await store.writeStream(key, chunks, options);
      await host.dropNear();
    },
  };
}

type Access = readonly (readonly [name: string, access: AssetAccess])[];

const isList = (wanted: NonNullable<AssetOptions['stores']>): wanted is readonly string[] => Array.isArray(wanted);
const accessOf = (wanted: NonNullable<AssetOptions['stores']>): Access =>
  isList(wanted) ? allowing('read', wanted) : Object.entries(wanted);
const allowing = (access: AssetAccess, names: readonly string[]): Access => names.map((name) => [name, access]);

const isAssetStore = (store: object | undefined): store is AssetStore => store !== undefined && 'openBytes' in store;
