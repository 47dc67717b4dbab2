import { lookup } from 'mrmime';
import { type AssetAddress, parseAssetUrl } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheMethods, Key } from '../engine/index.ts';
import { createErrorResponse, createHeaders, createItemResponse, createTextResponse } from './http-response.ts';

/**
 * Returns the media type of an item by the extension of its key, or of the last element of an array, in the list of `mrmime`. Without a
 * known extension, a text is `text/plain` and bytes are `application/octet-stream`. Text types get UTF-8, in which texts are stored.
 */
export function getContentType(key: Key, isText: boolean): string {
  const type = getTypeByExtension(Array.isArray(key) ? (key as readonly Key[]).at(-1) : key);
  if (type === undefined) return isText ? 'text/plain; charset=utf-8' : 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

function getTypeByExtension(name: Key | undefined): string | undefined {
  const extension = typeof name === 'string' ? /\.([a-z0-9]+)$/i.exec(name)?.[1] : undefined;
  // The list of `mrmime` is an object literal, so `x.constructor` finds a function in it.
  const type: unknown = extension === undefined ? undefined : lookup(`.${extension}`);
  return typeof type === 'string' ? type : undefined;
}

export type AssetStore = Pick<CacheMethods, 'openBytes'>;

/** A served store with its declared name: an address is lower-case. */
export interface ServedStore {
  readonly name: string;
  readonly store: AssetStore;
}

/** A request with its initiator as the browser reports it, which the page can't change. */
export type AssetRequest = Request & {
  /** The origin of the requesting document; `null` for an opaque one, absent without a document. */
  readonly initiatorOrigin?: string;
};

/** Decides which stores are served to which origin. */
export interface AssetServerOptions {
  /** Resolves with the store of a lower-case name. Rejects with `NOT_ALLOWED` unless it is served to this origin. */
  find(store: string, origin: string | undefined): Promise<ServedStore>;
  /** Returns the media type of an item; undefined or '' selects that of the key's extension. */
  readonly contentType?: ((store: string, key: Key) => string | undefined) | undefined;
}

/** Responds to a request of one session. Never rejects. */
export type AssetServer = (request: AssetRequest) => Promise<Response>;

const ALLOWED_METHODS = 'GET, HEAD';

/** Serves items over HTTP. The address and the origin are checked before anything else. */
export function createAssetServer({ find, contentType }: AssetServerOptions): AssetServer {
  async function read(request: AssetRequest, { store: host, key }: AssetAddress): Promise<Response> {
    const { name, store } = await find(host, request.initiatorOrigin);
    const item = store.openBytes(key);
    if (item === undefined) return createTextResponse(404, `No item at ${request.url.slice(0, 256)}`);
    return createItemResponse(request, item, contentType?.(name, key) || getContentType(key, item.isText));
  }

  return async (request) => {
    try {
      switch (request.method) {
        case 'GET':
        case 'HEAD':
          return await read(request, parseAssetUrl(request.url));
        case 'OPTIONS':
          return createPreflightResponse();
        default:
          return createTextResponse(405, `Only ${ALLOWED_METHODS} are allowed`, { allow: ALLOWED_METHODS });
      }
    } catch (error) {
      if (!(error instanceof DiskCacheError)) process.emitWarning(error instanceof Error ? error : String(error));
      return createErrorResponse(error);
    }
  };
}

/** Electron sends no preflight, but a browser in a test may. The response grants nothing: `find` checks the request itself. */
function createPreflightResponse(): Response {
  const allowed = {
    'access-control-allow-methods': ALLOWED_METHODS,
    'access-control-allow-headers': 'if-none-match, if-range, range',
  };
  return new Response(null, { status: 204, headers: createHeaders('text/plain; charset=utf-8', allowed) });
}
