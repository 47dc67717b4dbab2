import { EventEmitter } from 'node:events';
import type { PreloadScriptRegistration, Session, WebContents, WebFrameMain } from 'electron';
import { CONNECT_CHANNEL, READY_CHANNEL, type ReadyAnswer, type ReadyRefusal } from '../../protocol/handshake.ts';

/**
 * Electron as far as `main/electron` touches it, for tests without a runtime: events are emitted by hand, and ports only remember
 * what was done to them. How real ones behave is for e2e/. Use: `vi.mock('electron', () => import('./electron-double.ts'))`.
 */
export class Port extends EventEmitter {
  readonly posted: unknown[] = [];
  closed = false;
  start(): void {}
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.emit('close');
  }
}

/** Made since the test began, which empties it. */
export const channels: MessageChannelMain[] = [];

export class MessageChannelMain {
  readonly port1 = new Port();
  readonly port2 = new Port();
  constructor() {
    channels.push(this);
  }
}

export const app = Object.assign(new EventEmitter().setMaxListeners(0), { isPackaged: true });

export const session = { defaultSession: {} as Session };

/** Those that are open. */
const allContents = new Set<unknown>();
export const webContents = { getAllWebContents: () => [...allContents] };

export function openSession() {
  const scripts = new Map<string, PreloadScriptRegistration>();
  const session = {
    getPreloadScripts: () => [...scripts.values()],
    registerPreloadScript: (script: PreloadScriptRegistration) => scripts.set(script.id!, script),
    unregisterPreloadScript: (id: string) => scripts.delete(id),
  };
  return { session: session as unknown as Session, scripts };
}

interface Reply {
  readonly message: { readonly nonce: string; readonly error?: { readonly code: string } };
  readonly ports: readonly unknown[];
}

let lastRoutingId = 0;

/** A document in a frame of its own; what it is answered is kept. */
export function openFrame(fields: object = {}) {
  const answers: Reply[] = [];
  const frame = {
    processId: 1,
    routingId: ++lastRoutingId,
    url: 'app://atlas/',
    origin: 'app://atlas',
    parent: null,
    detached: false,
    isDestroyed: () => false,
    postMessage: (_channel: string, message: Reply['message'], ports: unknown[]) => answers.push({ message, ports }),
    ...fields,
  };
  return { frame: frame as unknown as WebFrameMain, answers };
}

/** What is read of a frame whose process has crashed, or that was removed. */
export function dispose(frame: WebFrameMain): void {
  for (const name of [
    'url',
    'origin',
    'parent',
    'frames',
    'framesInSubtree',
    'processId',
    'routingId',
    'postMessage',
  ]) {
    Object.defineProperty(frame, name, {
      get() {
        throw new Error('Render frame was disposed before WebFrameMain could be accessed');
      },
    });
  }
  Object.assign(frame, { detached: true, isDestroyed: () => true });
}

/** The arguments of Electron's events when a frame has another document, and when an error page has taken its place. */
const toNavigationArguments = (frame: WebFrameMain, isMainFrame = frame.parent === null) =>
  [isMainFrame, frame.processId, frame.routingId] as const;
export const committed = (frame: WebFrameMain, isMainFrame?: boolean) =>
  ['did-frame-navigate', {}, frame.url, 200, 'OK', ...toNavigationArguments(frame, isMainFrame)] as const;
export const failed = (frame: WebFrameMain, code: number) =>
  ['did-fail-provisional-load', {}, code, 'ERR_OF_SOME_KIND', frame.url, ...toNavigationArguments(frame)] as const;

/** The contents of a window, made as Electron makes them: the application hears of it. */
export function openWindow(fields: object = {}) {
  let isDestroyed = false;
  const ipc = new EventEmitter();
  const own = { ipc, isDestroyed: () => isDestroyed, getType: () => 'window', ...fields };
  const contents = Object.assign(new EventEmitter(), own) as EventEmitter & typeof own;
  allContents.add(contents);
  app.emit('web-contents-created', {}, contents);
  return {
    contents: contents as unknown as WebContents,
    emit: contents.emit.bind(contents),
    ask: (senderFrame: WebFrameMain | null, ...asked: unknown[]) =>
      ipc.emit(CONNECT_CHANNEL, { senderFrame, ...getSender(senderFrame) }, ...asked),
    /** As `ipcRenderer.sendSync`: returns the values that main has set; a page goes on with the first. */
    askReady: (senderFrame: WebFrameMain | null, store: unknown): (ReadyAnswer | ReadyRefusal)[] => {
      const answers: (ReadyAnswer | ReadyRefusal)[] = [];
      const event = { sender: contents, senderFrame, ...getSender(senderFrame) };
      const set = (answer: ReadyAnswer | ReadyRefusal) => answers.push(answer);
      ipc.emit(READY_CHANNEL, Object.defineProperty(event, 'returnValue', { set }), store);
      return answers;
    },
    close: () => {
      isDestroyed = true;
      allContents.delete(contents);
      contents.emit('destroyed');
    },
    listeners: () =>
      [contents, ipc].flatMap((emitter) => emitter.eventNames().flatMap((name) => emitter.listeners(name))).length,
  };
}

/** The host that a message comes from, by Electron's two numbers. */
const getSender = (frame: WebFrameMain | null) => ({ processId: frame?.processId, frameId: frame?.routingId });

export const createNonce = (n: number) => n.toString(16).padStart(32, '0');

/** Sessions in which nothing is asked about HTTP. */
export const withoutHttp = () => ({
  openSession(): never {
    throw new Error('Nothing was to be asked about HTTP');
  },
});
