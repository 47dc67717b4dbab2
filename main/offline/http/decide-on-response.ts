import { isDecoded, isSameTag } from '../../http-semantics/fields.ts';
import type { InFlightRequest } from './in-flight-requests.ts';
import { type CacheAudience, isStorable, mayServeStaleOnError, mayStoreByFields, type ResponseHead } from './policy.ts';
import { freshen, type StoredResponse } from './response-store.ts';

/** A response of the origin, and what was known when it was requested. */
export interface OriginResponse {
  readonly request: Request;
  readonly head: ResponseHead;
  readonly stored: StoredResponse | undefined;
  /** Whether the validators of `stored` were sent. */
  readonly isConditional: boolean;
  /** Set for a request that others may join; only then its response is stored. */
  readonly inFlight: InFlightRequest | undefined;
  /** Whether `fetch` has followed a redirect itself: the response belongs to another URL. */
  readonly isRedirected: boolean;
  readonly audience: CacheAudience;
}

/** What becomes of the stored response. */
export interface StoredChange {
  readonly change: 'update' | 'delete';
  readonly stored: StoredResponse;
}

/** The response goes to the reader and to the store. */
interface StoreDecision {
  readonly action: 'store';
  readonly inFlight: InFlightRequest;
}

/** The response goes to the reader only. */
interface ForwardDecision {
  readonly action: 'forward';
  readonly change: StoredChange | undefined;
}

export type ResponseDecision =
  | StoreDecision
  | ForwardDecision
  /** Serve the stored response, freshened by the 304 that confirms it (RFC 9111 §4.3.4), then change the store. */
  | { readonly action: 'serve-validated'; readonly stored: StoredResponse; readonly change: StoredChange }
  /** The 304 is about another representation: send the request again without validators. */
  | { readonly action: 'refetch'; readonly change: StoredChange }
  /** Serve the stale response instead of an error (RFC 5861 §4); `otherwise` applies if its body is gone. */
  | {
      readonly action: 'serve-stale';
      readonly stored: StoredResponse;
      readonly otherwise: StoreDecision | ForwardDecision;
    };

/** Returns what to do with a response of the origin (RFC 9111 §3, §4.3.3; RFC 5861 §4). Pure. */
export function decideOnResponse(response: OriginResponse): ResponseDecision {
  const { request, head, stored, isConditional, audience } = response;
  if (stored === undefined) return decideStorage(response);
  if (head.status === 304 && isConditional) {
    if (!isSameRepresentation(head, stored)) return { action: 'refetch', change: { change: 'delete', stored } };
    const freshened = freshen(stored, head);
    // The 304 may forbid to store what the response itself allowed to store.
    const change = mayStoreByFields(request, freshened, audience) ? 'update' : 'delete';
    return { action: 'serve-validated', stored: freshened, change: { change, stored: freshened } };
  }
  const otherwise = decideStorage(response);
  const isStaleAllowed =
    head.status >= 500 && mayServeStaleOnError(request, stored, head.receivedAt, audience.shared, true);
  return isStaleAllowed ? { action: 'serve-stale', stored, otherwise } : otherwise;
}

function decideStorage(response: OriginResponse): StoreDecision | ForwardDecision {
  const { request, head, stored, inFlight, isRedirected, audience } = response;
  if (inFlight !== undefined && !isRedirected && isStorable(request, head, audience)) {
    return { action: 'store', inFlight };
  }
  return { action: 'forward', change: stored && getChange(request, head, stored) };
}

function isSameRepresentation(head: ResponseHead, stored: StoredResponse): boolean {
  const received = head.headers.get('etag');
  const own = stored.headers.get('etag');
  return received === null || own === null || isSameTag(received, own);
}

/** Non-5xx statuses about the request, not the resource (retry later, not modified): the stored response stays. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([304, 408, 429]);

/**
 * Returns what a response that is not stored does to the stored one: it replaces it, so that is deleted. The response to a HEAD counts
 * only with 200 (RFC 9111 §4.3.5): it freshens a stored response that it describes, and makes any other one stale, which remains
 * usable if the origin can't be reached.
 */
function getChange(request: Request, head: ResponseHead, stored: StoredResponse): StoredChange | undefined {
  if (head.status >= 500 || TRANSIENT_STATUSES.has(head.status)) return undefined;
  if (request.method !== 'HEAD') return { change: 'delete', stored };
  if (head.status !== 200) return undefined;
  const isSame = (name: string) => !head.headers.has(name) || head.headers.get(name) === stored.headers.get(name);
  // The length of an encoded body is not that of the stored, decoded one.
  const described = ['etag', 'last-modified', ...(isDecoded(head.headers) ? [] : ['content-length'])];
  const updated = described.every(isSame) ? freshen(stored, head) : { ...stored, requestedAt: 0, receivedAt: 0 };
  return { change: 'update', stored: updated };
}
