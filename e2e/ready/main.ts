/** An application whose pages have settings in their first line. */
import { readFile } from 'node:fs/promises';
import { openDiskCache, preloadPath, type RemoteSettings } from 'deskcache/main';
import { app, BrowserWindow, protocol, session } from 'electron';
import { placement } from '../placement.ts';
import { openWindow } from '../single-page.ts';
import { type AppSettings, stores } from './stores.ts';

const privileges = { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true };
protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges },
  { scheme: 'stranger', privileges },
]);
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

const READY = ['settings', 'large', 'secret'] as const;

/** A classic script in the head: nothing is painted before it has run. */
const SCRIPT = process.argv.includes('--classic')
  ? '<script src="/page-classic.js"></script>'
  : '<script type="module" src="/page.js" blocking="render"></script>';
const PAGE = `<!doctype html><title>Ready</title>
<style>html { background: #fff; color: #111 } html[data-theme=dark] { background: #1c2733; color: #e8f0f7 } h1 { font: 40px sans-serif }</style>
${SCRIPT}<h1>Settings</h1>`;

async function start(): Promise<void> {
  const open = () =>
    openDiskCache({
      stores,
      placement,
      authorize: ({ origin }) => (origin === 'app://ready' ? { stores: { settings: 'write', large: 'write' } } : null),
    });
  let host = await open();
  const hasOption = (name: string) => process.argv.includes(`--${name}`);

  /** With `--attach` each window is attached by hand, and has `ready` if its address says so. */
  function attach(window: BrowserWindow): void {
    const url = window.webContents.getURL() || nextUrl;
    host.attach(window, /[?](ready=no|load)$/.test(url) ? {} : { ready: READY });
  }
  let nextUrl = '';
  function makeWindow(url: string): BrowserWindow {
    nextUrl = url;
    const webPreferences = hasOption('attach') ? { preload: preloadPath } : {};
    const window = new BrowserWindow({
      width: 480,
      height: 200,
      webPreferences: { ...webPreferences, nodeIntegrationInSubFrames: url.includes('frames') },
    });
    if (hasOption('attach')) attach(window);
    return window;
  }
  const install = () => {
    if (!hasOption('attach')) host.install(session.defaultSession, hasOption('without') ? {} : { ready: READY });
  };
  install();

  const COMMANDS: Readonly<Record<string, (argument: string) => unknown>> = {
    '/set': async (patch) =>
      await (host.stores.settings as RemoteSettings<AppSettings>).set(JSON.parse(patch) as { theme: 'dark' }),
    '/enlarge': async (bytes) =>
      await (host.stores.large as RemoteSettings<{ text: string }>).set('text', 'x'.repeat(Number(bytes))),
    '/close': () => host.close(),
    '/reopen': async () => {
      host = await open();
      install();
      for (const window of BrowserWindow.getAllWindows()) attach(window);
    },
  };

  async function serve(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const command = COMMANDS[pathname];
    if (command) {
      await command(decodeURIComponent(search.slice(1)));
      return new Response();
    }
    if (/^\/page(-[\w-]+)?\.js$/.test(pathname)) {
      const script = await readFile(new URL(`.${pathname}`, import.meta.url));
      return new Response(script, { headers: { 'content-type': 'text/javascript' } });
    }
    const frames = search.includes('frames')
      ? '<iframe src="/?inner"></iframe><iframe src="stranger://ready/?inner"></iframe>'
      : '';
    return new Response(PAGE + frames, { headers: { 'content-type': 'text/html' } });
  }
  protocol.handle('app', serve);
  protocol.handle('stranger', serve);
  await openWindow('app://ready/', makeWindow);
}
