import { overridesMethod } from '../../../protocol/request-fields.ts';
import {
  areFieldsTooLong,
  isDecoded,
  isSameTag,
  isWholeRangeRequest,
  parseCacheControl,
} from '../../http-semantics/fields.ts';
import type { InFlightRequest, JoinOutcome } from './in-flight-requests.ts';
import {
  type CacheAudience,
  decideReuse,
  isStorable,
  mayServeStaleOnError,
  mayStoreByFields,
  type ResponseHead,
  type Reuse,
  requestDirectives,
} from './policy.ts';
import { freshen, type StoredResponse } from './response-store.ts';

/**
 * How a request uses the cache: the fetch standard's cache modes; `cache-first`, which is `force-cache` except for errors; and
 * `stale-while-revalidate`, which does for every response what RFC 5861 §3 does for responses with that directive.
 */
export type CacheMode = Request['cache'] | 'cache-first' | 'stale-while-revalidate';

/** Everything that a decision depends on. */
export interface Situation {
  readonly request: Request;
  readonly mode: CacheMode;
  /** The response that the request selects; `unread` before the store was read, undefined if it has none or could not be read. */
  readonly stored: StoredResponse | 'unread' | undefined;
  /** An equal request that is under way. */
  readonly inFlight: InFlightRequest | undefined;
  /** The outcome of the in-flight request that this one has joined before. */
  readonly joinOutcome: JoinOutcome | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Whether several users share the cache. */
  readonly shared: boolean;
}

/** The next step for a request. */
export type Decision =
  /** Forward it without the store; `method` for an unsafe request, which invalidates (RFC 9111 §4.4). */
  | { readonly action: 'bypass'; readonly fwd: 'bypass' | 'method' }
  /** The range is the whole body: request that, because a part is not stored, and respond with 206. */
  | { readonly action: 'widen-range' }
  /** Read the store, then decide again. */
  | { readonly action: 'lookup' }
  | { readonly action: 'serve'; readonly stored: StoredResponse }
  /** Serve it stale and revalidate it in the background (RFC 5861 §3). */
  | { readonly action: 'serve-and-revalidate'; readonly stored: StoredResponse }
  /** Send it with the validators of the stored response (RFC 9111 §4.3); `joinable` if equal requests may wait for the response. */
  | { readonly action: 'revalidate'; readonly stored: StoredResponse; readonly joinable: boolean }
  /** Send it as it is; only a `joinable` request stores its response. */
  | { readonly action: 'fetch'; readonly joinable: boolean }
  /** Wait for an equal request that is under way (RFC 9111 §4, "collapse requests"). */
  | { readonly action: 'join'; readonly inFlight: InFlightRequest }
  /** 504, because `only-if-cached` forbids to send it (RFC 9111 §5.2.1.7). */
  | { readonly action: 'gateway-timeout' };

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Returns the next step for a request by RFC 9111 §4. Pure: equal situations give equal decisions. */
export function decide(situation: Situation): Decision {
  const { stored } = situation;
  return stored === 'unread' ? decideByRequest(situation) : decideByStored(situation, stored);
}

/** Decides what needs no stored response. */
function decideByRequest(situation: Situation): Decision {
  const { request, mode } = situation;
  // A server takes a GET that overrides its method for another method.
  if (!SAFE_METHODS.has(request.method) || overridesMethod(request.headers)) return { action: 'bypass', fwd: 'method' };
  if (mayNotUseStore(request, mode)) {
    return mode === 'only-if-cached' ? { action: 'gateway-timeout' } : { action: 'bypass', fwd: 'bypass' };
  }
  if (isWholeRangeRequest(request)) return { action: 'widen-range' };
  return mode === 'reload' ? decideByStored(situation, undefined) : { action: 'lookup' };
}

function decideByStored(situation: Situation, stored: StoredResponse | undefined): Decision {
  const { request, mode, inFlight, joinOutcome } = situation;
  if (joinOutcome === 'fetch') return send(stored, false);
  if (stored !== undefined) {
    const reuse = getReuse(situation, stored);
    if (reuse === 'while-revalidating') return { action: 'serve-and-revalidate', stored };
    if (reuse !== 'after-validation') return { action: 'serve', stored };
  }
  if (mode === 'only-if-cached' || requestDirectives(request).has('only-if-cached')) {
    return { action: 'gateway-timeout' };
  }
  // A response that must be validated again right after a join would make every waiter join again.
  if (!isShareable(request) || (joinOutcome === 'recheck' && stored !== undefined)) return send(stored, false);
  return inFlight === undefined || mode === 'reload' ? send(stored, true) : { action: 'join', inFlight };
}

const send = (stored: StoredResponse | undefined, joinable: boolean): Decision =>
  stored === undefined ? { action: 'fetch', joinable } : { action: 'revalidate', stored, joinable };

/** Returns how the mode and RFC 9111 §4.2 let a stored response be reused. */
function getReuse({ request, mode, now, shared }: Situation, stored: StoredResponse): Reuse {
  // A fresh immutable response needs no validation, not even on a reload (RFC 8246 §2).
  const isImmutable = parseCacheControl(stored.headers.get('cache-control')).has('immutable');
  if (mode === 'no-cache' && !isImmutable) return 'after-validation';
  if (mode === 'force-cache' || mode === 'only-if-cached') return 'stale';
  const reuse = decideReuse(request, stored, now, shared);
  // A stale error is requested again: it may have been fixed.
  if (stored.status >= 400) return reuse;
  if (mode === 'cache-first') return 'stale';
  return mode === 'stale-while-revalidate' && reuse !== 'fresh' ? 'while-revalidating' : reuse;
}

/** Whether a request neither uses nor makes stored responses. */
function mayNotUseStore({ method, headers }: Request, mode: CacheMode): boolean {
  if (mode === 'no-store' || (method !== 'GET' && method !== 'HEAD')) return true;
  if (headers.has('if-match') || headers.has('if-unmodified-since')) return true;
  if (areFieldsTooLong(headers)) return true;
  return (
    parseCacheControl(headers.get('cache-control')).has('no-store') || (headers.get('range')?.includes(',') ?? false)
  );
}

/** Whether the response to a request may serve other requests that wait for it. */
const isShareable = ({ method, headers }: Request): boolean =>
  method === 'GET' && !headers.has('range') && !headers.has('if-none-match') && !headers.has('if-modified-since');

/** What has failed: the request, and what it could be answered with. */
export interface FailedRequest {
  readonly request: Request;
  readonly stored: StoredResponse | undefined;
  readonly isAborted: boolean;
  /** A background request has no reader that needs a response. */
  readonly isBackground: boolean;
  readonly now: number;
  readonly shared: boolean;
}

export type FailureDecision =
  | { readonly action: 'serve-stale'; readonly stored: StoredResponse }
  | { readonly action: 'fail' };

/** Returns what to do when the origin can't be reached: serve a stale response where that is allowed (RFC 9111 §4.2.4). */
export function decideOnFailure({
  request,
  stored,
  isAborted,
  isBackground,
  now,
  shared,
}: FailedRequest): FailureDecision {
  if (stored === undefined || isAborted || isBackground) return { action: 'fail' };
  const mayServe = mayServeStaleOnError(request, stored, now, shared, false);
  return mayServe ? { action: 'serve-stale', stored } : { action: 'fail' };
}

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
  const receivedTag = head.headers.get('etag');
  const storedTag = stored.headers.get('etag');
  return receivedTag === null || storedTag === null || isSameTag(receivedTag, storedTag);
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
