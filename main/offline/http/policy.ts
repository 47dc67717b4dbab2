import { createHash } from 'node:crypto';
import CachePolicy from 'http-cache-semantics';
import { isRoutingField } from '../../../protocol/request-fields.ts';
import {
  areFieldsTooLong,
  type Directives,
  getFirstMember,
  parseCacheControl,
  parseDeltaSeconds,
  parseHttpDate,
  parseListField,
} from '../../http-semantics/fields.ts';

/** How a stored response is selected among those of its URL (RFC 9111 §4.1). */
export interface Selection {
  /** The names of the request fields that select it, in lower case, and `REQUEST_PART`. */
  readonly selectedBy: readonly string[];
  /** A digest of the values of these fields: credentials never reach the disk. */
  readonly selection: string;
}

/** A response that varies by more fields is not stored: each request for its URL would have to compare all of them. */
export const MAX_VARY_FIELDS = 64;

/**
 * Stands for a part of the request that is not one field: whether it omits the session's credentials, and the fields by which a server
 * may answer for another host or path, such as `X-Forwarded-Host`. A response to such a request is not for requests without. It can't be
 * the name of a field.
 */
const REQUEST_PART = ':request';

/** What selects every response, whatever `Vary` says. */
const ALWAYS_SELECTED_BY: readonly string[] = ['authorization', REQUEST_PART];

/** Fields whose values are case-insensitive (RFC 5646 §2.1.1, RFC 9110 §8.4.1). */
const CASE_INSENSITIVE_FIELDS: ReadonlySet<string> = new Set(['accept-language', 'accept-encoding']);

/** Returns the names in `Vary`, in lower case. */
const getVaryFields = (response: Headers): string[] =>
  parseListField(response.get('vary')).map((name) => name.toLowerCase());

/** Returns what selects a response; without a response, what selects every one. */
export const getSelectedBy = (response?: Headers): readonly string[] =>
  response === undefined ? ALWAYS_SELECTED_BY : [...new Set([...getVaryFields(response), ...ALWAYS_SELECTED_BY])];

export const toSelection = (request: Request, selectedBy: readonly string[]): Selection => ({
  selectedBy,
  selection: toDigest(request, selectedBy),
});

/** Whether a request selects a response. Versions that did not note credentials always sent those of the session. */
export function selects(request: Request, { selectedBy, selection }: Selection): boolean {
  // Earlier versions stored responses that vary by any number of fields.
  if (selectedBy.length > MAX_VARY_FIELDS + ALWAYS_SELECTED_BY.length) return false;
  if (!selectedBy.includes(REQUEST_PART) && getRequestPart(request).length > 0) return false;
  return selection === toDigest(request, selectedBy);
}

/** Returns the same digest for requests with equal values of these fields. */
function toDigest(request: Request, selectedBy: readonly string[]): string {
  const values = selectedBy.map((name) => {
    if (name === REQUEST_PART) return [name, getRequestPart(request)];
    const field = request.headers.get(name);
    return [name, field && parseListField(CASE_INSENSITIVE_FIELDS.has(name) ? field.toLowerCase() : field)];
  });
  return createHash('sha256').update(JSON.stringify(values)).digest('base64');
}

/** Returns an empty list for most requests. `Headers` iterates in the order of the names. */
function getRequestPart({ credentials, headers }: Request): (readonly [string, string])[] {
  const routing = [...headers].filter(([name]) => isRoutingField(name));
  return credentials === 'omit' ? [['credentials', 'omit'], ...routing] : routing;
}

/** What the rules need of a response. Times are epoch milliseconds. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** The users for whom responses are stored. */
export interface CacheAudience {
  /** Whether there are several users, as behind a proxy. */
  readonly shared: boolean;
  /** Request fields, in lower case, that are added after the cache has seen the request, so a response can't be selected by them. */
  readonly hiddenHeaders: ReadonlySet<string>;
}

/** Freshness lifetime and age of a stored response (RFC 9111 §4.2), in seconds. */
export interface Freshness {
  readonly lifetime: number;
  readonly age: number;
}

