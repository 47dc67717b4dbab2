/**
 * What the contract test asks the tiny application's main process to do. A page sends the name and arguments as JSON to
 * `app://tiny/do`; the answer is JSON, or a 500 with the error's message.
 */
import { app, BrowserWindow, protocol, session } from 'electron';
import type { AppCommand } from './app-command.ts';
import { eventLog } from './event-log.ts';
import { NETWORK_COMMANDS } from './network-commands.ts';
import { PORT_COMMANDS } from './port-commands.ts';
import { UTILITY_COMMANDS } from './utility-commands.ts';
import { openWindow, PRELOAD_PATH } from './windows.ts';

/** How often the signal of a request was aborted. */
let abortedRequests = 0;

let sendSecondHalf: (() => void) | undefined;

const COMMANDS: Readonly<Record<string, AppCommand>> = {
  notes: () => eventLog.splice(0),
  ...PORT_COMMANDS,
  ...UTILITY_COMMANDS,
  ...NETWORK_COMMANDS,
  windows: () => BrowserWindow.getAllWindows().map((window) => window.webContents.getURL()),
  open: (url, inSubframes) => void openWindow(url!, inSubframes === 'true'),
  openFile: (path) => new BrowserWindow().loadFile(path!),
  openIn: (partition, url) => void openWindow(url!, false, partition),
  closeWindow: (url) => findWindow(url!).close(),
  crash: (url) => findWindow(url!).webContents.forcefullyCrashRenderer(),
  reload: (url) => findWindow(url!).webContents.reload(),
  load: async (from, to) => findWindow(from!).webContents.loadURL(to!),
  isCrashed: (url) => findWindow(url!).webContents.isCrashed(),
  frames: (url) =>
    findWindow(url!).webContents.mainFrame.frames.map(({ url: address, origin }) => ({ url: address, origin })),
  /** What a frame is after its window went from one address to another. */
  frameAfter: async (from, to) => {
    const { webContents } = findWindow(from!);
    const frame = webContents.mainFrame;
    await webContents.loadURL(to!);
    return { isSame: frame === webContents.mainFrame, url: frame.url, isDestroyed: frame.isDestroyed() };
  },
  finish: () => sendSecondHalf?.(),
  signalled: () => abortedRequests,
  register: (id) => session.defaultSession.registerPreloadScript({ type: 'frame', filePath: PRELOAD_PATH, id: id! }),
  unregister: (id) => session.defaultSession.unregisterPreloadScript(id!),
  registered: () => session.defaultSession.getPreloadScripts().map(({ type, id }) => `${type} ${id}`),
  noteCreated: () =>
    void app.once('web-contents-created', (_event, contents) => {
      eventLog.push(`created: ${contents.getType()} ${contents.session === session.defaultSession}`);
    }),
  isHandled: (scheme) => protocol.isProtocolHandled(scheme!),
  preventNextQuit: () => void app.once('will-quit', (event) => event.preventDefault()),
  quit: () => app.quit(),
};

/** A body whose second half comes when `finish` is called. */
export function createHalvedBody({ signal }: Request): ReadableStream<Uint8Array> {
  signal.addEventListener('abort', () => abortedRequests++);
  const text = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      controller.enqueue(text.encode('first half'));
      sendSecondHalf = () => {
        controller.enqueue(text.encode(', second half'));
        controller.close();
      };
    },
    cancel: () => void eventLog.push('stream cancelled'),
  });
}

export async function runCommand(request: Request): Promise<Response> {
  const [name, ...args] = (await request.json()) as string[];
  try {
    return Response.json((await COMMANDS[name!]!(...args)) ?? null);
  } catch (error) {
    return Response.json((error as Error).message, { status: 500 });
  }
}

function findWindow(url: string): BrowserWindow {
  const found = BrowserWindow.getAllWindows().find((window) => window.webContents.getURL() === url);
  if (!found) throw new Error(`No window shows ${url}`);
  return found;
}
