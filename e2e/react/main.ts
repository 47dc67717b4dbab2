/** An application whose pages are written with `deskcache/react`. */
import { readFile } from 'node:fs/promises';
import { openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { placement } from '../placement.ts';
import { openWindow } from '../single-page.ts';
import { stores } from './stores.ts';

const ROWS = 10_000;
const CHANGES_PER_SECOND = 100;

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const host = await openDiskCache({
    stores,
    placement,
    authorize: () => ({ stores: { '*': 'write', locked: 'read' } }),
  });
  await host.stores.locked.set('word', 'swordfish');
  host.queue('letters');

  let churning: NodeJS.Timeout | undefined;
  function churn(): void {
    let changes = 0;
    churning = setInterval(() => {
      void host.stores.rows.set(`row ${String((changes++ * 7919) % ROWS).padStart(5, '0')}`, changes);
    }, 1000 / CHANGES_PER_SECOND);
  }

  protocol.handle('app', async (request) => {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case '/':
        return new Response(
          '<!doctype html><title>React</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>',
          { headers: { 'content-type': 'text/html' } },
        );
      case '/fill':
        await host.stores.rows.setMany(
          Array.from({ length: ROWS }, (_, n): [string, number] => [`row ${String(n).padStart(5, '0')}`, 0]),
        );
        return new Response();
      case '/churn':
        churn();
        return new Response();
      case '/calm':
        clearInterval(churning);
        return new Response();
      default:
        if (!/^\/page(-[\w-]+)?\.js$/.test(pathname)) return new Response('No such file', { status: 404 });
        return new Response(await readFile(new URL(`.${pathname}`, import.meta.url)), {
          headers: { 'content-type': 'text/javascript' },
        });
    }
  });
  app.on('will-quit', () => clearInterval(churning));
  host.install(session.defaultSession, { ready: ['app'] });
  await openWindow('app://react/', () => new BrowserWindow({ width: 900, height: 640 }));
}
