import { CACHE_STATUS_FIELD } from '../../../protocol/cache-status.ts';
import { DiskCacheError } from '../../engine/index.ts';
import { type HttpMessage, httpChannel } from '../../engine/internal.ts';
import { drainBody } from '../bodies.ts';
import type { HttpCacheContext } from './context.ts';
import { type CacheMode, decide, type Situation } from './decide.ts';
import { cancelBody, rejectOnAbort } from './in-flight-requests.ts';
import { bypass, fetchFromOrigin, serveStaleOnFailure, startShared } from './origin.ts';
import { getCacheStatus, respondFromStore, toPartialResponse } from './response.ts';
import type { StoredResponse } from './response-store.ts';

/** `respond`, with what it came to published on `deskcache:http`. */
export function respondAndPublish(context: HttpCacheContext, request: Request, mode: CacheMode): Promise<Response> {
  if (!httpChannel.hasSubscribers) return respond(context, request, mode);
  return publishDecision(request, () => respond(context, request, mode));
}

/** Publishes how a request was answered: with a response, or with a failure. */
export async function publishDecision(request: Request, work: () => Promise<Response>): Promise<Response> {
  const startedAt = performance.now();
  try {
    const response = await work();
    httpChannel.publish(new Decision(request, performance.now() - startedAt, response, undefined));
    return response;
  } catch (error) {
    const name = error instanceof DiskCacheError ? error.code : error instanceof Error ? error.name : typeof error;
    httpChannel.publish(new Decision(request, performance.now() - startedAt, undefined, name));
    throw error;
  }
}

const OUR_MEMBER = /(?:^|,\s*)(deskcache(?:;[^,]*)?)$/;

class Decision implements HttpMessage {
  readonly method: string;
  readonly url: string;
  readonly cacheStatus: string | undefined;
  readonly status: number | undefined;
  readonly contentLength: number | undefined;
  readonly durationMs: number;
  readonly failure: string | undefined;
  readonly #fullUrl: string;

  constructor(
    { method, url }: Request,
    durationMs: number,
    response: Response | undefined,
    failure: string | undefined,
  ) {
    this.method = method;
    this.url = url.replace(/[?#].*$/s, '');
    this.cacheStatus = OUR_MEMBER.exec(response?.headers.get(CACHE_STATUS_FIELD) ?? '')?.[1];
    this.status = response?.status;
    this.contentLength = parseContentLength(response);
    this.durationMs = durationMs;
    this.failure = failure;
    this.#fullUrl = url;
  }

  get fullUrl(): string {
    return this.#fullUrl;
  }
}

/** Returns undefined for a field that isn't one number (RFC 9110 §8.6). */
function parseContentLength(response: Response | undefined): number | undefined {
  const field = response?.headers.get('content-length') ?? '';
  const bytes = Number(field);
  return /^[0-9]+$/.test(field) && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Responds from the store or the origin (RFC 9111 §4): carries out what `decide` says until there is a response. */
async function respond(context: HttpCacheContext, request: Request, mode: CacheMode): Promise<Response> {
  request.signal.throwIfAborted();
  let known: Pick<Situation, 'stored' | 'joinOutcome'> = { stored: 'unread', joinOutcome: undefined };
  for (;;) {
    const inFlight = context.inFlight.find(request);
    const decision = decide({ ...known, request, mode, inFlight, now: context.clock(), shared: context.shared });
    switch (decision.action) {
      case 'bypass':
        return decision.fwd === 'method' ? sendUnsafe(context, request) : bypass(context, request, 'bypass');
      case 'gateway-timeout':
        return createGatewayTimeout();
      case 'widen-range':
        return toPartialResponse(await respond(context, withoutRange(request), mode));
      case 'lookup':
        known = { ...known, stored: context.tryStore(request.url, () => context.store.find(request)) };
        break;
      case 'serve':
      case 'serve-and-revalidate': {
        const { stored } = decision;
        const response = await rejectOnAbort(respondFromStore(context, request, stored), request.signal, cancelBody);
        if (response !== undefined) {
          if (decision.action === 'serve-and-revalidate') revalidateInBackground(context, request, stored);
          return response;
        }
        known = { ...known, stored: undefined }; // its body is gone
        break;
      }
      case 'fetch':
      case 'revalidate': {
        const stored = decision.action === 'revalidate' ? decision.stored : undefined;
        return decision.joinable ? startShared(context, request, stored) : fetchFromOrigin(context, request, stored);
      }
      case 'join': {
        const stored = known.stored === 'unread' ? undefined : known.stored;
        try {
          const joinOutcome = await decision.inFlight.join(request);
          known = { stored: joinOutcome === 'recheck' ? 'unread' : stored, joinOutcome };
        } catch (error) {
          const isAborted = request.signal.aborted;
          return serveStaleOnFailure(context, error, { request, stored, isAborted, isBackground: false });
        }
      }
    }
  }
}

/** Forwards an unsafe request and invalidates what it may have changed (RFC 9111 §4.4). */
async function sendUnsafe(context: HttpCacheContext, request: Request): Promise<Response> {
  const response = await bypass(context, request, 'method');
  for (const url of getInvalidatedUrls(request, response)) context.tryStore(url, () => context.invalidate(url));
  return response;
}

/** Returns the URLs that an unsafe request invalidates: its own, and those of the same origin that the response names (RFC 9111 §4.4). */
function getInvalidatedUrls(request: Request, { status, headers }: Response): string[] {
  if (status < 200 || status >= 400) return [];
  const { origin } = new URL(request.url);
  return [request.url, headers.get('location'), headers.get('content-location')]
    .filter((target) => target !== null && URL.canParse(target, request.url))
    .map((target) => new URL(target as string, request.url))
    .filter((url) => url.origin === origin)
    .map((url) => url.href);
}

function withoutRange(request: Request): Request {
  const whole = new Request(request);
  whole.headers.delete('range');
  return whole;
}

/** Revalidates in the background, unless that is under way already; later requests join it. */
function revalidateInBackground(context: HttpCacheContext, request: Request, stored: StoredResponse): void {
  if (context.inFlight.find(request) !== undefined) return;
  const plain = new Request(request, { method: 'GET', signal: null });
  for (const name of ['range', 'if-range', 'if-none-match', 'if-modified-since']) plain.headers.delete(name);
  context.runInBackground(request.url, startShared(context, plain, stored, true).then(finishRevalidation));
}

/** A new response is read to its end, so that it is stored; a stored one need not be read. */
async function finishRevalidation(response: Response): Promise<void> {
  if (getCacheStatus(response) === 'miss') await drainBody(response);
  else await response.body?.cancel();
}

/** RFC 9111 §5.2.1.7 */
const createGatewayTimeout = (): Response =>
  new Response('Not in the cache, and only-if-cached was requested\n', {
    status: 504,
    statusText: 'Gateway Timeout',
    headers: { 'content-type': 'text/plain', 'cache-status': 'deskcache; detail=only-if-cached' },
  });
