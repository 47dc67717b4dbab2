/** The smallest application there is on deskcache, with one page it trusts and one it does not. */
import { EventEmitter, once } from 'node:events';
import { openDiskCache, preloadPath } from 'deskcache/main';
import { app, BrowserWindow, protocol, session, type WebContents } from 'electron';
import { placement } from '../placement.ts';
import { openWindow, servePage } from '../single-page.ts';
import { stores } from './stores.ts';

const privileges = { standard: true, secure: true, supportFetchAPI: true };
protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges },
  { scheme: 'stranger', privileges },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const host = await openDiskCache({
    stores,
    placement,
    authorize: ({ origin }) => (origin === 'app://bridge' ? { stores: { '*': 'admin', secret: 'read' } } : null),
  });
  await host.stores.secret.set('word', 'swordfish');

  /** Messages are delivered when a test fetches `/postman`. */
  const postman = new EventEmitter();
  async function deliver({ report, signal }: { report(progress: object): void; readonly signal: AbortSignal }) {
    report({ percent: 50 });
    await once(postman, 'here', { signal });
  }
  void host.queue<string>('letters').process(deliver, { concurrency: 4 });

  /** The contents of the window whose address has this search. */
  function find({ url }: Request): WebContents {
    const { search } = new URL(url);
    return BrowserWindow.getAllWindows().find(({ webContents }) => webContents.getURL().endsWith(search))!.webContents;
  }

  async function serve(request: Request): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case '/windows':
        return Response.json(await host.windows.list());
      case '/crash':
        find(request).forcefullyCrashRenderer();
        return new Response();
      case '/reload':
        find(request).reload();
        return new Response();
      case '/quit':
        app.quit();
        return new Response();
      case '/postman':
        postman.emit('here');
        return new Response();
      case '/nothing':
        return new Response(null, { status: 204 });
      case '/file':
        return new Response('a file', { headers: { 'content-disposition': 'attachment; filename="a.txt"' } });
      case '/inspect': {
        const { search } = new URL(request.url);
        return host.openInspector({ write: search === '?write' }).then(
          () => new Response('opened'),
          (error: Error) => new Response(error.message),
        );
      }
      case '/sessions':
        return Response.json(host.sessions);
      default:
        return (await servePage(request, 'Bridge')) ?? new Response('No such file', { status: 404 });
    }
  }
  protocol.handle('app', serve);
  protocol.handle('stranger', serve);

  // With `--install` the session's windows are attached automatically; a window gets an additional name if its URL has one.
  const installs = process.argv.includes('--install');
  if (installs) host.install(session.defaultSession);

  let opened = 0;
  function makeWindow(url: string): BrowserWindow {
    const { searchParams } = new URL(url);
    const name = searchParams.get('name') ?? (installs ? undefined : `window-${++opened}`);
    const nodeIntegrationInSubFrames = searchParams.has('framed');
    const window = new BrowserWindow({
      webPreferences: name ? { preload: preloadPath, nodeIntegrationInSubFrames } : {},
    });
    if (name) host.attach(window, { name });
    window.webContents.on('will-navigate', (event) => {
      if (event.url.endsWith('/forbidden')) event.preventDefault();
    });
    return window;
  }
  const open = (url: string) => openWindow(url, makeWindow);
  if (process.argv.includes('--stays')) app.on('window-all-closed', () => void open('app://bridge/?again'));
  if (process.argv.includes('--asks-to-stay')) {
    app.once('will-quit', (event) => {
      event.preventDefault();
      void open('app://bridge/?stayed');
    });
  }
  // In a utility process the last moment may be too late.
  app.on('will-quit', () => void Promise.resolve(host.stores.secret.set('word', 'farewell')).catch(() => {}));
  await open('app://bridge/');
}
