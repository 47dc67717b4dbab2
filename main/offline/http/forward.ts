import { ReadableStream } from 'node:stream/web';
import { keptAlive } from '../body.ts';
import { fromStore, passed } from './answer.ts';
import { branch } from './branch.ts';
import { isDecoded, sameTag } from './fields.ts';
import { type Flight, type Landing, orAborted, unread } from './flight.ts';
import type { Handling } from './provenance.ts';
import { freshened, type Stored } from './response-store.ts';
import type { Room } from './room.ts';
import { type Head, isStorable, mayBeKept, mayStandIn } from './rules.ts';

/** Hands a request to the origin and its answer back, past the store. */
export async function pass(room: Room, request: Request, fwd: 'bypass' | 'method'): Promise<Response> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const sent = isRead || room.guard !== undefined ? new Request(request, { redirect: 'manual' }) : request;
  return keptAlive(passed(await room.fetch(sent), { fwd }), request, sent);
}

/** Begins a request that others may join, and stores what it brings. */
export async function lead(room: Room, request: Request, stored?: Stored, isBehind = false): Promise<Response> {
  const { signal } = request;
  const flight = room.begin(request, isBehind);
  flight.signal.addEventListener('abort', () => over(room, flight));
  // Without naming `signal`: by way of these listeners it would hold itself, and the flight, for good.
  const abandon = ({ target }: Event) => flight.abandon((target as AbortSignal).reason);
  signal.addEventListener('abort', abandon, { once: true, signal: flight.signal });
  const flown = forward(room, request, stored, flight);
  flown.catch((error: unknown) => {
    over(room, flight);
    flight.fail(error);
  });
  return orAborted(flown, signal, unread);
}

/**
 * Asks the origin, with the validators of what is stored (RFC 9111 §4.3). Only a `flight` stores what it brings.
 */
export async function forward(room: Room, request: Request, stored?: Stored, flight?: Flight): Promise<Response> {
  const requestedAt = room.clock();
  const validators = stored === undefined || request.method === 'HEAD' ? [] : validatorsOf(stored);
  const sent = outgoing(request, validators, flight);
  let received: Response;
  try {
    received = await room.fetch(sent);
  } catch (error) {
    const standIn =
      sent.signal.aborted || flight?.isBehind ? undefined : await standingIn(room, request, stored, false);
    if (standIn === undefined) throw error;
    if (flight !== undefined) over(room, flight).fail(error);
    return standIn;
  }
  const { status, statusText, headers } = received;
  const head = { status, statusText, headers, requestedAt, receivedAt: room.clock() };
  if (stored !== undefined && status === 304 && validators.length > 0) {
    const confirmed = await confirmedBy(room, request, stored, head);
    if (confirmed === undefined) return forward(room, request, undefined, flight);
    if (flight !== undefined) over(room, flight).arrive();
    return confirmed;
  }
  if (stored !== undefined && status >= 500) {
    const standIn = await standingIn(room, request, stored, true);
    if (standIn !== undefined) {
      received.body?.cancel().catch(() => undefined);
      land(room, flight, 'go');
      return standIn;
    }
  }
  const handling: Handling = { fwd: stored === undefined ? 'uri-miss' : 'stale', fwdStatus: status };
  if (flight !== undefined && !received.redirected && isStorable(request, head, room)) {
    return record(room, request, received, head, handling, flight);
  }
  if (stored !== undefined) overtaken(room, request, stored, head);
  land(room, flight, 'go');
  return keptAlive(passed(received, handling), request, sent);
}

