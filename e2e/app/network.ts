/** Requests of the main process, and pages' requests for http and https that it answers. */
import { session } from 'electron';
import type { Command } from './commands.ts';

export const NETWORK_COMMANDS: Readonly<Record<string, Command>> = {
  /** What `session.fetch` comes to. */
  async fetch(partition, url, init) {
    const how = JSON.parse(init!) as RequestInit & { bypassCustomProtocolHandlers?: boolean; abortAfter?: number };
    const { abortAfter, ...rest } = how;
    const signal = abortAfter === undefined ? {} : { signal: AbortSignal.timeout(abortAfter) };
    const response = await session.fromPartition(partition!).fetch(url!, { ...rest, ...signal });
    return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
  },
  handle: (partition, scheme) =>
    session.fromPartition(partition!).protocol.handle(scheme!, (request) => answer(request, partition!)),
  unhandle: (partition, scheme) => session.fromPartition(partition!).protocol.unhandle(scheme!),
  storagePath: (partition) => session.fromPartition(partition!).storagePath,
};

/** Tells what it was asked; below `/on/` the network is asked instead, past this. */
async function answer(request: Request, partition: string): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/on/')) {
    return session.fromPartition(partition).fetch(request, { bypassCustomProtocolHandlers: true });
  }
  if (pathname === '/page') {
    return new Response('<!doctype html><title>Handled</title>', { headers: { 'content-type': 'text/html' } });
  }
  const { method, url, headers } = request;
  const { initiatorOrigin = 'nobody' } = request as Request & { initiatorOrigin?: string };
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
