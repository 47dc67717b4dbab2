import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type AuthInfo,
  app,
  type ClientRequest,
  type ClientRequestConstructorOptions,
  type IncomingMessage,
  net,
  type Session,
} from 'electron';
import { toReasonPhrase } from '../../protocol/reason-phrase.ts';

/** Returns whether a header's value has the same bytes in all encodings. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what ASCII is
const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/**
 * Returns a header's value as in `fetch`, one character per byte. Electron decodes the bytes as UTF-8, and `Headers` throws for characters
 * above U+00FF. Bytes that are not UTF-8 are already lost: each is U+FFFD.
 */
const toByteString = (text: string): string => (isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1'));

type LoginCallback = (username?: string, password?: string) => void;
type OnChallenge = (challenge: AuthInfo, callback: LoginCallback) => void;

/**
 * Returns a listener that forwards the challenges of a server or proxy to `app.on('login')`, as Electron does with those of pages, but
 * without a WebContents. An application's listener that calls `preventDefault` must call back, now or later. If no listener does, the
 * challenge itself is the response.
 *
 * A server's challenge to a request without credentials is not forwarded: a foreign page must not make the user enter a password.
 */
function createLoginListener({ url, credentials }: Request): OnChallenge {
  let firstAuthAttempt = true;
  return (challenge, callback) => {
    let hasResponded = false;
    const respond: LoginCallback = (...login) => {
      if (!hasResponded) callback(...login);
      hasResponded = true;
    };
    if (credentials === 'omit' && !challenge.isProxy) return void respond();
    const event = {
      defaultPrevented: false,
      preventDefault() {
        event.defaultPrevented = true;
      },
    };
    const details = { url, pid: process.pid, isRequestForNavigation: false, firstAuthAttempt };
    firstAuthAttempt = false;
    try {
      app.emit('login', event, null, details, challenge, respond);
    } catch (error) {
      respond();
      throw error;
    }
    if (!event.defaultPrevented) respond();
  };
}

type ByteStream = ReadableStream<Uint8Array>;
type Fetch = (request: Request) => Promise<Response>;

const BODYLESS_STATUSES: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/**
 * `fetch` by a session's network, with its cookies, for callers that store responses themselves, such as `Offline`. It differs from
 * `session.fetch` in three points: with `redirect: 'manual'` a redirect is a response, as in Node, instead of a failure; responses have
 * their `url`; and the session's protocol handlers and Chromium's HTTP cache, which might respond in the network's place, are bypassed.
 *
 * If the request has an `Origin`, the network service enforces CORS, with a preflight where a browser sends one. A server or proxy that
 * asks for a password gets it from the listeners of `app.on('login')`, whose WebContents is null; if no listener responds, the 401 or 407
 * is the response. With `credentials: 'omit'` only a proxy gets one.
 *
 * Rejects with a `TypeError` that names the request and Chromium's net error (`net::ERR_INTERNET_DISCONNECTED`), which is its cause, or
 * with the reason of the request's signal. Only `http` and `https`. At most 8 MiB (`MAX_BUFFERED_BODY_BYTES`) of a request's body are held
 * in memory, unlike with `session.fetch`.
 */
export const networkFetch = (session: Session): Fetch => createNetworkFetch(session, 'enforced');

/**
 * `networkFetch` for the application's own pages: it sends their `Origin` without enforcing CORS on the response. Cookies are sent as with
 * a request of the main process.
 */
export const ownNetworkFetch = (session: Session): Fetch => createNetworkFetch(session, 'not enforced');

type CorsMode = 'enforced' | 'not enforced';

function createNetworkFetch(session: Session, cors: CorsMode): Fetch {
  return async (request) => {
    const { signal } = request;
    const sent = await startBody(request);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const clientRequest = createRequest(toRequestOptions(session, request, cors));
      for (const [name, value] of getSentFields(request, cors)) clientRequest.setHeader(name, value);
      const fail = (error: unknown) => {
        reject(error);
        clientRequest.abort();
      };
      // An exception in a listener would be uncaught, and the request would never settle.
      const guarded =
        <A extends unknown[]>(listener: (...args: A) => void) =>
        (...args: A) => {
          try {
            listener(...args);
          } catch (error) {
            fail(toNetworkError(request, error));
          }
        };
      signal.addEventListener('abort', () => fail(signal.reason), { once: true });
      let url = request.url;
      clientRequest.on('error', (error) => reject(toNetworkError(request, error)));
      clientRequest.on('login', guarded(createLoginListener(request)));
      clientRequest.on(
        'redirect',
        guarded((status, _, to, fields) => {
          if (request.redirect === 'follow') {
            url = to;
            return;
          }
          const headers = Object.entries(fields).flatMap(([name, values]) => values.map((it) => [name, it] as const));
          resolve(createResponse(request, null, { status, headers: withLocation(to, headers) }, url));
          clientRequest.abort();
        }),
      );
      clientRequest.on(
        'response',
        guarded((message) => {
          const { statusCode: status, statusMessage: statusText, rawHeaders } = message;
          const isEmpty = BODYLESS_STATUSES.has(status) || request.method === 'HEAD';
          if (isEmpty) drain(message);
          const body = isEmpty ? null : toBody(message, () => clientRequest.abort());
          resolve(createResponse(request, body, { status, statusText, headers: toHeaderPairs(rawHeaders) }, url));
        }),
      );
      if (sent === undefined || Buffer.isBuffer(sent)) clientRequest.end(sent);
      else sendStream(sent, clientRequest).catch(fail);
    });
  };
}

