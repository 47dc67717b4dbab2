import { overridesMethod } from '../../../protocol/request-fields.ts';
import { drained } from '../body.ts';
import { asPart, fromStore } from './answer.ts';
import { directivesOf, isTooLong } from './fields.ts';
import { orAborted, unread } from './flight.ts';
import { forward, lead, pass, standingIn } from './forward.ts';
import { provenanceOf } from './provenance.ts';
import { asksForAll } from './range.ts';
import type { Stored } from './response-store.ts';
import type { Room } from './room.ts';
import { requestDirectives, type Use, useOf } from './rules.ts';

/**
 * How a request goes about the cache: the fetch standard's cache modes; `cache-first`, which is `force-cache` but for errors; and
 * `stale-while-revalidate`, which does for every response what RFC 5861 §3 does for those that say so.
 */
export type Mode = Request['cache'] | 'cache-first' | 'stale-while-revalidate';

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Answers a request from the store or the origin (RFC 9111 §4). */
export async function respond(room: Room, request: Request, mode: Mode): Promise<Response> {
  request.signal.throwIfAborted();
  // To the server it is another request than a GET, and no answer to one.
  if (!SAFE.has(request.method) || overridesMethod(request.headers)) return change(room, request);
  if (isBypassed(request, mode)) return mode === 'only-if-cached' ? notStored() : pass(room, request, 'bypass');
  if (asksForAll(request)) return asPart(await respond(room, withoutRange(request), mode));
  let isGone = mode === 'reload';
  for (let joined = false; ; ) {
    const stored = isGone ? undefined : room.tried(request.url, () => room.store.find(request));
    const use = stored === undefined ? undefined : useIn(mode, room, request, stored);
    if (stored !== undefined && use !== undefined && use !== 'after-validation') {
      const response = await orAborted(fromStore(room, request, stored), request.signal, unread);
      if (response !== undefined) {
        if (use === 'while-revalidating') revalidateBehind(room, request, stored);
        return response;
      }
      isGone = true;
      continue;
    }
    if (mode === 'only-if-cached' || requestDirectives(request).has('only-if-cached')) return notStored();
    if (!isShareable(request) || (joined && stored !== undefined)) return forward(room, request, stored);
    const flight = room.flights.find(request);
    if (flight === undefined || mode === 'reload') return lead(room, request, stored);
    try {
      if ((await flight.join(request)) === 'go') return forward(room, request, stored);
    } catch (error) {
      const standIn = request.signal.aborted ? undefined : await standingIn(room, request, stored, false);
      if (standIn === undefined) throw error;
      return standIn;
    }
    joined = true;
    isGone = false;
  }
}

function useIn(mode: Mode, room: Room, request: Request, stored: Stored): Use {
  // Immutable: while it is fresh, a reload need not ask either (RFC 8246 §2).
  const isImmutable = directivesOf(stored.headers.get('cache-control')).has('immutable');
  if (mode === 'no-cache' && !isImmutable) return 'after-validation';
  if (mode === 'force-cache' || mode === 'only-if-cached') return 'stale';
  const use = useOf(request, stored, room.clock(), room.shared);
  // An error is no answer for ever: stale, it is asked for again.
  if (stored.status >= 400) return use;
  if (mode === 'cache-first') return 'stale';
  return mode === 'stale-while-revalidate' && use !== 'fresh' ? 'while-revalidating' : use;
}

/** An unsafe request goes through, and what it may have changed is forgotten (RFC 9111 §4.4). */
async function change(room: Room, request: Request): Promise<Response> {
  const response = await pass(room, request, 'method');
  if (response.status >= 200 && response.status < 400) {
    const named = [response.headers.get('location'), response.headers.get('content-location')];
    for (const target of [request.url, ...named]) {
      const url = target === null ? undefined : parsed(target, request.url);
      if (url?.origin === new URL(request.url).origin) room.tried(url.href, () => room.invalidate(url.href));
    }
  }
  return response;
}

const parsed = (target: string, base: string): URL | undefined =>
  URL.canParse(target, base) ? new URL(target, base) : undefined;

/** Requests that neither use nor make stored responses. */
function isBypassed({ method, headers }: Request, mode: Mode): boolean {
  if (mode === 'no-store' || (method !== 'GET' && method !== 'HEAD')) return true;
  if (headers.has('if-match') || headers.has('if-unmodified-since')) return true;
  if (isTooLong(headers)) return true;
  return directivesOf(headers.get('cache-control')).has('no-store') || (headers.get('range')?.includes(',') ?? false);
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

/** Nobody waits for it; who comes meanwhile joins. */
function revalidateBehind(room: Room, request: Request, stored: Stored): void {
  if (room.flights.find(request) !== undefined) return;
  const plain = new Request(request, { method: 'GET', signal: null });
  for (const name of ['range', 'if-range', 'if-none-match', 'if-modified-since']) plain.headers.delete(name);
  room.behind(request.url, lead(room, plain, stored, true).then(settled));
}

/** What is new is read to its end, so that it is stored; what is stored already need not be read. */
async function settled(response: Response): Promise<void> {
  if (provenanceOf(response) === 'miss') await drained(response);
  else await response.body?.cancel();
}

/** RFC 9111 §5.2.1.7 */
const notStored = (): Response =>
  new Response('Not in the cache, and only-if-cached was asked for\n', {
    status: 504,
    statusText: 'Gateway Timeout',
    headers: { 'content-type': 'text/plain', 'cache-status': 'deskcache; detail=only-if-cached' },
  });
