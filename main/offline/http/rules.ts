import CachePolicy from 'http-cache-semantics';
import { type Directives, dateOf, directivesOf, getFirstMember, isTooLong, membersOf, secondsOf } from './fields.ts';
import { getVaryFields, MAX_VARY_FIELDS } from './selection.ts';

/** What the rules look at in a response. Times are epoch milliseconds. */
export interface Head {
  readonly status: number;
  readonly headers: Headers;
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** For whom responses are kept. */
export interface Readership {
  /** Several users, as a proxy's. */
  readonly shared: boolean;
  /** Request fields, in small letters, that are added after the cache has seen the request: nobody can select by them. */
  readonly unseen: ReadonlySet<string>;
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
export type Use = 'fresh' | 'stale' | 'while-revalidating' | 'after-validation';

/** Statuses that may be fresh without the origin having said so (RFC 9110 §15.1), but for 206, which is never stored. */
const HEURISTIC: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Statuses whose caching requirements are understood, for `must-understand`. */
const UNDERSTOOD: ReadonlySet<number> = new Set([...HEURISTIC, 302, 303, 307]);
/** For http-cache-semantics: a status that is stored when its freshness is explicit. */
const EXPLICIT_ONLY = 302;
/** Whether a response to GET may be kept at all (RFC 9111 §3). */
export function isStorable(request: Request, head: Head, readers: Readership): boolean {
  const { status } = head;
  if (request.method !== 'GET' || request.headers.has('range') || status < 200 || status === 206 || status === 304) {
    return false;
  }
  return mayBeKept(request, head, readers);
}

/** Whether what a response says of itself lets it be kept. */
export function mayBeKept(request: Request, head: Head, { shared, unseen }: Readership): boolean {
  const { status, headers } = head;
  if (isTooLong(headers)) return false;
  const varying = getVaryFields(headers);
  if (varying.length > MAX_VARY_FIELDS || varying.some((name) => name === '*' || unseen.has(name))) return false;
  const directives = directivesOf(headers.get('cache-control'));
  if (directives.has('must-understand') && !UNDERSTOOD.has(status)) return false;
  return policyOf(request, head, head.receivedAt, shared).storable();
}

export function freshnessOf(request: Request, head: Head, now: number, shared: boolean): Freshness {
  const policy = policyOf(request, head, now, shared);
  return { lifetime: policy.maxAge(), age: policy.age() };
}

/**
 * RFC 9111 §4.2 and §5.2.1, for a stored response that the request selects. What came later than now came before the clock was set
 * back: nobody knows how old it is, and it could seem fresh for years.
 */
export function useOf(request: Request, head: Head, now: number, shared: boolean): Use {
  if (now < head.receivedAt) return 'after-validation';
  const policy = policyOf(request, head, now, shared);
  const directives = requestDirectives(request);
  if (secondsOf(directives.get('max-age')) === 0) return 'after-validation';
  const asked = written(directives, ['no-cache'], ['max-age', 'min-fresh', 'max-stale']);
  const { response, revalidation } = policy.evaluateRequest({ method: 'GET', headers: { 'cache-control': asked } });
  if (response === undefined) return 'after-validation';
  if (!policy.stale()) return 'fresh';
  if (mustValidate(head, shared)) return 'after-validation';
  return revalidation === undefined ? 'stale' : 'while-revalidating';
}

/**
 * Whether a stale response may stand in for an origin that fails: for one that can't be reached always (RFC 9111 §4.2.4), for
 * one that answers with an error within `stale-if-error` (RFC 5861 §4), unless the response or the request forbids it.
 */
export function mayStandIn(request: Request, head: Head, now: number, shared: boolean, reached: boolean): boolean {
  if (mustValidate(head, shared) || requestDirectives(request).has('no-cache')) return false;
  if (!reached) return true;
  // Stored before the clock was set back: how old it is can't be known.
  if (now < head.receivedAt) return false;
  const { lifetime, age } = freshnessOf(request, head, now, shared);
  return age < lifetime + (secondsOf(directivesOf(head.headers.get('cache-control')).get('stale-if-error')) ?? 0);
}

/** Pragma counts only where there is no Cache-Control (RFC 9111 §5.4). */
export function requestDirectives({ headers }: Request): Directives {
  const field = headers.get('cache-control');
  return directivesOf(field ?? (membersOf(headers.get('pragma')).includes('no-cache') ? 'no-cache' : null));
}

/** Whether it must not be used stale, whatever else is said (RFC 9111 §4.2.4). */
function mustValidate({ headers }: Head, shared: boolean): boolean {
  const directives = directivesOf(headers.get('cache-control'));
  const forbidding = shared
    ? ['no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage']
    : ['no-cache', 'must-revalidate'];
  return forbidding.some((name) => directives.has(name));
}

/**
 * The library's view of a response. It reads fields leniently, which can make what is stale fresh: it is shown those it needs
 * and no others, read strictly and written out again, with the age of now, whatever the machine's clock says.
 */
function policyOf(request: Request, head: Head, now: number, shared: boolean): CachePolicy {
  const { headers, status, receivedAt } = head;
  const directives = new Map(directivesOf(headers.get('cache-control')));
  // Beside must-understand, who understands the status ignores no-store (RFC 9111 §5.2.2.3).
  if (directives.has('must-understand') && UNDERSTOOD.has(status)) directives.delete('no-store');
  const mayBeHeuristic = HEURISTIC.has(status) || directives.has('public');
  const date = dateOf(headers.get('date'), receivedAt) ?? receivedAt;
  const shown = {
    'cache-control': written(directives, ['no-store', 'no-cache', 'private', 'public'], LIFETIMES),
    date: httpDate(date),
    age: String(currentAge(head, date, now)),
    expires: headers.has('expires') ? (httpDate(dateOf(headers.get('expires'), receivedAt)) ?? '0') : undefined,
    'last-modified': mayBeHeuristic ? httpDate(dateOf(headers.get('last-modified'), receivedAt)) : undefined,
    'set-cookie': headers.get('set-cookie') ?? undefined,
  };
  // A shared cache may keep what was asked for with credentials where the response says must-revalidate (RFC 9111 §3.5).
  const credentials = directives.has('must-revalidate') ? null : request.headers.get('authorization');
  return new CachePolicy(
    { method: 'GET', headers: { authorization: credentials ?? undefined } },
    { status: HEURISTIC.has(status) ? status : EXPLICIT_ONLY, headers: shown },
    { shared },
  );
}

const LIFETIMES = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'];

/** The directives asked for, lifetimes as plain seconds; an invalid one is none at all (RFC 9111 §4.2.1). */
function written(directives: Directives, flags: readonly string[], lifetimes: readonly string[]): string {
  const seconds = (name: string) => (directives.get(name) === true ? '' : `=${secondsOf(directives.get(name)) ?? 0}`);
  return [
    ...flags.filter((name) => directives.has(name)),
    ...lifetimes.filter((name) => directives.has(name)).map((name) => name + seconds(name)),
  ].join(', ');
}

/**
 * Whole seconds (RFC 9111 §4.2.3). Of a list the first Age counts, and one that is no number for nothing (§5.1). Parameters, which it can't
 * have, are left off: taking it for older than it may be is the mistake on the safe side.
 */
function currentAge({ headers, requestedAt, receivedAt }: Head, date: number, now: number): number {
  const apparent = Math.max(0, receivedAt - date);
  const [age = ''] = getFirstMember(headers.get('age'))?.split(';') ?? [];
  const told = (secondsOf(age.trim()) ?? 0) * 1000 + (receivedAt - requestedAt);
  return Math.floor((Math.max(apparent, told) + Math.max(0, now - receivedAt)) / 1000);
}

const httpDate = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toUTCString();
