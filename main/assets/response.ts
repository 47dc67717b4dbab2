import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/hidden-paths.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
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
export function headersFor(contentType: string, particular: Readonly<Record<string, string>>): Headers {
  return new Headers({
    'content-type': contentType,
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'accept-ranges, content-length, content-range, etag',
    'cross-origin-resource-policy': 'cross-origin',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    ...particular,
  });
}

export function textResponse(
  status: number,
  text: string,
  particular: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: headersFor('text/plain; charset=utf-8', { 'cache-control': 'no-store', ...particular }),
  });
}

/** A failure as an answer. The text is `CODE: message`. */
export function refusal(error: unknown): Response {
  const { code, message } = toPageErrorData(error);
  // What is no DiskCacheError is a mistake of ours, not the asker's.
  return textResponse(error instanceof DiskCacheError ? STATUS[code] : 500, `${code}: ${message}`);
}
