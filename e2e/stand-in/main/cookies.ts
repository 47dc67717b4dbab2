import type { CdpSession } from '../chromium/cdp.ts';

/** What a `Set-Cookie` says, in the words of DevTools' `Storage.setCookies`. */
interface ParsedCookie {
  name: string;
  value: string;
  url: string;
  domain?: string;
  path?: string;
  secure?: boolean;
  httpOnly?: boolean;
  expires?: number;
  sameSite?: 'Strict' | 'Lax' | 'None';
}

/** A cookie as DevTools reports it. */
export interface Cookie extends Omit<ParsedCookie, 'url'> {
  readonly domain: string;
  readonly path: string;
  readonly secure: boolean;
  /** Whether it goes with the browser. */
  readonly session: boolean;
}

/** A request that may carry cookies. */
export interface CookieRequest {
  readonly url: URL;
  readonly method: string;
  /** The origin of the request; undefined for the application itself. */
  readonly origin: string | undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** The cookies that Chromium keeps for a session, for requests that the main process makes in its name. */
export class Cookies {
  readonly #browser: CdpSession;
  readonly #context: { readonly browserContextId?: string };

  /** `context`: Chromium's, undefined for that of the profile. */
  constructor(browser: CdpSession, context: string | undefined) {
    this.#browser = browser;
    this.#context = context === undefined ? {} : { browserContextId: context };
  }

  /** Returns the `Cookie` field of a request (RFC 6265 §5.4); undefined if there are no cookies for it. */
  async getField({ url, method, origin }: CookieRequest): Promise<string | undefined> {
    const cookies = await this.all();
    const isSameSite = origin === undefined || haveSameSite(origin, url);
    const sent = cookies.filter(
      ({ domain, path, secure, sameSite = 'Lax' }) =>
        matchesDomain(url.hostname, domain) &&
        matchesPath(url.pathname, path) &&
        isSecureEnough(url, secure) &&
        (isSameSite || sameSite === 'None' || (sameSite === 'Lax' && SAFE_METHODS.has(method))),
    );
    return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** Returns all cookies. */
  async all(): Promise<Cookie[]> {
    const { cookies } = await this.#browser.send('Storage.getCookies', this.#context);
    return cookies;
  }

  /** Sets cookies that `all` has returned. */
  async set(cookies: readonly Cookie[]): Promise<void> {
    if (cookies.length > 0) await this.#browser.send('Storage.setCookies', { ...this.#context, cookies: [...cookies] });
  }

  /** Keeps what an answer from `url` set. */
  async store(url: URL, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#browser.send('Storage.setCookies', {
      ...this.#context,
      cookies: lines.map((line) => parseSetCookie(line, url)),
    });
  }
}

/**
 * The site for cookies of a request of the main process is that of its URL, so a request without an origin, or with one of the same
 * site, carries `SameSite=Strict` ones, too (electron_api_url_loader.cc, net/cookies/cookie_util.cc). A site is a scheme and the last two
 * names of a host here.
 */
function haveSameSite(origin: string, url: URL): boolean {
  if (!URL.canParse(origin)) return false;
  const site = ({ protocol, hostname }: URL) =>
    `${protocol}${/^[\d.]+$|^\[/.test(hostname) ? hostname : hostname.split('.').slice(-2).join('.')}`;
  return site(new URL(origin)) === site(url);
}

/** RFC 6265 §5.1.3. DevTools writes a leading dot where subdomains are meant. */
const matchesDomain = (host: string, domain: string): boolean =>
  host === domain || (domain.startsWith('.') && (host === domain.slice(1) || host.endsWith(domain)));

/** RFC 6265 §5.1.4. */
const matchesPath = (path: string, prefix: string): boolean =>
  path === prefix || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'));

/** What comes from this machine counts as safe. */
const isSecureEnough = ({ protocol, hostname }: URL, secure: boolean): boolean =>
  !secure || protocol === 'https:' || /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);

const SAME_SITE: Readonly<Record<string, 'Strict' | 'Lax' | 'None'>> = { strict: 'Strict', lax: 'Lax', none: 'None' };

/** RFC 6265 §5.2, the attributes that servers of tests use; others are left out. */
function parseSetCookie(line: string, url: URL): ParsedCookie {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const cut = pair.indexOf('=');
  const cookie: ParsedCookie = { name: pair.slice(0, Math.max(cut, 0)), value: pair.slice(cut + 1), url: url.href };
  for (const attribute of attributes) {
    const [name = '', value = ''] = attribute.split('=', 2);
    if (/^domain$/i.test(name)) cookie.domain = value;
    else if (/^path$/i.test(name)) cookie.path = value;
    else if (/^secure$/i.test(name)) cookie.secure = true;
    else if (/^httponly$/i.test(name)) cookie.httpOnly = true;
    else if (/^samesite$/i.test(name)) cookie.sameSite = SAME_SITE[value.toLowerCase()] ?? 'Lax';
    else if (/^max-age$/i.test(name)) cookie.expires = Date.now() / 1000 + Number(value);
    else if (/^expires$/i.test(name)) cookie.expires ??= Date.parse(value) / 1000;
  }
  return cookie;
}
