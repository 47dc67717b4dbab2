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
  /** The request fields that select it, in small letters, and what else of the request does. */
  readonly selectedBy: readonly string[];
  /** A digest of what the request said there: credentials never reach the disk. */
  readonly selection: string;
}

/** A response that varies by more fields is not kept: each request for its URL would have to look at all of them. */
export const MAX_VARY_FIELDS = 64;

/**
 * No field has such a name. Whether a request goes without the session's credentials, and its fields by which a server may answer for
 * another host or path, such as `X-Forwarded-Host`: an answer to one of these is not for requests without.
 */
const REQUEST_PART = ':request';

/** What always selects, whatever `Vary` says. */
const ALWAYS_SELECTED_BY: readonly string[] = ['authorization', REQUEST_PART];

/** Fields whose members mean the same in any case of letters (RFC 5646 §2.1.1, RFC 9110 §8.4.1). */
const CASE_INSENSITIVE_FIELDS: ReadonlySet<string> = new Set(['accept-language', 'accept-encoding']);

/** The names in `Vary`, in small letters. */
export const getVaryFields = (response: Headers): string[] =>
  parseListField(response.get('vary')).map((name) => name.toLowerCase());

/** By what a response is selected; without a response, by what every one is. */
export const getSelectedBy = (response?: Headers): readonly string[] =>
  response === undefined ? ALWAYS_SELECTED_BY : [...new Set([...getVaryFields(response), ...ALWAYS_SELECTED_BY])];

export const toSelection = (request: Request, selectedBy: readonly string[]): Selection => ({
  selectedBy,
  selection: toDigest(request, selectedBy),
});

/** Whether a request selects a response. A version that did not note credentials asked with those of the session. */
export function selects(request: Request, { selectedBy, selection }: Selection): boolean {
  // Earlier versions kept what varies by any number of fields.
  if (selectedBy.length > MAX_VARY_FIELDS + ALWAYS_SELECTED_BY.length) return false;
  if (!selectedBy.includes(REQUEST_PART) && getRequestPart(request).length > 0) return false;
  return selection === toDigest(request, selectedBy);
}

/** Equal requests, equal digests. */
function toDigest(request: Request, selectedBy: readonly string[]): string {
  const values = selectedBy.map((name) => {
    if (name === REQUEST_PART) return [name, getRequestPart(request)];
    const field = request.headers.get(name);
    return [name, field && parseListField(CASE_INSENSITIVE_FIELDS.has(name) ? field.toLowerCase() : field)];
  });
  return createHash('sha256').update(JSON.stringify(values)).digest('base64');
}

/** Empty for a request as most are. `Headers` gives its fields in the order of their names. */
function getRequestPart({ credentials, headers }: Request): (readonly [string, string])[] {
  const routing = [...headers].filter(([name]) => isRoutingField(name));
  return credentials === 'omit' ? [['credentials', 'omit'], ...routing] : routing;
}

/** What the rules look at in a response. Times are epoch milliseconds. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** For whom responses are kept. */
export interface CacheAudience {
  /** Several users, as a proxy's. */
  readonly shared: boolean;
  /** Request fields, in small letters, that are added after the cache has seen the request, so a response can't be selected by them. */
  readonly hiddenHeaders: ReadonlySet<string>;
}

/** What RFC 9111 makes of a stored response: how long it is fresh and how old it is, both in seconds. */
export interface Freshness {
  readonly lifetime: number;
  readonly age: number;
}

/**
 * How a stored response may be used now: as it is (`fresh`, or `stale` where the request says so), as it is while it is
 * revalidated behind the scenes (RFC 5861 §3), or once the origin has confirmed it.
 */
export type Reuse = 'fresh' | 'stale' | 'while-revalidating' | 'after-validation';

/** Statuses that may be fresh without the origin having said so (RFC 9110 §15.1), but for 206, which is never stored. */
const HEURISTIC_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Statuses whose caching requirements are understood, for `must-understand`. */
const UNDERSTOOD_STATUSES: ReadonlySet<number> = new Set([...HEURISTIC_STATUSES, 302, 303, 307]);
/** For http-cache-semantics: a status that is stored when its freshness is explicit. */
const EXPLICIT_ONLY_STATUS = 302;
/** Whether a response to GET may be kept at all (RFC 9111 §3). */
export function isStorable(request: Request, head: ResponseHead, audience: CacheAudience): boolean {
  const { status } = head;
  if (request.method !== 'GET' || request.headers.has('range') || status < 200 || status === 206 || status === 304) {
    return false;
  }
  return mayStoreByFields(request, head, audience);
}

