import { decodeValue, encodeValue } from '../encode-value.ts';
import { BINDING_NAME, type MessageFromPage, type MessageToPage, OPEN_EVENT } from '../page-messages.ts';
import { contextBridge } from './context-bridge.ts';

/**
 * The isolated world's side: `ipcRenderer` for the preload, and ports that really are the page's own, each joined here to its
 * far end in the main process. Bundled into one script and run before any script of the page.
 */

type Listener = (event: { sender: object; ports: readonly MessagePort[] }, ...args: unknown[]) => void;
type PreloadBody = (
  require: (id: string) => unknown,
  process: object,
  module: { exports: object },
  exports: object,
) => void;

const post = (globalThis as unknown as Record<string, (text: string) => void>)[BINDING_NAME]!;
const sendToMain = (message: MessageFromPage): void => post(JSON.stringify(message));
const ports = new Map<string, MessagePort>();
const listeners = new Map<string, { listener: Listener; once: boolean }[]>();
let lastPort = 0;

/** Electron's main process reads a message that holds a native object (Blob, File, …) as null. */
function encodeOrNull(data: unknown): string {
  try {
    return encodeValue(data);
  } catch {
    return encodeValue(null);
  }
}

function connectPorts(port: MessagePort, id: string): void {
  ports.set(id, port);
  port.onmessage = (event) => {
    sendToMain({ kind: 'post', port: id, value: encodeOrNull(event.data), ports: event.ports.map(registerPort) });
  };
  port.onmessageerror = () => sendToMain({ kind: 'post', port: id, value: encodeValue(null), ports: [] });
  port.addEventListener('close', () => {
    if (ports.delete(id)) sendToMain({ kind: 'close', port: id });
  });
}

/** A port of the page goes to the main process, under an id made here. */
function registerPort(port: MessagePort): string {
  const id = `page-${++lastPort}`;
  connectPorts(port, id);
  return id;
}

/** A port of the main process comes to the page: the page gets one end of a real channel. */
function receivePort(id: string): MessagePort {
  const { port1, port2 } = new MessageChannel();
  connectPorts(port1, id);
  return port2;
}

function receive(message: MessageToPage): void {
  if (message.kind === 'ipc') {
    emitIpc(message.channel, message.ports.map(receivePort), decodeValue(message.value) as unknown[]);
  } else if (message.kind === 'post') {
    ports.get(message.port)?.postMessage(decodeValue(message.value), message.ports.map(receivePort));
  } else {
    const port = ports.get(message.port);
    ports.delete(message.port);
    port?.close();
  }
}

function emitIpc(channel: string, received: readonly MessagePort[], args: readonly unknown[]): void {
  const event = { sender: ipcRenderer, ports: received };
  for (const entry of [...(listeners.get(channel) ?? [])]) {
    if (entry.once) off(channel, entry.listener);
    try {
      entry.listener(event, ...args);
    } catch (error) {
      reportError(error);
    }
  }
}

function addListener(channel: string, listener: Listener, once: boolean): void {
  listeners.set(channel, [...(listeners.get(channel) ?? []), { listener, once }]);
}

function off(channel: string, listener: Listener): typeof ipcRenderer {
  const kept = (listeners.get(channel) ?? []).filter((entry) => entry.listener !== listener);
  listeners.set(channel, kept);
  return ipcRenderer;
}

/** What the main process has answered to a synchronous message: text of a value, or of an error. */
const syncAnswers: ({ readonly value: string } | { readonly error: string })[] = [];

/** Standing still is left to DevTools, which pauses here until the main process has called `standIn.answer`. */
function standStill(): void {
  // biome-ignore lint/suspicious/noDebugger: see above; the name of this function is `SYNC_PAUSE_FUNCTION`
  debugger;
}

const ipcRenderer = {
  on(channel: string, listener: Listener) {
    addListener(channel, listener, false);
    return ipcRenderer;
  },
  once(channel: string, listener: Listener) {
    addListener(channel, listener, true);
    return ipcRenderer;
  },
  off,
  removeListener: off,
  send(channel: string, ...args: unknown[]): void {
    sendToMain({ kind: 'ipc', channel, value: encodeValue(structuredClone(args)), ports: [] });
  },
  sendSync(channel: string, ...args: unknown[]): unknown {
    sendToMain({ kind: 'sync', channel, value: encodeValue(structuredClone(args)) });
    standStill();
    const answered = syncAnswers.pop();
    if (answered === undefined) throw new Error('stand-in: a synchronous message was not answered');
    if ('error' in answered) throw new Error(answered.error);
    return decodeValue(answered.value);
  },
  postMessage(channel: string, message: unknown, transfer: MessagePort[] = []): void {
    const moved = structuredClone({ args: [message], ports: transfer }, { transfer });
    sendToMain({ kind: 'ipc', channel, value: encodeOrNull(moved.args), ports: moved.ports.map(registerPort) });
  },
};

const answer = (given: (typeof syncAnswers)[number]): void => void syncAnswers.push(given);

const refuse = (what: string): never => {
  throw new Error(`stand-in: ${what} is not implemented; add it under e2e/stand-in or run in Electron`);
};

const strictly = <T extends object>(owner: string, object: T): T =>
  new Proxy(object, {
    get: (target, key) =>
      typeof key === 'symbol' || key in target ? Reflect.get(target, key) : refuse(`${owner}.${key}`),
  });

const electron = strictly('electron', {
  ipcRenderer: strictly('ipcRenderer', ipcRenderer),
  contextBridge: strictly('contextBridge', contextBridge),
});

const MODULES: Record<string, unknown> = {
  electron,
  timers: strictly('timers', { setTimeout, clearTimeout, setInterval, clearInterval }),
  url: strictly('url', { URL, URLSearchParams }),
};

/** Of what a sandboxed preload has of `process`. */
const sandboxedProcess = strictly('process', { type: 'renderer', sandboxed: true, contextIsolated: true });

/** What a sandboxed preload may require; of Node's three modules that Electron carries, `events` is left out. */
function requireInSandbox(id: string): unknown {
  const name = id.replace(/^node:/, '');
  if (Object.hasOwn(MODULES, name)) return MODULES[name];
  if (name === 'events') return refuse("require('events')");
  throw new Error(`module not found: ${id}`);
}

function preload(body: PreloadBody, inSubframes: boolean): void {
  // As in Electron, never in the empty document that a subframe begins with (electron 31313).
  if (window.parent !== window && (!inSubframes || location.href.startsWith('about:blank'))) return;
  const module = { exports: {} };
  body(requireInSandbox, sandboxedProcess, module, module.exports);
}

// Each document has an agent of its own, also where its world was that of another (FrameTree, `beginAgain`).
Object.defineProperty(globalThis, 'standIn', {
  value: Object.freeze({ receive, preload, answer }),
  configurable: true,
});
document.addEventListener(OPEN_EVENT, (event) => {
  const { url, name, features } = (event as CustomEvent<Record<'url' | 'name' | 'features', unknown>>).detail;
  sendToMain({ kind: 'open', url: String(url), name: String(name), features: String(features) });
});
sendToMain({ kind: 'document', url: location.href, origin: self.origin, name: window.name });
