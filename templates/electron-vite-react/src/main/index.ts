/** The main process: opens the stores, lets the windows of the session use them, and opens windows. */
import { assetScheme, openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { COVER, stores } from '../stores';
import { drawCover } from './cover';
import { answerWithFile, PAGE_SCHEME, PAGE_URL } from './page-files';
import { DEV_SERVER_URL } from './page-location';

// Electron takes schemes once, before it is ready: app:// for the page's files, deskcache:// for pictures in a store.
protocol.registerSchemesAsPrivileged([assetScheme(), PAGE_SCHEME]);

const url = DEV_SERVER_URL ?? PAGE_URL;

async function start(): Promise<void> {
  // 'utility' moves the database into a process of its own: for applications whose pages write a lot.
  const host = await openDiskCache({ stores, placement: 'main' });
  // Every window that is opened from now on can use the stores; no preload script to write.
  host.install(session.defaultSession);
  host.serveAssets(session.defaultSession, { stores: ['pictures'] });
  protocol.handle(PAGE_SCHEME.scheme, answerWithFile);

  // An application would download its pictures, or take them from the user. `add` keeps the one that is there already.
  await host.stores.pictures.add(COVER, drawCover());
  await openWindow();
}

async function openWindow(): Promise<void> {
  const window = new BrowserWindow({
    title: 'Desk notes',
    width: 1000,
    height: 760,
    minWidth: 420,
    minHeight: 420,
    show: false,
    // Electron's defaults, written down because the safety of the page hangs on them.
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false },
  });
  window.once('ready-to-show', () => window.show());
  // The page opens second windows with window.open; whatever else it may be tricked into opening is refused.
  window.webContents.setWindowOpenHandler((wanted) => {
    if (wanted.url.startsWith(url)) void openWindow();
    return { action: 'deny' };
  });
  window.webContents.on('will-navigate', (event) => {
    if (!event.url.startsWith(url)) event.preventDefault();
  });
  await window.loadURL(url);
}

app.on('window-all-closed', () => {
  if (process.platform !== 'darwin') app.quit();
});
app.on('activate', () => {
  if (app.isReady() && BrowserWindow.getAllWindows().length === 0) void openWindow();
});

app
  .whenReady()
  .then(start)
  .catch((error: unknown) => {
    console.error(error);
    app.exit(1);
  });
