import { DiskCacheError } from '../../../protocol/error.ts';
import {
  type HeaderFields,
  MAX_HEAD_BYTES,
  type QueryOptions,
  serializeResponseHead,
  type WireRequest,
  type WireResponse,
} from '../../../protocol/http.ts';
import { toReasonPhrase } from '../../../protocol/reason-phrase.ts';
import { isRoutingField, overridesMethod, overridesMethodByParameter } from '../../../protocol/request-fields.ts';
import { STRATEGIES, type Strategy, type StrategyOptions } from '../../../protocol/strategy.ts';
import type { BodyContent } from './wire-bodies.ts';

/** Returns whether a request only reads, also for a server that takes the method from a header or a query parameter. */
export function isSafe({ method, headers, url }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  return !overridesMethod(headers) && !overridesMethodByParameter(new URL(url).searchParams);
}

/*
 * Parses messages of pages, which are untrusted. A browser keeps a page from setting some headers, but a compromised page can bypass it, so
 * they are removed again here. Headers that redirect a request, such as `X-Forwarded-Host`, are removed too: in a browser another origin
 * has to allow them, but here the application sends the request.
 */

/** https://fetch.spec.whatwg.org/#forbidden-request-header */
const FORBIDDEN_REQUEST_FIELDS: ReadonlySet<string> = new Set([
  'accept-charset',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'access-control-request-private-network',
  'connection',
  'content-length',
  'cookie',
  'cookie2',
  'date',
  'dnt',
  'expect',
  'host',
  'keep-alive',
  'origin',
  'referer',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);
const METHOD_OVERRIDE_FIELDS: ReadonlySet<string> = new Set([
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]);
const FORBIDDEN_METHOD = /^\s*(connect|trace|track)\s*$/i;

/** Approximate bytes of a header in addition to its characters. */
const FIELD_OVERHEAD_BYTES = 8;

function isForbiddenField(name: string, value: string): boolean {
  const lower = name.toLowerCase();
  if (FORBIDDEN_REQUEST_FIELDS.has(lower) || lower.startsWith('proxy-') || lower.startsWith('sec-')) return true;
  if (isRoutingField(lower)) return true;
  return METHOD_OVERRIDE_FIELDS.has(lower) && value.split(',').some((method) => FORBIDDEN_METHOD.test(method));
}

/** https://fetch.spec.whatwg.org/#forbidden-response-header-name */
const isSetCookieField = (name: string): boolean => /^set-cookie2?$/i.test(name);

/** @throws {TypeError} for a malformed request; {DiskCacheError} `TOO_LARGE`. */
export function parseRequest(
  given: unknown,
  { body = null, signal }: { readonly body?: BodyContent; readonly signal: AbortSignal },
): Request {
  const { url, method, headers, credentials, redirect, cache } = assertRecord<WireRequest>(given, 'A request');
  if (typeof url !== 'string' || typeof method !== 'string') throw new TypeError('A request needs a URL and a method');
  const fields = parseFields(headers, url.length + method.length).filter(
    ([name, value]) => !isForbiddenField(name, value),
  );
  const init = Object.entries({ credentials, redirect, cache }).filter(([, value]) => value !== undefined);
  return new Request(url, {
    ...(Object.fromEntries(init) as Pick<RequestInit, 'credentials' | 'redirect' | 'cache'>),
    method,
    headers: fields,
    signal,
    // The standard allows this cache mode only together with `same-origin`; the mode has no effect here.
    ...(cache === 'only-if-cached' && { mode: 'same-origin' as const }),
    ...(body !== null && { body, duplex: 'half' as const }),
  });
}

/** @throws {TypeError} for a malformed response; {DiskCacheError} `TOO_LARGE`. */
export function parseResponse(given: unknown, body: BodyContent): Response {
  const { status, statusText, headers, url, redirected, type } = assertRecord<WireResponse>(given, 'A response');
  if (type === 'error') return Response.error();
  if (typeof status !== 'number' || typeof statusText !== 'string' || typeof url !== 'string')
    throw new TypeError('A response needs a status, a status text and a URL');
  const fields = parseFields(headers, url.length + statusText.length).filter(([name]) => !isSetCookieField(name));
  const response = new Response(body, { status, statusText, headers: fields });
  return Object.defineProperties(response, {
    url: { value: url },
    redirected: { value: redirected === true },
    type: { value: type === 'basic' || type === 'cors' ? type : 'default' },
  });
}

/** Returns a response as a page may see it, without its body and without cookies. */
export function serializeWithoutCookies(response: Response): Omit<WireResponse, 'body'> {
  const head = serializeResponseHead(response);
  const statusText = toReasonPhrase(head.statusText);
  return { ...head, statusText, headers: head.headers.filter(([name]) => !isSetCookieField(name)) };
}

export const serializeRequest = ({ url, method, headers }: Request): WireRequest => ({
  url,
  method,
  headers: [...headers],
});

/** @throws {DiskCacheError} `BAD_OPTION` */
export function parseStrategy(given: unknown): StrategyOptions | undefined {
  if (given === undefined) return undefined;
  const { strategy, timeout } = Object(given) as Record<keyof StrategyOptions, unknown>;
  if (!STRATEGIES.includes(strategy as Strategy) || (timeout !== undefined && typeof timeout !== 'number')) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `A strategy is one of ${STRATEGIES.join(', ')}; its timeout is a number of milliseconds`,
    );
  }
  return { strategy: strategy as Strategy, ...(timeout !== undefined && { timeout }) };
}

export function parseQueryOptions(given: unknown): QueryOptions & { readonly cacheName?: string } {
  const { ignoreSearch, ignoreMethod, ignoreVary, cacheName } = Object(given) as Record<string, unknown>;
  return {
    ignoreSearch: ignoreSearch === true,
    ignoreMethod: ignoreMethod === true,
    ignoreVary: ignoreVary === true,
    ...(typeof cacheName === 'string' && { cacheName }),
  };
}

/** Counted per reference: a header that a message references many times was sent once, but would be copied for each. */
function parseFields(given: unknown, otherBytes: number): [string, string][] {
  if (!Array.isArray(given)) throw new TypeError('Header fields are a list of names and values');
  let weight = 0;
  const count = (more: number) => {
    weight += more;
    if (weight > MAX_HEAD_BYTES)
      throw new DiskCacheError(
        'TOO_LARGE',
        `The URL and the header fields are more than ${MAX_HEAD_BYTES} bytes; send fewer`,
      );
  };
  count(otherBytes);
  return (given as HeaderFields).map((field) => {
    const [name, value] = Array.isArray(field) ? field : [];
    if (typeof name !== 'string' || typeof value !== 'string')
      throw new TypeError('A header field needs a name and a value');
    count(name.length + value.length + FIELD_OVERHEAD_BYTES);
    return [name, value];
  });
}

function assertRecord<T>(given: unknown, what: string): Partial<Record<keyof T, unknown>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new TypeError(`${what} is missing`);
  return given;
}
