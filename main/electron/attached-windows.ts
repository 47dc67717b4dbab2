import { app, type Event, type Session, type WebContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Grant } from '../bridge/grant.ts';
import { type Attachment, attach } from './attachment.ts';
import type { EngineEndpoint, SessionOpener } from './engine-endpoint.ts';
import type { ReadyWindows } from './ready-windows.ts';
import type { Authorize } from './sender.ts';
import type { Lifetime } from './window-stores.ts';

/** Options of `host.attach`. `Ready` are the names of the declared settings. */
export interface AttachOptions<Ready extends string = string> {
  /**
   * Identifies the window's own shard, so it should stay the same between runs. Windows with the same name share a shard. Default:
   * `window-1`, `window-2`, …, with the lowest number that no open window has.
   */
  readonly name?: string;
  /** How long the window's own shard is kept. Default `'persistent'`. */
  readonly lifetime?: Lifetime;
  /**
   * Names of `settings` stores that the window's top page can read in its first line, by `app.settings.now`, as far as its grant allows. Together
   * at most 256 KiB; a store that doesn't fit is left out, with a process warning. Applies to documents that are loaded from now on. Default:
   * those of `host.install`, or none.
   */
  readonly ready?: readonly Ready[];
}

/** An attached window, for people. */
export interface AttachedWindowInfo {
  readonly name: string;
  readonly url: string;
  /** Connected pages. */
  readonly sessions: number;
  readonly grants: readonly (Grant & { readonly origin: string })[];
}

/** An attached window. */
interface AttachedWindow extends Attachment {
  readonly name: string;
  readonly ready: readonly string[] | undefined;
}

/**
 * The windows whose pages may connect. Invariant: a window is attached at most once, and is removed with everything it holds when it is
 * closed.
 */
export class AttachedWindows {
  readonly #authorize: Authorize;
  readonly #engine: EngineEndpoint;
  readonly #getHttpOpener: (session: Session) => SessionOpener;
  readonly #ready: ReadyWindows | undefined;
  readonly #open = new Map<WebContents, AttachedWindow>();

  /** `getHttpOpener` returns the opener of a session's HTTP ports. Without `ready` the option of this name has no effect. */
  constructor(
    authorize: Authorize,
    engine: EngineEndpoint,
    getHttpOpener: (session: Session) => SessionOpener,
    ready?: ReadyWindows,
  ) {
    this.#authorize = authorize;
    this.#engine = engine;
    this.#getHttpOpener = getHttpOpener;
    this.#ready = ready;
  }

  /** Makes settings ready in the windows of a session. Returns a function that ends this. */
  makeReady(session: Session, stores: readonly string[]): () => void {
    return this.#ready?.addSession(session, stores) ?? (() => {});
  }

