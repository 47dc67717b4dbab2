import { type AssetAddress, readAssetUrl } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { readUploadPart } from '../../protocol/upload.ts';
import type { CacheFace, Key } from '../engine/index.ts';
import { contentTypeOf } from './content-type.ts';
import { download } from './download.ts';
import { headersFor, refusal, textResponse } from './response.ts';
import { Uploads } from './uploads.ts';

export type AssetAccess = 'read' | 'write';
export type AssetStore = Pick<CacheFace, 'openBytes' | 'writeStream'>;

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
  /** The store of a lower-case name. Rejects with `NOT_ALLOWED` unless it is served to this origin, with this access. */
  find(store: string, access: AssetAccess, origin: string | undefined): Promise<ServedStore>;
  /** Media types that the application knows better than the extension of a key does. */
  readonly contentType?: ((store: string, key: Key) => string | undefined) | undefined;
}

/** Answers the requests of one session. */
export interface AssetServer {
  /** Never rejects. */
  answer(request: AssetRequest): Promise<Response>;
  /** Gives up the streams that are being stored. */
  close(): void;
}

const METHODS = 'GET, HEAD, POST';

/**
 * Items over HTTP's words: GET and HEAD read one, POST carries a part of a stream to be stored. What the address names and who
 * asks are looked at before anything else is.
 */
export function assetServer({ find, contentType }: Serving): AssetServer {
  const uploads = new Uploads();

  async function read(request: AssetRequest, { store: host, key }: AssetAddress): Promise<Response> {
    const { name, store } = await find(host, 'read', request.initiatorOrigin);
    const item = store.openBytes(key);
    if (item === undefined) return textResponse(404, `There is no item at ${request.url.slice(0, 256)}`);
    return download(request, item, contentType?.(name, key) ?? contentTypeOf(key, item.isText));
  }

  async function receive(request: AssetRequest, { store: host, key, query }: AssetAddress): Promise<Response> {
    const { initiatorOrigin } = request;
    const { store } = await find(host, 'write', initiatorOrigin);
    const part = readUploadPart(query);
    await uploads.receive(`${part.upload} ${initiatorOrigin}`, part, request.body ?? [], (chunks, options) =>
      store.writeStream(key, chunks, options),
    );
    return new Response(null, { status: 204, headers: headersFor({ 'cache-control': 'no-store' }) });
  }

  return {
    async answer(request) {
      try {
        switch (request.method) {
          case 'GET':
          case 'HEAD':
            return await read(request, readAssetUrl(request.url));
          case 'POST':
            return await receive(request, readAssetUrl(request.url));
          case 'OPTIONS':
            return preflight();
          default:
            return textResponse(405, `Only ${METHODS} are answered`, { allow: METHODS });
        }
      } catch (error) {
        if (!(error instanceof DiskCacheError)) process.emitWarning(error instanceof Error ? error : String(error));
        return refusal(error);
      }
    },
    close: () => uploads.close(),
  };
}

/** Electron asks for none; what stands in front of it in a test may. It grants nothing: the request itself is looked at. */
function preflight(): Response {
  const may = {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': 'if-none-match, if-range, range',
  };
  return new Response(null, { status: 204, headers: headersFor(may) });
}
