import { readFile } from 'node:fs/promises';
import { assetScheme, openDiskCache, preloadPath } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { placement } from '../placement.ts';
import { LOGO, PAGE_IN_STORE, recording } from './samples.ts';
import { stores } from './stores.ts';
import { watchMemory } from './watch-memory.ts';

const privileges = { standard: true, secure: true, supportFetchAPI: true };
protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges },
  { scheme: 'stranger', privileges },
]);
await app.whenReady();

const host = await openDiskCache({
  stores,
  placement,
  authorize: ({ origin }) =>
    origin === 'app://assets' ? { stores: { assets: 'read', uploads: 'write', '@window': 'write' } } : null,
});
await host.stores.assets.set('logo.svg', LOGO);
await host.stores.assets.set('img/ü & ö?.svg', LOGO);
await host.stores.assets.set(['user', 42, 'logo.svg'], LOGO);
await host.stores.assets.set('page.html', PAGE_IN_STORE);
await host.stores.assets.set('tone.wav', recording());
await host.stores.secret.set('word.txt', 'swordfish');
host.serveAssets(session.defaultSession);

const PAGE = '<!doctype html><title>Assets</title><script type="module" src="/page.js"></script><h1>Assets</h1>';

async function serve(request: Request): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case '/':
      return new Response(PAGE, { headers: { 'content-type': 'text/html' } });
    case '/page.js':
      return new Response(await readFile(new URL('../bridge/page.js', import.meta.url)), {
        headers: { 'content-type': 'text/javascript' },
      });
    case '/memory':
      return Response.json(watchMemory());
    default:
      return new Response('No such file', { status: 404 });
  }
}
protocol.handle('app', serve);
protocol.handle('stranger', serve);

let opened = 0;
async function open(url: string): Promise<void> {
  const window = new BrowserWindow({
    width: 480,
    height: 320,
    webPreferences: { preload: preloadPath, sandbox: true, contextIsolation: true },
  });
  host.attach(window, { name: `window-${++opened}` });
  window.webContents.setWindowOpenHandler((details) => {
    void open(details.url);
    return { action: 'deny' };
  });
  await window.loadURL(url);
}
await open('app://assets/');
