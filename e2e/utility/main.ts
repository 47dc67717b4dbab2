/** An application with its engine in a utility process. */
import { readFile } from 'node:fs/promises';
import { assetScheme, openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { stores } from './stores.ts';

protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
await app.whenReady();

const storesModule = new URL('./stores.js', import.meta.url);
const host = await openDiskCache({ stores, storesModule, placement: 'utility' });
host.install(session.defaultSession, { keep: 'while-open' });
host.serveAssets(session.defaultSession);

const PAGE = '<!doctype html><title>Utility</title><script type="module" src="/page.js"></script><h1>Utility</h1>';

const ANSWERS: Readonly<Record<string, (argument: string) => unknown>> = {
  '/sessions': () => host.sessions,
  '/windows': () => host.windows.list(),
  '/clear': (name) => host.windows.clear(name),
  '/get': async (key) => (await host.stores.api.get(key)) ?? null,
  '/set': (key) => host.stores.api.set(key, 'of the main process'),
  '/serveAlone': () => {
    host.serveAssets(session.fromPartition('other'), { stores: ['alone'] });
  },
  '/close': () => host.close(),
};

async function serve(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (pathname === '/') return new Response(PAGE, { headers: { 'content-type': 'text/html' } });
  if (pathname === '/page.js') {
    const script = await readFile(new URL('../bridge/page.js', import.meta.url));
    return new Response(script, { headers: { 'content-type': 'text/javascript' } });
  }
  try {
    return Response.json((await ANSWERS[pathname]!(decodeURIComponent(search.slice(1)))) ?? null);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return Response.json({ code, message });
  }
}
protocol.handle('app', serve);

async function open(url: string): Promise<void> {
  const window = new BrowserWindow({
    width: 480,
    height: 320,
    webPreferences: { sandbox: true, contextIsolation: true },
  });
  window.webContents.setWindowOpenHandler((details) => {
    void open(details.url);
    return { action: 'deny' };
  });
  await window.loadURL(url);
}
await open('app://utility/');
