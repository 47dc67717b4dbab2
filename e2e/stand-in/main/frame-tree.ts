import type { CdpConnection, CdpSession } from '../chromium/cdp.ts';
import { BINDING_NAME, type MessageFromPage, SYNC_PAUSE_FUNCTION, WORLD_NAME } from '../page-messages.ts';
import { PageDocument } from './page-document.ts';
import { WebFrameMain } from './web-frame-main.ts';

/** Scripts each document of a window starts with, before its own. */
export interface PageScripts {
  /** Runs in the isolated world: `ipcRenderer` and the way of ports. */
  readonly agent: string;
  /** Runs in the page's world: what Chromium lacks (custom schemes in `fetch`) or must lose (transferred buffers). */
  readonly surface: string;
  /** The application's preload, in the isolated world; not run in the empty document a window begins with. */
  readonly preload: string;
  /** Whether the preload sends synchronous messages, which takes DevTools' debugger. */
  readonly sendsSync: boolean;
}

export interface FrameTreeListener {
  ipc(document: PageDocument, frame: WebFrameMain, message: Extract<MessageFromPage, { kind: 'ipc' | 'sync' }>): void;
  opened(message: Extract<MessageFromPage, { kind: 'open' }>): void;
  /** Before anything runs in a DevTools target of this window. */
  attached(session: CdpSession): void;
}

interface FrameNode {
  parentId: string | undefined;
  document: PageDocument | undefined;
  readonly frame: WebFrameMain;
}

/** The frames of one window over all DevTools targets they are spread over, each with its live document. */
export class FrameTree {
  readonly #connection: CdpConnection;
  readonly #scripts: PageScripts;
  readonly #listener: FrameTreeListener;
  readonly #nodes = new Map<string, FrameNode>();
  readonly #mainId: string;

  constructor(connection: CdpConnection, mainId: string, scripts: PageScripts, listener: FrameTreeListener) {
    this.#connection = connection;
    this.#mainId = mainId;
    this.#scripts = scripts;
    this.#listener = listener;
  }

  get main(): WebFrameMain {
    return this.#node(this.#mainId).frame;
  }

  find(frameId: string): WebFrameMain | undefined {
    return this.#nodes.get(frameId)?.frame;
  }

  getParent(frameId: string): WebFrameMain | undefined {
    const parentId = this.#nodes.get(frameId)?.parentId;
    return parentId === undefined ? undefined : this.find(parentId);
  }

