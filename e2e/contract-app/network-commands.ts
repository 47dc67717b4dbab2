/** Requests of the main process, and pages' requests for http and https that it answers. */
import { type ClientRequestConstructorOptions, net, session } from 'electron';
import type { AppCommand } from './app-command.ts';

/** A call of `net.request`: its options, and what to do with the request. */
interface RequestCommand extends ClientRequestConstructorOptions {
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly login?: [user: string, password: string] | [];
}

export const NETWORK_COMMANDS: Readonly<Record<string, AppCommand>> = {
  /** What `session.fetch` comes to. */
  async fetch(partition, url, init) {
    const how = JSON.parse(init!) as RequestInit & { bypassCustomProtocolHandlers?: boolean; abortAfter?: number };
    const { abortAfter, ...rest } = how;
    const signal = abortAfter === undefined ? {} : { signal: AbortSignal.timeout(abortAfter) };
    const response = await session.fromPartition(partition!).fetch(url!, { ...rest, ...signal });
    return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
  },
  /** Sends a `net.request` past all handlers. Returns the response or the error's message, and the other events. */
  request: (partition, url, given) =>
    new Promise((resolve) => {
      const { headers = {}, body, login, ...options } = JSON.parse(given!) as RequestCommand;
      const told: string[] = [];
      const ours = { session: session.fromPartition(partition!), bypassCustomProtocolHandlers: true };
      const asked = net.request({ ...options, ...ours, url: url! });
      for (const [name, value] of Object.entries(headers)) asked.setHeader(name, value);
      if (login) {
        asked.on('login', ({ isProxy, scheme, realm }, answer) => {
          told.push(`login ${scheme} ${realm} ${isProxy}`);
          answer(...login);
        });
      }
      asked.on('redirect', (status, method) => told.push(`redirect ${status} ${method}`));
      asked.on('error', ({ message }) => resolve({ error: message, told }));
      asked.on('response', (response) => {
        const { statusCode: status, rawHeaders } = response;
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve({ status, rawHeaders, text, told }));
      });
      asked.end(body);
    }),
  handle: (partition, scheme) =>
    session.fromPartition(partition!).protocol.handle(scheme!, (request) => answerRequest(request, partition!)),
  unhandle: (partition, scheme) => session.fromPartition(partition!).protocol.unhandle(scheme!),
  storagePath: (partition) => session.fromPartition(partition!).storagePath,
  sessionAt: (path) => {
    const [first, second] = [session.fromPath(path!), session.fromPath(path!)];
    return [first.storagePath, first === second, first.isPersistent()];
  },
};

/** Tells what it was asked; below `/on/` the network is asked instead, past this. */
async function answerRequest(request: Request, partition: string): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/on/')) {
    return session.fromPartition(partition).fetch(request, { bypassCustomProtocolHandlers: true });
  }
  if (pathname === '/page') {
    return new Response('<!doctype html><title>Handled</title>', { headers: { 'content-type': 'text/html' } });
  }
  const { method, url, headers } = request;
  const { initiatorOrigin = 'the application' } = request as Request & { initiatorOrigin?: string };
  if (pathname === '/untyped') return new Response(Buffer.from('To a sniffer this is text. <title>untyped</title>'));
  if (pathname === '/who') {
    const page = `<!doctype html><title>${initiatorOrigin}</title>`;
    return new Response(page, { headers: { 'content-type': 'text/html' } });
  }
  if (pathname.startsWith('/to/')) {
    return new Response(null, { status: 302, headers: { location: decodeURIComponent(pathname.slice(4)) } });
  }
  const seen = {
    ...{ url, method, partition, body: await request.text(), initiatorOrigin },
    ...{ origin: headers.get('origin'), cookie: headers.get('cookie'), extra: headers.get('x-extra') },
  };
  return Response.json(seen, { headers: { 'set-cookie': 'from=handler; Path=/', 'x-own': '1' } });
}
