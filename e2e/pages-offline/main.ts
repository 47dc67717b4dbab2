/**
 * The application of the end-to-end tests of what pages have of HTTP: `diskCache.fetch`, `diskCache.caches` and the connection. Its page
 * is that of the bridge; `app://stranger/` is granted nothing but a store.
 */
import { readFile } from 'node:fs/promises';
import { type Grant, openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { placement } from '../placement.ts';
import { stores } from './stores.ts';

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
await app.whenReady();

const EVERYTHING: Grant = { stores: { '*': 'admin', '@fetch': 'admin' } };
const host = await openDiskCache({
  stores,
  placement,
  caches: { schemes: ['app'] },
  authorize: ({ origin }) => (origin === 'app://pages' ? EVERYTHING : { stores: { http: 'read' } }),
});
host.install(session.defaultSession);
host.offline(session.defaultSession, { store: 'http', schemes: ['http'] });

const PAGE = '<!doctype html><title>Pages</title><script type="module" src="/page.js"></script><h1>Pages</h1>';

protocol.handle('app', async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/page.js') {
    const script = await readFile(new URL('../bridge/page.js', import.meta.url));
    return new Response(script, { headers: { 'content-type': 'text/javascript' } });
  }
  if (pathname === '/sessions') return Response.json(host.sessions);
  if (pathname === '/kept') {
    // What pages put the main process has, too.
    const caches = await host.caches.keys();
    return Response.json(
      await Promise.all(caches.map(async (name) => [name, (await (await host.caches.open(name)).keys()).length])),
    );
  }
  return new Response(PAGE, { headers: { 'content-type': 'text/html' } });
});

async function open(url: string): Promise<void> {
  const window = new BrowserWindow({ webPreferences: { sandbox: true, contextIsolation: true } });
  window.webContents.setWindowOpenHandler((details) => {
    void open(details.url);
    return { action: 'deny' };
  });
  await window.loadURL(url);
}
await open('app://pages/');
