import {
  type Session as ElectronSession,
  type Event,
  type IpcMainEvent,
  MessageChannelMain,
  type WebContents,
  type WebFrameMain,
} from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import {
  CONNECT_CHANNEL,
  type Gone,
  isNonce,
  isPurpose,
  PORT_CHANNEL,
  type PortAnswer,
  type Purpose,
} from '../../protocol/handshake.ts';
import { toPageErrorData } from '../../protocol/hidden-paths.ts';
import { WINDOW_STORE } from '../../protocol/stores.ts';
import { type Grant, grantOf } from '../bridge/grant.ts';
import { Principals } from '../bridge/principal.ts';
import type { EngineWindow, PageAnswering, PageSession } from './page-engine.ts';
import { type Authorize, type FrameInfo, isLive, senderOf } from './sender.ts';

/** Limits of one document. A page may load our client more than once, but not this often. */
const MAX_SESSIONS = 16;
const MAX_HANDSHAKES = 256;

/** Limits of all subframes of one origin together, since a page can open any number of them, and of all subframes of a window. */
const MAX_SUBFRAME_SESSIONS = 64;
const MAX_SUBFRAME_HANDSHAKES = 1024;
const MAX_HANDSHAKES_OF_ALL_SUBFRAMES = 4096;

/** Chromium's `net::ERR_ABORTED`: the navigation was given up, and the document stays. */
const ERR_ABORTED = -3;

/** A window whose pages may connect. */
export interface Attachment {
  /** How many pages are connected, whatever number of ports they have. */
  readonly sessions: number;
  /** What the documents of an origin are granted that the window shows now; none in another session. */
  grantsOf(origin: string, session: ElectronSession): readonly Grant[];
  /** Ends every session, telling the pages why; nothing can connect any more. */
  detach(reason: DiskCacheError): void;
}

/** A document that asked for a port: its frame, which outlives it, and the process and routing id of the frame at that time. */
interface Asker {
  readonly frame: WebFrameMain;
  readonly host: string;
  /** Undefined where it can't be known for certain. */
  readonly origin: string | undefined;
  readonly isTop: boolean;
}

/**
 * Answers the handshakes of one window's frames; `engine` answers calls of stores, `offline` those of HTTP.
 *
 * Invariant: a session ends with its document (another is committed in its frame, the frame is removed, its process crashes,
 * the window is closed), whether or not its port says so: a killed page says nothing. A navigation that has only begun ends
 * nothing: it may be prevented, turn into a download or be answered with 204, and the document stays.
 */
