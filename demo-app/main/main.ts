/** The main process of Atlas: opens the stores, caches requests to the server, delivers notes, opens windows. */
import { join } from 'node:path';
import { assetScheme, DiskCacheError, openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { type FieldNote, OUTBOX } from '../model/note.ts';
import { stores } from '../model/stores.ts';
import { startDelivery } from './deliver-note.ts';
import { createFileHandler } from './page-files.ts';
import { watchNetwork } from './watch-network.ts';

const ORIGIN = 'app://atlas';
const HOME_URL = `${ORIGIN}/`;

// The origin of the remote API; without it Atlas shows what is on disk.
const upstream = new URL(process.env['ATLAS_UPSTREAM'] ?? 'http://upstream.invalid').origin;

app.setName('Atlas');
protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
// One instance at a time, so no other process uses its stores, which makes them faster.
if (app.requestSingleInstanceLock()) start().catch(exitWithError);
else app.quit();

function exitWithError(error: unknown): void {
  const reason = error instanceof DiskCacheError ? `${error.message} (${error.code})` : error;
  console.error('Atlas could not go on:', reason);
  app.exit(1);
}

async function start(): Promise<void> {
  const host = await openDiskCache({
    stores,
    onDamaged: ({ store, outcome, saved, keptIn }) =>
      console.warn(
        `The store "${store}" was damaged: ${outcome}, ${saved} items saved${keptIn ? `, kept in ${keptIn}` : ''}`,
      ),
  });
  const { defaultSession } = session;
  host.install(defaultSession);
  host.serveAssets(defaultSession, { stores: ['flags'], contentType: () => 'image/svg+xml' });
  const { offline } = host.offline(defaultSession, {
    store: 'answers',
    schemes: [new URL(upstream).protocol.slice(0, -1)],
    // The demo's server runs on this machine.
    privateNetwork: [new URL(upstream).host],
    routes: [{ match: /\/v1\//, strategy: 'stale-while-revalidate' }],
  });
  const { settings } = host.stores;
  const quit = new AbortController();
  app.once('quit', () => quit.abort());
  const checkNetwork = watchNetwork({
    connection: offline.connection,
    isSwitchedOff: () => settings.get('offline') ?? false,
    // Bypasses the cache, which sends no requests while it is offline.
    isReachable: () =>
      defaultSession.fetch(`${upstream}/v1/health`, { bypassCustomProtocolHandlers: true }).then(
        ({ ok }) => ok,
        () => false,
      ),
    signal: quit.signal,
  });
  settings.subscribe(() => void checkNetwork());

  const outbox = host.queue<FieldNote>(OUTBOX);
  startDelivery(outbox, { offline, url: `${upstream}/v1/notes` }).catch(exitWithError);

  protocol.handle('app', createFileHandler(join(import.meta.dirname, 'page'), ORIGIN));
  const url = `${HOME_URL}?upstream=${encodeURIComponent(upstream)}`;
  app.on('second-instance', () => void openWindow(url));
  await openWindow(url);
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
    if (wanted.url.startsWith(HOME_URL)) void openWindow(wanted.url);
    return { action: 'deny' };
  });
  window.webContents.on('will-navigate', (event) => {
    if (!event.url.startsWith(HOME_URL)) event.preventDefault();
  });
  await window.loadURL(url);
}
