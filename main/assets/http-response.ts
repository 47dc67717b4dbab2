import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { StoredBytes } from '../engine/index.ts';
import { isNotModified, isRangeCurrent, parseRangeField } from '../http-semantics/range-and-conditions.ts';

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
export function createHeaders(contentType: string, extra: Readonly<Record<string, string>>): Headers {
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

export function createTextResponse(
  status: number,
  text: string,
  extra: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: createHeaders('text/plain; charset=utf-8', { 'cache-control': 'no-store', ...extra }),
  });
}

/** Returns the response for a failure. Its text is `CODE: message`. */
export function createErrorResponse(error: unknown): Response {
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
export function createItemResponse(request: Request, item: StoredBytes, contentType: string): Response {
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