/** Adds the request to Chromium's error, which names only the failure. */
export const toNetworkError = ({ method, url }: Request, cause: unknown): TypeError =>
  new TypeError(`${method} ${url}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

/** A body of at most this size is sent with its length; a longer one in chunks as it is read, which not every server accepts. Bytes. */
const MAX_BUFFERED_BODY_BYTES = 8 * 2 ** 20;

/** Returns the body to send: the whole body, or a stream that continues the one already started. */
async function startBody({ body, signal }: Request): Promise<Buffer | AsyncGenerator<Uint8Array> | undefined> {
  if (body === null) return undefined;
  const reader = body.getReader();
  // While waiting for the next chunk of a silent source, an abort is noticed only through this listener.
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined);
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes <= MAX_BUFFERED_BODY_BYTES; bytes += first.at(-1)?.length ?? 0) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) return Buffer.concat(first);
    first.push(value);
  }
  return streamFrom(first, reader);
}

async function* streamFrom(
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

/** Electron's request is a Writable, which its types don't declare. */
async function sendStream(body: AsyncGenerator<Uint8Array>, clientRequest: ClientRequest): Promise<void> {
  clientRequest.chunkedEncoding = true;
  await pipeline(body, clientRequest as unknown as Writable);
}

function toRequestOptions(session: Session, request: Request, cors: CorsMode): ClientRequestConstructorOptions {
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
 * Returns a request that bypasses the session's protocol handlers: a handler that requested itself would never end. `net.request` has the
 * option since Electron 38.7 and 39.2. Before, since 25, only `net.fetch` had it and set it on its request, as is done here.
 */
function createRequest(options: ClientRequestConstructorOptions): ClientRequest {
  const clientRequest = net.request({ ...options, ...BYPASS_HANDLERS });
  const { _urlLoaderOptions: loaderOptions } = clientRequest as { _urlLoaderOptions?: Partial<typeof BYPASS_HANDLERS> };
  if (loaderOptions !== undefined) Object.assign(loaderOptions, BYPASS_HANDLERS);
  return clientRequest;
}

const BYPASS_HANDLERS = { bypassCustomProtocolHandlers: true } as const;

/**
 * If a request has an origin, the network service enforces CORS by its mode. Electron also uses an `Origin` header as the origin,
 * unless its value is a list (net-client-request.ts, electron_api_url_loader.cc): a list (`toRequestOptions`) is only sent. Without an
 * origin neither CORS nor Cross-Origin-Resource-Policy is enforced, SameSite cookies are sent, and the Origin of a POST is not replaced.
 */
function getSentFields(request: Request, cors: CorsMode): readonly (readonly [string, string])[] {
  const isEnforced = cors === 'enforced';
  const fields = [...request.headers].filter(([name]) => isEnforced || name !== 'origin');
  const sendsMode = request.mode !== 'cors' || (isEnforced && request.headers.has('origin'));
  return [...fields, ...(sendsMode ? [['sec-fetch-mode', request.mode] as const] : [])];
}

/** Cancelling the stream aborts the transfer. Electron's message is a Readable, which its types don't declare. */
function toBody(message: IncomingMessage, abort: () => void): ByteStream {
  const readable = message as unknown as Readable;
  readable.on('close', () => {
    if (!readable.readableEnded) abort();
  });
  return Readable.toWeb(readable) as unknown as ByteStream;
}

/** Discards what follows the head of a response without a body: a transfer that fails then would be an uncaught exception. */
function drain(message: IncomingMessage): void {
  const readable = message as unknown as Readable;
  readable.on('error', () => {}).resume();
}

/** Converts Node's flat list of headers (name, value, name, value) to pairs. */
const toHeaderPairs = (raw: readonly string[]): [string, string][] =>
  raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ''] satisfies [string, string]] : []));

/** Sets a `Location` that is not ASCII to the URL that Chromium read: Electron's decoding has lost the header's bytes. */
const withLocation = (
  to: string,
  fields: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] =>
  fields.map(([name, value]) => (name.toLowerCase() === 'location' && !isAscii(value) ? [name, to] : [name, value]));

interface ResponseHead {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: readonly (readonly [string, string])[];
}

function createResponse(
  request: Request,
  body: ByteStream | null,
  { headers, ...head }: ResponseHead,
  url: string,
): Response {
  const { status, statusText = '' } = head;
  const response = new Response(body, {
    status,
    statusText: toReasonPhrase(toByteString(statusText)),
    headers: headers.map(([name, value]): [string, string] => [name, toByteString(value)]),
  });
  return Object.defineProperties(response, { url: { value: url }, redirected: { value: url !== request.url } });
}
