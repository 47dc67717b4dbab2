import { formatValue } from '../../protocol/describe-value.ts';
import { type CacheMethods, DiskCacheError } from '../engine/index.ts';
import { assertFunction, wrapListener } from '../engine/internal.ts';
import { withoutFragment } from '../http-semantics/fields.ts';

/** Checks requests of callers that may not reach everything. */
export interface RequestGuard {
  /** Before a request, or the next one of a redirect, is answered, also from what is stored. Throws to refuse it. */
  beforeAnswer(request: Request): void;
  /** Before a request is sent. Rejects to refuse it. */
  beforeSending(request: Request): Promise<void>;
}

/** A function such as the global `fetch`. */
export type Fetch = (request: Request) => Promise<Response>;

interface CacheAndFetch {
  readonly cache: CacheMethods;
  readonly fetch: Fetch;
}

/**
 * What everything here works with: a store, synchronously, and a way to the network.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a cache that is not open in this process, such as one of a utility process, for one whose
 * codec can't keep bytes, and for a `fetch` that isn't a function.
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
      `${by} keeps bytes, which the codec "json" of ${cache.directory} can't; give it a store with the codec "structured"`,
    );
  }
  if (typeof fetch !== 'function') {
    throw new DiskCacheError('BAD_OPTION', `${by} needs a function fetch(request), such as networkFetch(session)`);
  }
}

/** Undefined for a store that was closed already: it keeps nothing, and the answers come from the network. */
function getCodec(cache: CacheMethods): string | undefined {
  try {
    return cache.codec;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return undefined;
  }
}

/**
 * Returns the same function, which fails by name when it returns something else than a response.
 *
 * @throws {DiskCacheError} `BAD_OPTION` from the function.
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

/** Also one of another copy of the class, such as that of the package undici. */
const isResponse = (value: unknown): value is Response =>
  typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value;

type OnlineListener = (online: boolean) => void;

/**
 * Whether there is a way to the network, as somebody says who knows: Electron's `net.isOnline()`, the `runOnline` events of a page, a
 * switch in the menu. Offline, requests fail at once instead of after a time-out, and what is stored stands in.
 */
export class NetworkState {
  #online: boolean;
  readonly #listeners = new Set<OnlineListener>();

  /** @throws {DiskCacheError} `BAD_OPTION` for what is neither true nor false. */
  constructor(online = true) {
    this.#online = parseOnline(online);
  }

  /** For callers that poll, such as `queue.process`. */
  readonly isOnline = (): boolean => this.#online;

  /**
   * Says how it is; tells the listeners when that is new.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for what is neither true nor false: nothing is changed.
   */
  set(online: boolean): void {
    if (parseOnline(online) === this.#online) return;
    this.#online = online;
    for (const listener of [...this.#listeners]) listener(online);
  }

  /** Calls `listener` on every change from now on. Returns an unsubscribe function. */
  subscribe(listener: OnlineListener): () => void {
    assertFunction(listener, 'a listener');
    const own = wrapListener(listener, 'the connection');
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The same way to the origin, closed while offline: it rejects with a `TypeError`, as `fetch` does without a network. */
  guard(fetch: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
    return async (request) => {
      if (!this.#online) throw new TypeError(`Offline: ${request.method} ${request.url} was not sent`);
      return fetch(request);
    };
  }
}

/** Texts such as 'no' would all stand for true. */
function parseOnline(online: unknown): boolean {
  if (typeof online === 'boolean') return online;
  throw new DiskCacheError('BAD_OPTION', `A connection is set to true or false, not to ${formatValue(online, "'")}`);
}

/** https://fetch.spec.whatwg.org/#redirect-status */
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 20;
/** Credentials are for the origin they were written for. */
const ORIGIN_BOUND_FIELDS = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/**
 * Follows redirects as the fetch standard does (https://fetch.spec.whatwg.org/#http-redirect-fetch): each hop is a request of its
 * own, so each answer, redirects included, is kept under the URL that gave it. Only reading is followed here; for anything else,
 * and with `redirect: 'manual'`, the first answer is the answer. `passBy` gets those on the way, whose bodies nobody has read.
 * With a `guard`, which looks at each hop, what changes something is followed, too, but for its body, which can't be sent again.
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
    if (request.redirect === 'error') throw new TypeError(`${hop.url} redirects, and redirect: 'error' was asked for`);
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
    throw new TypeError(`${hop.url} redirects to another origin, ${to.origin}, and mode: 'same-origin' was asked for`);
  }
  const following = toRedirectedRequest(hop, to.href, status);
  if (!isSameOrigin) for (const name of ORIGIN_BOUND_FIELDS) following.headers.delete(name);
  return following;
}

/** Fields that describe a body. https://fetch.spec.whatwg.org/#request-body-header-name */
const BODY_FIELDS = ['content-encoding', 'content-language', 'content-location', 'content-type'];

/** A POST that is redirected goes on as a GET, and what has a body ends here where it would have to be sent again. */
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

/** `fetch` tells of the way by these two. */
function markRedirected(response: Response, hop: Request): void {
  Object.defineProperties(response, {
    url: { value: response.url || withoutFragment(hop.url) },
    redirected: { value: true },
  });
}
