import { EventEmitter } from 'node:events';
import type * as Electron from 'electron';
import type { CdpSession } from '../chromium/cdp.ts';
import { decodeValue } from '../encode-value.ts';
import type { MessageFromPage } from '../page-messages.ts';
import { fromChromiumUrl, toChromiumUrl } from '../scheme-mapping.ts';
import type { ElectronMembers } from '../type-conformance.ts';
import { assertKnownOptions, CancelableEvent, GuardedEmitter, guardMembers } from '../unknown-member-guard.ts';
import { FrameTree } from './frame-tree.ts';
import { emitIpc, withReturnValue } from './ipc-main.ts';
import { LoadError } from './load-error.ts';
import { getFrameIds, type Navigation, watchNavigation } from './navigation.ts';
import type { PageDocument } from './page-document.ts';
import type { Session } from './session.ts';
import { getShell, type ShimShell } from './shell.ts';
import { WebFrameMain } from './web-frame-main.ts';

type Implemented =
  | 'id'
  | 'mainFrame'
  | 'session'
  | 'getType'
  | 'getURL'
  | 'loadURL'
  | 'setWindowOpenHandler'
  | 'reload'
  | 'isDestroyed'
  | 'isCrashed'
  | 'forcefullyCrashRenderer'
  | 'send'
  | 'postMessage';

export interface WebContentsEvents {
  'did-start-navigation': [Navigation, string, boolean, boolean, number, number];
  /** Never emitted: DevTools reports a redirect only after it was followed. */
  'did-redirect-navigation': [Navigation, string, boolean, boolean, number, number];
  'will-frame-navigate': [Navigation];
  'will-navigate': [Navigation, string, boolean, boolean, number, number];
  'did-frame-navigate': [CancelableEvent, string, number, string, boolean, number, number];
  'did-navigate': [CancelableEvent, string, number, string];
  'did-navigate-in-page': [CancelableEvent, string, boolean, number, number];
  'dom-ready': [];
  'did-finish-load': [];
  'did-fail-provisional-load': [CancelableEvent, number, string, string, boolean, number, number];
  'did-fail-load': [CancelableEvent, number, string, string, boolean, number, number];
  'render-process-gone': [CancelableEvent, { reason: Electron.RenderProcessGoneDetails['reason']; exitCode: number }];
  destroyed: [];
}

/** 0 to 255 each. */
export interface Color {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

export interface PageOptions {
  readonly width: number;
  readonly height: number;
  readonly hidden: boolean;
  /** Shown until the page paints its own. */
  readonly background: Color | undefined;
  readonly preload: string | undefined;
  readonly subframes: boolean;
  readonly session: Session;
}

type OpenHandler = Parameters<Electron.WebContents['setWindowOpenHandler']>[0];

let lastId = 0;

/** The page of one window: a DevTools page target, its frames and its navigations. */
export class WebContents
  extends GuardedEmitter<WebContentsEvents>
  implements ElectronMembers<Electron.WebContents, Implemented>
{
  readonly id = ++lastId;
  /** Messages of this window's frames. No `handleType`: the strict proxy says so. */
  readonly ipc = guardMembers('webContents.ipc', new EventEmitter());
  readonly session: Session;
  readonly #shell: ShimShell;
  readonly #emptyFrame = new WebFrameMain({ parent: () => null, children: () => [] });
  readonly #target: Promise<CdpSession>;
  #targetId: string | undefined;
  #tree: FrameTree | undefined;
  #url = '';
  #state: 'alive' | 'crashed' | 'destroyed' = 'alive';
  /** Frames that the application itself, or this class for it, sends somewhere. */
  readonly #ownLoads = new Map<string, number>();
  /** Frames with a navigation that was reported, and about which the application was not asked yet. */
  readonly #navigating = new Set<string>();
  /** Frames that a page sends to a custom scheme, which is loaded as one of the application's. */
  readonly #pageLoads = new Set<string>();
  #reloaded: (() => void) | undefined;
  #openHandler: OpenHandler | undefined;

  constructor(options: PageOptions) {
    super([
      'did-start-navigation',
      'will-frame-navigate',
      'did-redirect-navigation',
      'will-navigate',
      'did-frame-navigate',
      'did-navigate',
      'did-navigate-in-page',
      'dom-ready',
      'did-finish-load',
      'did-fail-provisional-load',
      'did-fail-load',
      'render-process-gone',
      'destroyed',
    ]);
    this.session = options.session;
    this.#shell = getShell();
    this.#target = this.#open(options);
    this.#target.catch(
      (error) => this.#state !== 'destroyed' && console.error(`stand-in: no window: ${error.message}`),
    );
  }

  get mainFrame(): WebFrameMain {
    return this.#tree?.main ?? this.#emptyFrame;
  }

  /** All there are here are those of windows. */
  getType(): 'window' {
    return 'window';
  }

  getURL(): string {
    return this.#url;
  }

  isDestroyed(): boolean {
    return this.#state === 'destroyed';
  }

  isCrashed(): boolean {
    return this.#state === 'crashed';
  }

