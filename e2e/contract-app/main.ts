/** The tiny application of the contract test: what it does must be the same in Electron and in the stand-in. */
import { readFile } from 'node:fs/promises';
import { app, protocol } from 'electron';
import { createHalvedBody, runCommand } from './commands.ts';
import { eventLog } from './event-log.ts';
import { openWindow } from './windows.ts';

const FETCHABLE = { standard: true, secure: true, supportFetchAPI: true };
protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: FETCHABLE },
  { scheme: 'store', privileges: { ...FETCHABLE, corsEnabled: true, stream: true } },
  { scheme: 'private', privileges: FETCHABLE },
  { scheme: 'unhandled', privileges: { ...FETCHABLE, corsEnabled: true } },
]);

const PAGE = '<!doctype html><title>Tiny</title><script src="app://tiny/page.js"></script><h1>Tiny</h1>';
const IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>';
const createHtmlResponse = (body: string, headers: Record<string, string> = {}) =>
  new Response(body, { headers: { 'content-type': 'text/html', ...headers } });

/** What Chromium's network adds to a request, after a handler was asked. */
const NETWORK_FIELDS = /^(origin|referer|cookie|host|accept-encoding|sec-fetch-.*|access-control-.*)$/;

app.on('window-all-closed', () => console.log('window-all-closed'));
for (const name of ['before-quit', 'will-quit', 'quit'] as const) app.on(name as 'quit', () => console.log(name));
void app.whenReady().then(start);

async function start(): Promise<void> {
  protocol.handle('app', async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/do') return runCommand(request);
    if (pathname === '/page.js') {
      const script = await readFile(new URL('./page.js', import.meta.url));
      return new Response(script, { headers: { 'content-type': 'text/javascript; charset=utf-8' } });
    }
    if (pathname === '/frames') {
      return createHtmlResponse(
        `${PAGE}<iframe src="store://framed/page"></iframe><iframe sandbox="allow-scripts" src="app://tiny/boxed"></iframe>`,
      );
    }
    if (pathname === '/nothing') return new Response(null, { status: 204 });
    if (pathname === '/file')
      return createHtmlResponse(PAGE, { 'content-disposition': 'attachment; filename="page.html"' });
    if (pathname === '/missing') return new Response(PAGE, { status: 404, headers: { 'content-type': 'text/html' } });
    if (pathname === '/policy') {
      return createHtmlResponse(
        `<meta http-equiv="content-security-policy" content="default-src 'self' store:">${PAGE}`,
      );
    }
    return createHtmlResponse(PAGE);
  });
  protocol.handle('private', ({ url, method }) => {
    eventLog.push(`asked: ${method} ${url}`);
    return new Response('secret');
  });
  let answered = 0;
  protocol.handle('store', async (request) => {
    const url = new URL(request.url);
    const { initiatorOrigin } = request as Request & { initiatorOrigin?: string };
    if (url.hostname === 'closed')
      return new Response('no header says who may read this', { headers: { 'x-own': '1' } });
    const headers = new Headers({ 'access-control-allow-origin': request.headers.get('origin') ?? '*' });
    switch (url.pathname) {
      case '/image.svg':
        return new Response(IMAGE, { headers: { 'content-type': 'image/svg+xml' } });
      case '/first':
      case '/second':
        headers.set('cache-control', 'max-age=3600');
        return new Response(`${url.pathname} ${++answered}`, { headers });
      case '/halves':
        return new Response(createHalvedBody(request), { headers });
      case '/echo':
        return new Response(await request.arrayBuffer(), { status: 201, headers });
      case '/seen':
        headers.set('access-control-expose-headers', 'x-range');
        headers.set('x-range', request.headers.get('range') ?? 'none');
        return Response.json(
          {
            ...{ url: request.url, method: request.method, referrer: request.referrer, initiatorOrigin },
            network: [...request.headers.keys()].filter((name) => NETWORK_FIELDS.test(name)),
          },
          { status: 206, headers },
        );
      case '/broken':
        throw new Error('the handler broke');
      case '/page':
        return createHtmlResponse('<!doctype html><title>Framed</title>');
      default:
        return new Response('not here', { status: 404, headers });
    }
  });
  await openWindow('app://tiny/');
  eventLog.push('loaded');
}
