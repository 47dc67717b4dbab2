import { randomUUID } from 'node:crypto';
import type * as Electron from 'electron';
import type { CdpSession } from '../chromium/cdp.ts';
import type { Mirror } from '../mirror.ts';
import { onlyKnown, Strict, strictly } from '../strict.ts';
import { Cookies } from './cookies.ts';
import { type ProtocolFace, SchemeHandlers, schemes } from './protocol.ts';
import { exchange, sessionFetch } from './session-fetch.ts';

type Implemented =
  | 'fetch'
  | 'storagePath'
  | 'isPersistent'
  | 'registerPreloadScript'
  | 'unregisterPreloadScript'
  | 'getPreloadScripts';

/** Chromium, and where its profile is, once the application is ready. */
interface Running {
  readonly browser: CdpSession;
  readonly storagePath: string;
}

let running: Running | undefined;

function demandRunning(): Running {
  if (!running) throw new Error('Session can only be received when app is ready');
  return running;
}

/**
 * A session. The default one's storage is Chromium's profile in the application's user data directory, that of any other is in memory.
 */
export class Session extends Strict implements Mirror<Electron.Session, Implemented> {
  readonly partition: string;
  readonly handlers = new SchemeHandlers();
  readonly protocol: ProtocolFace = strictly('session.protocol', faceOf(this.handlers));
  readonly #preloads = new Map<string, Electron.PreloadScript>();
  #context: Promise<string | undefined> | undefined;

  constructor(partition: string) {
    super();
    this.partition = partition;
  }

  get storagePath(): string | null {
    return this.isPersistent() ? demandRunning().storagePath : null;
  }

  isPersistent(): boolean {
    return this.partition === '';
  }

  async fetch(
    input: string | Request,
    init: RequestInit & { bypassCustomProtocolHandlers?: boolean } = {},
  ): Promise<Response> {
    return sessionFetch({ handlers: this.handlers, cookies: await this.#cookies() }, input, init);
  }

  /** What `net.request` sends by, past all handlers. */
  async exchange(request: Request): Promise<Response> {
    return exchange(await this.#cookies(), request);
  }

  async #cookies(): Promise<Cookies> {
    return new Cookies(demandRunning().browser, await this.context());
  }

  /** Runs in windows made from now on, before the window's own preload. */
  registerPreloadScript(script: Electron.PreloadScriptRegistration): string {
    onlyKnown('session.registerPreloadScript', script, ['type', 'filePath', 'id']);
    if (script.type !== 'frame')
      throw new Error(`stand-in: preload scripts of type '${script.type}' are not implemented`);
    const { type, filePath, id = randomUUID() } = script;
    if (this.#preloads.has(id)) throw new Error(`Cannot register preload script with existing ID '${id}'`);
    this.#preloads.set(id, { type, filePath, id });
    return id;
  }

  unregisterPreloadScript(id: string): void {
    if (!this.#preloads.delete(id)) throw new Error(`No preload script has the id ${id}`);
  }

  getPreloadScripts(): Electron.PreloadScript[] {
    return [...this.#preloads.values()];
  }

  /** Chromium's name for the session, undefined for that of its profile. */
  context(): Promise<string | undefined> {
    this.#context ??= this.isPersistent() ? Promise.resolve(undefined) : newContext();
    return this.#context;
  }
}

async function newContext(): Promise<string> {
  const { browserContextId } = await demandRunning().browser.send('Target.createBrowserContext', {});
  return browserContextId;
}

function faceOf(handlers: SchemeHandlers): ProtocolFace {
  return {
    handle: (scheme, handler) => handlers.handle(scheme, handler),
    unhandle: (scheme) => handlers.unhandle(scheme),
    isProtocolHandled: (scheme) => handlers.isProtocolHandled(scheme),
  };
}

const sessions = new Map<string, Session>();

/** The session of a partition, made when it is first asked for; `''` is the default one. */
export function sessionOf(partition: string): Session {
  const session = sessions.get(partition) ?? new Session(partition);
  sessions.set(partition, session);
  return session;
}

/** Called once when Chromium runs. */
export function startSessions(chromium: Running): void {
  running = chromium;
}

const face: Mirror<typeof Electron.session, 'fromPartition'> & { readonly defaultSession: Session } = {
  defaultSession: sessionOf(''),
  fromPartition(partition, options) {
    onlyKnown('session.fromPartition', options ?? {}, []);
    demandRunning();
    if (partition.startsWith('persist:'))
      throw new Error(`stand-in: session.fromPartition('${partition}'): only the default session is kept on disk`);
    return sessionOf(partition);
  },
};

export const session = strictly('session', face);

const global: Mirror<Electron.Protocol, 'registerSchemesAsPrivileged'> = {
  registerSchemesAsPrivileged: (list) => schemes.register(list),
};

/** The default session's, and what holds for all of them. */
export const protocol = strictly('protocol', { ...global, ...faceOf(session.defaultSession.handlers) });
