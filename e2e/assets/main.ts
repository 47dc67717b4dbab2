import { assetScheme, openDiskCache, preloadPath } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { placement } from '../placement.ts';
import { openWindow, servePage } from '../single-page.ts';
import { createRecording, LOGO, STORED_PAGE } from './samples.ts';
import { stores } from './stores.ts';
import { watchMemory } from './watch-memory.ts';

const privileges = { standard: true, secure: true, supportFetchAPI: true };
protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges },
  { scheme: 'stranger', privileges },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const host = await openDiskCache({
    stores,
    placement,
    authorize: ({ origin }) =>
      origin === 'app://assets' ? { stores: { assets: 'read', uploads: 'write', '@window': 'write' } } : null,
  });
  await host.stores.assets.set('logo.svg', LOGO);
  await host.stores.assets.set('img/ü & ö?.svg', LOGO);
  await host.stores.assets.set(['user', 42, 'logo.svg'], LOGO);
  await host.stores.assets.set('page.html', STORED_PAGE);
  await host.stores.assets.set('tone.wav', createRecording());
  await host.stores.secret.set('word.txt', 'swordfish');
  host.serveAssets(session.defaultSession);

  async function serve(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/memory') return Response.json(watchMemory());
    if (pathname === '/crash') {
      const windows = BrowserWindow.getAllWindows().map(({ webContents }) => webContents);
      const doomed = windows.find((contents) => contents.getURL().endsWith('?doomed'))!;
      const gone = new Promise((resolve) => doomed.once('render-process-gone', resolve));
      doomed.forcefullyCrashRenderer();
      await gone;
      return new Response();
    }
    return (await servePage(request, 'Assets')) ?? new Response('No such file', { status: 404 });
  }
  protocol.handle('app', serve);
  protocol.handle('stranger', serve);

  let opened = 0;
  await openWindow('app://assets/', () => {
    const window = new BrowserWindow({ webPreferences: { preload: preloadPath } });
    host.attach(window, { name: `window-${++opened}` });
    return window;
  });
}