export function attach(
  contents: WebContents,
  name: string,
  authorize: Authorize,
  engine: EngineWindow,
  offline: PageAnswering,
): Attachment {
  const sessions = new Map<PageSession, Asker>();
  const nonces = new Map<string, Asker>();
  const principals = new Principals();
  /** Frames whose documents have used up their handshakes. */
  let exhausted = new WeakSet<WebFrameMain>();

  function onConnect(event: IpcMainEvent, nonce: unknown, to: unknown = 'stores'): void {
    const frame = event.senderFrame;
    // Without a frame there is nobody to answer; a nonce answers once, so a page may ask again until it is heard.
    if (!isLive(frame) || !isNonce(nonce) || !isPurpose(to) || nonces.has(nonce) || exhausted.has(frame)) return;
    forget(gone('was removed'), ({ frame: asked }) => !isLive(asked));
    const sender = senderOf(frame, name);
    const host = hostId(event.processId, event.frameId);
    const asker: Asker = { frame, host, origin: sender?.origin, isTop: frame.parent === null };
    if (!hasHandshakesLeft(nonces, asker)) {
      exhausted.add(frame);
      return;
    }
    nonces.set(nonce, asker);
    try {
      connect(asker, nonce, grantFor(asker, sender), to);
    } catch (error) {
      answer(frame, { deskcache: 'port', nonce, error: toPageErrorData(error) });
    }
  }

  function grantFor(asker: Asker, sender: FrameInfo | undefined): Grant {
    const grant = sender && ask(authorize, sender);
    if (sender && grant && hasSessionsLeft(sessions, asker)) return grant;
    const who = sender ? `${sender.isTop ? 'page' : 'subframe'} of ${sender.origin}` : 'frame of no certain origin';
    const why = grant
      ? `has its ${MAX_SESSIONS} connections already, or the subframes of its origin their ${MAX_SUBFRAME_SESSIONS}`
      : 'was not granted a connection by authorize(frame)';
    throw new DiskCacheError('NOT_ALLOWED', `The ${who} in window "${name}" ${why}`);
  }

  function connect(asker: Asker, nonce: string, grant: Grant, to: Purpose): void {
    const { port1, port2 } = new MessageChannelMain();
    const hasShard = asker.frame.parent === null || Object.hasOwn(grant.stores, WINDOW_STORE);
    const answering = to === 'stores' ? engine : offline;
    const { origin } = asker;
    const rights = { grant, hasShard, origin, principal: principals.get(origin) };
    const session = answering.openSession(port1, rights, (how) => {
      sessions.delete(session);
      if (how === 'died') answer(asker.frame, { deskcache: 'gone', nonce });
    });
    sessions.set(session, asker);
    answer(asker.frame, { deskcache: 'port', nonce }, [port2]);
  }

  /** Ends the sessions of documents that are gone; what they have asked counts no more. */
  function forget(reason: DiskCacheError, isGone: (asker: Asker) => boolean = () => true): void {
    for (const [nonce, asker] of nonces) if (isGone(asker)) nonces.delete(nonce);
    for (const [session, asker] of sessions) {
      if (!isGone(asker)) continue;
      sessions.delete(session);
      session.close(reason);
    }
  }

  /**
   * A frame has another document. Electron tells so before that document can ask for anything: both come over one channel of
   * its host. Should one in a host of its own have asked already, it keeps what it was given.
   */
  function onCommit(isMainFrame: boolean, processId: number, routingId: number): void {
    exhausted = new WeakSet();
    const host = hostId(processId, routingId);
    const askers = [...nonces.values(), ...sessions.values()];
    const moved = new Set(askers.filter((asker) => asker.host !== host).map(({ frame }) => frame));
    forget(gone('was replaced by another'), (asker) => {
      if (!isLive(asker.frame)) return true;
      const isInFrame = isMainFrame
        ? asker.frame.parent === null
        : hostId(asker.frame.processId, asker.frame.routingId) === host;
      // With the top document go those of its subframes.
      return isInFrame ? asker.host !== host || !moved.has(asker.frame) : isMainFrame;
    });
  }
  const onNavigated = (
    _event: Event,
    _url: string,
    _status: number,
    _statusText: string,
    ...committed: Parameters<typeof onCommit>
  ) => onCommit(...committed);
  /** An error page has taken the place of a document. */
  const onFailed = (
    _event: Event,
    code: number,
    _description: string,
    _url: string,
    ...committed: Parameters<typeof onCommit>
  ) => {
    if (code !== ERR_ABORTED) onCommit(...committed);
  };
  const onCrash = () => forget(gone('crashed'));
  const onDestroyed = () => forget(gone('was closed'));

  contents.ipc.on(CONNECT_CHANNEL, onConnect);
  contents.on('did-frame-navigate', onNavigated);
  contents.on('did-fail-provisional-load', onFailed);
  contents.on('render-process-gone', onCrash);
  contents.on('destroyed', onDestroyed);

  return {
    get sessions() {
      return new Set([...sessions.values()].map(({ frame }) => frame)).size;
    },
    grantsOf(origin, session) {
      if (contents.isDestroyed() || contents.session !== session) return [];
      return shownFrames(contents).flatMap((frame) => {
        const sender = senderOf(frame, name);
        return sender?.origin === origin ? (ask(authorize, sender) ?? []) : [];
      });
    },
    detach(reason) {
      forget(reason);
      if (contents.isDestroyed()) return;
      contents.ipc.off(CONNECT_CHANNEL, onConnect);
      contents.off('did-frame-navigate', onNavigated);
      contents.off('did-fail-provisional-load', onFailed);
      contents.off('render-process-gone', onCrash);
      contents.off('destroyed', onDestroyed);
    },
  };
}

/** How many askers a frame has, and the subframes of its origin, and all subframes: what one of them uses up the page around it keeps. */
function countAskers(askers: ReadonlyMap<unknown, Asker>, { frame, origin }: Asker) {
  const counts = { ofFrame: 0, ofOrigin: 0, ofSubframes: 0 };
  for (const other of askers.values()) {
    if (other.frame === frame) counts.ofFrame++;
    if (other.isTop) continue;
    counts.ofSubframes++;
    if (other.origin === origin) counts.ofOrigin++;
  }
  return counts;
}

function hasHandshakesLeft(nonces: ReadonlyMap<unknown, Asker>, asker: Asker): boolean {
  const { ofFrame, ofOrigin, ofSubframes } = countAskers(nonces, asker);
  if (ofFrame >= MAX_HANDSHAKES) return false;
  return asker.isTop || (ofOrigin < MAX_SUBFRAME_HANDSHAKES && ofSubframes < MAX_HANDSHAKES_OF_ALL_SUBFRAMES);
}

function hasSessionsLeft(sessions: ReadonlyMap<unknown, Asker>, asker: Asker): boolean {
  const { ofFrame, ofOrigin } = countAskers(sessions, asker);
  return ofFrame < MAX_SESSIONS && (asker.isTop || ofOrigin < MAX_SUBFRAME_SESSIONS);
}

const hostId = (processId: number, routingId: number): string => `${processId}:${routingId}`;

/** Returns no frames after a crash: they are disposed until the window has another document, and reading one throws. */
function shownFrames({ mainFrame }: WebContents): readonly (WebFrameMain | null)[] {
  return isLive(mainFrame) ? mainFrame.framesInSubtree : [];
}

/** A broken policy grants nothing. The page is not told how it broke, the application is. */
function ask(authorize: Authorize, sender: FrameInfo): Grant | null {
  try {
    return grantOf(authorize(sender));
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
    return null;
  }
}

const gone = (what: string) => new DiskCacheError('DISCONNECTED', `The page ${what}`);

function answer(frame: WebFrameMain, message: PortAnswer | Gone, ports: Electron.MessagePortMain[] = []): void {
  if (isLive(frame)) frame.postMessage(PORT_CHANNEL, message, ports);
}
