/** An application with its engine in a utility process. */
import { assetScheme, openDiskCache } from 'deskcache/main';
import { app, protocol, session } from 'electron';
import { openWindow, servePage } from '../single-page.ts';
import { stores } from './stores.ts';

protocol.registerSchemesAsPrivileged([
  assetScheme(),
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const storesModule = new URL('./stores.js', import.meta.url);
  const host = await openDiskCache({ stores, storesModule, placement: 'utility' });
  host.install(session.defaultSession, { lifetime: 'session' });
  host.serveAssets(session.defaultSession);

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
    const page = await servePage(request, 'Utility');
    if (page !== undefined) return page;
    try {
      return Response.json((await ANSWERS[pathname]!(decodeURIComponent(search.slice(1)))) ?? null);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return Response.json({ code, message });
    }
  }
  protocol.handle('app', serve);
  await openWindow('app://utility/');
}
