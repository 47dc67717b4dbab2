/**
 * The application of the end-to-end tests of what pages have of HTTP: `diskCache.fetch`, `diskCache.caches` and the connection. Its page
 * is that of the bridge; `app://stranger/` is granted nothing but a store.
 */
import { type Grant, openDiskCache } from 'deskcache/main';
import { app, protocol, session } from 'electron';
import { placement } from '../placement.ts';
import { openWindow, servePage } from '../single-page.ts';
import { stores } from './stores.ts';

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const EVERYTHING: Grant = { stores: { '*': 'admin', '@fetch': 'admin' } };
  const host = await openDiskCache({
    stores,
    placement,
    authorize: ({ origin }) => (origin === 'app://pages' ? EVERYTHING : { stores: { http: 'read' } }),
  });
  host.install(session.defaultSession);
  // Their servers are on this machine.
  host.offline(session.defaultSession, { schemes: ['http'], privateNetwork: ['127.0.0.1', 'localhost'] });

  protocol.handle('app', async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/sessions') return Response.json(host.sessions);
    if (pathname === '/kept') {
      // What pages put the main process has, too.
      const caches = await host.caches.keys();
      return Response.json(
        await Promise.all(caches.map(async (name) => [name, (await (await host.caches.open(name)).keys()).length])),
      );
    }
    return (await servePage(request, 'Pages')) ?? new Response('No such file', { status: 404 });
  });
  await openWindow('app://pages/');
}
