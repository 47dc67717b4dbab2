import type { StoredBytes } from '../../engine/index.ts';
import { isCorrupt } from '../../engine/internal.ts';
import { begun } from '../body.ts';
import { isDecoded } from './fields.ts';
import { appendStatus, type Handling } from './provenance.ts';
import { isKnown, isRangeCurrent, partOf } from './range.ts';
import type { Stored } from './response-store.ts';
import type { Room } from './room.ts';
import { freshnessOf } from './rules.ts';

type Body = ReadableStream<Uint8Array> | null;

const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** What is kept of a response besides its body. */
export interface Kept {
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/**
 * A stored response, however old, as the answer to a request. Undefined when its body is gone, which forgets the response, and when the
 * store can't be read, which doesn't.
 */
export async function fromStore(
  room: Room,
  request: Request,
  stored: Stored,
  handling?: Handling,
): Promise<Response | undefined> {
  const { lifetime, age } = freshnessOf(request, stored, room.clock(), room.shared);
  const headers = new Headers(stored.headers);
  headers.set('age', String(Math.max(0, Math.floor(age))));
  appendStatus(headers, handling ?? { hit: true, ttl: lifetime - age });
  const forget = () => void room.tried(stored.url, () => room.store.forget(stored));
  const failed = (error: unknown): undefined => {
    room.onStoreFailure(error, stored.url);
    if (isCorrupt(error)) forget();
  };
  let bytes: StoredBytes | undefined;
  try {
    bytes = room.store.body(stored);
  } catch (error) {
    return failed(error);
  }
  if (bytes === undefined) forget();
  return bytes && answerOf(request, { ...stored, headers }, bytes, failed);
}

/** What a request gets of a kept response; undefined when it can't be read: all of it, a part (206, 416), its head, or that the client has it (304). */
export async function answerOf(
  request: Request,
  kept: Kept,
  bytes: StoredBytes,
  onFailure: (error: unknown) => void,
): Promise<Response | undefined> {
  const headers = new Headers(kept.headers);
  const { status, statusText, url, receivedAt } = kept;
  const plain = { status, statusText, headers };
  if (status === 200 && isKnown(request.headers, kept.headers, receivedAt)) {
    headers.delete('content-length');
    return responseOf(null, { status: 304, statusText: 'Not Modified', headers }, url);
  }
  if (BODILESS.has(status)) return responseOf(null, plain, url);
  headers.set('content-length', String(bytes.size));
  if (request.method === 'HEAD') return responseOf(null, plain, url);
  const range =
    status === 200 && isRangeCurrent(request.headers, kept.headers, receivedAt) ? request.headers.get('range') : null;
  const part = range === null ? undefined : partOf(range, bytes.size);
  if (part === 'unsatisfiable') {
    headers.delete('content-length');
    headers.set('content-range', `bytes */${bytes.size}`);
    return responseOf(null, { status: 416, statusText: 'Range Not Satisfiable', headers }, url);
  }
  const body = await begun(bytes.stream(part), onFailure);
  if (body === undefined || part === undefined) return body && responseOf(body, plain, url);
  headers.set('content-length', String(part.end - part.start));
  headers.set('content-range', `bytes ${part.start}-${part.end - 1}/${bytes.size}`);
  return responseOf(body, { status: 206, statusText: 'Partial Content', headers }, url);
}

/** A whole answer as the part that is all of it; as it is where its length is not known. */
export function asPart(whole: Response): Response {
  const size = Number(whole.headers.get('content-length') ?? Number.NaN);
  if (whole.status !== 200 || !(size > 0)) return whole;
  const headers = new Headers(whole.headers);
  headers.set('content-range', `bytes 0-${size - 1}/${size}`);
  const init = { status: 206, statusText: 'Partial Content', headers };
  return responseOf(whole.body, init, whole.url, whole.redirected);
}

/** A response that came from the origin, with what this cache did to it. */
export function passed(received: Response, handling: Handling, body: Body = received.body as Body): Response {
  const { status, statusText, url, redirected } = received;
  if (status < 200 || status > 599) return received; // nothing that `new Response` would make
  const headers = new Headers(received.headers);
  if (isDecoded(headers)) for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  appendStatus(headers, handling);
  return responseOf(BODILESS.has(status) ? null : body, { status, statusText, headers }, url, redirected);
}

/** The constructor leaves `url` empty. */
function responseOf(body: Body, init: ResponseInit, url: string, redirected = false): Response {
  const response = new Response(body, init);
  const own = { configurable: true };
  return Object.defineProperties(response, {
    url: { value: url, ...own },
    redirected: { value: redirected, ...own },
  });
}
