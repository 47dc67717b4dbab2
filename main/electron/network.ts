import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type ClientRequest,
  type ClientRequestConstructorOptions,
  type IncomingMessage,
  net,
  type Session,
} from 'electron';
import { isAscii, toByteString } from './byte-string.ts';
import { createLoginListener } from './login-listener.ts';

type Body = ReadableStream<Uint8Array>;
type Fetch = (request: Request) => Promise<Response>;

const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/**
 * `fetch` by a session's network, with its cookies, for what keeps responses itself, such as `Offline`. It differs from `session.fetch`
 * in three points: with `redirect: 'manual'` a redirect is a response, as in Node, instead of a failure; responses know their `url`;
 * and neither the session's protocol handlers nor Chromium's HTTP cache are asked, which might answer in the network's place.
 *
 * If the request has an `Origin`, the network service enforces CORS, with a preflight where a browser sends one. A server or proxy that
 * asks for a password gets it from the listeners of `app.on('login')`, whose WebContents is null; if none answers, the 401 or 407 is the
 * response. With `credentials: 'omit'` only a proxy gets one.
 *
 * Rejects with a `TypeError` that names the request and Chromium's net error (`net::ERR_INTERNET_DISCONNECTED`), which is its
 * cause, or with the reason of the request's signal. Only `http` and
 * `https`. Of a request's body at most `WHOLE_BYTES` are in memory, unlike with `session.fetch`.
 */
export const networkFetch = (session: Session): Fetch => fetchWith(session, 'enforced');

/**
 * `networkFetch` for the application's own pages: it sends their `Origin` without enforcing CORS on the response. Cookies are sent as with
 * a request of the main process.
 */
export const ownNetworkFetch = (session: Session): Fetch => fetchWith(session, 'not enforced');

type Cors = 'enforced' | 'not enforced';

function fetchWith(session: Session, cors: Cors): Fetch {
  return async (request) => {
    const { signal } = request;
    const sent = await begun(request);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const asked = requestBypassingHandlers(toRequestOptions(session, request, cors));
      for (const [name, value] of getSentFields(request, cors)) asked.setHeader(name, value);
      const fail = (error: unknown) => {
        reject(error);
        asked.abort();
      };
      // An exception of a listener would be uncaught, and the request would never settle.
      const guarded =
        <A extends unknown[]>(listener: (...args: A) => void) =>
        (...args: A) => {
          try {
            listener(...args);
          } catch (error) {
            fail(failed(request, error));
          }
        };
      signal.addEventListener('abort', () => fail(signal.reason), { once: true });
      let url = request.url;
      asked.on('error', (error) => reject(failed(request, error)));
      asked.on('login', guarded(createLoginListener(request)));
      asked.on(
        'redirect',
        guarded((status, _, to, fields) => {
          if (request.redirect === 'follow') {
            url = to;
            return;
          }
          const headers = Object.entries(fields).flatMap(([name, values]) => values.map((it) => [name, it] as const));
          resolve(responseOf(request, null, { status, headers: withLocation(to, headers) }, url));
          asked.abort();
        }),
      );
      asked.on(
        'response',
        guarded((message) => {
          const { statusCode: status, statusMessage: statusText, rawHeaders } = message;
          const isEmpty = BODILESS.has(status) || request.method === 'HEAD';
          if (isEmpty) drain(message);
          const body = isEmpty ? null : bodyOf(message, () => asked.abort());
          resolve(responseOf(request, body, { status, statusText, headers: pairsOf(rawHeaders) }, url));
        }),
      );
      if (sent === undefined || Buffer.isBuffer(sent)) asked.end(sent);
      else stream(sent, asked).catch(fail);
    });
  };
}

