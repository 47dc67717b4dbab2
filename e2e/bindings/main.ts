/**
 * The application of the specs of the bindings. `--page=vue` shows the page of `vue/`, `--page=svelte` that of `svelte/`; both show the same
 * stores by the same elements. `--rows=` is the length of the list. A page has the main process change its rows by `app://bindings/changes`.
 */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { setInterval } from 'node:timers';
import { openDiskCache } from 'deskcache/main';
import { app, protocol, session } from 'electron';
import { openWindow } from '../single-page.ts';
import { stores } from './stores.ts';

const CHANGE_INTERVAL_MS = 10;
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const host = await openDiskCache({ stores, authorize: () => ({ stores: { '*': 'admin', '@fetch': 'admin' } }) });
  host.install(session.defaultSession);
  host.offline(session.defaultSession, { schemes: ['http'] });
  // Without a worker: jobs wait until a page removes them.
  host.queue<string>('outbox');
  const rowCount = Number(getArgument('rows'));
  const { rows } = host.stores;
  rows.transact(() => {
    for (let id = 0; id < rowCount; id++) rows.set(id, { name: `Row ${id}`, price: 0 });
  });

  let changes = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Changes a row: mostly one of the first fifty, which the page shows. */
  function changeRow(): void {
    changes++;
    const id = (changes * 7) % (changes % 4 === 0 ? rowCount : 50);
    rows.set(id, { name: `Row ${id}`, price: changes });
  }

  /** A timer that is late makes up for it, so that there are a hundred changes a second on a busy machine, too. */
  function startChanges(): void {
    const startedAt = performance.now() - changes * CHANGE_INTERVAL_MS;
    timer = setInterval(() => {
      while (changes * CHANGE_INTERVAL_MS < performance.now() - startedAt) changeRow();
    }, CHANGE_INTERVAL_MS);
  }

  async function serve({ url }: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(url);
    switch (pathname) {
      case '/changes':
        clearInterval(timer);
        if (searchParams.has('on')) startChanges();
        return Response.json(changes);
      default: {
        const type = CONTENT_TYPES[extname(pathname)];
        if (type === undefined) return new Response('No such file', { status: 404 });
        const body = await readFile(new URL(`.${pathname}`, import.meta.url));
        return new Response(body, { headers: { 'content-type': type } });
      }
    }
  }
  protocol.handle('app', serve);
  await openWindow(`app://bindings/${getArgument('page')}.html`);
}

/** Returns the value of `--name=value`. */
function getArgument(name: string): string | undefined {
  const prefix = `--${name}=`;
  return process.argv.find((argument) => argument.startsWith(prefix))?.slice(prefix.length);
}