/** Gives the answer to the client and to the disk; who waits looks for it there. */
async function record(
  room: Room,
  request: Request,
  received: Response,
  head: Head & { readonly statusText: string },
  handling: Handling,
  flight: Flight,
): Promise<Response> {
  room.flights.record(flight);
  room.flights.reveal(flight, request, head.headers);
  const write = async (chunks: AsyncGenerator<Uint8Array>): Promise<void> => {
    const failed = (error: unknown) => room.onStoreFailure(error, flight.url);
    await room.store.put(request, head, chunks, () => flight.isWanted, failed);
    over(room, flight).arrive();
  };
  const { body, done } = branch(
    received.body ?? ReadableStream.from<Uint8Array>([]),
    isDecoded(received.headers) ? Number.NaN : Number(received.headers.get('content-length') ?? Number.NaN),
    write,
    {
      lagging: () => land(room, flight, 'look'),
      left: (reason) => flight.abandon(reason),
      failed: (error) => {
        room.onStoreFailure(error, flight.url);
        land(room, flight, 'go');
      },
    },
    request.signal,
    flight.signal,
  );
  const stored = done
    .catch((error: unknown) => over(room, flight).fail(error))
    .finally(() => room.flights.recorded(flight));
  if (received.body === null) await stored;
  return passed(received, handling, body);
}

/**
 * What is stored, freshened by the 304 that confirms it (RFC 9111 §4.3.4); undefined when the 304 means something else, which forgets
 * what is stored, and when the store can't be read.
 */
async function confirmedBy(room: Room, request: Request, stored: Stored, head: Head): Promise<Response | undefined> {
  const tag = head.headers.get('etag');
  const ours = stored.headers.get('etag');
  if (tag !== null && ours !== null && !sameTag(tag, ours)) {
    room.tried(stored.url, () => room.store.forget(stored));
    return undefined;
  }
  const fresh = freshened(stored, head);
  const response = await fromStore(room, request, fresh, { fwd: 'stale', fwdStatus: 304 });
  if (response === undefined) return undefined;
  // The 304 may forbid from now on what the response allowed.
  room.tried(stored.url, () =>
    mayBeKept(request, fresh, room) ? room.store.update(request, fresh) : room.store.forget(stored),
  );
  return response;
}

/** What is stored, where it may stand in for an origin that fails, or (not `reached`) can't be reached. */
export async function standingIn(
  room: Room,
  request: Request,
  stored: Stored | undefined,
  reached: boolean,
): Promise<Response | undefined> {
  if (stored === undefined || !mayStandIn(request, stored, room.clock(), room.shared, reached)) return undefined;
  return fromStore(room, request, stored);
}

/** Statuses besides 5xx that tell of the asking, not of what was asked for: come again, or what the client has is good. */
const OF_THE_ASKING: ReadonlySet<number> = new Set([304, 408, 429]);

/**
 * The answer was not the 304 that confirms what is stored: that is forgotten. A HEAD is of another opinion with 200 only, and it may
 * confirm, too; what it doesn't is stale from then on, and still there when the origin is away (RFC 9111 §4.3.5).
 */
function overtaken(room: Room, request: Request, stored: Stored, head: Head): void {
  if (head.status >= 500 || OF_THE_ASKING.has(head.status)) return;
  if (request.method !== 'HEAD') return void room.tried(stored.url, () => room.store.forget(stored));
  if (head.status !== 200) return;
  const isSame = (name: string) => !head.headers.has(name) || head.headers.get(name) === stored.headers.get(name);
  // The length of what was coded says nothing of what is stored decoded.
  const described = ['etag', 'last-modified', ...(isDecoded(head.headers) ? [] : ['content-length'])];
  const seen = described.every(isSame) ? freshened(stored, head) : { ...stored, requestedAt: 0, receivedAt: 0 };
  room.tried(stored.url, () => room.store.update(request, seen));
}

function validatorsOf({ headers }: Stored): [string, string][] {
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
function outgoing(request: Request, validators: readonly [string, string][], flight: Flight | undefined): Request {
  const headers = new Headers(request.headers);
  if (validators.length > 0) for (const name of ['if-none-match', 'if-modified-since']) headers.delete(name);
  for (const [name, value] of validators) headers.set(name, value);
  return new Request(request, { headers, signal: flight?.signal ?? request.signal, redirect: 'manual' });
}

function land(room: Room, flight: Flight | undefined, how: Landing): void {
  if (flight !== undefined) over(room, flight).land(how);
}

/** Nobody can join it any more. */
function over(room: Room, flight: Flight): Flight {
  room.flights.end(flight);
  return flight;
}
