/**
 * The application of the experiments. What an experiment needs, it asks for by an argument (`--utility`, `--offline`, `--serves`) or by a
 * POST of `[name, argument]` to `app://lab/do`.
 */
import { assetScheme, openDiskCache, type Placement } from 'deskcache/main';
import { app, BrowserWindow, protocol, session, type WebContents } from 'electron';
import { openWindow, servePage } from '../../single-page.ts';
import { makeSilence } from './silence.ts';
import { stores } from './stores.ts';

const hasArgument = (name: string) => process.argv.includes(`--${name}`);

protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
// Electron would show a dialog, which waits for a person.
process.on('uncaughtException', (error) => console.log(`uncaught: ${error.message}`));
void app.whenReady().then(start);

async function start(): Promise<void> {
  const placement: Placement = hasArgument('utility') ? 'utility' : 'main';
  const host = await openDiskCache({
    stores,
    storesModule: new URL('./stores.js', import.meta.url),
    placement,
    authorize: ({ origin }) => (origin === 'app://lab' ? { stores: { '*': 'admin', '@window': 'admin' } } : null),
  });
  const own = session.defaultSession;
  host.install(own);
  if (hasArgument('offline')) {
    host.offline(own, { schemes: ['http'], store: 'http', privateNetwork: true });
    const headers = { 'content-type': 'text/html' };
    protocol.handle('https', () => new Response('<!doctype html><title>Another site</title>', { headers }));
  }
  let endAssets = hasArgument('serves') ? host.serveAssets(own) : () => {};

  const COMMANDS: Readonly<Record<string, (argument: never) => unknown>> = {
    pid: () => process.pid,
    memory: () => process.memoryUsage.rss(),
    open: (url: string) => void openWindow(url, makeWindow),
    close: (url: string) => findWindow(url).close(),
    crash: (url: string) => findWindow(url).forcefullyCrashRenderer(),
    /** What a request of the main process comes to. It is how the session gets a cookie. */
    fetch: async (url: string) => (await own.fetch(url, { bypassCustomProtocolHandlers: true })).text(),
    serveAssets() {
      endAssets = host.serveAssets(own);
    },
    endAssets: () => endAssets(),
    setAsset: (text: string) => host.stores.assets.set('a.txt', text),
    /** Stores a recording of the given number of seconds. */
    record: (seconds: number) => host.stores.assets.writeStream('film.wav', makeSilence(seconds)),
    /** Reports to the starting process what a page was promised. */
    promised: (count: number) => console.log(`promised ${count}`),
    quit: () => app.quit(),
    exit: () => app.exit(0),
    'process.exit': () => process.exit(0),
  };

  protocol.handle('app', async (request) => {
    switch (new URL(request.url).pathname) {
      case '/do': {
        const [name, argument] = (await request.json()) as [string, never];
        return Response.json((await COMMANDS[name]!(argument)) ?? null);
      }
      case '/nothing':
        return new Response(null, { status: 204 });
      case '/download':
        return new Response('a file', { headers: { 'content-disposition': 'attachment; filename="file.txt"' } });
      default:
        return (await servePage(request, 'Lab')) ?? new Response('No such file', { status: 404 });
    }
  });
  // The stand-in’s sessions have no events; Electron would ask a person where to save.
  if ('on' in own) own.on('will-download', (event) => event.preventDefault());
  await openWindow('app://lab/', makeWindow);
}

function makeWindow(): BrowserWindow {
  const window = new BrowserWindow();
  window.webContents.on('will-navigate', (event) => {
    if (event.url.includes('forbidden')) event.preventDefault();
  });
  return window;
}

function findWindow(url: string): WebContents {
  const window = BrowserWindow.getAllWindows().find(({ webContents }) => webContents.getURL() === url);
  if (!window) throw new Error(`No window shows ${url}`);
  return window.webContents;
}
