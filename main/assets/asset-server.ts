import { lookup } from 'mrmime';
import { type AssetAddress, parseAssetUrl } from '../../protocol/asset-url.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { CacheMethods, Key, StoredBytes } from '../engine/index.ts';
import { isNotModified, isRangeCurrent, parseRangeField } from '../http-semantics/fields.ts';

/**
 * Returns the media type of an item by the extension of its key, or of the last element of an array, in the list of `mrmime`. Without a
 * known extension, a text is `text/plain` and bytes are `application/octet-stream`. Text types get UTF-8, in which texts are stored.
 */
function getContentType(key: Key, isText: boolean): string {
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

const STATUS_BY_CODE: Readonly<Record<ErrorCode, number>> = {
  BAD_KEY: 400,
  BAD_OPTION: 400,
  BAD_VALUE: 422,
  NOT_ALLOWED: 403,
  READ_ONLY: 403,
  NO_SUCH_STORE: 404,
  TIMEOUT: 408,
  TOO_LARGE: 413,
  CORRUPT: 500,
  WRONG_KEY: 500,
  IO: 500,
  UNSUPPORTED_VERSION: 500,
  BUSY: 503,
  CLOSED: 503,
  DISCONNECTED: 503,
  DISK_FULL: 507,
};

/**
 * Returns the header fields of every response. It has a type, because Electron takes a response without one for HTML. Pages of other
 * origins may read it, because `find` has checked the origin before. `nosniff` keeps its type; `sandbox` makes it a document without
 * scripts and without an origin: what an application has fetched and stored must not become a page of its own.
 */
function createHeaders(contentType: string, extra: Readonly<Record<string, string>>): Headers {
  return new Headers({
    'content-type': contentType,
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'accept-ranges, content-length, content-range, etag',
    'cross-origin-resource-policy': 'cross-origin',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    ...extra,
  });
}

function createTextResponse(status: number, text: string, extra: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, {
    status,
    headers: createHeaders('text/plain; charset=utf-8', { 'cache-control': 'no-store', ...extra }),
  });
}

/** Returns the response for a failure. Its text is `CODE: message`. */
function createErrorResponse(error: unknown): Response {
  const { code, message } = toPageErrorData(error);
  // Any other error is a mistake of ours, not of the request.
  return createTextResponse(error instanceof DiskCacheError ? STATUS_BY_CODE[code] : 500, `${code}: ${message}`);
}

/** An item has a version and no date, so the current time, which completes a year of two digits, changes no result. */
const NO_TIME = 0;

/**
 * Returns the response to a GET or HEAD for an item: RFC 9110 §13 (If-None-Match, If-Range) and §14 (one range). The body is read from
 * disk as the reader takes it.
 */
function createItemResponse(request: Request, item: StoredBytes, contentType: string): Response {
  const isHead = request.method === 'HEAD';
  const headers = createHeaders(contentType, {
    etag: `"${item.version}"`,
    'accept-ranges': 'bytes',
    // The page may keep it and validates it each time: a changed item is seen at once, an unchanged one costs a 304.
    'cache-control': 'no-cache',
  });
  if (isNotModified(request.headers, headers, NO_TIME)) return new Response(null, { status: 304, headers });

  const field = isHead || !isRangeCurrent(request.headers, headers, NO_TIME) ? null : request.headers.get('range');
  const range = field === null ? undefined : parseRangeField(field, item.size);
  if (range === 'unsatisfiable') {
    return createTextResponse(416, `The item has ${item.size} bytes`, { 'content-range': `bytes */${item.size}` });
  }
  const { start, end } = range ?? { start: 0, end: item.size };
  headers.set('content-length', String(end - start));
  if (range) headers.set('content-range', `bytes ${start}-${end - 1}/${item.size}`);
  const body = isHead ? null : (item.stream(range) as ReadableStream<Uint8Array<ArrayBuffer>>);
  return new Response(body, { status: range ? 206 : 200, headers });
}