  /**
   * Attaches a window; returns a function that detaches it. A window that is already attached gets the new name, and its pages reconnect.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an invalid name, and anything that attaching to the engine throws.
   */
  attach(
    contents: WebContents,
    {
      name = this.#open.get(contents)?.name ?? this.getFreeName(),
      lifetime = 'persistent',
      ready = this.#open.get(contents)?.ready,
    }: AttachOptions = {},
  ): (why: string) => void {
    if (typeof name !== 'string' || name === '') {
      throw new DiskCacheError('BAD_OPTION', `name is ${JSON.stringify(name)}; give a string that is not empty`);
    }
    const endpoint = this.#engine.attach(name, lifetime);
    this.#open.get(contents)?.detach(disconnected(`The window was renamed to "${name}"`));
    const attachment = attach(contents, name, this.#authorize, endpoint, this.#getHttpOpener(contents.session));
    const endReady = this.#ready?.addWindow(contents, name, ready);
    const attached: AttachedWindow = {
      name,
      ready,
      get sessions() {
        return attachment.sessions;
      },
      getGrants: attachment.getGrants,
      listGrants: attachment.listGrants,
      detach: (reason) => {
        contents.off('destroyed', onDestroyed);
        this.#open.delete(contents);
        attachment.detach(reason);
        endReady?.();
        endpoint.release();
      },
    };
    const onDestroyed = () => attached.detach(disconnected('The window was closed'));
    contents.on('destroyed', onDestroyed);
    this.#open.set(contents, attached);
    return (why) => {
      if (this.#open.get(contents) === attached) attached.detach(disconnected(why));
    };
  }

  has(contents: WebContents): boolean {
    return this.#open.has(contents);
  }

  /** Returns a name with the lowest number that no open window has: windows opened in the same order get the same names in the next run. */
  getFreeName(): string {
    const taken = new Set([...this.#open.values()].map(({ name }) => name));
    for (let number = 1; ; number++) if (!taken.has(`window-${number}`)) return `window-${number}`;
  }

  /** Number of currently connected pages. */
  get sessions(): number {
    return [...this.#open.values()].reduce((sum, { sessions }) => sum + sessions, 0);
  }

  /** Returns the grants of the documents of an origin that windows of a session currently show. */
  getGrants(origin: string, session: Session): readonly Grant[] {
    return [...this.#open.values()].flatMap((attached) => attached.getGrants(origin, session));
  }

  /** Lists the windows that are attached, with what their pages may access now. */
  list(): AttachedWindowInfo[] {
    return [...this.#open].map(([contents, { name, sessions, listGrants }]) => ({
      name,
      url: contents.isDestroyed() ? '' : contents.getURL(),
      sessions,
      grants: listGrants().map(({ origin, grant }) => ({ origin, ...grant })),
    }));
  }

  close(why: string): void {
    for (const attached of [...this.#open.values()]) attached.detach(disconnected(why));
  }
}

const disconnected = (why: string) => new DiskCacheError('DISCONNECTED', why);

export interface InstallOptions<Ready extends string = string>
  extends Pick<AttachOptions<Ready>, 'lifetime' | 'ready'> {
  /**
   * Names a window, and so selects its own shard. Called once, when the code that opened the window has reached its next `await`. Default:
   * `window-1`, `window-2`, …, with the lowest number that no open window has.
   */
  readonly name?: (contents: WebContents) => string;
}

const PRELOAD_ID = 'deskcache';

/** Excludes developer tools and extensions, which don't belong to the application, and guests of a `<webview>`, which are foreign. */
const WINDOW_TYPES: readonly string[] = ['window', 'browserView', 'offscreen'] satisfies ReturnType<
  WebContents['getType']
>[];

/**
 * Attaches every window of a session that is opened from now on, and gives its pages the preload script. Returns a function that ends this.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if the session is already installed.
 */
export function installInSession(
  session: Session,
  { name, lifetime = 'persistent', ready = [] }: InstallOptions,
  preloadPath: string,
  attached: AttachedWindows,
): () => void {
  if (session.getPreloadScripts().some(({ id }) => id === PRELOAD_ID)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'deskcache is installed in this session already. Call the function that the first host.install returned, then install again',
    );
  }
  const detaching = new Map<WebContents, (why: string) => void>();

  function onCreated(_event: Event, contents: WebContents): void {
    if (contents.session !== session || !WINDOW_TYPES.includes(contents.getType())) return;
    // Electron is still creating the window: a moment later its type can be read, and it is known whether it was attached by name.
    queueMicrotask(() => attachUnlessNamed(contents));
  }

  function attachUnlessNamed(contents: WebContents): void {
    if (!installed || contents.isDestroyed() || attached.has(contents)) return;
    try {
      detaching.set(contents, attached.attach(contents, { ...(name && { name: name(contents) }), lifetime }));
      contents.once('destroyed', () => detaching.delete(contents));
    } catch (error) {
      // The window works without a cache; no caller is there to receive the error.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  let installed = true;
  const endReady = attached.makeReady(session, ready);
  session.registerPreloadScript({ type: 'frame', filePath: preloadPath, id: PRELOAD_ID });
  app.on('web-contents-created', onCreated);
  return () => {
    if (!installed) return;
    installed = false;
    app.off('web-contents-created', onCreated);
    session.unregisterPreloadScript(PRELOAD_ID);
    endReady();
    for (const detach of detaching.values()) detach('deskcache was uninstalled from this session');
  };
}

/**
 * Warns when a window fails to load the preload script because the file is missing. `host.attach` itself doesn't throw: a window may
 * include the handshake in its own preload script and need no file. Returns a function that stops watching.
 */
export function warnIfPreloadMissing(contents: WebContents, preloadPath: string, message: string): () => void {
  const onError = (_event: Event, path: string) => {
    if (path === preloadPath) process.emitWarning(message);
  };
  contents.on('preload-error', onError);
  return () => {
    if (!contents.isDestroyed()) contents.off('preload-error', onError);
  };
}
