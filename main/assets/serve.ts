import { type AssetAddress, readAssetUrl } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheFace, Key } from '../engine/index.ts';
import { contentTypeOf } from './content-type.ts';
import { download } from './download.ts';
import { headersFor, refusal, textResponse } from './response.ts';

export type AssetStore = Pick<CacheFace, 'openBytes'>;

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
export interface Serving {
  /** The store of a lower-case name. Rejects with `NOT_ALLOWED` unless it is served to this origin. */
  find(store: string, origin: string | undefined): Promise<ServedStore>;
  /** Returns the media type of an item; undefined or '' to take that of the key's extension. */
  readonly contentType?: ((store: string, key: Key) => string | undefined) | undefined;
}

/** Answers a request of one session. Never rejects. */
export type AssetServer = (request: AssetRequest) => Promise<Response>;

const METHODS = 'GET, HEAD';

/** Items over HTTP's words. What the address names and who asks are looked at before anything else is. */
export function assetServer({ find, contentType }: Serving): AssetServer {
  async function read(request: AssetRequest, { store: host, key }: AssetAddress): Promise<Response> {
    const { name, store } = await find(host, request.initiatorOrigin);
    const item = store.openBytes(key);
    if (item === undefined) return textResponse(404, `There is no item at ${request.url.slice(0, 256)}`);
    return download(request, item, contentType?.(name, key) || contentTypeOf(key, item.isText));
  }

  return async (request) => {
    try {
      switch (request.method) {
        case 'GET':
        case 'HEAD':
          return await read(request, readAssetUrl(request.url));
        case 'OPTIONS':
          return preflight();
        default:
          return textResponse(405, `Only ${METHODS} are answered`, { allow: METHODS });
      }
    } catch (error) {
      if (!(error instanceof DiskCacheError)) process.emitWarning(error instanceof Error ? error : String(error));
      return refusal(error);
    }
  };
}

/** Electron asks for none; what stands in front of it in a test may. It grants nothing: the request itself is looked at. */
function preflight(): Response {
  const may = {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': 'if-none-match, if-range, range',
  };
  return new Response(null, { status: 204, headers: headersFor('text/plain; charset=utf-8', may) });
}
