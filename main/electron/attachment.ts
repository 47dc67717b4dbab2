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
  isNonce,
  isPortPurpose,
  type PeerGone,
  PORT_CHANNEL,
  type PortAnswer,
  type PortPurpose,
} from '../../protocol/handshake.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import { WINDOW_STORE } from '../../protocol/stores.ts';
import type { Grant } from '../bridge/grant.ts';
import { Principals } from '../bridge/principal.ts';
import type { ClosableSession, SessionOpener, WindowEndpoint } from './engine-endpoint.ts';
import { type Authorize, type FrameInfo, getGrant, getSender, isFrameAlive } from './sender.ts';

/** Limits of one document. A page may load our client more than once, but not this often. */
const MAX_SESSIONS = 16;
const MAX_HANDSHAKES = 256;

/** Limits of all subframes of one origin together, since a page can open any number of them, and of all subframes of a window. */
const MAX_SUBFRAME_SESSIONS = 64;
const MAX_SUBFRAME_HANDSHAKES = 1024;
const MAX_ALL_SUBFRAME_HANDSHAKES = 4096;

/** Chromium's `net::ERR_ABORTED`: the navigation was cancelled, and the document stays. */
const ERR_ABORTED = -3;

/** A window whose pages may connect. */
export interface Attachment {
  /** Number of connected pages, however many ports each has. */
  readonly sessions: number;
  /** Returns the grants of the documents of an origin that the window currently shows; empty for another session. */
  getGrants(origin: string, session: ElectronSession): readonly Grant[];
  /** Returns the grants of all documents that the window currently shows, by their origins. */
  listGrants(): readonly { readonly origin: string; readonly grant: Grant }[];
  /** Ends every session with this reason and accepts no more connections. */
  detach(reason: DiskCacheError): void;
}

/** A document that asked for a port: its frame, which outlives it, and the process and routing id of the frame at that time. */
interface ConnectingDocument {
  readonly frame: WebFrameMain;
  readonly host: string;
  /** Undefined if it can't be determined with certainty. */
  readonly origin: string | undefined;
  readonly isTop: boolean;
}

/**
 * Responds to the handshakes of one window's frames; `engine` opens sessions for stores, `offline` those for HTTP.
 *
 * Invariant: a session ends with its document (another is committed in its frame, the frame is removed, its process crashes, the window is
 * closed), whether or not its port is closed: a killed page sends nothing. A navigation that has only begun ends nothing: it may be
 * prevented, turn into a download or be answered with 204, and the document stays.
 */
