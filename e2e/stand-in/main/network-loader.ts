import type { Readable } from 'node:stream';
import type { Cookies } from './cookies.ts';
import { allowsRequest, allowsResponse, type Credentials, getPreflight, getResponseField } from './cors.ts';
import { type IncomingResponse, sendHttpRequest } from './http-request.ts';

/** A request of the main process, as Electron hands it to Chromium's network (shell/common/api/electron_api_url_loader.cc). */
export interface LoadRequest {
  readonly url: URL;
  readonly method: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | Readable | undefined;
  /** The origin of the request; undefined for the application itself, for which CORS is not checked. */
  readonly origin: string | undefined;
  /** Of `sec-fetch-mode`. */
  readonly mode: string;
  readonly credentials: Credentials;
  /** False when no credentials were asked for: answers of servers that want a name are given one, but no cookie is sent or kept. */
  readonly cookies: boolean;
  readonly signal: AbortSignal;
}

/** A server's request for credentials. */
interface Challenge {
  readonly isProxy: boolean;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly realm: string;
}

export type Login = { readonly user: string; readonly password: string } | undefined;

/** The credentials of a session. */
export interface SessionIdentity {
  readonly cookies: Cookies;
  /** `Authorization` by the origin that has taken it. */
  readonly logins: Map<string, string>;
}

export interface LoadListener {
  /** Called before a redirect is followed. Throws if it must not be. */
  redirected(status: number, method: string, url: string, response: IncomingResponse): void;
  /** Undefined: the server's refusal is the answer. */
  challenged(challenge: Challenge): Promise<Login>;
}

const MAX_REDIRECTS = 20;
/** Chromium's network writes these itself, whatever a request says. */
const NETWORK_FIELDS = ['host', 'connection', 'content-length', 'accept-encoding', 'cookie', 'transfer-encoding'];
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request with the session's cookies, asks leave of the server where it comes from an origin by `cors`, and follows
 * redirects. Rejects with an `Error` in the words of Chromium's net errors.
 */
export async function loadResource(
  identity: SessionIdentity,
  first: LoadRequest,
  listener: LoadListener,
): Promise<IncomingResponse> {
  if (first.mode === 'cors' && first.origin === undefined) throw new Error('net::ERR_INVALID_ARGUMENT');
  let current = first;
  let isTainted = false;
  for (let redirects = 0; ; redirects++) {
    const response = await loadOnce(identity, current, isTainted, listener);
    const location = getResponseField(response, 'location');
    if (!REDIRECTS.has(response.status) || location === undefined) return response;
    response.body.destroy();
    if (redirects === MAX_REDIRECTS) throw new Error('net::ERR_TOO_MANY_REDIRECTS');
    const next = redirect(current, response.status, location);
    listener.redirected(response.status, next.method, next.url.href, response);
    if (!/^https?:$/.test(next.url.protocol)) throw new Error('net::ERR_UNSAFE_REDIRECT');
    // After a redirect from one foreign origin to another the origin is opaque.
    isTainted ||= current.url.origin !== current.origin && current.url.origin !== next.url.origin;
    current = next;
  }
}

async function loadOnce(
  { cookies, logins }: SessionIdentity,
  current: LoadRequest,
  isTainted: boolean,
  listener: LoadListener,
): Promise<IncomingResponse> {
  const { url, method, mode, signal } = current;
  const isForeign = current.origin !== undefined && (isTainted || current.origin !== url.origin);
  if (isForeign && mode === 'same-origin') throw new Error('net::ERR_FAILED');
  const isCompared = isForeign && mode === 'cors';
  const origin = isTainted ? 'null' : current.origin;
  const headers: Record<string, string> = { ...current.headers };
  for (const name of NETWORK_FIELDS) delete headers[name];
  if (origin !== undefined && (isCompared || (method !== 'GET' && method !== 'HEAD'))) headers['origin'] = origin;
  if (isCompared) await sendPreflight({ ...current, headers }, origin!);
  const hasCredentials = current.credentials === 'include' || (current.credentials === 'same-origin' && !isForeign);
  const hasCookies = current.cookies && hasCredentials;
  const cookie = hasCookies ? await cookies.getField({ url, method, origin: current.origin }) : undefined;
  if (cookie !== undefined) headers['cookie'] = cookie;
  const known = hasCredentials ? logins.get(url.origin) : undefined;
  if (known !== undefined) headers['authorization'] ??= known;
  const body = current.body;
  let response = await sendHttpRequest({ url, method, headers, body, signal });
  if (response.status === 407) throw new Error('net::ERR_UNEXPECTED_PROXY_AUTH');
  if (hasCookies) await cookies.store(url, getSetCookies(response));
  const challenge = hasCredentials ? parseChallenge(url, response) : undefined;
  const login = challenge && headers['authorization'] === undefined ? await listener.challenged(challenge) : undefined;
  if (login) {
    response.body.destroy();
    const authorization = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
    response = await sendHttpRequest({ url, method, headers: { ...headers, authorization }, body, signal });
    if (response.status !== 401) logins.set(url.origin, authorization);
    if (hasCookies) await cookies.store(url, getSetCookies(response));
  }
  if (isCompared && !allowsResponse(response, origin!, current.credentials)) {
    response.body.destroy();
    throw new Error('net::ERR_FAILED');
  }
  return response;
}

/** Sends the preflight of a request, without cookies. */
async function sendPreflight(
  { url, method, headers, credentials, signal }: LoadRequest,
  origin: string,
): Promise<void> {
  const fields = getPreflight(origin, method, headers);
  if (!fields) return;
  const response = await sendHttpRequest({ url, method: 'OPTIONS', headers: fields, body: undefined, signal });
  response.body.destroy();
  if (!allowsRequest(response, { origin, method, headers }, credentials)) throw new Error('net::ERR_FAILED');
}

/** The request that a redirect makes (Chromium: net/url_request/redirect_info.cc). */
function redirect(asked: LoadRequest, status: number, location: string): LoadRequest {
  const url = new URL(location, asked.url);
  const becomesGet = status === 303 ? asked.method !== 'HEAD' : status < 303 && asked.method === 'POST';
  const isLost = (name: string) =>
    (becomesGet && /^(content-.*|origin)$/.test(name)) || (name === 'authorization' && url.origin !== asked.url.origin);
  const headers = Object.fromEntries(Object.entries(asked.headers).filter(([name]) => !isLost(name)));
  if (becomesGet) return { ...asked, url, headers, method: 'GET', body: undefined };
  if (asked.body !== undefined && !(asked.body instanceof Uint8Array)) throw new Error('net::ERR_FAILED');
  return { ...asked, url, headers };
}

const getSetCookies = ({ rawHeaders }: IncomingResponse): string[] =>
  rawHeaders.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);

/** Only the scheme Basic is supported. */
function parseChallenge({ protocol, hostname, port }: URL, response: IncomingResponse): Challenge | undefined {
  const [, realm] = /\bbasic\s+realm="?([^",]*)/i.exec(getResponseField(response, 'www-authenticate') ?? '') ?? [];
  if (response.status !== 401 || realm === undefined) return undefined;
  const ofScheme = protocol === 'https:' ? 443 : 80;
  return { isProxy: false, scheme: 'basic', host: hostname, port: Number(port || ofScheme), realm };
}