  /** One DevTools target: the page itself, or a subframe that has a process of its own. */
  async attach(session: CdpSession): Promise<void> {
    const { agent, surface, preload, sendsSync } = this.#scripts;
    const contexts = new Map<number, string>();
    this.#watchFrames(session);
    this.#listener.attached(session);
    session.on('Runtime.executionContextCreated', ({ context }) => {
      if (context.name === WORLD_NAME) contexts.set(context.id, String(context.auxData?.['frameId' as never]));
    });
    session.on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      this.#end((document) => document.world.session === session && document.world.context === executionContextId);
    });
    session.on('Runtime.executionContextsCleared', () => this.endTarget(session));
    session.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      const frameId = contexts.get(executionContextId);
      if (name !== BINDING_NAME || frameId === undefined) return;
      this.#receive({ session, context: executionContextId, frameId }, JSON.parse(payload) as MessageFromPage);
    });
    session.on('Debugger.paused', ({ callFrames }) => {
      // A page's own `debugger` statement has no effect: no developer tools are open.
      if (callFrames[0]?.functionName !== SYNC_PAUSE_FUNCTION) session.send('Debugger.resume').catch(() => {});
    });
    const script = (source: string, worldName: string, runImmediately: boolean) =>
      session.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName, runImmediately });
    await Promise.all([
      session.send('Page.enable'),
      session.send('Runtime.enable'),
      ...(sendsSync ? [session.send('Debugger.enable')] : []),
      // Only for the status of documents; bodies are not kept.
      session.send('Network.enable', { maxTotalBufferSize: 0, maxResourceBufferSize: 0, maxPostDataSize: 0 }),
      session.send('Runtime.addBinding', { name: BINDING_NAME, executionContextName: WORLD_NAME }),
      script(agent, WORLD_NAME, true),
      script(surface, '', true),
      script(preload, WORLD_NAME, false),
      session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: true, flatten: true }),
      session.send('Runtime.runIfWaitingForDebugger'),
    ]);
  }

  endTarget(session: CdpSession): void {
    this.#end((document) => document.world.session === session);
  }

  endAll(): void {
    this.#end(() => true);
  }

  /** The process of a frame has crashed, and with it that of every frame below: none can be used before its next document. */
  crash(frameId: string): void {
    const node = this.#nodes.get(frameId);
    if (!node) return;
    node.document?.end();
    node.frame.dispose('disposed');
    for (const [id, { parentId }] of this.#nodes) if (parentId === frameId) this.#remove(id);
  }

  #watchFrames(session: CdpSession): void {
    session.on('Page.frameAttached', ({ frameId, parentFrameId }) => {
      this.#node(frameId).parentId = parentFrameId;
    });
    session.on('Page.frameNavigated', ({ frame }) => {
      const node = this.#node(frame.id);
      node.frame.commit({ url: frame.url, origin: frame.securityOrigin, name: frame.name ?? '' });
      if (frame.parentId && node.document && !node.document.ended) this.#recreateMain(node.document);
    });
    session.on('Page.frameDetached', ({ frameId, reason }) => {
      this.#nodes.get(frameId)?.document?.end();
      if (reason === 'remove') this.#remove(frameId);
    });
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      const child = this.#connection.session(sessionId);
      if (targetInfo.type === 'iframe') {
        // A frame that is gone before it was set up has nothing to set up.
        this.attach(child).catch(() => {});
      } else if (targetInfo.type === 'page') {
        // `setWindowOpenHandler` was asked already; no window of a page's making stays.
        this.#connection.browser.send('Target.closeTarget', { targetId: targetInfo.targetId }).catch(() => {});
      } else {
        child.send('Runtime.runIfWaitingForDebugger').catch(() => {});
      }
    });
    session.on('Target.detachedFromTarget', ({ sessionId }) => {
      this.#end((document) => document.world.session.id === sessionId);
      this.#connection.forget(sessionId);
    });
  }

  /**
   * Chromium reuses the worlds of a subframe's empty document for the first document of the same origin, and runs no script in them again.
   */
  #recreateMain({ world: { session, context } }: PageDocument): void {
    const { agent, preload } = this.#scripts;
    session.send('Runtime.evaluate', { expression: `${agent}\n${preload}`, contextId: context }).catch(() => {});
  }

  #receive(world: PageDocument['world'], message: MessageFromPage): void {
    const node = this.#node(world.frameId);
    if (message.kind === 'document') {
      node.document?.end();
      node.document = new PageDocument(world, message);
      node.frame.open(node.document);
      return;
    }
    const { document, frame } = node;
    if (!document || document.world.context !== world.context || document.world.session !== world.session) return;
    if (message.kind === 'ipc' || message.kind === 'sync') this.#listener.ipc(document, frame, message);
    else if (message.kind === 'open') this.#listener.opened(message);
    else document.receive(message);
  }

  #remove(frameId: string): void {
    const node = this.#nodes.get(frameId);
    this.#nodes.delete(frameId);
    node?.document?.end();
    node?.frame.dispose('removed');
    for (const [id, { parentId }] of this.#nodes) if (parentId === frameId) this.#remove(id);
  }

  #node(frameId: string): FrameNode {
    const known = this.#nodes.get(frameId);
    if (known) return known;
    const frame = new WebFrameMain({
      parent: () => this.getParent(frameId) ?? null,
      children: () => [...this.#nodes.values()].filter((node) => node.parentId === frameId).map((node) => node.frame),
    });
    const node: FrameNode = { parentId: undefined, document: undefined, frame };
    this.#nodes.set(frameId, node);
    return node;
  }

  #end(which: (document: PageDocument) => boolean): void {
    for (const { document } of this.#nodes.values()) if (document && which(document)) document.end();
  }
}
