import { ReadableStream } from 'node:stream/web';
import { isDecoded, isSameTag } from '../../http-semantics/fields.ts';
import { keepRequestsAlive } from '../bodies.ts';
import type { HttpCacheContext } from './context.ts';
import { cancelBody, type InFlightRequest, type JoinOutcome, rejectOnAbort } from './in-flight-requests.ts';
import { isStorable, mayServeStaleOnError, mayStoreByFields, type ResponseHead } from './policy.ts';
import type { CacheStatusEntry } from './response.ts';
import { respondFromStore, toForwardedResponse } from './response.ts';
import { freshen, type StoredResponse } from './response-store.ts';
import { teeToStore } from './tee.ts';

/** Hands a request to the origin and its answer back, past the store. */
export async function bypass(context: HttpCacheContext, request: Request, fwd: 'bypass' | 'method'): Promise<Response> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const sent = isRead || context.guard !== undefined ? new Request(request, { redirect: 'manual' }) : request;
  return keepRequestsAlive(toForwardedResponse(await context.fetch(sent), { fwd }), request, sent);
}

/** Begins a request that others may join, and stores what it brings. */
export async function startShared(
  context: HttpCacheContext,
  request: Request,
  stored?: StoredResponse,
  isBehind = false,
): Promise<Response> {
  const { signal } = request;
  const inFlight = context.startRequest(request, isBehind);
  inFlight.signal.addEventListener('abort', () => endSharing(context, inFlight));
  // Without naming `signal`: these listeners would keep it, and the request, alive for ever.
  const abandon = ({ target }: Event) => inFlight.detach((target as AbortSignal).reason);
  signal.addEventListener('abort', abandon, { once: true, signal: inFlight.signal });
  const response = fetchFromOrigin(context, request, stored, inFlight);
  response.catch((error: unknown) => {
    endSharing(context, inFlight);
    inFlight.fail(error);
  });
  return rejectOnAbort(response, signal, cancelBody);
}

/**
 * Asks the origin, with the validators of what is stored (RFC 9111 §4.3). Only a `flight` stores what it brings.
 */
export async function fetchFromOrigin(
  context: HttpCacheContext,
  request: Request,
  stored?: StoredResponse,
  inFlight?: InFlightRequest,
): Promise<Response> {
  const requestedAt = context.clock();
  const validators = stored === undefined || request.method === 'HEAD' ? [] : getValidators(stored);
  const sent = toOriginRequest(request, validators, inFlight);
  let received: Response;
  try {
    received = await context.fetch(sent);
  } catch (error) {
    const standIn =
      sent.signal.aborted || inFlight?.isBackground ? undefined : await staleIfError(context, request, stored, false);
    if (standIn === undefined) throw error;
    if (inFlight !== undefined) endSharing(context, inFlight).fail(error);
    return standIn;
  }
  const { status, statusText, headers } = received;
  const head = { status, statusText, headers, requestedAt, receivedAt: context.clock() };
  if (stored !== undefined && status === 304 && validators.length > 0) {
    const confirmed = await applyNotModified(context, request, stored, head);
    if (confirmed === undefined) return fetchFromOrigin(context, request, undefined, inFlight);
    if (inFlight !== undefined) endSharing(context, inFlight).complete();
    return confirmed;
  }
  if (stored !== undefined && status >= 500) {
    const standIn = await staleIfError(context, request, stored, true);
    if (standIn !== undefined) {
      received.body?.cancel().catch(() => undefined);
      releaseWaiters(context, inFlight, 'go');
      return standIn;
    }
  }
  const handling: CacheStatusEntry = { fwd: stored === undefined ? 'uri-miss' : 'stale', fwdStatus: status };
  if (inFlight !== undefined && !received.redirected && isStorable(request, head, context)) {
    return storeAndServe(context, request, received, head, handling, inFlight);
  }
  if (stored !== undefined) discardSuperseded(context, request, stored, head);
  releaseWaiters(context, inFlight, 'go');
  return keepRequestsAlive(toForwardedResponse(received, handling), request, sent);
}

/** Gives the answer to the client and to the disk; who waits looks for it there. */
async function storeAndServe(
  context: HttpCacheContext,
  request: Request,
  received: Response,
  head: ResponseHead & { readonly statusText: string },
  handling: CacheStatusEntry,
  inFlight: InFlightRequest,
): Promise<Response> {
  context.inFlight.startStoring(inFlight);
  context.inFlight.updateSelection(inFlight, request, head.headers);
  const write = async (chunks: AsyncGenerator<Uint8Array>): Promise<void> => {
    const failed = (error: unknown) => context.onStoreFailure(error, inFlight.url);
    await context.store.put(request, head, chunks, () => inFlight.mayStore, failed);
    endSharing(context, inFlight).complete();
  };
  const { body, done } = teeToStore(
    received.body ?? ReadableStream.from<Uint8Array>([]),
    isDecoded(received.headers) ? Number.NaN : Number(received.headers.get('content-length') ?? Number.NaN),
    write,
    {
      onReaderLag: () => releaseWaiters(context, inFlight, 'look'),
      onReaderLeave: (reason) => inFlight.detach(reason),
      onStoreFailure: (error) => {
        context.onStoreFailure(error, inFlight.url);
        releaseWaiters(context, inFlight, 'go');
      },
    },
    request.signal,
    inFlight.signal,
  );
  const stored = done
    .catch((error: unknown) => endSharing(context, inFlight).fail(error))
    .finally(() => context.inFlight.endStoring(inFlight));
  if (received.body === null) await stored;
  return toForwardedResponse(received, handling, body);
}