/**
 * How a stored response may be reused now: as it is (`fresh`, or `stale` where the request allows that), as it is while it is
 * revalidated in the background (RFC 5861 §3), or after the origin has confirmed it.
 */
export type Reuse = 'fresh' | 'stale' | 'while-revalidating' | 'after-validation';

/** Heuristically cacheable statuses (RFC 9110 §15.1), except 206, which is never stored. */
const HEURISTIC_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Statuses whose caching requirements this cache understands, for `must-understand`. */
const UNDERSTOOD_STATUSES: ReadonlySet<number> = new Set([...HEURISTIC_STATUSES, 302, 303, 307]);
/** A status that http-cache-semantics stores only if its freshness is explicit. */
const EXPLICIT_ONLY_STATUS = 302;

/** Whether a response may be stored (RFC 9111 §3). */
export function isStorable(request: Request, head: ResponseHead, audience: CacheAudience): boolean {
  const { status } = head;
  if (request.method !== 'GET' || request.headers.has('range') || status < 200 || status === 206 || status === 304) {
    return false;
  }
  return mayStoreByFields(request, head, audience);
}

/** Whether the fields of a response allow to store it. */
export function mayStoreByFields(
  request: Request,
  head: ResponseHead,
  { shared, hiddenHeaders }: CacheAudience,
): boolean {
  const { status, headers } = head;
  if (areFieldsTooLong(headers)) return false;
  const varying = getVaryFields(headers);
  if (varying.length > MAX_VARY_FIELDS || varying.some((name) => name === '*' || hiddenHeaders.has(name))) return false;
  const directives = parseCacheControl(headers.get('cache-control'));
  if (directives.has('must-understand') && !UNDERSTOOD_STATUSES.has(status)) return false;
  return toCachePolicy(request, head, head.receivedAt, shared).storable();
}

export function computeFreshness(request: Request, head: ResponseHead, now: number, shared: boolean): Freshness {
  const policy = toCachePolicy(request, head, now, shared);
  return { lifetime: policy.maxAge(), age: policy.age() };
}

/**
 * Returns how a stored response that the request selects may be reused (RFC 9111 §4.2, §5.2.1). A response from the future was received
 * before the clock was set back: its age is unknown, and it could seem fresh for years, so it is validated.
 */
export function decideReuse(request: Request, head: ResponseHead, now: number, shared: boolean): Reuse {
  if (now < head.receivedAt) return 'after-validation';
  const policy = toCachePolicy(request, head, now, shared);
  const directives = requestDirectives(request);
  if (parseDeltaSeconds(directives.get('max-age')) === 0) return 'after-validation';
  const requested = formatDirectives(directives, ['no-cache'], ['max-age', 'min-fresh', 'max-stale']);
  const { response, revalidation } = policy.evaluateRequest({ method: 'GET', headers: { 'cache-control': requested } });
  if (response === undefined) return 'after-validation';
  if (!policy.stale()) return 'fresh';
  if (mustRevalidate(head, shared)) return 'after-validation';
  return revalidation === undefined ? 'stale' : 'while-revalidating';
}

/**
 * Whether a stale response may be served because the origin fails. If it can't be reached, always (RFC 9111 §4.2.4); if it responds with
 * an error, within `stale-if-error` (RFC 5861 §4); never if the response or the request forbids it.
 */
export function mayServeStaleOnError(
  request: Request,
  head: ResponseHead,
  now: number,
  shared: boolean,
  isReachable: boolean,
): boolean {
  if (mustRevalidate(head, shared) || requestDirectives(request).has('no-cache')) return false;
  if (!isReachable) return true;
  // It was stored before the clock was set back, so its age is unknown.
  if (now < head.receivedAt) return false;
  const { lifetime, age } = computeFreshness(request, head, now, shared);
  return (
    age <
    lifetime + (parseDeltaSeconds(parseCacheControl(head.headers.get('cache-control')).get('stale-if-error')) ?? 0)
  );
}

