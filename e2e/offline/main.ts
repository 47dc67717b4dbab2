/**
 * The application of the end-to-end tests of `host.offline`: two sessions, one of them a guest's in memory, whose pages may ask an
 * origin over http. A page has the main process do something by a POST to `app://offline/do`.
 */
import { openDiskCache } from 'deskcache/main';
import { NetworkState, Precache, type PrecacheProgress, type Strategy } from 'deskcache/offline';
import { app, BrowserWindow, protocol, session } from 'electron';
import { stores } from './stores.ts';

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  { scheme: 'feed', privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true } },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

async function start(): Promise<void> {
  const host = await openDiskCache({ stores });
  const own = session.defaultSession;
  const guest = session.fromPartition('guest');
  /** One for both sessions, as one machine has one network. */
  const connection = new NetworkState();
  const precache = new Precache({
    cache: host.stores.files,
    fetch: (request) => own.fetch(request, { bypassCustomProtocolHandlers: true }),
  });

  const STRATEGIES: readonly Strategy[] = [
    'cache-first',
    'network-first',
    'stale-while-revalidate',
    'network-only',
    'cache-only',
  ];
  const routes = [
    { match: /\/impatient\//, strategy: 'network-first' as const, timeout: 200 },
    ...STRATEGIES.map((strategy) => ({ match: new RegExp(`/${strategy}/`), strategy })),
  ];
  const shared = { store: 'http', schemes: ['http'], routes, connection, precache };
  const { offline } = host.offline(own, shared);
  const { offline: guests } = host.offline(guest, { ...shared, partition: 'guest' });
  // `feed://port/40123/path` is path at that port of this machine.
  host.offline(own, {
    schemes: ['feed'],
    connection,
    fetch: ({ url, headers }) =>
      own.fetch(url.replace('feed://port/', 'http://127.0.0.1:'), { headers, bypassCustomProtocolHandlers: true }),
  });

  const PAGE = '<!doctype html><title>Offline</title><h1>Offline</h1>';

  const COMMANDS: Readonly<Record<string, (argument: never) => unknown>> = {
    setOnline: (online: boolean) => connection.set(online),
    /** What a request of the main process comes to, in a session. */
    async fetch({ url, as }: { url: string; as: 'own' | 'guest' }) {
      const response = await (as === 'own' ? offline : guests).fetch(url);
      return { text: await response.text(), status: response.headers.get('cache-status') };
    },
    /** The number of different bodies that this many concurrent requests return. */
    async fetchAtOnce({ url, times }: { url: string; times: number }) {
      const bodies = Array.from({ length: times }, async () => (await offline.fetch(url)).text());
      return [...new Set(await Promise.all(bodies))];
    },
    async install(manifest: Parameters<Precache['install']>[0]) {
      const told: PrecacheProgress[] = [];
      const failed = await precache.install(manifest, { onProgress: (progress) => told.push(progress) }).then(
        () => undefined,
        (error: Error) => error.name,
      );
      return { version: precache.version, failed, done: told.map(({ done, total }) => `${done} of ${total}`) };
    },
    openGuest: () => open(new BrowserWindow({ webPreferences: { session: guest } })),
    open: () => open(new BrowserWindow()),
  };

  async function serve(request: Request): Promise<Response> {
    if (request.method !== 'POST') return new Response(PAGE, { headers: { 'content-type': 'text/html' } });
    const [name, argument] = (await request.json()) as [string, never];
    return Response.json((await COMMANDS[name]!(argument)) ?? null);
  }
  own.protocol.handle('app', serve);
  guest.protocol.handle('app', serve);

  const open = (window: BrowserWindow) => window.loadURL('app://offline/');
  await open(new BrowserWindow());
}
