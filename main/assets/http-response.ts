import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { ByteRange, StoredBytes } from '../engine/index.ts';

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
 * What every answer says. Its type, because Electron takes an answer without one for HTML. Pages of other origins may read it,
 * for who may ask was looked at already; what is served is never guessed to be of another type; and shown as a document, it is
 * one without scripts and without an origin: what an
 * application has fetched and kept must not become a page of its own.
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
  particular: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: createHeaders('text/plain; charset=utf-8', { 'cache-control': 'no-store', ...particular }),
  });
}

/** A failure as an answer. The text is `CODE: message`. */
export function createErrorResponse(error: unknown): Response {
  const { code, message } = toPageErrorData(error);
  // What is no DiskCacheError is a mistake of ours, not the asker's.
  return createTextResponse(error instanceof DiskCacheError ? STATUS_BY_CODE[code] : 500, `${code}: ${message}`);
}

const SINGLE_RANGE = /^bytes=\s*(?:(\d+)-(\d*)|-(\d+))\s*$/i;

/**
 * The one range that a `Range` field asks for, by RFC 9110 §14.1.2: `bytes=0-99`, `bytes=100-`, `bytes=-5`. Undefined, as the
 * RFC allows (§14.2), for what asks for several, makes no sense, or has another unit: the answer is the whole then.
 */
export function parseByteRange(field: string | null, size: number): Required<ByteRange> | 'unsatisfiable' | undefined {
  const [range, first, last, suffix] = SINGLE_RANGE.exec(field ?? '') ?? [];
  if (range === undefined) return undefined;
  if (first === undefined) {
    const length = Math.min(Number(suffix), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last ? Number(last) + 1 : Number.POSITIVE_INFINITY;
  if (end <= start) return undefined;
  return start < size ? { start, end: Math.min(end, size) } : 'unsatisfiable';
}

/**
 * Answers GET and HEAD with an item: RFC 9110 §13 (If-None-Match; If-Range) and §14 (one range). No body is ever in memory: it
 * is read from the disk as it is taken.
 */
export function createItemResponse(request: Request, item: StoredBytes, contentType: string): Response {
  const isHead = request.method === 'HEAD';
  const tag = `"${item.version}"`;
  const headers = createHeaders(contentType, {
    etag: tag,
    'accept-ranges': 'bytes',
    // It may be kept, and is asked for again each time: a changed item is seen at once, an unchanged one costs a 304.
    'cache-control': 'no-cache',
  });
  if (matchesEntityTag(request.headers.get('if-none-match'), tag)) return new Response(null, { status: 304, headers });

  const range = isHead ? undefined : parseByteRange(getCurrentRange(request, tag), item.size);
  if (range === 'unsatisfiable') {
    return createTextResponse(416, `The item has ${item.size} bytes`, { 'content-range': `bytes */${item.size}` });
  }
  const { start, end } = range ?? { start: 0, end: item.size };
  headers.set('content-length', String(end - start));
  if (range) headers.set('content-range', `bytes ${start}-${end - 1}/${item.size}`);
  const body = isHead ? null : (item.stream(range) as ReadableStream<Uint8Array<ArrayBuffer>>);
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** A range of another version than the one the asker has a part of is no range (§13.1.5). A date is never our version. */
function getCurrentRange({ headers }: Request, tag: string): string | null {
  const condition = headers.get('if-range');
  return condition === null || condition === tag ? headers.get('range') : null;
}

/** Weak comparison (§8.8.3.2), as If-None-Match demands. */
function matchesEntityTag(field: string | null, tag: string): boolean {
  if (field === null) return false;
  return field.trim() === '*' || [...field.matchAll(/"[^"]*"/g)].some(([named]) => named === tag);
}
