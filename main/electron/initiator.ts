import { app, type Session } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { isOwnOrigin } from './sender.ts';
import { originOf, ShownDocuments } from './shown-documents.ts';

/** Who asks for something over a protocol handler. */
export type Asker =
  /** The application: the browser itself, one of its pages, or a page that asks its own origin. */
  | { readonly isOwn: true; readonly origin: string | undefined }
  /** A page that asks another origin than its own. CORS is held against `origin`, which is `'null'` after a redirect between others. */
  | { readonly isOwn: false; readonly origin: string; readonly initiator: string };

/** What serialises an opaque origin. It is never one of the application's. */
const OPAQUE = 'null';

/**
 * Since which release of a major version `protocol.handle` tells the initiator (electron/electron#53685 and its backports): later majors
 * do, earlier ones don't.
 */
const FIRST_TELLING: ReadonlyMap<number, number> = new Map([
  [43, 7],
  [44, 4],
  [45, 0],
]);

/** Whether this Electron tells a protocol handler which origin asks. False where it is not known for certain. */
export function tellsInitiator(version: string | undefined): boolean {
  const [, major, minor, , prerelease] = /^(\d+)\.(\d+)\.(\d+)(-.+)?$/.exec(version ?? '') ?? [];
  if (major === undefined || minor === undefined) return false;
  const first = FIRST_TELLING.get(Number(major));
  if (first === undefined) return Number(major) > Math.max(...FIRST_TELLING.keys());
  return prerelease === undefined && Number(minor) >= first;
}

/** The most redirects on their way of which it is known that they lead from one foreign origin to another. */
const MAX_REDIRECTS = 256;
/** The most that count of those to one address: a page need not follow them, and each makes one later request opaque then. */
const MAX_REDIRECTS_TO_ONE = 16;

/** Tells the application's requests from those of foreign pages. Fails closed. */
export class Initiators {
  readonly #origins: ReadonlySet<string>;
  /** How many redirects to an address are on their way: equal requests at the same time are redirected to the same one. */
  readonly #redirects = new Map<string, number>();
  #isTold: boolean;
  readonly #shown: ShownDocuments | undefined;

  /** @throws {DiskCacheError} `BAD_OPTION` for what is not an origin. */
  constructor(session: Session, origins: readonly string[] = []) {
    for (const origin of origins) assertOrigin(origin);
    this.#origins = new Set(origins);
    this.#isTold = tellsInitiator(process.versions.electron);
    if (!this.#isTold) this.#shown = new ShownDocuments(session, (origin) => this.#isOwn(origin));
  }

  getAsker(request: Request): Asker {
    const { initiatorOrigin: initiator } = request as { initiatorOrigin?: unknown };
    if (typeof initiator !== 'string') {
      return this.#isTold || this.#shown?.areOwn()
        ? { isOwn: true, origin: undefined }
        : { isOwn: false, origin: OPAQUE, initiator: OPAQUE };
    }
    if (!this.#isTold) this.#shown?.end();
    this.#isTold = true;
    if (this.#takeRedirect(toKey(initiator, request.url))) return { isOwn: false, origin: OPAQUE, initiator };
    const isOwn = initiator !== OPAQUE && (initiator === originOf(request.url) || this.#isOwn(initiator));
    return isOwn ? { isOwn, origin: initiator } : { isOwn: false, origin: initiator, initiator };
  }

  /**
   * Told when a foreign request is redirected. From one foreign origin to another it has no origin any more, also where it comes back
   * to its own (https://fetch.spec.whatwg.org/#concept-request-tainted-origin); Electron tells the same initiator all the way.
   */
  noteRedirect({ origin, initiator }: Asker & { isOwn: false }, from: string, to: URL): void {
    if (origin !== OPAQUE && originOf(from) === to.origin) return;
    const key = toKey(initiator, to.href);
    const underWay = this.#redirects.get(key) ?? 0;
    this.#redirects.delete(key);
    const [oldest] = this.#redirects.keys();
    if (this.#redirects.size >= MAX_REDIRECTS && oldest !== undefined) this.#redirects.delete(oldest);
    this.#redirects.set(key, Math.min(underWay + 1, MAX_REDIRECTS_TO_ONE));
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
  if (isOne && originOf(origin) === origin) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `host.offline: ${JSON.stringify(origin)} in origins is not an origin; write it as https://app.example.com, without a path and without wildcards`,
  );
}
