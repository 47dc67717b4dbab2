/** Atlas in the main process: opens the stores, serves the page, opens windows. */
import { join } from 'node:path';
import { assetScheme, DiskCacheError, openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { stores } from '../model/stores.ts';
import { pageFiles } from './page-files.ts';

const ORIGIN = 'app://atlas';
const HOME = `${ORIGIN}/`;

// `ATLAS_UPSTREAM` is where the remote API lives; without it Atlas shows what is on disk.
const upstream = process.env['ATLAS_UPSTREAM'] && new URL(process.env['ATLAS_UPSTREAM']).origin;

app.setName('Atlas');
protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
start().catch((error: unknown) => {
  const why = error instanceof DiskCacheError ? `${error.message} (${error.code})` : error;
  console.error('Atlas could not start:', why);
  app.exit(1);
});

async function start(): Promise<void> {
  const host = await openDiskCache({ stores });
  host.install(session.defaultSession);
  host.serveAssets(session.defaultSession, { stores: ['flags'], contentType: () => 'image/svg+xml' });
  protocol.handle('app', pageFiles(join(import.meta.dirname, 'page'), ORIGIN, upstream));
  await openWindow(upstream ? `${HOME}?upstream=${encodeURIComponent(upstream)}` : HOME);
}

async function openWindow(url: string): Promise<void> {
  const window = new BrowserWindow({
    title: 'Atlas',
    width: 1280,
    height: 820,
    minWidth: 860,
    minHeight: 560,
    show: false,
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false },
  });
  window.once('ready-to-show', () => window.show());
  window.webContents.setWindowOpenHandler((wanted) => {
    if (wanted.url.startsWith(HOME)) void openWindow(wanted.url);
    return { action: 'deny' };
  });
  window.webContents.on('will-navigate', (event) => {
    if (!event.url.startsWith(HOME)) event.preventDefault();
  });
  await window.loadURL(url);
}
