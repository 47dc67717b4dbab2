import { app, type IpcMainEvent, type Session, type WebContents, webContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { READY_CHANNEL, type ReadyAnswer, type ReadyRefusal } from '../../protocol/handshake.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { EngineEndpoint } from './engine-endpoint.ts';
import { ReadyDocument } from './ready-document.ts';
import type { Authorize } from './sender.ts';

const READY_PRELOAD_ID = 'deskcache-ready';

/** Returns the answer to a page's request for the settings of a store. */
type Responder = (event: IpcMainEvent, store: unknown) => ReadyAnswer | Promise<ReadyAnswer>;

/** The responders of windows that are attached to an open host. */
const responders = new WeakMap<WebContents, Responder>();
let isListening = false;

/**
 * Responds to every window, from the first use until the process exits. A page without an answer would be blocked, and it may still have the
 * preload script after its host was closed.
 */
function listenToAllWindows(): void {
  if (isListening) return;
  isListening = true;
  const listen = (contents: WebContents) => contents.ipc.on(READY_CHANNEL, answer);
  for (const contents of webContents.getAllWebContents()) listen(contents);
  app.on('web-contents-created', (_event, contents) => listen(contents));
}

async function answer(event: IpcMainEvent, store: unknown): Promise<void> {
  try {
    const respond = responders.get(event.sender) ?? refuse;
    const answered = respond(event, store);
    event.returnValue = answered instanceof Promise ? await answered : answered;
  } catch (error) {
    event.returnValue = { error: toPageErrorData(error) } satisfies ReadyRefusal;
  }
}

function refuse(): never {
  throw new DiskCacheError('DISCONNECTED', 'This window is not attached to an open host; see host.attach');
}

/** How many hosts and windows need the preload script in each session. */
const scriptUses = new WeakMap<Session, number>();

/** Registers the preload script in a session. Returns a function that unregisters it, unless another use needs it. */
function useReadyScript(session: Session, filePath: string): () => void {
  const uses = scriptUses.get(session) ?? 0;
  if (uses === 0) session.registerPreloadScript({ type: 'frame', filePath, id: READY_PRELOAD_ID });
  scriptUses.set(session, uses + 1);
  let isUsed = true;
  return () => {
    if (!isUsed) return;
    isUsed = false;
    const left = scriptUses.get(session)! - 1;
    scriptUses.set(session, left);
    if (left === 0) session.unregisterPreloadScript(READY_PRELOAD_ID);
  };
}

/** The windows whose pages get settings in their first line (`ready`). */
export class ReadyWindows {
  readonly #preloadPath: string;
  readonly #authorize: Authorize;
  readonly #engine: EngineEndpoint;
  readonly #bySession = new WeakMap<Session, readonly string[]>();
  /** Names of stores for which the application was warned. */
  readonly #warned = new Set<string>();

  constructor(preloadPath: string, authorize: Authorize, engine: EngineEndpoint) {
    this.#preloadPath = preloadPath;
    this.#authorize = authorize;
    this.#engine = engine;
  }

  /** Makes stores ready in the windows of a session that name none themselves. Returns a function that ends this. */
  addSession(session: Session, stores: readonly string[]): () => void {
    if (stores.length === 0) return () => {};
    listenToAllWindows();
    this.#bySession.set(session, [...stores]);
    const unuse = useReadyScript(session, this.#preloadPath);
    return () => {
      this.#bySession.delete(session);
      unuse();
    };
  }

  /** Makes stores ready in a window: `stores`, or by default those of its session. Returns a function that ends this. */
  addWindow(contents: WebContents, name: string, stores: readonly string[] | undefined): () => void {
    const document = new ReadyDocument(contents, name, this.#authorize, this.#engine, this.#warned);
    const unuse = stores === undefined || stores.length === 0 ? undefined : this.#useIn(contents.session);
    const respond: Responder = ({ senderFrame }, store) =>
      document.respond(senderFrame, store, stores ?? this.#bySession.get(contents.session) ?? []);
    responders.set(contents, respond);
    return () => {
      if (responders.get(contents) === respond) responders.delete(contents);
      document.end();
      unuse?.();
    };
  }

  #useIn(session: Session): () => void {
    listenToAllWindows();
    return useReadyScript(session, this.#preloadPath);
  }
}
