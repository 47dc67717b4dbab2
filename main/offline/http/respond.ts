import { overridesMethod } from '../../../protocol/request-fields.ts';
import { areFieldsTooLong, parseCacheControl } from '../../http-semantics/fields.ts';
import { isWholeRangeRequest } from '../../http-semantics/range-and-conditions.ts';
import { drainBody } from '../bodies.ts';
import type { HttpCacheContext } from './context.ts';
import { cancelBody, rejectOnAbort } from './in-flight-requests.ts';
import { bypass, fetchFromOrigin, staleIfError, startShared } from './origin.ts';
import { decideReuse, type Reuse, requestDirectives } from './policy.ts';
import { getCacheStatus, respondFromStore, toPartialResponse } from './response.ts';
import type { StoredResponse } from './response-store.ts';

/**
 * How a request goes about the cache: the fetch standard's cache modes; `cache-first`, which is `force-cache` but for errors; and
 * `stale-while-revalidate`, which does for every response what RFC 5861 §3 does for those that say so.
 */
export type CacheMode = Request['cache'] | 'cache-first' | 'stale-while-revalidate';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Responds from the store or the origin (RFC 9111 §4). */
export async function respond(context: HttpCacheContext, request: Request, mode: CacheMode): Promise<Response> {
  request.signal.throwIfAborted();
  // To the server it is another request than a GET, and no answer to one.
  if (!SAFE_METHODS.has(request.method) || overridesMethod(request.headers)) return sendUnsafe(context, request);
  if (shouldBypass(request, mode))
    return mode === 'only-if-cached' ? createGatewayTimeout() : bypass(context, request, 'bypass');
  if (isWholeRangeRequest(request)) return toPartialResponse(await respond(context, withoutRange(request), mode));
  let isBodyGone = mode === 'reload';
  for (let joined = false; ; ) {
    const stored = isBodyGone ? undefined : context.tryStore(request.url, () => context.store.find(request));
    const use = stored === undefined ? undefined : getReuse(mode, context, request, stored);
    if (stored !== undefined && use !== undefined && use !== 'after-validation') {
      const response = await rejectOnAbort(respondFromStore(context, request, stored), request.signal, cancelBody);
      if (response !== undefined) {
        if (use === 'while-revalidating') revalidateInBackground(context, request, stored);
        return response;
      }
      isBodyGone = true;
      continue;
    }
    if (mode === 'only-if-cached' || requestDirectives(request).has('only-if-cached')) return createGatewayTimeout();
    if (!isShareable(request) || (joined && stored !== undefined)) return fetchFromOrigin(context, request, stored);
    const flight = context.inFlight.find(request);
    if (flight === undefined || mode === 'reload') return startShared(context, request, stored);
    try {
      if ((await flight.join(request)) === 'go') return fetchFromOrigin(context, request, stored);
    } catch (error) {
      const standIn = request.signal.aborted ? undefined : await staleIfError(context, request, stored, false);
      if (standIn === undefined) throw error;
      return standIn;
    }
    joined = true;
    isBodyGone = false;
  }
}

function getReuse(mode: CacheMode, context: HttpCacheContext, request: Request, stored: StoredResponse): Reuse {
  // Immutable: while it is fresh, a reload need not ask either (RFC 8246 §2).
  const isImmutable = parseCacheControl(stored.headers.get('cache-control')).has('immutable');
  if (mode === 'no-cache' && !isImmutable) return 'after-validation';
  if (mode === 'force-cache' || mode === 'only-if-cached') return 'stale';
  const use = decideReuse(request, stored, context.clock(), context.shared);
  // An error isn't kept for ever: once stale, it is requested again.
  if (stored.status >= 400) return use;
  if (mode === 'cache-first') return 'stale';
  return mode === 'stale-while-revalidate' && use !== 'fresh' ? 'while-revalidating' : use;
}

/** An unsafe request goes through, and what it may have changed is forgotten (RFC 9111 §4.4). */
async function sendUnsafe(context: HttpCacheContext, request: Request): Promise<Response> {
  const response = await bypass(context, request, 'method');
  if (response.status >= 200 && response.status < 400) {
    const named = [response.headers.get('location'), response.headers.get('content-location')];
    for (const target of [request.url, ...named]) {
      const url = target === null ? undefined : parseUrl(target, request.url);
      if (url?.origin === new URL(request.url).origin) context.tryStore(url.href, () => context.invalidate(url.href));
    }
  }
  return response;
}

const parseUrl = (target: string, base: string): URL | undefined =>
  URL.canParse(target, base) ? new URL(target, base) : undefined;

/** Requests that neither use nor make stored responses. */
function shouldBypass({ method, headers }: Request, mode: CacheMode): boolean {
  if (mode === 'no-store' || (method !== 'GET' && method !== 'HEAD')) return true;
  if (headers.has('if-match') || headers.has('if-unmodified-since')) return true;
  if (areFieldsTooLong(headers)) return true;
  return (
    parseCacheControl(headers.get('cache-control')).has('no-store') || (headers.get('range')?.includes(',') ?? false)
  );
}

/** Requests whose answer may serve others that wait. */
const isShareable = ({ method, headers }: Request): boolean =>
  method === 'GET' && !headers.has('range') && !headers.has('if-none-match') && !headers.has('if-modified-since');

/** A part is not stored, so who asks for everything asks for the whole. */
function withoutRange(request: Request): Request {
  const whole = new Request(request);
  whole.headers.delete('range');
  return whole;
}

/** In the background; requests that come in the meantime join it. */
function revalidateInBackground(context: HttpCacheContext, request: Request, stored: StoredResponse): void {
  if (context.inFlight.find(request) !== undefined) return;
  const plain = new Request(request, { method: 'GET', signal: null });
  for (const name of ['range', 'if-range', 'if-none-match', 'if-modified-since']) plain.headers.delete(name);
  context.runInBackground(request.url, startShared(context, plain, stored, true).then(finishRevalidation));
}

/** What is new is read to its end, so that it is stored; what is stored already need not be read. */
async function finishRevalidation(response: Response): Promise<void> {
  if (getCacheStatus(response) === 'miss') await drainBody(response);
  else await response.body?.cancel();
}

/** RFC 9111 §5.2.1.7 */
const createGatewayTimeout = (): Response =>
  new Response('Not in the cache, and only-if-cached was asked for\n', {
    status: 504,
    statusText: 'Gateway Timeout',
    headers: { 'content-type': 'text/plain', 'cache-status': 'deskcache; detail=only-if-cached' },
  });
