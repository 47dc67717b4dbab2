import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isAbsolute, join } from 'node:path';
import type * as Electron from 'electron';
import type { CdpSession } from '../chromium/cdp.ts';
import type { ElectronMembers } from '../type-conformance.ts';
import { assertKnownOptions, GuardedObject, guardMembers } from '../unknown-member-guard.ts';
import { Cookies } from './cookies.ts';
import type { IncomingResponse } from './http-request.ts';
import { type LoadListener, type LoadRequest, loadResource } from './network-loader.ts';
import { restoreCookies, saveCookies } from './persistent-cookies.ts';
import { type ProtocolMembers, SchemeHandlers, schemes } from './protocol.ts';
import { sessionFetch } from './session-fetch.ts';

type Implemented =
  | 'fetch'
  | 'storagePath'
  | 'isPersistent'
  | 'resolveHost'
  | 'registerPreloadScript'
  | 'unregisterPreloadScript'
  | 'getPreloadScripts';

/** Chromium, and where its profile is, once the application is ready. */
interface RunningShell {
  readonly browser: CdpSession;
  readonly storagePath: string;
}

let running: RunningShell | undefined;

function assertRunning(): RunningShell {
  if (!running) throw new Error('Session can only be received when app is ready');
  return running;
}

/** Where a session is kept: null in memory, otherwise its directory, which is known when the application is ready. */
type StorageLocation = (() => string) | null;

/**
 * A session. The default one's storage is Chromium's profile in the application's user data directory. Any other is a browser context of
 * Chromium, in memory; of one that has a directory the cookies are kept there.
 */
export class Session extends GuardedObject implements ElectronMembers<Electron.Session, Implemented> {
  readonly #place: StorageLocation;
  readonly #isDefault: boolean;
  readonly handlers = new SchemeHandlers();
  readonly protocol: ProtocolMembers = guardMembers('session.protocol', toProtocolMembers(this.handlers));
  readonly #logins = new Map<string, string>();
  readonly #preloads = new Map<string, Electron.PreloadScript>();
  #context: Promise<string | undefined> | undefined;

  constructor(place: StorageLocation, isDefault = false) {
    super();
    this.#place = place;
    this.#isDefault = isDefault;
  }

  get storagePath(): string | null {
    return this.#place?.() ?? null;
  }

  isPersistent(): boolean {
    return this.#place !== null;
  }

  async resolveHost(host: string): Promise<Electron.ResolvedHost> {
    assertRunning();
    const found = await lookup(host, { all: true });
    return { endpoints: found.map(({ address, family }) => ({ address, family: family === 4 ? 'ipv4' : 'ipv6' })) };
  }

  async fetch(
    input: string | Request,
    init: RequestInit & { bypassCustomProtocolHandlers?: boolean } = {},
  ): Promise<Response> {
    assertRunning();
    return sessionFetch({ handlers: this.handlers, send: this.load }, input, init);
  }

  /** What `net.request` sends by, past all handlers. */
  readonly load = async (request: LoadRequest, listener: LoadListener): Promise<IncomingResponse> =>
    loadResource({ cookies: await this.#cookies(), logins: this.#logins }, request, listener);

  async #cookies(): Promise<Cookies> {
    return new Cookies(assertRunning().browser, await this.context());
  }

  /** Runs in windows made from now on, before the window's own preload. */
  registerPreloadScript(script: Electron.PreloadScriptRegistration): string {
    assertKnownOptions('session.registerPreloadScript', script, ['type', 'filePath', 'id']);
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
    this.#context ??= this.#isDefault ? Promise.resolve(undefined) : this.#begin();
    return this.#context;
  }

  /** Whether Chromium's context of that name is this session's. */
  async owns(context: string | undefined): Promise<boolean> {
    return this.#context !== undefined && (await this.#context) === context;
  }

  /** Keeps what would be lost with the context, of a session that was used. */
  async end(): Promise<void> {
    if (this.#isDefault || this.#place === null || this.#context === undefined) return;
    await saveCookies(await this.#cookies(), this.#place());
  }

  async #begin(): Promise<string> {
    const { browser } = assertRunning();
    const { browserContextId } = await browser.send('Target.createBrowserContext', {});
    if (this.#place) await restoreCookies(new Cookies(browser, browserContextId), this.#place());
    return browserContextId;
  }
}

function toProtocolMembers(handlers: SchemeHandlers): ProtocolMembers {
  return {
    handle: (scheme, handler) => handlers.handle(scheme, handler),
    unhandle: (scheme) => handlers.unhandle(scheme),
    isProtocolHandled: (scheme) => handlers.isProtocolHandled(scheme),
  };
}

const sessions = new Map<string, Session>();

/** The session of that name, made when it is first asked for. */
function findSession(name: string, place: StorageLocation): Session {
  const found = sessions.get(name) ?? new Session(place);
  sessions.set(name, found);
  return found;
}

const PERSISTENT_PREFIX = 'persist:';
const defaultSession = new Session(() => assertRunning().storagePath, true);

/** Called once when Chromium runs. */
export function startSessions(chromium: RunningShell): void {
  running = chromium;
}

/** Before Chromium ends. */
export async function endSessions(): Promise<void> {
  await Promise.all([...sessions.values()].map((one) => one.end()));
}

/** The session of a context of Chromium's; the default one where no other has it. */
export async function findSessionByContext(context: string | undefined): Promise<Session> {
  for (const one of sessions.values()) if (await one.owns(context)) return one;
  return defaultSession;
}

const members: ElectronMembers<typeof Electron.session, 'fromPartition' | 'fromPath'> & {
  readonly defaultSession: Session;
} = {
  defaultSession,
  fromPartition(partition, options) {
    assertKnownOptions('session.fromPartition', options ?? {}, []);
    assertRunning();
    // Electron: the name after it makes the directory, and none is that of the default session.
    const name = partition.startsWith(PERSISTENT_PREFIX) ? partition.slice(PERSISTENT_PREFIX.length) : undefined;
    if (partition === '' || name === '') return defaultSession;
    if (name === undefined) return findSession(partition, null);
    return findSession(partition, () => join(assertRunning().storagePath, 'Partitions', encodeURI(name.toLowerCase())));
  },
  fromPath(path, options) {
    assertKnownOptions('session.fromPath', options ?? {}, []);
    assertRunning();
    if (path === '') throw new TypeError('An empty path was specified');
    if (!isAbsolute(path)) throw new TypeError('An absolute path was not provided');
    return findSession(`path:${path}`, () => path);
  },
};

export const session = guardMembers('session', members);

const global: ElectronMembers<Electron.Protocol, 'registerSchemesAsPrivileged'> = {
  registerSchemesAsPrivileged: (list) => schemes.register(list),
};

/** The default session's, and what holds for all of them. */
export const protocol = guardMembers('protocol', { ...global, ...toProtocolMembers(session.defaultSession.handlers) });
