import { BrowserWindow, session } from 'electron';

/** What serves the page and its calls. */
export type InspectorHandler = (request: Request) => Promise<Response>;

/** No request leaves the session: its handler serves this address and refuses all others. */
const ORIGIN = 'https://inspector.deskcache';
const SCHEME = 'https';

const WINDOW_WIDTH_PX = 1200;
const WINDOW_HEIGHT_PX = 800;

let lastPartition = 0;

/**
 * Opens a window in a session of its own, in memory, whose `https` is the handler: neither another window nor the network reaches it, and no scheme has
 * to be registered. `onClosed` is called when the window is gone.
 */
export async function openInspectorWindow(handle: InspectorHandler, onClosed: () => void): Promise<BrowserWindow> {
  const ownSession = session.fromPartition(`deskcache-inspector-${++lastPartition}`);
  ownSession.protocol.handle(SCHEME, async (request) =>
    new URL(request.url).origin === ORIGIN ? handle(request) : new Response(null, { status: 404 }),
  );
  const window = new BrowserWindow({
    width: WINDOW_WIDTH_PX,
    height: WINDOW_HEIGHT_PX,
    title: 'deskcache inspector',
    autoHideMenuBar: true,
    webPreferences: { session: ownSession, sandbox: true, contextIsolation: true, nodeIntegration: false },
  });
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event, url) => {
    if (new URL(url).origin !== ORIGIN) event.preventDefault();
  });
  window.once('closed', () => {
    ownSession.protocol.unhandle(SCHEME);
    onClosed();
  });
  await window.loadURL(`${ORIGIN}/`);
  return window;
}
