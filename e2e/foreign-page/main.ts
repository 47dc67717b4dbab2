/**
 * The application of `foreign-page.spec.ts`: the default session goes through `host.offline` for http, session `plain` doesn't. In both the
 * application is also the web site https://evil.example, whose pages are foreign to it. A page of its own has the main process do
 * something by a POST to `app://own/do`.
 */
import { openDiskCache } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

const EVIL_WORKER = `onmessage = ({ data }) => fetch(data).then((it) => it.text()).then(postMessage, () => postMessage(''));`;

async function start(): Promise<void> {
  const host = await openDiskCache({ stores: {} });
  const sessions = { offline: session.defaultSession, plain: session.fromPartition('plain') };
  const { offline } = host.offline(sessions.offline, {
    schemes: ['http'],
    // What the foreign pages request is on this machine; another suite is about that.
    privateNetwork: true,
    routes: [{ match: /\/stored\//, strategy: 'cache-first' }],
  });
  for (const { protocol: handlers } of Object.values(sessions)) {
    handlers.handle('https', ({ url }) => {
      const isScript = new URL(url).pathname === '/worker.js';
      const type = isScript ? 'text/javascript' : 'text/html';
      const body = isScript ? EVIL_WORKER : '<!doctype html><title>Evil</title>';
      return new Response(body, { headers: { 'content-type': type } });
    });
  }

  type Which = keyof typeof sessions;
  const COMMANDS: Readonly<Record<string, (argument: never) => unknown>> = {
    setOnline: (online: boolean) => offline.connection.set(online),
    /** Fetches as the application itself, with the session's cookies. */
    async fetch({ url, as }: { url: string; as: Which }) {
      return (await (as === 'offline' ? offline.fetch(url) : sessions.plain.fetch(url))).text();
    },
    open: ({ url, as }: { url: string; as: Which }) =>
      void new BrowserWindow({ webPreferences: { session: sessions[as] } }).loadURL(url),
  };
  sessions.offline.protocol.handle('app', async (request) => {
    if (request.method !== 'POST') {
      return new Response('<!doctype html><title>Own</title>', { headers: { 'content-type': 'text/html' } });
    }
    const [name, argument] = (await request.json()) as [string, never];
    return Response.json((await COMMANDS[name]!(argument)) ?? null);
  });
  await new BrowserWindow().loadURL('app://own/');
}
