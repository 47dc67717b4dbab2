import { ReadableStream } from 'node:stream/web';
import { isDecoded } from '../../http-semantics/fields.ts';
import { keepRequestsAlive } from '../bodies.ts';
import type { HttpCacheContext } from './context.ts';
import {
  decideOnFailure,
  decideOnResponse,
  type FailedRequest,
  type ResponseDecision,
  type StoredChange,
} from './decide.ts';
import { cancelBody, type InFlightRequest, type JoinOutcome, rejectOnAbort } from './in-flight-requests.ts';
import type { ResponseHead } from './policy.ts';
import type { CacheStatusEntry } from './response.ts';
import { respondFromStore, toForwardedResponse } from './response.ts';
import type { StoredResponse } from './response-store.ts';
import { StoreTee } from './tee.ts';

/** Forwards a request to the origin, and its response back, without the store. */
export async function bypass(context: HttpCacheContext, request: Request, fwd: 'bypass' | 'method'): Promise<Response> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const sent = isRead || context.guard !== undefined ? new Request(request, { redirect: 'manual' }) : request;
  return keepRequestsAlive(toForwardedResponse(await context.fetch(sent), { fwd }), request, sent);
}

/** Starts a request that equal requests may join, and stores its response. */
export async function startShared(
  context: HttpCacheContext,
  request: Request,
  stored?: StoredResponse,
  isBackground = false,
): Promise<Response> {
  const { signal } = request;
  const inFlight = context.startRequest(request, isBackground);
  inFlight.signal.addEventListener('abort', () => endSharing(context, inFlight));
  // The listener doesn't name `signal`: it would keep the signal and its request alive forever.
  const abandon = ({ target }: Event) => inFlight.detach((target as AbortSignal).reason);
  signal.addEventListener('abort', abandon, { once: true, signal: inFlight.signal });
  const response = fetchFromOrigin(context, request, stored, inFlight);
  response.catch((error: unknown) => {
    endSharing(context, inFlight);
    inFlight.fail(error);
  });
  return rejectOnAbort(response, signal, cancelBody);
}

/** Sends a request to the origin, with the validators of `stored` (RFC 9111 §4.3). Only an `inFlight` request stores its response. */
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
    const { isBackground = false } = inFlight ?? {};
    const response = await serveStaleOnFailure(context, error, {
      request,
      stored,
      isAborted: sent.signal.aborted,
      isBackground,
    });
    if (inFlight !== undefined) endSharing(context, inFlight).fail(error);
    return response;
  }
  const { status, statusText, headers } = received;
  const head = { status, statusText, headers, requestedAt, receivedAt: context.clock() };
  const decision = decideOnResponse({
    request,
    head,
    stored,
    isConditional: validators.length > 0,
    inFlight,
    isRedirected: received.redirected,
    audience: context,
  });
  return carryOut(decision, { context, request, stored, inFlight, sent, received, head });
}

/** A response of the origin on its way through this cache. */
interface Exchange {
  readonly context: HttpCacheContext;
  readonly request: Request;
  readonly stored: StoredResponse | undefined;
  readonly inFlight: InFlightRequest | undefined;
  readonly sent: Request;
  readonly received: Response;
  readonly head: ResponseHead & { readonly statusText: string };
}

async function carryOut(decision: ResponseDecision, exchange: Exchange): Promise<Response> {
  const { context, request, stored, inFlight, sent, received, head } = exchange;
  const handling: CacheStatusEntry = { fwd: stored === undefined ? 'uri-miss' : 'stale', fwdStatus: head.status };
  switch (decision.action) {
    case 'refetch':
      applyChange(context, request, decision.change);
      return fetchFromOrigin(context, request, undefined, inFlight);
    case 'serve-validated': {
      const response = await respondFromStore(context, request, decision.stored, handling);
      if (response === undefined) return fetchFromOrigin(context, request, undefined, inFlight);
      applyChange(context, request, decision.change);
      if (inFlight !== undefined) endSharing(context, inFlight).complete();
      return response;
    }
    case 'serve-stale': {
      const response = await respondFromStore(context, request, decision.stored);
      if (response === undefined) return carryOut(decision.otherwise, exchange);
      cancelBody(received);
      releaseWaiters(context, inFlight, 'fetch');
      return response;
    }
    case 'store':
      return storeAndServe(exchange, decision.inFlight, handling);
    case 'forward':
      applyChange(context, request, decision.change);
      releaseWaiters(context, inFlight, 'fetch');
      return keepRequestsAlive(toForwardedResponse(received, handling), request, sent);
  }
}

/** Serves the stored response in place of a failed request, where RFC 9111 §4.2.4 allows that; else throws `error`. */
export async function serveStaleOnFailure(
  context: HttpCacheContext,
  error: unknown,
  failed: Omit<FailedRequest, 'now' | 'shared'>,
): Promise<Response> {
  const decision = decideOnFailure({ ...failed, now: context.clock(), shared: context.shared });
  const response =
    decision.action === 'serve-stale' ? await respondFromStore(context, failed.request, decision.stored) : undefined;
  if (response === undefined) throw error;
  return response;
}

/** Sends the body to the reader and to disk, where waiters find it. */
async function storeAndServe(
  { context, request, received, head }: Exchange,
  inFlight: InFlightRequest,
  handling: CacheStatusEntry,
): Promise<Response> {
  context.inFlight.startStoring(inFlight);
  context.inFlight.updateSelection(inFlight, request, head.headers);
  const write = async (chunks: AsyncGenerator<Uint8Array>): Promise<void> => {
    const failed = (error: unknown) => context.onStoreFailure(error, inFlight.url);
    await context.store.put(request, head, chunks, () => inFlight.mayStore, failed);
    endSharing(context, inFlight).complete();
  };
  const { body, done } = new StoreTee({
    source: received.body ?? ReadableStream.from<Uint8Array>([]),
    size: isDecoded(received.headers) ? Number.NaN : Number(received.headers.get('content-length') ?? Number.NaN),
    write,
    listener: {
      onReaderLag: () => releaseWaiters(context, inFlight, 'recheck'),
      onReaderLeave: (reason) => inFlight.detach(reason),
      onStoreFailure: (error) => {
        context.onStoreFailure(error, inFlight.url);
        releaseWaiters(context, inFlight, 'fetch');
      },
    },
    readerSignal: request.signal,
    abortSignal: inFlight.signal,
  });
  const stored = done
    .catch((error: unknown) => endSharing(context, inFlight).fail(error))
    .finally(() => context.inFlight.endStoring(inFlight));
  if (received.body === null) await stored;
  return toForwardedResponse(received, handling, body);
}

function applyChange(context: HttpCacheContext, request: Request, change: StoredChange | undefined): void {
  if (change === undefined) return;
  const { stored } = change;
  context.tryStore(stored.url, () =>
    change.change === 'update' ? context.store.update(request, stored) : context.store.deleteOne(stored),
  );
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
 * Returns the request as it goes to the origin, whose redirect is a response like any other. The validators of the stored response
 * replace those of the client: a 304 is then about what is stored here.
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

/** From now on no request can join it. */
function endSharing(context: HttpCacheContext, inFlight: InFlightRequest): InFlightRequest {
  context.inFlight.removeJoinable(inFlight);
  return inFlight;
}
