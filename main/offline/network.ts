import { formatValue } from '../../protocol/describe-value.ts';
import { type CacheMethods, DiskCacheError } from '../engine/index.ts';
import { assertFunction, wrapListener } from '../engine/internal.ts';
import { withoutFragment } from '../http-semantics/fields.ts';

/** Checks the requests of callers with limited access. */
export interface RequestGuard {
  /** Called before a request, or the next one after a redirect, gets a response, also a stored one. Throws to refuse it. */
  beforeAnswer(request: Request): void;
  /** Called before a request is sent. Rejects to refuse it. */
  beforeSending(request: Request): Promise<void>;
}

/** A function such as the global `fetch`. */
export type Fetch = (request: Request) => Promise<Response>;

interface CacheAndFetch {
  readonly cache: CacheMethods;
  readonly fetch: Fetch;
}

/**
 * Checks the store and the `fetch` that everything in this folder works with.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a cache that is not open in this process, such as one of a utility process, for one whose
 * codec can't store bytes, and for a `fetch` that isn't a function.
 */
export function assertCacheAndFetch(by: string, { cache, fetch }: CacheAndFetch): void {
  if (typeof cache !== 'object' || cache === null || !('openBytes' in cache)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${by} needs a cache that is open in this process, such as new Cache(directory) of deskcache/engine`,
    );
  }
  if (getCodec(cache) === 'json') {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${by} stores bytes, which the codec "json" of ${cache.directory} does not support; use a store with the codec "structured"`,
    );
  }
  if (typeof fetch !== 'function') {
    throw new DiskCacheError('BAD_OPTION', `${by} needs a function fetch(request), such as networkFetch(session)`);
  }
}

/** Returns undefined for a closed store: it stores nothing, and every response comes from the network. */
function getCodec(cache: CacheMethods): string | undefined {
  try {
    return cache.codec;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return undefined;
  }
}

/**
 * Returns `fetch` with a check that it returns a response.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, when the function is called.
 */
export function assertingFetch(by: string, fetch: Fetch): Fetch {
  return async (request) => {
    const response: unknown = await fetch(request);
    if (isResponse(response)) return response;
    throw new DiskCacheError(
      'BAD_OPTION',
      `The fetch given to ${by} returned ${formatValue(response)} for ${request.method} ${request.url}; it has to return a Response`,
    );
  };
}

/** Also accepts instances of another copy of the class, such as that of the package undici. */
const isResponse = (value: unknown): value is Response =>
  typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value;

type OnlineListener = (online: boolean) => void;

/**
 * Whether the network can be reached, as the application says, for example by Electron's `net.isOnline()`, the `online` event of a page,
 * or a switch in the menu. Offline, requests fail at once instead of after a time-out, and stored responses are served.
 */
export class NetworkState {
  #online: boolean;
  readonly #listeners = new Set<OnlineListener>();

  /** @throws {DiskCacheError} `BAD_OPTION` unless `online` is true or false. */
  constructor(online = true) {
    this.#online = parseOnline(online);
  }

  /** For callers that poll, such as `queue.process`. */
  readonly isOnline = (): boolean => this.#online;