export function attach(
  contents: WebContents,
  name: string,
  authorize: Authorize,
  engine: WindowEndpoint,
  http: SessionOpener,
): Attachment {
  const sessions = new Map<ClosableSession, ConnectingDocument>();
  const nonces = new Map<string, ConnectingDocument>();
  const principals = new Principals(name);
  /** Frames whose documents have used up their handshakes. */
  let exhausted = new WeakSet<WebFrameMain>();

  function onConnect(event: IpcMainEvent, nonce: unknown, to: unknown = 'stores'): void {
    const frame = event.senderFrame;
    // Without a frame no response can be sent. A nonce gets one response, so a page may repeat its request until it gets it.
    if (!isFrameAlive(frame) || !isNonce(nonce) || !isPortPurpose(to) || nonces.has(nonce) || exhausted.has(frame))
      return;
    endSessions(pageGone('was removed'), ({ frame: otherFrame }) => !isFrameAlive(otherFrame));
    const sender = getSender(frame, name);
    const host = toHostId(event.processId, event.frameId);
    const requester: ConnectingDocument = { frame, host, origin: sender?.origin, isTop: frame.parent === null };
    if (!hasHandshakesLeft(nonces, requester)) {
      exhausted.add(frame);
      return;
    }
    nonces.set(nonce, requester);
    try {
      connect(requester, nonce, requireGrant(requester, sender), to);
    } catch (error) {
      postToFrame(frame, { deskcache: 'port', nonce, error: toPageErrorData(error) });
    }
  }

  function requireGrant(requester: ConnectingDocument, sender: FrameInfo | undefined): Grant {
    const grant = sender && getGrant(authorize, sender);
    if (sender && grant && hasSessionsLeft(sessions, requester)) return grant;
    const who = sender ? `${sender.isTop ? 'page' : 'subframe'} of ${sender.origin}` : 'frame of unknown origin';
    const why = grant
      ? `has its ${MAX_SESSIONS} connections already, or the subframes of its origin their ${MAX_SUBFRAME_SESSIONS}`
      : 'was not granted a connection by authorize(frame)';
    throw new DiskCacheError('NOT_ALLOWED', `The ${who} in window "${name}" ${why}`);
  }

  function connect(requester: ConnectingDocument, nonce: string, grant: Grant, to: PortPurpose): void {
    const { port1, port2 } = new MessageChannelMain();
    const hasShard = requester.frame.parent === null || Object.hasOwn(grant.stores, WINDOW_STORE);
    const opener = to === 'stores' ? engine : http;
    const { origin } = requester;
    const rights = { grant, hasShard, origin, principal: principals.get(origin) };
    const session = opener.openSession(port1, rights, (end) => {
      sessions.delete(session);
      if (end === 'died') postToFrame(requester.frame, { deskcache: 'gone', nonce });
    });
    sessions.set(session, requester);
    postToFrame(requester.frame, { deskcache: 'port', nonce }, [port2]);
  }

  /** Ends the sessions of documents that are gone, and forgets their handshakes. */
  function endSessions(reason: DiskCacheError, isGone: (requester: ConnectingDocument) => boolean = () => true): void {
    for (const [nonce, requester] of nonces) if (isGone(requester)) nonces.delete(nonce);
    for (const [session, requester] of sessions) {
      if (!isGone(requester)) continue;
      sessions.delete(session);
      session.close(reason);
    }
  }

  /**
   * A frame has another document. Electron reports this before that document can request anything: both come over one channel of its host.
   * A document in another host may already have a session, which it keeps.
   */
  function onCommit(isMainFrame: boolean, processId: number, routingId: number): void {
    exhausted = new WeakSet();
    const host = toHostId(processId, routingId);
    const askers = [...nonces.values(), ...sessions.values()];
    const moved = new Set(askers.filter((requester) => requester.host !== host).map(({ frame }) => frame));
    endSessions(pageGone('was replaced by another'), (requester) => {
      if (!isFrameAlive(requester.frame)) return true;
      const isInFrame = isMainFrame
        ? requester.frame.parent === null
        : toHostId(requester.frame.processId, requester.frame.routingId) === host;
      // The documents of the subframes end with the top document.
      return isInFrame ? requester.host !== host || !moved.has(requester.frame) : isMainFrame;
    });
  }
  const onNavigated = (
    _event: Event,
    _url: string,
    _status: number,
    _statusText: string,
    ...committed: Parameters<typeof onCommit>
  ) => onCommit(...committed);
  /** An error page has replaced a document. */
  const onFailed = (
    _event: Event,
    code: number,
    _description: string,
    _url: string,
    ...committed: Parameters<typeof onCommit>
  ) => {
    if (code !== ERR_ABORTED) onCommit(...committed);
  };
  const onCrash = () => endSessions(pageGone('crashed'));
  const onDestroyed = () => endSessions(pageGone('was closed'));

  contents.ipc.on(CONNECT_CHANNEL, onConnect);
  contents.on('did-frame-navigate', onNavigated);
  contents.on('did-fail-provisional-load', onFailed);
  contents.on('render-process-gone', onCrash);
  contents.on('destroyed', onDestroyed);

  return {
    get sessions() {
      return new Set([...sessions.values()].map(({ frame }) => frame)).size;
    },
    getGrants(origin, session) {
      if (contents.isDestroyed() || contents.session !== session) return [];
      return getShownFrames(contents).flatMap((frame) => {
        const sender = getSender(frame, name);
        return sender?.origin === origin ? (getGrant(authorize, sender) ?? []) : [];
      });
    },
    listGrants() {
      if (contents.isDestroyed()) return [];
      return getShownFrames(contents).flatMap((frame) => {
        const sender = getSender(frame, name);
        const grant = sender && getGrant(authorize, sender);
        return grant ? [{ origin: sender.origin, grant }] : [];
      });
    },
    detach(reason) {
      endSessions(reason);
      if (contents.isDestroyed()) return;
      contents.ipc.off(CONNECT_CHANNEL, onConnect);
      contents.off('did-frame-navigate', onNavigated);
      contents.off('did-fail-provisional-load', onFailed);
      contents.off('render-process-gone', onCrash);
      contents.off('destroyed', onDestroyed);
    },
  };
}

/**
 * Counts the entries of the document's frame, of the subframes of its origin, and of all subframes. Subframes have limits of their own so
 * that they can't use up those of the top page.
 */
function countDocuments(askers: ReadonlyMap<unknown, ConnectingDocument>, { frame, origin }: ConnectingDocument) {
  const counts = { ofFrame: 0, ofOrigin: 0, ofSubframes: 0 };
  for (const other of askers.values()) {
    if (other.frame === frame) counts.ofFrame++;
    if (other.isTop) continue;
    counts.ofSubframes++;
    if (other.origin === origin) counts.ofOrigin++;
  }
  return counts;
}

function hasHandshakesLeft(nonces: ReadonlyMap<unknown, ConnectingDocument>, requester: ConnectingDocument): boolean {
  const { ofFrame, ofOrigin, ofSubframes } = countDocuments(nonces, requester);
  if (ofFrame >= MAX_HANDSHAKES) return false;
  return requester.isTop || (ofOrigin < MAX_SUBFRAME_HANDSHAKES && ofSubframes < MAX_ALL_SUBFRAME_HANDSHAKES);
}

function hasSessionsLeft(sessions: ReadonlyMap<unknown, ConnectingDocument>, requester: ConnectingDocument): boolean {
  const { ofFrame, ofOrigin } = countDocuments(sessions, requester);
  return ofFrame < MAX_SESSIONS && (requester.isTop || ofOrigin < MAX_SUBFRAME_SESSIONS);
}

const toHostId = (processId: number, routingId: number): string => `${processId}:${routingId}`;

/** Returns no frames after a crash: they are disposed until the window has another document, and reading one throws. */
function getShownFrames({ mainFrame }: WebContents): readonly (WebFrameMain | null)[] {
  return isFrameAlive(mainFrame) ? mainFrame.framesInSubtree : [];
}

const pageGone = (what: string) => new DiskCacheError('DISCONNECTED', `The page ${what}`);

function postToFrame(
  frame: WebFrameMain,
  message: PortAnswer | PeerGone,
  ports: Electron.MessagePortMain[] = [],
): void {
  if (isFrameAlive(frame)) frame.postMessage(PORT_CHANNEL, message, ports);
}
