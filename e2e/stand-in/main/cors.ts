import type { IncomingResponse } from './http-request.ts';

/**
 * What Chromium's network compares for a request that names its origin (services/network/cors/cors_url_loader.cc), as far as `net.request`
 * comes there.
 */

export type Credentials = 'include' | 'omit' | 'same-origin';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
const SAFE_TYPES = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\s*(;|$)/i;
const MAX_SAFE_BYTES = 128;
/** Fields that a page's scripts can't set need no preflight (net/http/http_util.cc). */
const FORBIDDEN =
  /^(accept-charset|accept-encoding|access-control-request-.*|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|user-agent|via|proxy-.*|sec-.*)$/;

function isSafelisted(name: string, value: string): boolean {
  if (Buffer.byteLength(value) > MAX_SAFE_BYTES) return false;
  if (name === 'content-type') return SAFE_TYPES.test(value);
  if (name === 'range') return /^bytes=\d+-\d*$/.test(value);
  return ['accept', 'accept-language', 'content-language', 'save-data'].includes(name);
}

/** Returns the fields that need a preflight. */
const getUnsafeFields = (headers: Readonly<Record<string, string>>): string[] =>
  Object.entries(headers)
    .filter(([name, value]) => !FORBIDDEN.test(name) && !isSafelisted(name, value))
    .map(([name]) => name)
    .sort();

/** Returns the fields of the preflight; undefined for a request that needs none. */
export function getPreflight(
  origin: string,
  method: string,
  headers: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const fields = getUnsafeFields(headers);
  if (SAFE_METHODS.has(method) && fields.length === 0) return undefined;
  return {
    ...{ accept: '*/*', origin, 'access-control-request-method': method, 'sec-fetch-mode': 'cors' },
    ...(fields.length > 0 && { 'access-control-request-headers': fields.join(',') }),
  };
}

const parseListField = (response: IncomingResponse, name: string): string[] =>
  (getResponseField(response, name) ?? '').split(',').map((part) => part.trim().toLowerCase());

/** Returns the value of a field, several joined to one. */
export function getResponseField({ rawHeaders }: IncomingResponse, name: string): string | undefined {
  const values = rawHeaders.filter(([written]) => written.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** Whether a response may be read by an origin. */
export function allowsResponse(response: IncomingResponse, origin: string, credentials: Credentials): boolean {
  const allowed = getResponseField(response, 'access-control-allow-origin');
  if (allowed === '*') return credentials !== 'include';
  if (allowed !== origin) return false;
  return credentials !== 'include' || getResponseField(response, 'access-control-allow-credentials') === 'true';
}

/** Whether the answer to a preflight lets the request itself go. */
export function allowsRequest(
  response: IncomingResponse,
  { origin, method, headers }: { origin: string; method: string; headers: Readonly<Record<string, string>> },
  credentials: Credentials,
): boolean {
  if (response.status < 200 || response.status > 299 || !allowsResponse(response, origin, credentials)) return false;
  const isIn = (names: readonly string[], name: string) =>
    names.includes(name) || (credentials !== 'include' && names.includes('*'));
  const methods = parseListField(response, 'access-control-allow-methods');
  const fields = parseListField(response, 'access-control-allow-headers');
  const mayMethod = SAFE_METHODS.has(method) || isIn(methods, method.toLowerCase());
  return (
    mayMethod &&
    getUnsafeFields(headers).every((name) => (name === 'authorization' ? fields.includes(name) : isIn(fields, name)))
  );
}
