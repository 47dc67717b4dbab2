import { Readable, type Writable } from 'node:stream';
import { ClientRequest, type SendRequest } from './client-request.ts';
import type { SchemeHandlers } from './protocol.ts';

/** By what ways a request of the main process goes. */
export interface FetchTransports {
  readonly handlers: SchemeHandlers;
  readonly send: SendRequest;
}

type Message = Readable & {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly rawHeaders: string[];
};

const BODILESS_STATUSES: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/**
 * `session.fetch`: `net.request` in the clothes of `fetch`, as in Electron (lib/browser/api/net-fetch.ts). A failure is a plain `Error` in
 * the words of Chromium's net errors, a redirect that may not be followed is one, and the answer has no `url`.
 */
export async function sessionFetch(
  { handlers, send }: FetchTransports,
  input: string | Request,
  { bypassCustomProtocolHandlers = false, ...init }: RequestInit & { bypassCustomProtocolHandlers?: boolean },
): Promise<Response> {
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  const { protocol } = new URL(request.url);
  const handler = bypassCustomProtocolHandlers ? undefined : handlers.find(protocol.slice(0, -1));
  if (handler) return handler(request);
  if (!/^https?:$/.test(protocol)) throw new Error('net::ERR_UNKNOWN_URL_SCHEME');
  const { url, method, redirect, signal } = request;
  const origin = request.headers.get('origin') ?? undefined;
  const credentials = request.credentials === 'same-origin' && origin === undefined ? 'include' : request.credentials;
  const asked = new ClientRequest(
    { url, method, credentials, redirect, ...(origin !== undefined && { origin }) },
    send,
  );
  // cors is the default mode, and needs an origin.
  if (request.mode !== 'cors' || origin !== undefined) asked.setHeader('Sec-Fetch-Mode', request.mode);
  for (const [name, value] of request.headers) asked.setHeader(name, value);
  return new Promise((resolve, reject) => {
    signal.addEventListener(
      'abort',
      () => {
        reject(signal.reason);
        asked.abort();
      },
      { once: true },
    );
    asked.on('response', (message: Message) => resolve(toResponse(request, message)));
    asked.on('error', reject);
    if (request.body === null) asked.end();
    else Readable.fromWeb(request.body as Parameters<typeof Readable.fromWeb>[0]).pipe(asked as Writable);
  });
}

function toResponse({ method }: Request, message: Message): Response {
  const { statusCode: status, statusMessage: statusText, rawHeaders } = message;
  const headers = new Headers();
  rawHeaders.forEach((name, at) => {
    if (at % 2 === 0) headers.append(name, rawHeaders[at + 1]!);
  });
  const isEmpty = BODILESS_STATUSES.has(status) || method === 'HEAD';
  return new Response(isEmpty ? null : (Readable.toWeb(message) as ReadableStream<Uint8Array>), {
    ...{ status, statusText, headers },
  });
}
