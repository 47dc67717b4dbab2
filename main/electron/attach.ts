import {
  type Session as ElectronSession,
  type Event,
  type IpcMainEvent,
  MessageChannelMain,
  type WebContents,
  type WebContentsDidStartNavigationEventParams,
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
import type { EngineWindow, PageAnswering, PageSession } from './page-engine.ts';
import { type Authorize, type FrameInfo, senderOf } from './sender.ts';

/** A page may load our client more than once; past these a document is up to no good. */
const MAX_SESSIONS = 16;
const MAX_HANDSHAKES = 256;

/** A window whose pages may connect. */
export interface Attachment {
  /** How many pages are connected, whatever number of ports they have. */
  readonly sessions: number;
  /** What the documents of an origin are granted that the window shows now; none in another session. */
  grantsOf(origin: string, session: ElectronSession): readonly Grant[];
  /** Ends every session, telling the pages why; nothing can connect any more. */
  detach(reason: DiskCacheError): void;
}

/**
 * Answers the handshakes of one window's frames; `engine` answers calls of stores, `offline` those of HTTP.
 *
 * Invariant: a session ends with its document (navigation, reload, crash, close of the window), whether or not its port
 * says so: a killed page says nothing.
 */
export function attach(
  contents: WebContents,
  name: string,
  authorize: Authorize,
  engine: EngineWindow,
  offline: PageAnswering,
): Attachment {
  const sessions = new Map<PageSession, WebFrameMain>();
  const nonces = new Set<string>();

  function onConnect({ senderFrame: frame }: IpcMainEvent, nonce: unknown, to: unknown = 'stores'): void {
    // Without a frame there is nobody to answer; a nonce answers once, so a page may ask again until it is heard.
    if (frame === null || !isNonce(nonce) || !isPurpose(to) || nonces.has(nonce) || nonces.size >= MAX_HANDSHAKES)
      return;
    nonces.add(nonce);
    try {
      connect(frame, nonce, grantFor(frame), to);
    } catch (error) {
      answer(frame, { deskcache: 'port', nonce, error: toPageErrorData(error) });
    }
  }

  function grantFor(frame: WebFrameMain): Grant {
    const sender = senderOf(frame, name);
    const grant = sender && ask(authorize, sender);
    if (sender && grant && sessions.size < MAX_SESSIONS) return grant;
    const who = sender ? `${sender.isTop ? 'page' : 'subframe'} of ${sender.origin}` : 'frame of no certain origin';
    const why = grant ? `has ${MAX_SESSIONS} connections already` : 'was not granted a connection by authorize(frame)';
    throw new DiskCacheError('NOT_ALLOWED', `The ${who} in window "${name}" ${why}`);
  }

  function connect(frame: WebFrameMain, nonce: string, grant: Grant, to: Purpose): void {
    const { port1, port2 } = new MessageChannelMain();
    const hasShard = frame.parent === null || Object.hasOwn(grant.stores, WINDOW_STORE);
    const answering = to === 'stores' ? engine : offline;
    const session = answering.openSession(port1, { grant, hasShard }, (how) => {
      sessions.delete(session);
      if (how === 'died') answer(frame, { deskcache: 'gone', nonce });
    });
    sessions.set(session, frame);
    answer(frame, { deskcache: 'port', nonce }, [port2]);
  }

  function end(reason: DiskCacheError, ended: (frame: WebFrameMain) => boolean = () => true): void {
    for (const [session, frame] of sessions) {
      if (!ended(frame)) continue;
      sessions.delete(session);
      session.close(reason);
    }
  }

  function onNavigation({ isSameDocument, isMainFrame, frame }: Event<WebContentsDidStartNavigationEventParams>): void {
    if (isSameDocument) return;
    if (isMainFrame) nonces.clear();
    end(gone('is being replaced by another'), (its) => isMainFrame || its === frame || its.isDestroyed());
  }
  const onCrash = () => end(gone('crashed'));
  const onDestroyed = () => end(gone('was closed'));

  contents.ipc.on(CONNECT_CHANNEL, onConnect);
  contents.on('did-start-navigation', onNavigation);
  contents.on('render-process-gone', onCrash);
  contents.on('destroyed', onDestroyed);

  return {
    get sessions() {
      return new Set(sessions.values()).size;
    },
    grantsOf(origin, session) {
      if (contents.isDestroyed() || contents.session !== session) return [];
      return contents.mainFrame.framesInSubtree.flatMap((frame) => {
        const sender = senderOf(frame, name);
        return sender?.origin === origin ? (ask(authorize, sender) ?? []) : [];
      });
    },
    detach(reason) {
      end(reason);
      if (contents.isDestroyed()) return;
      contents.ipc.off(CONNECT_CHANNEL, onConnect);
      contents.off('did-start-navigation', onNavigation);
      contents.off('render-process-gone', onCrash);
      contents.off('destroyed', onDestroyed);
    },
  };
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
  if (!frame.isDestroyed()) frame.postMessage(PORT_CHANNEL, message, ports);
}
