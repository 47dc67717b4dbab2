import type { Cookies } from './cookies.ts';
import type { SchemeHandlers } from './protocol.ts';

/** By what ways a request of the main process goes. */
export interface Ways {
  readonly handlers: SchemeHandlers;
  readonly cookies: Cookies;
}

/** Chromium's network writes these itself, whatever a request says. */
const CHROMIUMS = ['host', 'connection', 'content-length', 'accept-encoding', 'cookie'];
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);
const ON_THIS_MACHINE: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const NET_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'ERR_CONNECTION_REFUSED',
  ECONNRESET: 'ERR_CONNECTION_RESET',
  EPIPE: 'ERR_CONNECTION_RESET',
  UND_ERR_SOCKET: 'ERR_EMPTY_RESPONSE',
};

/**
 * `session.fetch`, by Node with the session's cookies. As in Electron (lib/browser/api/net-fetch.ts) a failure is a plain `Error`
 * in the words of Chromium's net errors, a redirect that may not be followed is one, and the answer has no `url`.
 */
export async function sessionFetch(
  { handlers, cookies }: Ways,
  input: string | Request,
  { bypassCustomProtocolHandlers = false, ...init }: RequestInit & { bypassCustomProtocolHandlers?: boolean },
): Promise<Response> {
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  const url = new URL(request.url);
  const handler = bypassCustomProtocolHandlers ? undefined : handlers.find(url.protocol.slice(0, -1));
  if (handler) return handler(request);
  if (!/^https?:$/.test(url.protocol)) throw new Error('net::ERR_UNKNOWN_URL_SCHEME');
  const received = await exchange(cookies, request);
  if (request.redirect !== 'follow' && REDIRECTS.has(received.status)) {
    await received.body?.cancel();
    throw new Error(
      request.redirect === 'error'
        ? "Attempted to redirect, but redirect policy was 'error'"
        : 'Redirect was cancelled',
    );
  }
  const { status, statusText } = received;
  const body = BODILESS.has(status) || request.method === 'HEAD' ? null : received.body;
  return new Response(body, { status, statusText, headers: received.headers });
}

/** Sends a request to a server on this machine, with the session's cookies; a redirect that may not be followed is the answer. */
export async function exchange(cookies: Cookies, request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (!ON_THIS_MACHINE.has(url.hostname)) throw new Error('net::ERR_NAME_NOT_RESOLVED');
  const headers = new Headers(request.headers);
  for (const name of CHROMIUMS) headers.delete(name);
  const withCookies = sendsCookies(request, url);
  const cookie = withCookies ? await cookies.of(url) : undefined;
  if (cookie !== undefined) headers.set('cookie', cookie);
  const redirect = request.redirect === 'follow' ? 'follow' : 'manual';
  const received = await fetch(new Request(request, { headers, redirect })).catch((error: Error) => {
    throw request.signal.aborted ? error : netError(error);
  });
  if (withCookies) await cookies.keep(url, received.headers.getSetCookie());
  return received;
}

/** Where no page has asked there is no other site, and `same-origin` sends them. */
function sendsCookies({ credentials, headers }: Request, url: URL): boolean {
  const origin = headers.get('origin');
  return credentials === 'include' || (credentials === 'same-origin' && (origin === null || origin === url.origin));
}

function netError({ message, cause }: Error): Error {
  const { code = '' } = (cause ?? {}) as { code?: string };
  return new Error(`net::${NET_ERRORS[code] ?? 'ERR_FAILED'}`, { cause: message });
}
