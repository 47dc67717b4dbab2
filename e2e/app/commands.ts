/**
 * What the contract test asks the tiny application's main process to do. A page sends the name and arguments as JSON to
 * `app://tiny/do`; the answer is JSON, or a 500 with the error's message.
 */
import { app, BrowserWindow, protocol, session } from 'electron';
import { NETWORK_COMMANDS } from './network.ts';
import { notes } from './notes.ts';
import { PORT_COMMANDS } from './ports.ts';
import { UTILITY_COMMANDS } from './utilities.ts';
import { openWindow, PRELOAD } from './windows.ts';

/** How often the signal of a request was aborted. */
let signalled = 0;
export type Command = (...args: string[]) => unknown;

let finish: (() => void) | undefined;

const COMMANDS: Readonly<Record<string, Command>> = {
  notes: () => notes.splice(0),
  ...PORT_COMMANDS,
  ...UTILITY_COMMANDS,
  ...NETWORK_COMMANDS,
  windows: () => BrowserWindow.getAllWindows().map((window) => window.webContents.getURL()),
  open: (url, inSubframes) => void openWindow(url!, inSubframes === 'true'),
  openFile: (path) => new BrowserWindow().loadFile(path!),
  openIn: (partition, url) => void openWindow(url!, false, partition),
  closeWindow: (url) => find(url!).close(),
  crash: (url) => find(url!).webContents.forcefullyCrashRenderer(),
  reload: (url) => find(url!).webContents.reload(),
  load: async (from, to) => find(from!).webContents.loadURL(to!),
  isCrashed: (url) => find(url!).webContents.isCrashed(),
  frames: (url) =>
    find(url!).webContents.mainFrame.frames.map(({ url: address, origin }) => ({ url: address, origin })),
  staleFrame: async (url) => {
    const { webContents } = find(url!);
    const frame = webContents.mainFrame;
    const before = frame.origin;
    await webContents.loadURL('app://tiny/elsewhere');
    return [before, webContents.mainFrame.url];
  },
  finish: () => finish?.(),
  signalled: () => signalled,
  register: (id) => session.defaultSession.registerPreloadScript({ type: 'frame', filePath: PRELOAD, id: id! }),
  unregister: (id) => session.defaultSession.unregisterPreloadScript(id!),
  registered: () => session.defaultSession.getPreloadScripts().map(({ type, id }) => `${type} ${id}`),
  noteCreated: () =>
    void app.once('web-contents-created', (_event, contents) => {
      notes.push(`created: ${contents.getType()} ${contents.session === session.defaultSession}`);
    }),
  isHandled: (scheme) => protocol.isProtocolHandled(scheme!),
  preventNextQuit: () => void app.once('will-quit', (event) => event.preventDefault()),
  quit: () => app.quit(),
};

/** A body whose second half comes when `finish` is called. */
export function twoHalves({ signal }: Request): ReadableStream<Uint8Array> {
  signal.addEventListener('abort', () => signalled++);
  const text = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      controller.enqueue(text.encode('first half'));
      finish = () => {
        controller.enqueue(text.encode(', second half'));
        controller.close();
      };
    },
    cancel: () => void notes.push('stream cancelled'),
  });
}

export async function run(request: Request): Promise<Response> {
  const [name, ...args] = (await request.json()) as string[];
  try {
    return Response.json((await COMMANDS[name!]!(...args)) ?? null);
  } catch (error) {
    return Response.json((error as Error).message, { status: 500 });
  }
}

function find(url: string): BrowserWindow {
  const found = BrowserWindow.getAllWindows().find((window) => window.webContents.getURL() === url);
  if (!found) throw new Error(`No window shows ${url}`);
  return found;
}