/**
 * What is stored, freshened by the 304 that confirms it (RFC 9111 §4.3.4); undefined when the 304 means something else, which forgets
 * what is stored, and when the store can't be read.
 */
async function applyNotModified(
  context: HttpCacheContext,
  request: Request,
  stored: StoredResponse,
  head: ResponseHead,
): Promise<Response | undefined> {
  const tag = head.headers.get('etag');
  const ours = stored.headers.get('etag');
  if (tag !== null && ours !== null && !isSameTag(tag, ours)) {
    context.tryStore(stored.url, () => context.store.deleteOne(stored));
    return undefined;
  }
  const fresh = freshen(stored, head);
  const response = await respondFromStore(context, request, fresh, { fwd: 'stale', fwdStatus: 304 });
  if (response === undefined) return undefined;
  // The 304 may forbid from now on what the response allowed.
  context.tryStore(stored.url, () =>
    mayStoreByFields(request, fresh, context) ? context.store.update(request, fresh) : context.store.deleteOne(stored),
  );
  return response;
}

/** What is stored, where it may stand in for an origin that fails, or (not `reached`) can't be reached. */
export async function staleIfError(
  context: HttpCacheContext,
  request: Request,
  stored: StoredResponse | undefined,
  reached: boolean,
): Promise<Response | undefined> {
  if (stored === undefined || !mayServeStaleOnError(request, stored, context.clock(), context.shared, reached))
    return undefined;
  return respondFromStore(context, request, stored);
}

/** Non-5xx statuses about the request, not the resource (retry later, not modified): keep what is stored. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([304, 408, 429]);

/**
 * The answer was not the 304 that confirms what is stored: that is forgotten. A HEAD is of another opinion with 200 only, and it may
 * confirm, too; what it doesn't is stale from then on, and still there when the origin is away (RFC 9111 §4.3.5).
 */
function discardSuperseded(
  context: HttpCacheContext,
  request: Request,
  stored: StoredResponse,
  head: ResponseHead,
): void {
  if (head.status >= 500 || TRANSIENT_STATUSES.has(head.status)) return;
  if (request.method !== 'HEAD') return void context.tryStore(stored.url, () => context.store.deleteOne(stored));
  if (head.status !== 200) return;
  const isSame = (name: string) => !head.headers.has(name) || head.headers.get(name) === stored.headers.get(name);
  // The length of what was coded says nothing of what is stored decoded.
  const described = ['etag', 'last-modified', ...(isDecoded(head.headers) ? [] : ['content-length'])];
  const updated = described.every(isSame) ? freshen(stored, head) : { ...stored, requestedAt: 0, receivedAt: 0 };
  context.tryStore(stored.url, () => context.store.update(request, updated));
}

function getValidators({ headers }: StoredResponse): [string, string][] {
  const tag = headers.get('etag');
  const modified = headers.get('last-modified');
  return [
    ...(tag === null ? [] : [['if-none-match', tag] satisfies [string, string]]),
    ...(modified === null ? [] : [['if-modified-since', modified] satisfies [string, string]]),
  ];
}

/**
 * The request as it goes to the origin, whose redirect is an answer like any other. Ours take the place of the client's
 * validators: a 304 is about what is stored here.
 */
function toOriginRequest(
  request: Request,
  validators: readonly [string, string][],
  inFlight: InFlightRequest | undefined,
): Request {
  const headers = new Headers(request.headers);
  if (validators.length > 0) for (const name of ['if-none-match', 'if-modified-since']) headers.delete(name);
  for (const [name, value] of validators) headers.set(name, value);
  return new Request(request, { headers, signal: inFlight?.signal ?? request.signal, redirect: 'manual' });
}

function releaseWaiters(context: HttpCacheContext, inFlight: InFlightRequest | undefined, outcome: JoinOutcome): void {
  if (inFlight !== undefined) endSharing(context, inFlight).release(outcome);
}

/** Nobody can join it any more. */
function endSharing(context: HttpCacheContext, inFlight: InFlightRequest): InFlightRequest {
  context.inFlight.removeJoinable(inFlight);
  return inFlight;
}
