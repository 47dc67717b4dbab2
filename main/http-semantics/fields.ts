/** Reading header fields as strictly as the RFCs write them. */

/** Cache-Control as names (small letters) and arguments (without quotes); `true` where there is none. */
export type Directives = ReadonlyMap<string, string | true>;

/** List members: commas inside a quoted string don't part them (RFC 9110 §5.6.1). */
const MEMBER_PATTERN = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
const DIRECTIVE_PATTERN = /^([!#$%&'*+.^_`|~\w-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?$/;

/** A list field's members, trimmed; empty ones are left out. O(length). */
export function parseListField(field: string | null): string[] {
  if (field === null) return [];
  // Most fields have no quotes, and long ones are parted faster so.
  const members = field.includes('"') ? (field.match(MEMBER_PATTERN) ?? []) : field.split(',');
  return members.map((member) => member.trim()).filter((member) => member !== '');
}

/** What has more is neither kept nor compared: reading it again for each request would take its time. Characters. */
const MAX_FIELDS_LENGTH = 64 * 1024;

/** Whether header fields are longer than those of servers and browsers are. */
export function areFieldsTooLong(headers: Headers): boolean {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  return length > MAX_FIELDS_LENGTH;
}

/** A list field's first member, as `parseListField` gives it, of its first characters. */
export const getFirstMember = (field: string | null): string | undefined =>
  parseListField(field?.slice(0, MAX_FIRST_MEMBER_LENGTH) ?? null)[0];

/** No member that means something here is longer. */
const MAX_FIRST_MEMBER_LENGTH = 1000;

/** Cache-Control (RFC 9111 §5.2). Of a directive that occurs twice the first counts (§4.2.1); what is no directive counts for nothing. */
export function parseCacheControl(field: string | null): Directives {
  const directives = new Map<string, string | true>();
  for (const member of parseListField(field)) {
    const [, name, quoted, plain] = DIRECTIVE_PATTERN.exec(member) ?? [];
    if (name === undefined || directives.has(name.toLowerCase())) continue;
    directives.set(name.toLowerCase(), quoted ?? plain ?? true);
  }
  return directives;
}

/** The greatest delta-seconds told apart (RFC 9111 §1.2.2). */
const MAX_DELTA_SECONDS = 2 ** 31;

/** Delta-seconds; undefined for anything but digits. */
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

/** An HTTP date in one of its three forms (RFC 9110 §5.6.7), epoch milliseconds; undefined for anything else. `now` settles a year of two digits. */
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

/** More than 50 years ahead is the century before (RFC 9110 §5.6.7). */
function resolveYear(year: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const full = thisYear - (thisYear % 100) + year;
  return full > thisYear + 50 ? full - 100 : full;
}

/** What sets a cookie belongs to one answer: kept, it would be a session on the disk, and shown to later requests. */
const isCookieField = (name: string): boolean => name === 'set-cookie' || name === 'set-cookie2';

/** Without what sets cookies. */
export const withoutCookies = <F extends readonly [name: string, value: string]>(fields: Iterable<F>): F[] =>
  [...fields].filter(([name]) => !isCookieField(name));

/** Fields that concern one connection or the cache itself are not kept (RFC 9111 §3.1), nor those that Connection names. */
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
/** Codings that `fetch` has taken off the body it hands out. */
const DECODED_CODINGS = /^(?:x-)?(?:gzip|deflate|br|zstd)$/;

/** The fields that describe the body as `fetch` hands it out, without those that must not be kept. */
export function getStoredFields(headers: Headers): [string, string][] {
  const dropped = new Set(parseListField(headers.get('connection')).map((name) => name.toLowerCase()));
  if (isDecoded(headers)) dropped.add('content-encoding').add('content-length');
  return [...headers].filter(([name]) => !NOT_STORED_FIELDS.has(name) && !dropped.has(name));
}

/** Whether `fetch` has decoded the body, so that lengths and ranges of the origin's are not those of what is here. */
export function isDecoded(headers: Headers): boolean {
  const codings = parseListField(headers.get('content-encoding'));
  return codings.length > 0 && codings.every((coding) => DECODED_CODINGS.test(coding.toLowerCase()));
}

/** The weak comparison of entity tags (RFC 9110 §8.8.3.2). */
export function isSameTag(a: string, b: string): boolean {
  return a.replace(/^W\//, '') === b.replace(/^W\//, '');
}

/** Fragments never reach a server. */
export function withoutFragment(url: string): string {
  const at = url.indexOf('#');
  return at < 0 ? url : url.slice(0, at);
}
