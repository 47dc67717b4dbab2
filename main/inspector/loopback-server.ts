import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LoopbackSession } from './loopback-session.ts';
import { MAX_BODY_BYTES, type RequestHandler, refuse } from './request-handler.ts';

export interface LoopbackServer {
  /** Works once. */
  readonly link: string;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/**
 * Serves the inspector on 127.0.0.1 to the one page that opens its link.
 *
 * @param port 0: any that is free.
 * @throws {Error} of Node if the port is in use.
 */
export async function startLoopbackServer(handle: RequestHandler, port = 0): Promise<LoopbackServer> {
  let session: LoopbackSession;
  const server = createServer((incoming, outgoing) => {
    void respond(incoming, outgoing, (request) => serve(session, handle, request, incoming.headers.host));
  });
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  session = new LoopbackSession(`${LOOPBACK}:${(server.address() as AddressInfo).port}`);
  return {
    link: session.link,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function serve(
  session: LoopbackSession,
  handle: RequestHandler,
  request: Request,
  host: string | undefined,
): Promise<Response> {
  const refusal = session.refuseForeign(request, host);
  if (refusal !== undefined) return refusal;
  const { pathname } = new URL(request.url);
  if (pathname === '/api/session') return beginSession(session, request);
  if (pathname.startsWith('/api/')) return session.refuseStranger(request) ?? handle(request);
  return handle(request);
}

async function beginSession(session: LoopbackSession, request: Request): Promise<Response> {
  if (request.method !== 'POST' || request.headers.get('content-type') !== 'application/json')
    return refuse(405, 'NOT_ALLOWED', 'A session begins with POST and JSON');
  const body: unknown = await request.json().catch(() => undefined);
  return session.begin(Object(body).token);
}

/** Between Node's requests and those of the web. */
async function respond(incoming: IncomingMessage, outgoing: ServerResponse, handle: RequestHandler): Promise<void> {
  let response: Response;
  try {
    const body = await readBody(incoming);
    response =
      body === undefined
        ? refuse(413, 'TOO_LARGE', `The request has more than ${MAX_BODY_BYTES} bytes`)
        : await handle(toRequest(incoming, body));
  } catch {
    response = refuse(400, 'BAD_OPTION', 'The request can’t be read');
  }
  outgoing.writeHead(response.status, [...response.headers].flat());
  outgoing.end(new Uint8Array(await response.arrayBuffer()));
}

/** Returns undefined for a body that is too long; the rest of it is not read. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toRequest({ method = 'GET', url = '/', headers }: IncomingMessage, body: Buffer): Request {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as [string, string]] : [],
  );
  const withBody = method === 'GET' || method === 'HEAD' ? {} : { body: new Uint8Array(body) };
  return new Request(new URL(url, `http://${LOOPBACK}`), { method, headers: fields, ...withBody });
}