  /**
   * Resolves when the page has loaded. Rejects with Chromium's net error, with ERR_ABORTED when another navigation takes over,
   * and with ERR_FAILED for a download and a 204 (lib/browser/api/web-contents.ts), after which the page is as before.
   */
  async loadURL(url: string, options: object = {}): Promise<void> {
    assertKnownOptions('loadURL', options, []);
    const target = await this.#target;
    const loaded = this.#onLoad(url);
    loaded.catch(() => {});
    const mapped = toChromiumUrl(url, this.#shell.schemes.names);
    const { errorText, loaderId } = await this.#own(this.#targetId!, () =>
      target.send('Page.navigate', { url: mapped }),
    );
    if (errorText === 'net::ERR_ABORTED') {
      // Either was told already, or nothing will be.
      const why = await Promise.race([loaded.catch((error: Error) => error), new LoadError('net::ERR_FAILED', url)]);
      throw why;
    }
    if (errorText) throw new LoadError(errorText, url);
    if (loaderId !== undefined) await loaded;
  }

  reload(): void {
    this.#reload().catch(this.#ignoreWhenGone);
  }

  async #reload(): Promise<void> {
    const target = await this.#target;
    await this.#own(this.#targetId!, async () => {
      // DevTools answers before the request is made, which has to be known for the application's own.
      const reloaded = new Promise<void>((resolve) => {
        this.#reloaded = resolve;
      });
      await target.send('Page.reload');
      await reloaded;
    });
  }

  forcefullyCrashRenderer(): void {
    this.#target.then((target) => target.send('Page.crash')).catch(this.#ignoreWhenGone);
  }

  send(channel: string, ...args: unknown[]): void {
    this.mainFrame.send(channel, ...args);
  }

  postMessage(channel: string, message: unknown, transfer?: unknown[]): void {
    this.mainFrame.postMessage(channel, message, transfer);
  }

  /** A handler that denies is all there is: a window opened by a page is closed again before it loads anything. */
  setWindowOpenHandler(handler: OpenHandler): void {
    this.#openHandler = handler;
  }

  show(): void {
    this.#target.then(() => this.#shell.showPage(this.#targetId!)).catch(this.#ignoreWhenGone);
  }

  raise(): void {
    this.#target.then((target) => target.send('Page.bringToFront')).catch(this.#ignoreWhenGone);
  }

  isPage(targetId: string): boolean {
    return targetId === this.#targetId;
  }

  /** Whether `targetId` or a frame of that id is this page's. */
  owns(id: string): boolean {
    return id === this.#targetId || this.#tree?.find(id) !== undefined;
  }

  frame(frameId: string): WebFrameMain | undefined {
    return this.#tree?.find(frameId);
  }

  /** Asked for each navigation before it leaves: false when a listener prevented it. */
  allows(frameId: string, url: string): boolean {
    const frame = this.#tree?.find(frameId);
    // A redirect belongs to the same navigation.
    if (!this.#navigating.delete(frameId) || this.#ownLoads.has(frameId) || frame === undefined) return true;
    const isMainFrame = frameId === this.#targetId;
    const details = (): Navigation =>
      Object.assign(new CancelableEvent(), {
        ...{ url: fromChromiumUrl(url), isSameDocument: false, isMainFrame },
        ...{ frame, initiator: frame },
      });
    const ofFrame = details();
    this.emit('will-frame-navigate', ofFrame);
    if (ofFrame.defaultPrevented || !isMainFrame) return !ofFrame.defaultPrevented;
    const ofPage = details();
    this.emit('will-navigate', ofPage, ofPage.url, false, true, ...getFrameIds(frame));
    return !ofPage.defaultPrevented;
  }

  /** The frame that sends a frame elsewhere: itself, or its parent where it is new; undefined for the application. */
  navigator(frameId: string): WebFrameMain | undefined {
    const isOwn = this.#ownLoads.has(frameId) && !this.#pageLoads.has(frameId);
    if (frameId === this.#targetId) return isOwn ? undefined : this.mainFrame;
    const frame = this.frame(frameId);
    const isNew = !frame || frame.isDestroyed() || /^(about:blank)?$/.test(frame.url);
    return isNew ? (this.#tree?.getParent(frameId) ?? this.mainFrame) : frame;
  }

  /** The process of a frame is gone. As in Electron, that of a subframe in a process of its own is not reported. */
  onCrash(targetId: string, reason: Electron.RenderProcessGoneDetails['reason'], exitCode: number): void {
    this.#tree?.crash(targetId);
    if (!this.isPage(targetId) || this.#state !== 'alive') return;
    this.#state = 'crashed';
    this.#reloaded?.();
    // Posted, as in Electron: the frames are disposed before the event.
    setImmediate(() => {
      if (!this.isDestroyed()) this.emit('render-process-gone', new CancelableEvent(), { reason, exitCode });
    });
  }

  /** Ends the page; `closed` is called by the shell when Chromium has done so by itself. */
  close(): void {
    this.#target
      .then(() => this.#shell.browser.send('Target.closeTarget', { targetId: this.#targetId! }))
      .catch(this.#ignoreWhenGone);
  }

  onClosed(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    this.#reloaded?.();
    this.#tree?.endAll();
    this.emit('destroyed');
  }

  async #open(options: PageOptions): Promise<CdpSession> {
    const { browser, connection, scripts } = this.#shell;
    const { targetId } = await this.#shell.createPage(options);
    this.#targetId = targetId;
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    const target = connection.session(sessionId);
    const preloads = [
      ...this.session.getPreloadScripts().map(({ filePath }) => filePath),
      ...(options.preload ? [options.preload] : []),
    ];
    const tree = new FrameTree(connection, targetId, scripts(preloads, options.subframes), {
      ipc: (document, frame, message) => this.#onMessage(document, frame, message),
      opened: (message) => this.#onDocument(message),
      attached: (session) => this.#watch(session),
    });
    this.#tree = tree;
    await tree.attach(target);
    await target.send('Page.setLifecycleEventsEnabled', { enabled: true });
    if (options.background)
      await target.send('Emulation.setDefaultBackgroundColorOverride', { color: options.background });
    return target;
  }

  #onMessage(
    document: PageDocument,
    frame: WebFrameMain,
    message: Extract<MessageFromPage, { kind: 'ipc' | 'sync' }>,
  ): void {
    const event = {
      sender: this,
      type: 'frame' as const,
      ports: message.kind === 'ipc' ? document.takePorts(message.ports) : [],
      processId: frame.processId,
      frameId: frame.routingId,
      get senderFrame() {
        return frame.isDestroyed() ? null : frame;
      },
      reply: (channel: string, ...args: unknown[]) => frame.send(channel, ...args),
    };
    const args = decodeValue(message.value);
    const isSync = message.kind === 'sync';
    const sent = guardMembers('IpcMainEvent', isSync ? withReturnValue(event, document) : event);
    const isHeard = emitIpc(this.ipc, message.channel, sent, ...(Array.isArray(args) ? args : [args]));
    // In Electron the page stands still until the event is garbage.
    if (isSync && !isHeard)
      void document.answer({ error: `stand-in: sendSync() with '${message.channel}' channel without listeners` });
  }

  #watch(target: CdpSession): void {
    const isForeign = (url: string) => toChromiumUrl(url, this.#shell.schemes.names) !== url;
    watchNavigation(target, this, {
      frame: (id) => this.#tree?.find(id),
      isForeign,
      began: (frameId) => this.#navigating.add(frameId),
      requested: (session, frameId, url) => this.#onRequest(session, frameId, url),
      navigated: (url) => {
        this.#reloaded?.();
        this.#state = 'alive';
        this.#url = url;
      },
    });
  }

  /** A page that goes to a custom scheme asks Chromium for a scheme it does not know; the mapped address is loaded instead. */
  #onRequest(session: CdpSession, frameId: string, url: string): boolean {
    if (!this.allows(frameId, url)) return false;
    const mapped = toChromiumUrl(url, this.#shell.schemes.names);
    this.#pageLoads.add(frameId);
    this.#own(frameId, () => session.send('Page.navigate', { url: mapped, frameId }))
      .finally(() => this.#pageLoads.delete(frameId))
      .catch(this.#ignoreWhenGone);
    return true;
  }

  #onDocument({ url, name, features }: Extract<MessageFromPage, { kind: 'open' }>): void {
    const details = { url: fromChromiumUrl(url), frameName: name, features, disposition: 'foreground-tab' as const };
    const answer = this.#openHandler?.({ ...details, referrer: { url: this.#url, policy: 'default' } });
    if (answer?.action === 'deny') return;
    console.error(`stand-in: windows opened by a page are not implemented; ${details.url} was not opened`);
  }

  /** Settles with the next load of the main frame: its end, a crash, the window's end, or another navigation's start. */
  #onLoad(url: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let starts = 0;
      const abort = () => settle(() => reject(new LoadError('net::ERR_ABORTED', url)));
      const done = () => settle(resolve);
      const started = (_event: Navigation, _url: string, isSameDocument: boolean, isMainFrame: boolean) => {
        if (isMainFrame && !isSameDocument && ++starts > 1) abort();
      };
      const settle = (act: () => void) => {
        this.off('did-finish-load', done).off('did-start-navigation', started).off('destroyed', abort);
        this.off('render-process-gone', abort);
        act();
      };
      this.on('did-finish-load', done).on('did-start-navigation', started).on('destroyed', abort);
      this.on('render-process-gone', abort);
    });
  }

  async #own<T>(frameId: string, navigate: () => Promise<T>): Promise<T> {
    this.#ownLoads.set(frameId, (this.#ownLoads.get(frameId) ?? 0) + 1);
    try {
      return await navigate();
    } finally {
      const left = this.#ownLoads.get(frameId)! - 1;
      if (left > 0) this.#ownLoads.set(frameId, left);
      else this.#ownLoads.delete(frameId);
    }
  }

  /** Commands to a page that has closed are ignored. */
  readonly #ignoreWhenGone = (error: Error): void => {
    if (this.#state === 'alive' && !/gone|closed|No target|not found|crashed/i.test(error.message)) throw error;
  };
}
