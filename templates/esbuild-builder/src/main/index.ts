/** The main process: opens the stores, lets all windows of the session use them, and opens windows. */
import { assetScheme, openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { COVER, stores } from '../stores';
import { drawCover } from './cover';
import { answerWithFile, PAGE_SCHEME, PAGE_URL } from './page-files';
import { DEV_SERVER_URL } from './page-location';

// Schemes are registered once, before Electron is ready: app:// for the page's files, deskcache:// for pictures in a store.
protocol.registerSchemesAsPrivileged([assetScheme(), PAGE_SCHEME]);

const url = DEV_SERVER_URL ?? PAGE_URL;

async function start(): Promise<void> {
  // 'utility' moves the database into a process of its own, for applications whose pages write a lot.
  const host = await openDiskCache({ stores, placement: 'main' });
  // Every window opened from now on can use the stores, without a preload script of your own, and has the settings in its first line.
  host.install(session.defaultSession, { ready: ['settings'] });
  host.serveAssets(session.defaultSession, { stores: ['pictures'] });
  protocol.handle(PAGE_SCHEME.scheme, answerWithFile);

  // An application would download its pictures, or get them from the user. `add` keeps an existing one.
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
    // Electron's defaults, written down because the page's safety depends on them.
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false },
  });
  window.once('ready-to-show', () => window.show());
  // The page opens second windows with window.open; every other window it may be tricked into opening is refused.
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