/** Returns the directives of a request. Pragma counts only without Cache-Control (RFC 9111 §5.4). */
export function requestDirectives({ headers }: Request): Directives {
  const field = headers.get('cache-control');
  return parseCacheControl(field ?? (parseListField(headers.get('pragma')).includes('no-cache') ? 'no-cache' : null));
}

/** Whether a response must not be reused stale, whatever the request says (RFC 9111 §4.2.4). */
function mustRevalidate({ headers }: ResponseHead, shared: boolean): boolean {
  const directives = parseCacheControl(headers.get('cache-control'));
  const forbidding = shared
    ? ['no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage']
    : ['no-cache', 'must-revalidate'];
  return forbidding.some((name) => directives.has(name));
}

/**
 * Returns the http-cache-semantics policy of a response. The library parses fields leniently, which can make a stale response fresh. So
 * it gets only the fields it needs, parsed strictly and formatted again, with the age at `now` instead of the machine's clock.
 */
function toCachePolicy(request: Request, head: ResponseHead, now: number, shared: boolean): CachePolicy {
  const { headers, status, receivedAt } = head;
  const directives = new Map(parseCacheControl(headers.get('cache-control')));
  // A cache that understands the status ignores no-store beside must-understand (RFC 9111 §5.2.2.3).
  if (directives.has('must-understand') && UNDERSTOOD_STATUSES.has(status)) directives.delete('no-store');
  const mayBeHeuristic = HEURISTIC_STATUSES.has(status) || directives.has('public');
  const date = parseHttpDate(headers.get('date'), receivedAt) ?? receivedAt;
  const responseHeaders = {
    'cache-control': formatDirectives(directives, ['no-store', 'no-cache', 'private', 'public'], LIFETIME_DIRECTIVES),
    date: formatHttpDate(date),
    age: String(computeAge(head, date, now)),
    expires: headers.has('expires')
      ? (formatHttpDate(parseHttpDate(headers.get('expires'), receivedAt)) ?? '0')
      : undefined,
    'last-modified': mayBeHeuristic
      ? formatHttpDate(parseHttpDate(headers.get('last-modified'), receivedAt))
      : undefined,
    'set-cookie': headers.get('set-cookie') ?? undefined,
  };
  // A shared cache may store a response to a request with credentials if it says must-revalidate (RFC 9111 §3.5).
  const credentials = directives.has('must-revalidate') ? null : request.headers.get('authorization');
  return new CachePolicy(
    { method: 'GET', headers: { authorization: credentials ?? undefined } },
    { status: HEURISTIC_STATUSES.has(status) ? status : EXPLICIT_ONLY_STATUS, headers: responseHeaders },
    { shared },
  );
}

const LIFETIME_DIRECTIVES = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'];

/** Formats the named directives, lifetimes as plain seconds; an invalid lifetime is 0 (RFC 9111 §4.2.1). */
function formatDirectives(directives: Directives, flags: readonly string[], lifetimes: readonly string[]): string {
  const seconds = (name: string) =>
    directives.get(name) === true ? '' : `=${parseDeltaSeconds(directives.get(name)) ?? 0}`;
  return [
    ...flags.filter((name) => directives.has(name)),
    ...lifetimes.filter((name) => directives.has(name)).map((name) => name + seconds(name)),
  ].join(', ');
}

/**
 * Returns the age in whole seconds (RFC 9111 §4.2.3). The first member of an Age list counts; an invalid one is ignored (§5.1).
 * Parameters, which Age doesn't have, are cut off: to overestimate an age is safe.
 */
function computeAge({ headers, requestedAt, receivedAt }: ResponseHead, date: number, now: number): number {
  const apparent = Math.max(0, receivedAt - date);
  const [age = ''] = getFirstMember(headers.get('age'))?.split(';') ?? [];
  const reported = (parseDeltaSeconds(age.trim()) ?? 0) * 1000 + (receivedAt - requestedAt);
  return Math.floor((Math.max(apparent, reported) + Math.max(0, now - receivedAt)) / 1000);
}

const formatHttpDate = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toUTCString();