/** Whether what a response says of itself lets it be kept. */
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
 * RFC 9111 §4.2 and §5.2.1, for a stored response that the request selects. What came later than now came before the clock was set
 * back: its age is unknown, and it could seem fresh for years.
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
 * Whether a stale response may stand in for an origin that fails: for one that can't be reached always (RFC 9111 §4.2.4), for
 * one that answers with an error within `stale-if-error` (RFC 5861 §4), unless the response or the request forbids it.
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
  // Stored before the clock was set back: how old it is can't be known.
  if (now < head.receivedAt) return false;
  const { lifetime, age } = computeFreshness(request, head, now, shared);
  return (
    age <
    lifetime + (parseDeltaSeconds(parseCacheControl(head.headers.get('cache-control')).get('stale-if-error')) ?? 0)
  );
}

/** Pragma counts only where there is no Cache-Control (RFC 9111 §5.4). */
export function requestDirectives({ headers }: Request): Directives {
  const field = headers.get('cache-control');
  return parseCacheControl(field ?? (parseListField(headers.get('pragma')).includes('no-cache') ? 'no-cache' : null));
}

/** Whether it must not be used stale, whatever else is said (RFC 9111 §4.2.4). */
function mustRevalidate({ headers }: ResponseHead, shared: boolean): boolean {
  const directives = parseCacheControl(headers.get('cache-control'));
  const forbidding = shared
    ? ['no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage']
    : ['no-cache', 'must-revalidate'];
  return forbidding.some((name) => directives.has(name));
}

/**
 * The library's view of a response. It reads fields leniently, which can make what is stale fresh: it is shown those it needs
 * and no others, read strictly and written out again, with the age of now, whatever the machine's clock says.
 */
function toCachePolicy(request: Request, head: ResponseHead, now: number, shared: boolean): CachePolicy {
  const { headers, status, receivedAt } = head;
  const directives = new Map(parseCacheControl(headers.get('cache-control')));
  // Beside must-understand, who understands the status ignores no-store (RFC 9111 §5.2.2.3).
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
  // A shared cache may keep what was asked for with credentials where the response says must-revalidate (RFC 9111 §3.5).
  const credentials = directives.has('must-revalidate') ? null : request.headers.get('authorization');
  return new CachePolicy(
    { method: 'GET', headers: { authorization: credentials ?? undefined } },
    { status: HEURISTIC_STATUSES.has(status) ? status : EXPLICIT_ONLY_STATUS, headers: responseHeaders },
    { shared },
  );
}

const LIFETIME_DIRECTIVES = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'];

/** The directives asked for, lifetimes as plain seconds; an invalid one is none at all (RFC 9111 §4.2.1). */
function formatDirectives(directives: Directives, flags: readonly string[], lifetimes: readonly string[]): string {
  const seconds = (name: string) =>
    directives.get(name) === true ? '' : `=${parseDeltaSeconds(directives.get(name)) ?? 0}`;
  return [
    ...flags.filter((name) => directives.has(name)),
    ...lifetimes.filter((name) => directives.has(name)).map((name) => name + seconds(name)),
  ].join(', ');
}

/**
 * Whole seconds (RFC 9111 §4.2.3). Of a list the first Age counts, and one that is no number for nothing (§5.1). Parameters, which it can't
 * have, are left off: taking it for older than it may be is the mistake on the safe side.
 */
function computeAge({ headers, requestedAt, receivedAt }: ResponseHead, date: number, now: number): number {
  const apparent = Math.max(0, receivedAt - date);
  const [age = ''] = getFirstMember(headers.get('age'))?.split(';') ?? [];
  const reported = (parseDeltaSeconds(age.trim()) ?? 0) * 1000 + (receivedAt - requestedAt);
  return Math.floor((Math.max(apparent, reported) + Math.max(0, now - receivedAt)) / 1000);
}

const formatHttpDate = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toUTCString();
