import { app, type IpcMainEvent, type Session, type WebContents, webContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { READY_CHANNEL, type ReadyAnswer, type ReadyRefusal } from '../../protocol/handshake.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { EngineEndpoint } from './engine-endpoint.ts';
import { ReadyDocument } from './ready-document.ts';
import type { Authorize } from './sender.ts';

const READY_PRELOAD_ID = 'deskcache-ready';

/** Answers a page that asks for settings by their name. */
type Responder = (event: IpcMainEvent, store: unknown) => ReadyAnswer | Promise<ReadyAnswer>;

/** Those of the windows that are attached to an open host. */
const responders = new WeakMap<WebContents, Responder>();
let isListening = false;

/**
 * Answers every window, from the first use on and as long as the process runs: a page that gets no answer stands still, and it may still
 * have the preload script when its host was closed.
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

/** How many uses need the preload script in each session. */
const scriptUses = new WeakMap<Session, number>();

/** Gives the documents of a session the preload script that asks. Returns a function that ends this. */
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
  /** Names of stores that the application was warned about. */
  readonly #warned = new Set<string>();

  constructor(preloadPath: string, authorize: Authorize, engine: EngineEndpoint) {
    this.#preloadPath = preloadPath;
    this.#authorize = authorize;
    this.#engine = engine;
  }

  /** Names the stores for the windows of a session that have none of their own. Returns a function that ends this. */
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

  /** Answers the pages of a window, with `stores` or those of its session. Returns a function that ends this. */
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
