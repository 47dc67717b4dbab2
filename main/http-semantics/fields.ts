/** Parses header fields as strictly as the RFCs define them. */

/** Directives of Cache-Control: names in lower case, and arguments without quotes; `true` without an argument. */
export type Directives = ReadonlyMap<string, string | true>;

/** A list member: commas inside a quoted string don't separate members (RFC 9110 §5.6.1). */
const MEMBER_PATTERN = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
const DIRECTIVE_PATTERN = /^([!#$%&'*+.^_`|~\w-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?$/;

/** Returns the members of a list field, trimmed, without empty ones. O(length). */
export function parseListField(field: string | null): string[] {
  if (field === null) return [];
  // Most fields have no quotes; `split` is faster for long ones.
  const members = field.includes('"') ? (field.match(MEMBER_PATTERN) ?? []) : field.split(',');
  return members.map((member) => member.trim()).filter((member) => member !== '');
}

/** Limit in characters: longer fields are neither stored nor compared, because each request would parse them again. */
const MAX_FIELDS_LENGTH = 64 * 1024;

/** Whether header fields are longer than servers and browsers send. */
export function areFieldsTooLong(headers: Headers): boolean {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  return length > MAX_FIELDS_LENGTH;
}

/** Returns the first member of a list field, as `parseListField` does, from its first characters only. */
export const getFirstMember = (field: string | null): string | undefined =>
  parseListField(field?.slice(0, MAX_FIRST_MEMBER_LENGTH) ?? null)[0];

/** Limit in characters: no valid first member is longer. */
const MAX_FIRST_MEMBER_LENGTH = 1000;

/** Parses Cache-Control (RFC 9111 §5.2). The first of two equal directives counts (§4.2.1); invalid members are ignored. */
export function parseCacheControl(field: string | null): Directives {
  const directives = new Map<string, string | true>();
  for (const member of parseListField(field)) {
    const [, name, quoted, plain] = DIRECTIVE_PATTERN.exec(member) ?? [];
    if (name === undefined || directives.has(name.toLowerCase())) continue;
    directives.set(name.toLowerCase(), quoted ?? plain ?? true);
  }
  return directives;
}

/** Larger delta-seconds count as this (RFC 9111 §1.2.2). */
const MAX_DELTA_SECONDS = 2 ** 31;

/** Parses delta-seconds; returns undefined for anything but digits. */
export function parseDeltaSeconds(text: string | true | undefined): number | undefined {
  return typeof text === 'string' && /^\d+$/.test(text) ? Math.min(Number(text), MAX_DELTA_SECONDS) : undefined;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH_PATTERN = `(${MONTHS.join('|')})`;
const TIME_PATTERN = '(\\d\\d):(\\d\\d):(\\d\\d)';
const IMF_FIXDATE = new RegExp(
  `^(?:mon|tue|wed|thu|fri|sat|sun), (\\d\\d) ${MONTH_PATTERN} (\\d{4}) ${TIME_PATTERN} gmt$`,
);
const RFC_850 = new RegExp(
  `^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\\d\\d)-${MONTH_PATTERN}-(\\d\\d) ${TIME_PATTERN} gmt$`,
);
const ASCTIME = new RegExp(`^(?:mon|tue|wed|thu|fri|sat|sun) ${MONTH_PATTERN} ([ \\d]\\d) ${TIME_PATTERN} (\\d{4})$`);

/**
 * Parses an HTTP date in one of its three forms (RFC 9110 §5.6.7) to epoch milliseconds; returns undefined for anything else. `now`
 * completes a year of two digits.
 */
export function parseHttpDate(field: string | null, now: number): number | undefined {
  const text = field?.toLowerCase() ?? '';
  const fixed = IMF_FIXDATE.exec(text);
  if (fixed) return toUtcMs(fixed[3], fixed[2], fixed[1], fixed.slice(4));
  const asctime = ASCTIME.exec(text);
  if (asctime) return toUtcMs(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6));
  const old = RFC_850.exec(text);
  return old ? toUtcMs(resolveYear(Number(old[3]), now), old[2], old[1], old.slice(4)) : undefined;
}

function toUtcMs(
  year: string | number | undefined,
  month = '',
  day = '',
  time: readonly string[] = [],
): number | undefined {
  const [hour, minute, second] = time.map(Number);
  const at = Date.UTC(Number(year), MONTHS.indexOf(month), Number(day), hour, minute, second);
  return Number.isNaN(at) ? undefined : at;
}

/** A year more than 50 years ahead is in the previous century (RFC 9110 §5.6.7). */
function resolveYear(year: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const full = thisYear - (thisYear % 100) + year;
  return full > thisYear + 50 ? full - 100 : full;
}

/** A field that sets a cookie is for one response: stored, it would put a session on disk and serve it to later requests. */
const isCookieField = (name: string): boolean => name === 'set-cookie' || name === 'set-cookie2';

/** Returns the fields without those that set cookies. */
export const withoutCookies = <F extends readonly [name: string, value: string]>(fields: Iterable<F>): F[] =>
  [...fields].filter(([name]) => !isCookieField(name));

/** Fields about one connection or about the cache itself (RFC 9111 §3.1); those that Connection names are not stored either. */
const NOT_STORED_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Content codings that `fetch` decodes. */
const DECODED_CODINGS = /^(?:x-)?(?:gzip|deflate|br|zstd)$/;

/** Returns the fields to store with a body that `fetch` may have decoded, without those that must not be stored. */
export function getStoredFields(headers: Headers): [string, string][] {
  const dropped = new Set(parseListField(headers.get('connection')).map((name) => name.toLowerCase()));
  if (isDecoded(headers)) dropped.add('content-encoding').add('content-length');
  return [...headers].filter(([name]) => !NOT_STORED_FIELDS.has(name) && !dropped.has(name));
}

/** Whether `fetch` has decoded the body, so that the origin's lengths and ranges don't apply to it. */
export function isDecoded(headers: Headers): boolean {
  const codings = parseListField(headers.get('content-encoding'));
  return codings.length > 0 && codings.every((coding) => DECODED_CODINGS.test(coding.toLowerCase()));
}

/** Compares entity tags weakly (RFC 9110 §8.8.3.2). */
export function isSameTag(a: string, b: string): boolean {
  return a.replace(/^W\//, '') === b.replace(/^W\//, '');
}

/** Returns the URL that a server sees: fragments are never sent. */
export function withoutFragment(url: string): string {
  const at = url.indexOf('#');
  return at < 0 ? url : url.slice(0, at);
}

/** A part of a body: the bytes from `start` to `end`, `end` excluded. */
export interface RequestedRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses the Range field of a request for a body of `size` bytes (RFC 9110 §14.1.2). Undefined means that the response is the whole body
 * (§14.2): for another unit, for several ranges, and for an invalid field.
 */
export function parseRangeField(field: string, size: number): RequestedRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(field) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}

/** Whether the range of a request is the whole body, however long that is: `bytes=0-`, which media elements begin with. */
export function isWholeRangeRequest({ method, headers }: Request): boolean {
  const field = headers.get('range');
  if (method !== 'GET' || field === null || headers.has('if-range')) return false;
  const range = parseRangeField(field, Number.POSITIVE_INFINITY);
  return typeof range === 'object' && range.start === 0 && range.end === Number.POSITIVE_INFINITY;
}

/** Whether If-Range allows a part (RFC 9110 §13.1.5): it names the same strong entity tag, or exactly the same date. */
export function isRangeCurrent(request: Headers, stored: Headers, now: number): boolean {
  const condition = request.get('if-range');
  if (condition === null) return true;
  const date = parseHttpDate(condition, now);
  if (date !== undefined) return date === parseHttpDate(stored.get('last-modified'), now);
  return !condition.startsWith('W/') && condition === stored.get('etag');
}

/** Whether the client already has the stored representation (RFC 9110 §13.2.2): by If-None-Match, or else by If-Modified-Since. */
export function isNotModified(request: Headers, stored: Headers, now: number): boolean {
  if (request.has('if-none-match')) {
    const tag = stored.get('etag');
    return parseListField(request.get('if-none-match')).some(
      (it) => it === '*' || (tag !== null && isSameTag(it, tag)),
    );
  }
  const since = parseHttpDate(request.get('if-modified-since'), now);
  const modified = parseHttpDate(stored.get('last-modified') ?? stored.get('date'), now);
  return since !== undefined && modified !== undefined && modified <= since;
}
