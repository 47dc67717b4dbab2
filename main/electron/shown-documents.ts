import { app, type Event, type Session, type WebContents, webContents } from 'electron';

type IsOwn = (origin: string) => boolean;

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

/** Sessions that have shown a foreign document. Its workers may live on after `host.offline` has ended and begun again. */
const foreign = new WeakSet<Session>();

/**
 * Whether every document that a session has shown is one of the application's, for an Electron without `initiatorOrigin`. From the first
 * foreign one on it stays false: a worker that the document left running makes requests like any other.
 */
export class ShownDocuments {
  readonly #session: Session;
  readonly #isOwn: IsOwn;
  readonly #watched = new Set<WebContents>();

  constructor(session: Session, isOwn: IsOwn) {
    this.#session = session;
    this.#isOwn = isOwn;
    app.on('web-contents-created', this.#onCreated);
    for (const contents of webContents.getAllWebContents()) this.#watch(contents);
  }

  /** Also checks the frames: a sandboxed document at an own address has an opaque origin. */
  areOwn(): boolean {
    for (const contents of this.#watched) {
      if (foreign.has(this.#session)) break;
      for (const { url, origin } of getFrames(contents)) {
        const isKnown = EMPTY_DOCUMENT.test(url)
          ? /^(null)?$/.test(origin) || this.#isOwn(origin)
          : BROWSER_PAGE.test(url);
        if (!isKnown && !this.#isOwn(origin)) this.#markForeign(url);
      }
    }
    return !foreign.has(this.#session);
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
    if (foreign.has(this.#session)) return;
    foreign.add(this.#session);
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
