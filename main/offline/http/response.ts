import { CACHE_NAME, CACHE_STATUS_FIELD } from '../../../protocol/cache-status.ts';
import { toReasonPhrase } from '../../../protocol/reason-phrase.ts';
import type { StoredBytes } from '../../engine/index.ts';
import { isCorrupt } from '../../engine/internal.ts';
import { isDecoded, isNotModified, isRangeCurrent, parseRangeField } from '../../http-semantics/fields.ts';
import { startReading } from '../bodies.ts';
import type { HttpCacheContext } from './context.ts';
import { computeFreshness } from './policy.ts';
import type { StoredResponse } from './response-store.ts';

export { type CacheStatus, getCacheStatus } from '../../../protocol/cache-status.ts';

/** How this cache handled a request, in the terms of RFC 9211. `ttl` is in seconds: 0 or less is stale, undefined is always fresh. */
export type CacheStatusEntry =
  | { readonly hit: true; readonly ttl?: number }
  | { readonly fwd: 'bypass' | 'method' | 'uri-miss' | 'stale' | 'request'; readonly fwdStatus?: number };

/** Appends what this cache did to Cache-Status (RFC 9211 §2), after the members of caches nearer to the origin. */
export function appendCacheStatus(headers: Headers, handling: CacheStatusEntry): void {
  const parameters =
    'hit' in handling
      ? `; hit${handling.ttl === undefined ? '' : `; ttl=${toWholeSeconds(handling.ttl)}`}`
      : `; fwd=${handling.fwd}${handling.fwdStatus === undefined ? '' : `; fwd-status=${handling.fwdStatus}`}`;
  headers.append(CACHE_STATUS_FIELD, CACHE_NAME + parameters);
}

/** Returns less than 0 for every stale response: `getCacheStatus` reads that back. */
const toWholeSeconds = (ttl: number): number => (ttl > 0 ? Math.floor(ttl) : Math.min(-1, Math.floor(ttl)));

type BodyStream = ReadableStream<Uint8Array> | null;

const BODILESS_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

/** A stored response without its body. */
export interface StoredResponseHead {
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/**
 * Responds to a request with a stored response, however old that is. Returns undefined if its body is gone, which deletes the response,
 * or if the store can't be read, which doesn't.
 */
export async function respondFromStore(
  context: HttpCacheContext,
  request: Request,
  stored: StoredResponse,
  handling?: CacheStatusEntry,
): Promise<Response | undefined> {
  const { lifetime, age } = computeFreshness(request, stored, context.clock(), context.shared);
  const headers = new Headers(stored.headers);
  headers.set('age', String(Math.max(0, Math.floor(age))));
  appendCacheStatus(headers, handling ?? { hit: true, ttl: lifetime - age });
  const deleteStored = () => void context.tryStore(stored.url, () => context.store.deleteOne(stored));
  const onFailure = (error: unknown): undefined => {
    context.onStoreFailure(error, stored.url);
    if (isCorrupt(error)) deleteStored();
  };
  let bytes: StoredBytes | undefined;
  try {
    bytes = context.store.openBody(stored);
  } catch (error) {
    return onFailure(error);
  }
  if (bytes === undefined) deleteStored();
  return bytes && createStoredResponse(request, { ...stored, headers }, bytes, onFailure);
}

/**
 * Returns the response to a request from a stored one: the whole, a part (206, 416), its head, or 304 if the client has it. Returns
 * undefined if the body can't be read.
 */
export async function createStoredResponse(
  request: Request,
  stored: StoredResponseHead,
  bytes: StoredBytes,
  onFailure: (error: unknown) => void,
): Promise<Response | undefined> {
  const headers = new Headers(stored.headers);
  const { status, statusText, url, receivedAt } = stored;
  const init = { status, statusText, headers };
  if (status === 200 && isNotModified(request.headers, stored.headers, receivedAt)) {
    headers.delete('content-length');
    return createResponse(null, { status: 304, statusText: 'Not Modified', headers }, url);
  }
  if (BODILESS_STATUSES.has(status)) return createResponse(null, init, url);
  headers.set('content-length', String(bytes.size));
  if (request.method === 'HEAD') return createResponse(null, init, url);
  const range =
    status === 200 && isRangeCurrent(request.headers, stored.headers, receivedAt) ? request.headers.get('range') : null;
  const part = range === null ? undefined : parseRangeField(range, bytes.size);
  if (part === 'unsatisfiable') {
    headers.delete('content-length');
    headers.set('content-range', `bytes */${bytes.size}`);
    return createResponse(null, { status: 416, statusText: 'Range Not Satisfiable', headers }, url);
  }
  const body = await startReading(bytes.stream(part), onFailure);
  if (body === undefined || part === undefined) return body && createResponse(body, init, url);
  headers.set('content-length', String(part.end - part.start));
  headers.set('content-range', `bytes ${part.start}-${part.end - 1}/${bytes.size}`);
  return createResponse(body, { status: 206, statusText: 'Partial Content', headers }, url);
}

/** Returns a whole response as 206, as the part that is all of it; unchanged if its length isn't known. */
export function toPartialResponse(whole: Response): Response {
  const size = Number(whole.headers.get('content-length') ?? Number.NaN);
  if (whole.status !== 200 || !(size > 0)) return whole;
  const headers = new Headers(whole.headers);
  headers.set('content-range', `bytes 0-${size - 1}/${size}`);
  const init = { status: 206, statusText: 'Partial Content', headers };
  return createResponse(whole.body, init, whole.url, whole.redirected);
}

/** Returns a response of the origin with what this cache did to it. */
export function toForwardedResponse(
  received: Response,
  handling: CacheStatusEntry,
  body: BodyStream = received.body as BodyStream,
): Response {
  const { status, statusText, url, redirected } = received;
  if (status < 200 || status > 599) return received; // `new Response` refuses such a status
  const headers = new Headers(received.headers);
  if (isDecoded(headers)) for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  appendCacheStatus(headers, handling);
  return createResponse(BODILESS_STATUSES.has(status) ? null : body, { status, statusText, headers }, url, redirected);
}

/** Sets what the constructor of `Response` leaves empty. */
function createResponse(body: BodyStream, init: ResponseInit, url: string, redirected = false): Response {
  const response = new Response(body, { ...init, statusText: toReasonPhrase(init.statusText ?? '') });
  const attributes = { configurable: true };
  return Object.defineProperties(response, {
    url: { value: url, ...attributes },
    redirected: { value: redirected, ...attributes },
  });
}
