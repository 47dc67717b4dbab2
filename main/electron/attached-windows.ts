import { app, type Event, type Session, type WebContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Grant } from '../bridge/grant.ts';
import { type Attachment, attach } from './attachment.ts';
import type { EngineEndpoint, SessionOpener } from './engine-endpoint.ts';
import type { Authorize } from './sender.ts';
import type { Lifetime } from './window-stores.ts';

export interface AttachOptions {
  /**
   * Stays the same between runs: the window's own shard is found by it. Windows of one name share it. Default: `window-1`,
   * `window-2`, …, the lowest number no open window has.
   */
  readonly name?: string;
  /** How long the window's own shard is kept. Default `'persistent'`. */
  readonly lifetime?: Lifetime;
}

/** A window that is attached, and the way to end that. */
interface AttachedWindow extends Attachment {
  readonly name: string;
}

/**
 * The windows whose pages may connect. Invariant: a window is attached at most once, and has left when it was closed, with all
 * that it held.
 */
export class AttachedWindows {
  readonly #authorize: Authorize;
  readonly #engine: EngineEndpoint;
  readonly #getHttpOpener: (session: Session) => SessionOpener;
  readonly #open = new Map<WebContents, AttachedWindow>();

  /** `offlineOf`: what answers the pages of a session about HTTP. */
  constructor(authorize: Authorize, engine: EngineEndpoint, offlineOf: (session: Session) => SessionOpener) {
    this.#authorize = authorize;
    this.#engine = engine;
    this.#getHttpOpener = offlineOf;
  }

  /**
   * A window that is attached already gets another name; its pages connect anew. Answers the way out.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that is none, and what attaching to the engine throws.
   */
  attach(
    contents: WebContents,
    { name = this.#open.get(contents)?.name ?? this.getFreeName(), lifetime = 'persistent' }: AttachOptions = {},
  ): (why: string) => void {
    if (typeof name !== 'string' || name === '') {
      throw new DiskCacheError(
        'BAD_OPTION',
        `name is ${JSON.stringify(name)}; a window is attached under a name of its own`,
      );
    }
    const own = this.#engine.attach(name, lifetime);
    this.#open.get(contents)?.detach(disconnected(`The window is called "${name}" now`));
    const attachment = attach(contents, name, this.#authorize, own, this.#getHttpOpener(contents.session));
    const attached: AttachedWindow = {
      name,
      get sessions() {
        return attachment.sessions;
      },
      getGrants: attachment.getGrants,
      detach: (reason) => {
        contents.off('destroyed', onDestroyed);
        this.#open.delete(contents);
        attachment.detach(reason);
        own.release();
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

  /** The lowest number no open window has, as a name: windows opened in the same order have the same names in the next run. */
  getFreeName(): string {
    const taken = new Set([...this.#open.values()].map(({ name }) => name));
    for (let number = 1; ; number++) if (!taken.has(`window-${number}`)) return `window-${number}`;
  }

  /** Pages connected at this moment. */
  get sessions(): number {
    return [...this.#open.values()].reduce((sum, { sessions }) => sum + sessions, 0);
  }

  /** What the documents of an origin are granted that windows of a session show now. */
  getGrants(origin: string, session: Session): readonly Grant[] {
    return [...this.#open.values()].flatMap((attached) => attached.getGrants(origin, session));
  }

  close(why: string): void {
    for (const attached of [...this.#open.values()]) attached.detach(disconnected(why));
  }
}

const disconnected = (why: string) => new DiskCacheError('DISCONNECTED', why);

export interface InstallOptions extends Pick<AttachOptions, 'lifetime'> {
  /**
   * Names a window, and so finds its own shard; asked once, when the code that opened the window has run to its next `await`.
   * Default: `window-1`, `window-2`, …, the lowest number no open window has.
   */
  readonly name?: (contents: WebContents) => string;
}

const PRELOAD_ID = 'deskcache';

/** Neither developer tools and extensions, which are nobody's page, nor the guests of a `<webview>`, which are strangers. */
const WINDOW_TYPES: readonly string[] = ['window', 'browserView', 'offscreen'] satisfies ReturnType<
  WebContents['getType']
>[];

/**
 * Attaches every window of a session that is opened from now on, and gives its pages the preload script. Answers the way out.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a session that has it already.
 */
export function installInSession(
  session: Session,
  { name, lifetime = 'persistent' }: InstallOptions,
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
    // Electron is still making the window: a moment later it can be asked about, and has been attached by name or not.
    queueMicrotask(() => attachUnlessNamed(contents));
  }

  function attachUnlessNamed(contents: WebContents): void {
    if (!installed || contents.isDestroyed() || attached.has(contents)) return;
    try {
      detaching.set(contents, attached.attach(contents, { ...(name && { name: name(contents) }), lifetime }));
      contents.once('destroyed', () => detaching.delete(contents));
    } catch (error) {
      // The window goes on without a cache; who opened it is not here to be told.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  let installed = true;
  session.registerPreloadScript({ type: 'frame', filePath: preloadPath, id: PRELOAD_ID });
  app.on('web-contents-created', onCreated);
  return () => {
    if (!installed) return;
    installed = false;
    app.off('web-contents-created', onCreated);
    session.unregisterPreloadScript(PRELOAD_ID);
    for (const detach of detaching.values()) detach('deskcache was taken out of this session');
  };
}

/**
 * Warns when a window fails to load the preload script because the file is missing. `host.attach` itself doesn't throw: a window may have
 * the handshake in a preload script of its own, and need no file. Returns a function that stops watching.
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
