import type { RequestGuard } from '../request-guard.ts';
import { withoutFragment } from './fields.ts';

/** https://fetch.spec.whatwg.org/#redirect-status */
const REDIRECT: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOST_HOPS = 20;
/** Credentials are for the origin they were written for. */
const OF_ONE_ORIGIN = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/**
 * Follows redirects as the fetch standard does (https://fetch.spec.whatwg.org/#http-redirect-fetch): each hop is a request of its
 * own, so each answer, redirects included, is kept under the URL that gave it. Only reading is followed here; for anything else,
 * and with `redirect: 'manual'`, the first answer is the answer. `passBy` gets those on the way, whose bodies nobody has read.
 * With a `guard`, which looks at each hop, what changes something is followed, too, but for its body, which can't be sent again.
 *
 * @throws {TypeError} as `fetch` does: with `redirect: 'error'`, for more than 20 hops, for a Location that can't be followed.
 */
export async function followed<T extends Response | undefined>(
  request: Request,
  answer: (hop: Request) => Promise<T>,
  passBy: (hop: Request, response: Response) => void,
  guard?: RequestGuard,
): Promise<T> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const isFollowed = request.redirect !== 'manual' && (isRead || guard !== undefined);
  let hop = request;
  for (let hops = 0; ; hops++) {
    guard?.beforeAnswer(hop);
    const response = await answer(hop);
    const location = response?.headers.get('location') ?? null;
    if (!isFollowed || response === undefined || location === null || !REDIRECT.has(response.status)) {
      if (response !== undefined && hops > 0) asArrived(response, hop);
      return response;
    }
    passBy(hop, response);
    if (request.redirect === 'error') throw new TypeError(`${hop.url} redirects, and redirect: 'error' was asked for`);
    if (hops === MOST_HOPS) throw new TypeError(`${request.url} was redirected more than ${MOST_HOPS} times`);
    hop = next(hop, location, response.status);
  }
}

function next(hop: Request, location: string, status: number): Request {
  const from = new URL(hop.url);
  const to = URL.canParse(location, hop.url) ? new URL(location, hop.url) : undefined;
  if (to === undefined || (to.protocol !== from.protocol && !/^https?:$/.test(to.protocol))) {
    throw new TypeError(`${hop.url} redirects to ${location}, which can't be followed`);
  }
  const isSameOrigin = to.origin === from.origin;
  if (!isSameOrigin && hop.mode === 'same-origin') {
    throw new TypeError(`${hop.url} redirects to another origin, ${to.origin}, and mode: 'same-origin' was asked for`);
  }
  const following = toFollowing(hop, to.href, status);
  if (!isSameOrigin) for (const name of OF_ONE_ORIGIN) following.headers.delete(name);
  return following;
}

/** Fields that describe a body. https://fetch.spec.whatwg.org/#request-body-header-name */
const OF_A_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type'];

/** A POST that is redirected goes on as a GET, and what has a body ends here where it would have to be sent again. */
function toFollowing(hop: Request, url: string, status: number): Request {
  const { method, body, headers, signal, credentials, cache, mode, referrerPolicy } = hop;
  if (method === 'GET' || method === 'HEAD') return new Request(url, hop);
  if (status === 303 || (method === 'POST' && status < 303)) {
    const fields = new Headers(headers);
    for (const name of OF_A_BODY) fields.delete(name);
    return new Request(url, { headers: fields, signal, credentials, cache, mode, referrerPolicy });
  }
  if (body === null) return new Request(url, { method, headers, signal, credentials, cache, mode, referrerPolicy });
  throw new TypeError(`${method} ${hop.url} was redirected (${status}) to ${url}, and its body can't be sent again`);
}

/** `fetch` tells of the way by these two. */
function asArrived(response: Response, hop: Request): void {
  Object.defineProperties(response, {
    url: { value: response.url || withoutFragment(hop.url) },
    redirected: { value: true },
  });
}
