import { app, type Session } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { isOwnOrigin } from './sender.ts';
import { getOrigin, ShownDocuments } from './shown-documents.ts';

/** The source of a request to a protocol handler. */
export type Asker =
  /** The browser itself, a page of the application, or a page that requests its own origin. */
  | { readonly isOwn: true; readonly origin: string | undefined }
  /** A foreign page that requests another origin. CORS is checked for `origin`, which is `'null'` after a redirect between two foreign origins. */
  | { readonly isOwn: false; readonly origin: string; readonly initiator: string };

/** The serialization of an opaque origin, which is never one of the application's. */
const OPAQUE = 'null';

/**
 * The first minor release, by major, in which requests of `protocol.handle` have `initiatorOrigin` (electron/electron#53685 and its
 * backports). Later majors have it, earlier ones don't.
 */
const FIRST_MINOR: ReadonlyMap<number, number> = new Map([
  [43, 7],
  [44, 4],
  [45, 0],
]);

/** Whether requests of this Electron's protocol handlers have `initiatorOrigin`. False if that is not certain. */
export function hasInitiatorOrigin(version: string | undefined): boolean {
  const [, major, minor, , prerelease] = /^(\d+)\.(\d+)\.(\d+)(-.+)?$/.exec(version ?? '') ?? [];
  if (major === undefined || minor === undefined) return false;
  const first = FIRST_MINOR.get(Number(major));
  if (first === undefined) return Number(major) > Math.max(...FIRST_MINOR.keys());
  return prerelease === undefined && Number(minor) >= first;
}

/** Redirects between two foreign origins that are remembered until the page follows them. */
const MAX_REMEMBERED_REDIRECTS = 256;
/** Of those to one address: a page need not follow them, and each makes one later request opaque then. */
const MAX_REMEMBERED_PER_ADDRESS = 16;

/** Tells the application's requests from those of foreign pages. Fails closed. */
export class Initiators {
  readonly #origins: ReadonlySet<string>;
  /** How many redirects to an address are on their way: equal requests at the same time are redirected to the same one. */
  readonly #redirects = new Map<string, number>();
  #isNamed: boolean;
  readonly #shown: ShownDocuments | undefined;

  /** @throws {DiskCacheError} `BAD_OPTION` for what is not an origin. */
  constructor(session: Session, origins: readonly string[] = []) {
    for (const origin of origins) assertOrigin(origin);
    this.#origins = new Set(origins);
    this.#isNamed = hasInitiatorOrigin(process.versions.electron);
    if (!this.#isNamed) this.#shown = new ShownDocuments(session, (origin) => this.#isOwn(origin));
  }

  getAsker(request: Request): Asker {
    const { initiatorOrigin: initiator } = request as { initiatorOrigin?: unknown };
    if (typeof initiator !== 'string') {
      return this.#isNamed || this.#shown?.areOwn()
        ? { isOwn: true, origin: undefined }
        : { isOwn: false, origin: OPAQUE, initiator: OPAQUE };
    }
    if (!this.#isNamed) this.#shown?.end();
    this.#isNamed = true;
    if (this.#takeRedirect(toKey(initiator, request.url))) return { isOwn: false, origin: OPAQUE, initiator };
    const isOwn = initiator !== OPAQUE && (initiator === getOrigin(request.url) || this.#isOwn(initiator));
    return isOwn ? { isOwn, origin: initiator } : { isOwn: false, origin: initiator, initiator };
  }

  /**
   * Notes a redirect of a foreign request. Between two foreign origins its origin becomes opaque, even if it leads back to its own
   * (https://fetch.spec.whatwg.org/#concept-request-tainted-origin); Electron names the same initiator all the way.
   */
  noteRedirect({ origin, initiator }: Asker & { isOwn: false }, from: string, to: URL): void {
    if (origin !== OPAQUE && getOrigin(from) === to.origin) return;
    const key = toKey(initiator, to.href);
    const underWay = this.#redirects.get(key) ?? 0;
    this.#redirects.delete(key);
    const [oldest] = this.#redirects.keys();
    if (this.#redirects.size >= MAX_REMEMBERED_REDIRECTS && oldest !== undefined) this.#redirects.delete(oldest);
    this.#redirects.set(key, Math.min(underWay + 1, MAX_REMEMBERED_PER_ADDRESS));
  }

  #takeRedirect(key: string): boolean {
    const underWay = this.#redirects.get(key);
    if (underWay === undefined) return false;
    if (underWay > 1) this.#redirects.set(key, underWay - 1);
    else this.#redirects.delete(key);
    return true;
  }

  end(): void {
    this.#shown?.end();
  }

  #isOwn(origin: string): boolean {
    return origin !== OPAQUE && (this.#origins.has(origin) || isOwnOrigin(origin, app.isPackaged));
  }
}

/** Fragments may be lost on the way. */
const toKey = (initiator: string, url: string): string => `${initiator} ${url.split('#', 1)[0]}`;

function assertOrigin(origin: unknown): void {
  // A URL may have an asterisk in its host, which would match nothing.
  const isOne = typeof origin === 'string' && origin !== OPAQUE && !origin.includes('*');
  if (isOne && getOrigin(origin) === origin) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `host.offline: ${JSON.stringify(origin)} in origins is not an origin; write it as https://app.example.com, without a path and without wildcards`,
  );
}