  /**
   * Sets the state; calls the listeners if it has changed.
   *
   * @throws {DiskCacheError} `BAD_OPTION` unless `online` is true or false; the state stays.
   */
  set(online: boolean): void {
    if (parseOnline(online) === this.#online) return;
    this.#online = online;
    for (const listener of [...this.#listeners]) listener(online);
  }

  /** Calls `listener` on every change from now on. Returns an unsubscribe function. */
  subscribe(listener: OnlineListener): () => void {
    assertFunction(listener, 'a listener');
    const wrapped = wrapListener(listener, 'the connection');
    this.#listeners.add(wrapped);
    return () => void this.#listeners.delete(wrapped);
  }

  /** Returns `fetch` that rejects with a `TypeError` while offline, as the global one does without a network. */
  guard(fetch: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
    return async (request) => {
      if (!this.#online) throw new TypeError(`Offline: ${request.method} ${request.url} was not sent`);
      return fetch(request);
    };
  }
}

/** Refuses strings such as 'no', which would all count as true. */
function parseOnline(online: unknown): boolean {
  if (typeof online === 'boolean') return online;
  throw new DiskCacheError('BAD_OPTION', `A network state has to be true or false, not ${formatValue(online, "'")}`);
}

/** https://fetch.spec.whatwg.org/#redirect-status */
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 20;
/** Credentials are only for the origin that they were set for. */
const ORIGIN_BOUND_FIELDS = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/**
 * Follows redirects as the fetch standard does (https://fetch.spec.whatwg.org/#http-redirect-fetch). Each hop is a request of its own, so
 * each response, redirects included, is stored under the URL that gave it. Only GET and HEAD are followed; for other methods, and with
 * `redirect: 'manual'`, the first response is returned. `onRedirect` gets the redirects, whose bodies are unread. With a `guard`, which
 * checks each hop, other methods are followed, too, unless their body would have to be sent again.
 *
 * @throws {TypeError} as `fetch` does: with `redirect: 'error'`, for more than 20 hops, for a Location that can't be followed.
 */
export async function followRedirects<T extends Response | undefined>(
  request: Request,
  respond: (hop: Request) => Promise<T>,
  onRedirect: (hop: Request, response: Response) => void,
  guard?: RequestGuard,
): Promise<T> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const isFollowed = request.redirect !== 'manual' && (isRead || guard !== undefined);
  let hop = request;
  for (let hops = 0; ; hops++) {
    guard?.beforeAnswer(hop);
    const response = await respond(hop);
    const location = response?.headers.get('location') ?? null;
    if (!isFollowed || response === undefined || location === null || !REDIRECT_STATUSES.has(response.status)) {
      if (response !== undefined && hops > 0) markRedirected(response, hop);
      return response;
    }
    onRedirect(hop, response);
    if (request.redirect === 'error') throw new TypeError(`${hop.url} redirects, and redirect: 'error' was requested`);
    if (hops === MAX_REDIRECTS) throw new TypeError(`${request.url} was redirected more than ${MAX_REDIRECTS} times`);
    hop = toNextHop(hop, location, response.status);
  }
}

function toNextHop(hop: Request, location: string, status: number): Request {
  const from = new URL(hop.url);
  const to = URL.canParse(location, hop.url) ? new URL(location, hop.url) : undefined;
  if (to === undefined || (to.protocol !== from.protocol && !/^https?:$/.test(to.protocol))) {
    throw new TypeError(`${hop.url} redirects to ${location}, which can't be followed`);
  }
  const isSameOrigin = to.origin === from.origin;
  if (!isSameOrigin && hop.mode === 'same-origin') {
    throw new TypeError(`${hop.url} redirects to another origin, ${to.origin}, and mode: 'same-origin' was requested`);
  }
  const next = toRedirectedRequest(hop, to.href, status);
  if (!isSameOrigin) for (const name of ORIGIN_BOUND_FIELDS) next.headers.delete(name);
  return next;
}

/** Fields that describe a body. https://fetch.spec.whatwg.org/#request-body-header-name */
const BODY_FIELDS = ['content-encoding', 'content-language', 'content-location', 'content-type'];

/**
 * Returns the request to which `hop` is redirected: a POST may become a GET.
 *
 * @throws {TypeError} if a body would have to be sent again.
 */
function toRedirectedRequest(hop: Request, url: string, status: number): Request {
  const { method, body, headers, signal, credentials, cache, mode, referrerPolicy } = hop;
  if (method === 'GET' || method === 'HEAD') return new Request(url, hop);
  if (status === 303 || (method === 'POST' && status < 303)) {
    const fields = new Headers(headers);
    for (const name of BODY_FIELDS) fields.delete(name);
    return new Request(url, { headers: fields, signal, credentials, cache, mode, referrerPolicy });
  }
  if (body === null) return new Request(url, { method, headers, signal, credentials, cache, mode, referrerPolicy });
  throw new TypeError(`${method} ${hop.url} was redirected (${status}) to ${url}, and its body can't be sent again`);
}

/** Sets the two properties by which `fetch` reports a redirect. */
function markRedirected(response: Response, hop: Request): void {
  Object.defineProperties(response, {
    url: { value: response.url || withoutFragment(hop.url) },
    redirected: { value: true },
  });
}