/** Chromium tells what failed, and not of whom. */
export const failed = ({ method, url }: Request, cause: unknown): TypeError =>
  new TypeError(`${method} ${url}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

/** What is no longer than this is sent with its length; what is longer in chunks as it is read, which not every server takes. Bytes. */
const WHOLE_BYTES = 8 * 2 ** 20;

/** A body as it will be sent: the whole of it, or the stream of what was begun to be read. */
async function begun({ body, signal }: Request): Promise<Buffer | AsyncGenerator<Uint8Array> | undefined> {
  if (body === null) return undefined;
  const reader = body.getReader();
  // Who waits for the next chunk of a source that is silent gets to know nothing else.
  const giveUp = () => void reader.cancel(signal.reason).catch(() => undefined);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes <= WHOLE_BYTES; bytes += first.at(-1)?.length ?? 0) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) return Buffer.concat(first);
    first.push(value);
  }
  return following(first, reader);
}

async function* following(
  first: Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let chunk = first.shift(); chunk !== undefined; chunk = first.shift()) yield chunk;
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Electron's request is a Writable, which its types don't say. */
async function stream(body: AsyncGenerator<Uint8Array>, asked: ClientRequest): Promise<void> {
  asked.chunkedEncoding = true;
  await pipeline(body, asked as unknown as Writable);
}

function toRequestOptions(session: Session, request: Request, cors: Cors): ClientRequestConstructorOptions {
  const { url, method, redirect } = request;
  const origin = request.headers.get('origin');
  // Chromium has already applied the page's policy to the Referer.
  const referrerPolicy = request.headers.has('referer') ? 'unsafe-url' : request.referrerPolicy;
  // The network service compares origins for `same-origin` only if the request has one.
  const isCompared = origin !== null && cors === 'enforced';
  const credentials = request.credentials === 'same-origin' && !isCompared ? 'include' : request.credentials;
  return {
    ...{ session, url, method, redirect, referrerPolicy, credentials },
    ...(origin !== null && (isCompared ? { origin } : { headers: { origin: [origin] } })),
    cache: 'no-store',
  };
}

/**
 * Returns a request that bypasses the session's protocol handlers: a handler that requested itself would never end. `net.request` has
 * the option since Electron 38.7 and 39.2. Before, only `net.fetch` had it, which has set it on its request, as is done here, since 25.
 */
function requestBypassingHandlers(options: ClientRequestConstructorOptions): ClientRequest {
  const asked = net.request({ ...options, ...BYPASS_HANDLERS });
  const { _urlLoaderOptions: started } = asked as { _urlLoaderOptions?: Partial<typeof BYPASS_HANDLERS> };
  if (started !== undefined) Object.assign(started, BYPASS_HANDLERS);
  return asked;
}

const BYPASS_HANDLERS = { bypassCustomProtocolHandlers: true } as const;

/**
 * If a request has an origin, the network service enforces CORS by its mode. Electron also takes an `Origin` header for it, unless its
 * value is a list (net-client-request.ts, electron_api_url_loader.cc): a list (`toRequestOptions`) is only sent. Without an origin neither CORS
 * nor Cross-Origin-Resource-Policy is enforced, SameSite cookies are sent, and the Origin of a POST is not replaced.
 */
function getSentFields(request: Request, cors: Cors): readonly (readonly [string, string])[] {
  const isEnforced = cors === 'enforced';
  const fields = [...request.headers].filter(([name]) => isEnforced || name !== 'origin');
  const saysMode = request.mode !== 'cors' || (isEnforced && request.headers.has('origin'));
  return [...fields, ...(saysMode ? [['sec-fetch-mode', request.mode] as const] : [])];
}

/** Whoever leaves in the middle ends the transfer. Electron's message is a Readable, which its types don't say. */
function bodyOf(message: IncomingMessage, abort: () => void): Body {
  const readable = message as unknown as Readable;
  readable.on('close', () => {
    if (!readable.readableEnded) abort();
  });
  return Readable.toWeb(readable) as unknown as Body;
}

/** Discards what follows the head of a response without a body: a transfer that fails then would be an uncaught exception. */
function drain(message: IncomingMessage): void {
  const readable = message as unknown as Readable;
  readable.on('error', () => {}).resume();
}

/** Node's way of listing fields: name, value, name, value. */
const pairsOf = (raw: readonly string[]): [string, string][] =>
  raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ''] satisfies [string, string]] : []));

/** Sets a `Location` that is not ASCII to the address that Chromium read: Electron's decoding has lost the field's bytes. */
const withLocation = (
  to: string,
  fields: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] =>
  fields.map(([name, value]) => (name.toLowerCase() === 'location' && !isAscii(value) ? [name, to] : [name, value]));

interface Head {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** A response can't have control characters in its reason phrase. It is left out then: browsers don't show it. */
function toReason(statusText: string): string {
  const reason = toByteString(statusText);
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? reason : '';
}

function responseOf(request: Request, body: Body | null, { headers, ...head }: Head, url: string): Response {
  const { status, statusText = '' } = head;
  const response = new Response(body, {
    status,
    statusText: toReason(statusText),
    headers: headers.map(([name, value]): [string, string] => [name, toByteString(value)]),
  });
  return Object.defineProperties(response, { url: { value: url }, redirected: { value: url !== request.url } });
}
