import { lookup } from 'mrmime';
import { type AssetAddress, parseAssetUrl } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheMethods, Key } from '../engine/index.ts';
import { createErrorResponse, createHeaders, createItemResponse, createTextResponse } from './http-response.ts';

/**
 * The media type of an item: by the extension of its key (of an array's last element), in the list of `mrmime`; without one
 * plain text for a text, and bytes without a meaning for bytes. A text is stored as UTF-8, and bytes of a text are taken for it.
 */
export function getContentType(key: Key, isText: boolean): string {
  const type = getTypeByExtension(Array.isArray(key) ? (key as readonly Key[]).at(-1) : key);
  if (type === undefined) return isText ? 'text/plain; charset=utf-8' : 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

function getTypeByExtension(name: Key | undefined): string | undefined {
  const extension = typeof name === 'string' ? /\.([a-z0-9]+)$/i.exec(name)?.[1] : undefined;
  // The list is an object literal: `x.constructor` finds a function in it.
  const type: unknown = extension === undefined ? undefined : lookup(`.${extension}`);
  return typeof type === 'string' ? type : undefined;
}

export type AssetStore = Pick<CacheMethods, 'openBytes'>;

/** A store that is served, with the name it was declared by: in an address, case is lost. */
export interface ServedStore {
  readonly name: string;
  readonly store: AssetStore;
}

/** A request with what the browser, not the page, says about who asks. */
export type AssetRequest = Request & {
  /** The origin of the document that asks; `null` for an opaque one, absent when no document does. */
  readonly initiatorOrigin?: string;
};

/** What is served, and to whom. */
export interface AssetServerOptions {
  /** The store of a lower-case name. Rejects with `NOT_ALLOWED` unless it is served to this origin. */
  find(store: string, origin: string | undefined): Promise<ServedStore>;
  /** Returns the media type of an item; undefined or '' to take that of the key's extension. */
  readonly contentType?: ((store: string, key: Key) => string | undefined) | undefined;
}

/** Answers a request of one session. Never rejects. */
export type AssetServer = (request: AssetRequest) => Promise<Response>;

const ALLOWED_METHODS = 'GET, HEAD';

/** Items over HTTP's words. What the address names and who asks are looked at before anything else is. */
export function createAssetServer({ find, contentType }: AssetServerOptions): AssetServer {
  async function read(request: AssetRequest, { store: host, key }: AssetAddress): Promise<Response> {
    const { name, store } = await find(host, request.initiatorOrigin);
    const item = store.openBytes(key);
    if (item === undefined) return createTextResponse(404, `There is no item at ${request.url.slice(0, 256)}`);
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
          return createTextResponse(405, `Only ${ALLOWED_METHODS} are answered`, { allow: ALLOWED_METHODS });
      }
    } catch (error) {
      if (!(error instanceof DiskCacheError)) process.emitWarning(error instanceof Error ? error : String(error));
      return createErrorResponse(error);
    }
  };
}

/** Electron asks for none; what stands in front of it in a test may. It grants nothing: the request itself is looked at. */
function createPreflightResponse(): Response {
  const may = {
    'access-control-allow-methods': ALLOWED_METHODS,
    'access-control-allow-headers': 'if-none-match, if-range, range',
  };
  return new Response(null, { status: 204, headers: createHeaders('text/plain; charset=utf-8', may) });
}
