import { app, type Event, type Session, type WebContents, webContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { isOwnOrigin } from './sender.ts';

type IsOwnOrigin = (origin: string) => boolean;

/** An empty document: only its opener or its parent can give it content. */
const EMPTY_DOCUMENT = /^(about:blank([?#].*)?)?$/;
/** The browser's own pages. */
const BROWSER_PAGE = /^(devtools|chrome|chrome-error):/i;

/** Returns the serialized origin of an address, custom schemes included; `'null'` if it has none of its own. */
export function getOrigin(url: string): string {
  const inner = url.replace(/^blob:/i, '');
  if (!URL.canParse(inner)) return 'null';
  const { protocol, host, origin } = new URL(inner);
  if (/^(https?|ftp|wss?):$/.test(protocol)) return origin;
  return /^(about|blob|data|javascript|filesystem):$/.test(protocol) ? 'null' : `${protocol}//${host}`;
}

/** Sessions that have shown a foreign document. Its workers may outlive the end and restart of `host.offline`. */
const sessionsWithForeignDocuments = new WeakSet<Session>();

/**
 * Whether every document that a session has shown is one of the application's, for an Electron without `initiatorOrigin`. From the first
 * foreign one on it stays false: a worker that the document left running makes requests like any other.
 */
export class ShownDocuments {
  readonly #session: Session;
  readonly #isOwn: IsOwnOrigin;
  readonly #watched = new Set<WebContents>();

  constructor(session: Session, isOwn: IsOwnOrigin) {
    this.#session = session;
    this.#isOwn = isOwn;
    app.on('web-contents-created', this.#onCreated);
    for (const contents of webContents.getAllWebContents()) this.#watch(contents);
  }

  /** Also checks the frames: a sandboxed document at an own address has an opaque origin. */
  areAllOwn(): boolean {
    for (const contents of this.#watched) {
      if (sessionsWithForeignDocuments.has(this.#session)) break;
      for (const { url, origin } of getFrames(contents)) {
        const isKnown = EMPTY_DOCUMENT.test(url)
          ? /^(null)?$/.test(origin) || this.#isOwn(origin)
          : BROWSER_PAGE.test(url);
        if (!isKnown && !this.#isOwn(origin)) this.#markForeign(url);
      }
    }
    return !sessionsWithForeignDocuments.has(this.#session);
  }

  end(): void {
    app.off('web-contents-created', this.#onCreated);
    for (const contents of this.#watched) {
      contents.off('did-start-navigation', this.#onNavigation);
      contents.off('did-redirect-navigation', this.#onNavigation);
    }
    this.#watched.clear();
  }

  readonly #onCreated = (_event: Event, contents: WebContents): void => this.#watch(contents);

  /** Called before the document's first request is sent. */
  readonly #onNavigation = ({ url }: { url: string }): void => {
    if (EMPTY_DOCUMENT.test(url) || BROWSER_PAGE.test(url) || this.#isOwn(getOrigin(url))) return;
    this.#markForeign(url);
  };

  #watch(contents: WebContents): void {
    if (contents.session !== this.#session) return;
    this.#watched.add(contents);
    contents.on('did-start-navigation', this.#onNavigation);
    contents.on('did-redirect-navigation', this.#onNavigation);
    contents.once('destroyed', () => this.#watched.delete(contents));
  }

  #markForeign(url: string): void {
    if (sessionsWithForeignDocuments.has(this.#session)) return;
    sessionsWithForeignDocuments.add(this.#session);
    const origin = getOrigin(url);
    process.emitWarning(
      `${origin === 'null' ? url.slice(0, 80) : origin} is shown in a session of host.offline, and this Electron ` +
        `(${process.versions.electron ?? 'unknown'}) doesn't tell which page a request is from. From now on every page of the session ` +
        'gets from other origins only what they give everyone (Access-Control-Allow-Origin: *), without cookies. Show foreign pages in a ' +
        'session of their own, name the origins of your own pages in host.offline(session, { origins }), or use Electron 43.7, 44.4, 45 or later',
    );
  }
}

/** Returns no frames after a crash of the renderer: they can't be read, and make no requests. */
function getFrames(contents: WebContents): readonly { url: string; origin: string }[] {
  try {
    return contents.mainFrame.framesInSubtree.map(({ url, origin }) => ({ url, origin }));
  } catch {
    return [];
  }
}

/** The source of a request to a protocol handler. */
export type RequestInitiator =
  /** The browser itself, a page of the application, or a page that requests its own origin. */
  | { readonly isOwn: true; readonly origin: string | undefined }
  /** A foreign page that requests another origin. CORS is checked for `origin`, which is `'null'` after a redirect between two foreign origins. */
  | { readonly isOwn: false; readonly origin: string; readonly initiator: string };

/** The serialization of an opaque origin, which is never one of the application's. */
const OPAQUE_ORIGIN = 'null';

/**
 * The first minor release, by major, in which requests of `protocol.handle` have `initiatorOrigin` (electron/electron#53685 and its
 * backports). Later majors have it, earlier ones don't.
 */
const FIRST_MINOR_WITH_INITIATOR: ReadonlyMap<number, number> = new Map([
  [43, 7],
  [44, 4],
  [45, 0],
]);

/** Whether requests of this Electron's protocol handlers have `initiatorOrigin`. False if that is not certain. */
export function hasInitiatorOrigin(version: string | undefined): boolean {
  const [, major, minor, , prerelease] = /^(\d+)\.(\d+)\.(\d+)(-.+)?$/.exec(version ?? '') ?? [];
  if (major === undefined || minor === undefined) return false;
  const first = FIRST_MINOR_WITH_INITIATOR.get(Number(major));
  if (first === undefined) return Number(major) > Math.max(...FIRST_MINOR_WITH_INITIATOR.keys());
  return prerelease === undefined && Number(minor) >= first;
}

/** Redirects between two foreign origins that are remembered until the page follows them. */
const MAX_PENDING_REDIRECTS = 256;
/** Limit for one URL: a page need not follow its redirects, and each pending one makes a later request opaque. */
const MAX_PENDING_REDIRECTS_PER_URL = 16;

/** Tells the application's requests from those of foreign pages. Fails closed. */
export class Initiators {
  readonly #origins: ReadonlySet<string>;
  /** Number of pending redirects to each URL: concurrent equal requests are redirected to the same one. */
  readonly #redirects = new Map<string, number>();
  #hasInitiatorOrigin: boolean;
  readonly #shownDocuments: ShownDocuments | undefined;

  /** @throws {DiskCacheError} `BAD_OPTION` for a value that is not an origin. */
  constructor(session: Session, origins: readonly string[] = []) {
    for (const origin of origins) assertOrigin(origin);
    this.#origins = new Set(origins);
    this.#hasInitiatorOrigin = hasInitiatorOrigin(process.versions.electron);
    if (!this.#hasInitiatorOrigin) this.#shownDocuments = new ShownDocuments(session, (origin) => this.#isOwn(origin));
  }

  getInitiator(request: Request): RequestInitiator {
    const { initiatorOrigin: initiator } = request as { initiatorOrigin?: unknown };
    if (typeof initiator !== 'string') {
      return this.#hasInitiatorOrigin || this.#shownDocuments?.areAllOwn()
        ? { isOwn: true, origin: undefined }
        : { isOwn: false, origin: OPAQUE_ORIGIN, initiator: OPAQUE_ORIGIN };
    }
    if (!this.#hasInitiatorOrigin) this.#shownDocuments?.end();
    this.#hasInitiatorOrigin = true;
    if (this.#takeRedirect(toRedirectKey(initiator, request.url)))
      return { isOwn: false, origin: OPAQUE_ORIGIN, initiator };
    const isOwn = initiator !== OPAQUE_ORIGIN && (initiator === getOrigin(request.url) || this.#isOwn(initiator));
    return isOwn ? { isOwn, origin: initiator } : { isOwn: false, origin: initiator, initiator };
  }

  /**
   * Records a redirect of a foreign request. Between two foreign origins the request's origin becomes opaque, even if the redirect leads
   * back to its own (https://fetch.spec.whatwg.org/#concept-request-tainted-origin); Electron reports the same initiator throughout.
   */
  noteRedirect({ origin, initiator }: RequestInitiator & { isOwn: false }, from: string, to: URL): void {
    if (origin !== OPAQUE_ORIGIN && getOrigin(from) === to.origin) return;
    const key = toRedirectKey(initiator, to.href);
    const pending = this.#redirects.get(key) ?? 0;
    this.#redirects.delete(key);
    const [oldest] = this.#redirects.keys();
    if (this.#redirects.size >= MAX_PENDING_REDIRECTS && oldest !== undefined) this.#redirects.delete(oldest);
    this.#redirects.set(key, Math.min(pending + 1, MAX_PENDING_REDIRECTS_PER_URL));
  }

  #takeRedirect(key: string): boolean {
    const pending = this.#redirects.get(key);
    if (pending === undefined) return false;
    if (pending > 1) this.#redirects.set(key, pending - 1);
    else this.#redirects.delete(key);
    return true;
  }

  end(): void {
    this.#shownDocuments?.end();
  }

  #isOwn(origin: string): boolean {
    return origin !== OPAQUE_ORIGIN && (this.#origins.has(origin) || isOwnOrigin(origin, app.isPackaged));
  }
}

/** Without the fragment, which may be lost in a redirect. */
const toRedirectKey = (initiator: string, url: string): string => `${initiator} ${url.split('#', 1)[0]}`;

function assertOrigin(origin: unknown): void {
  // A URL may have an asterisk in its host, which would match nothing.
  const isText = typeof origin === 'string' && origin !== OPAQUE_ORIGIN && !origin.includes('*');
  if (isText && getOrigin(origin) === origin) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `host.offline: ${JSON.stringify(origin)} in origins is not an origin; write it as https://app.example.com, without a path and without wildcards`,
  );
}
