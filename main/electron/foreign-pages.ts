import { toReasonPhrase } from '../../protocol/reason-phrase.ts';
import type { StrategyOptions } from '../offline/index.ts';
import type { Initiators, RequestInitiator } from './initiator.ts';

/**
 * CORS as the fetch standard has it (https://fetch.spec.whatwg.org/#http-cors-protocol): Chromium doesn't enforce it on what a protocol
 * handler returns.
 */

/** https://fetch.spec.whatwg.org/#cors-safelisted-method */
const SAFELISTED_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
const SAFELISTED_CONTENT_TYPES =
  /^[\t ]*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)[\t ]*(;|$)/i;
/** Set by the browser, never by a script (https://fetch.spec.whatwg.org/#forbidden-request-header), and User-Agent, which isn't sent on. */
const FORBIDDEN_FIELDS =
  /^(accept-charset|accept-encoding|access-control-request-.*|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|user-agent|via|proxy-.*|sec-.*)$/;
/** Headers that Chromium sets by itself, with one value each, and without a preflight (services/network/public/cpp/cors/cors.cc). */
const CHROMIUM_FIELDS: Readonly<Record<string, string>> = {
  'upgrade-insecure-requests': '1',
  'save-data': 'on',
  purpose: 'prefetch',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: as the standard lists them
const UNSAFE_BYTE = /[\x00-\x08\x0a-\x1f"():<>?@[\\\]{}\x7f]/;
const MAX_SAFELISTED_FIELD_BYTES = 128;
const MAX_SAFELISTED_TOTAL_BYTES = 1024;

/** Returns whether a browser would send a preflight. The body doesn't affect that. */
export function needsPreflight({ method, headers }: Request): boolean {
  if (!SAFELISTED_METHODS.has(method)) return true;
  const fields = [...headers].filter(([name]) => !FORBIDDEN_FIELDS.test(name));
  const bytes = fields.reduce((sum, [, value]) => sum + value.length, 0);
  return bytes > MAX_SAFELISTED_TOTAL_BYTES || fields.some(([name, value]) => !isSafelisted(name, value));
}

/** https://fetch.spec.whatwg.org/#cors-safelisted-request-header */
function isSafelisted(name: string, value: string): boolean {
  if (CHROMIUM_FIELDS[name] === value) return true;
  if (value.length > MAX_SAFELISTED_FIELD_BYTES) return false;
  switch (name) {
    case 'accept':
      return !UNSAFE_BYTE.test(value);
    case 'accept-language':
    case 'content-language':
      return /^[\w *,.;=-]*$/.test(value) && !value.includes('_');
    case 'content-type':
      return !UNSAFE_BYTE.test(value) && SAFELISTED_CONTENT_TYPES.test(value);
    case 'range':
      return isSimpleRange(value);
    default:
      return false;
  }
}

/** Returns whether the value is a single byte range with a start, and an end that is not before it. */
function isSimpleRange(value: string): boolean {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(value) ?? [];
  return start !== undefined && (end === '' || BigInt(start) <= BigInt(end ?? ''));
}

/** The CORS check for a request without credentials; `'null'` is an opaque origin. */
function passesCors({ headers }: Response, origin: string): boolean {
  const allowed = headers.get('access-control-allow-origin');
  return allowed === '*' || allowed === origin;
}

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Returns the target of a redirect; undefined for another response, `'refused'` if a browser would not follow it. */
function getRedirectTarget({ status, headers }: Response, from: string): URL | 'refused' | undefined {
  const location = headers.get('location');
  if (location === null || !REDIRECT_STATUSES.has(status)) return undefined;
  if (!URL.canParse(location, from)) return 'refused';
  const to = new URL(location, from);
  const isWeb = to.protocol === 'http:' || to.protocol === 'https:';
  return isWeb && to.username === '' && to.password === '' ? to : 'refused';
}

/** https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name */
const SAFELISTED_RESPONSE_FIELDS: ReadonlySet<string> = new Set([
  ...['cache-control', 'content-language', 'content-length', 'content-type', 'expires', 'last-modified', 'pragma'],
]);

/** Headers that Chromium itself needs: the range of a partial response, and the one that forbids guessing a type. */
const CHROMIUM_RESPONSE_FIELDS: ReadonlySet<string> = new Set(['content-range', 'x-content-type-options']);

/**
 * The response must not be shown as a document: a foreign page that opens it in a frame or a window can't be told from one that fetches it,
 * and the server's own headers against framing are not exposed.
 */
const NO_DOCUMENT_FIELDS = {
  'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
} as const;

/**
 * Returns the part of a response that a page of another origin may read: the body, and the exposed headers. The response must have passed
 * the CORS check.
 */
export function toExposedResponse(response: Response): Response {
  const { status, statusText } = response;
  const listed = (response.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(',');
  const exposed = new Set(listed.map((name) => name.trim()));
  const isExposed = (name: string) =>
    !/^set-cookie2?$/.test(name) &&
    (SAFELISTED_RESPONSE_FIELDS.has(name) ||
      CHROMIUM_RESPONSE_FIELDS.has(name) ||
      exposed.has('*') ||
      exposed.has(name));
  const fields = [...response.headers].filter(([name]) => isExposed(name));
  const headers = new Headers(fields.map(([name, value]) => [name, value]));
  const ours = /deskcache;[^,]*$/.exec(response.headers.get('cache-status') ?? '')?.[0];
  if (ours !== undefined && !headers.has('cache-status')) headers.set('cache-status', ours);
  const names = [...headers.keys()].filter((name) => name === 'cache-status' || exposed.has('*') || exposed.has(name));
  // Chromium follows a redirect by its Location; the Location of any other response is hidden like other headers.
  for (const name of ['access-control-allow-origin', ...(REDIRECT_STATUSES.has(status) ? ['location'] : [])]) {
    const value = response.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (names.length > 0) headers.set('access-control-expose-headers', names.join(', '));
  for (const [name, value] of Object.entries(NO_DOCUMENT_FIELDS)) headers.set(name, value);
  return new Response(response.body, { status, statusText: toReasonPhrase(statusText), headers });
}

interface OriginResponder {
  respond(request: Request, plan?: StrategyOptions): Promise<Response>;
}

interface ForeignPagesOptions {
  readonly initiators: Initiators;
  /** Opens the responder for the pages of one origin, with a partition of its own and without the session's cookies. */
  readonly open: (origin: string) => OriginResponder;
  /** Whether requests go to Chromium's network service, which sends a preflight where one is needed. */
  readonly makesPreflights: boolean;
}

/** For requests that need a preflight: only the server may allow them. */
const BYPASS_STRATEGY: StrategyOptions = { strategy: 'network-only' };

/** Maximum number of origins whose HTTP caches are kept open; their contents are on disk. */
const MAX_OPEN_ORIGINS = 32;

/**
 * Responds to requests of foreign pages for other origins with what CORS allows. Electron doesn't say whether a request is a `fetch`, an
 * image or a navigation, so the rules of `fetch` apply to all of them.
 */
export class ForeignPages {
  readonly #options: ForeignPagesOptions;
  readonly #open = new Map<string, OriginResponder>();

  constructor(options: ForeignPagesOptions) {
    this.#options = options;
  }

  async respond(request: Request, requester: RequestInitiator & { isOwn: false }): Promise<Response> {
    const { initiators, makesPreflights } = this.#options;
    const isPreflighted = needsPreflight(request);
    if (isPreflighted && !makesPreflights) return Response.error();
    const responder = this.#get(requester.origin);
    const response = await responder.respond(request, isPreflighted ? BYPASS_STRATEGY : undefined);
    const to = getRedirectTarget(response, request.url);
    if (to === 'refused' || !passesCors(response, requester.origin)) {
      await response.body?.cancel();
      return Response.error();
    }
    if (to !== undefined) initiators.noteRedirect(requester, request.url, to);
    return toExposedResponse(response);
  }

  #get(origin: string): OriginResponder {
    const responder = this.#open.get(origin) ?? this.#options.open(origin);
    this.#open.delete(origin);
    this.#open.set(origin, responder);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN_ORIGINS && oldest !== undefined) this.#open.delete(oldest);
    return responder;
  }
}

/** Headers that carry the user's data, and `User-Agent`: Chromium sets it by itself, and setting it here would cause a preflight. */
const DROPPED_FIELDS = ['cookie', 'cookie2', 'user-agent'];

/** Returns the request to send to the network for a foreign origin: with its `Origin`, without credentials. */
export function toForeignRequest(origin: string, request: Request): Request {
  const sent = new Request(request, { credentials: 'omit' });
  for (const name of DROPPED_FIELDS) sent.headers.delete(name);
  sent.headers.set('origin', origin);
  return sent;
}
