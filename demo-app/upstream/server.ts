/**
 * The remote API and asset server of Atlas, in a process of its own on the loopback interface.
 *
 *     node demo-app/upstream/server.ts [--port 0] [--latency 0] [--max-age 60] [--notes notes.jsonl]
 *
 * Prints its URL on one line and serves until SIGINT, SIGTERM or the end of its parent process. `--latency` delays every response, in
 * milliseconds; `--max-age` is the freshness of responses, in seconds; `--notes` is the file of received notes. After a message `{ refuse
 * }` of its parent it answers notes with that status, and without one normally again.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Notes } from './notes.ts';
import { findResource, withEtag } from './resources.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    latency: { type: 'string', default: '0' },
    'max-age': { type: 'string', default: '60' },
    notes: { type: 'string' },
  },
});
const port = parseWholeNumber('port', values.port, 65_535);
const latency = parseWholeNumber('latency', values.latency, 60_000);
const maxAge = parseWholeNumber('max-age', values['max-age'], 86_400);
const notes = new Notes(values.notes);
let refuse: number | undefined;

const server = createServer((request, response) => {
  delay(latency)
    .then(() => handleRequest(request, response))
    .catch(() => response.destroy());
});
server.once('error', (error) => {
  console.error(`The upstream could not listen on 127.0.0.1:${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('message', (message: { refuse?: number }) => {
  refuse = message.refuse;
});
process.once('disconnect', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));

async function handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/', headers } = request;
  const path = url.split('?', 1)[0] ?? '/';
  const isNotes = path === '/v1/notes';
  if (isNotes && method === 'POST') return handleNote(await text(request), response);
  if (method !== 'GET' && method !== 'HEAD')
    return sendResponse(response, 405, { allow: isNotes ? 'GET, HEAD, POST' : 'GET, HEAD' });
  if (path === '/v1/health') return sendResponse(response, 204, { 'cache-control': 'no-store' });
  const resource = isNotes
    ? withEtag('application/json', Buffer.from(JSON.stringify(notes.all())))
    : findResource(path);
  if (resource === undefined) return sendResponse(response, 404);
  const { type, body, etag } = resource;
  const fields = { etag, 'cache-control': `max-age=${maxAge}` };
  if (headers['if-none-match'] === etag) return sendResponse(response, 304, fields);
  response.writeHead(200, { ...fields, 'content-type': type, 'content-length': body.byteLength });
  response.end(method === 'HEAD' ? undefined : body);
}

function handleNote(json: string, response: ServerResponse): void {
  const { status, reason } =
    refuse === undefined ? notes.accept(json) : { status: refuse, reason: 'the notes are closed' };
  sendResponse(response, status, {}, reason);
}

function sendResponse(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  why?: string,
): void {
  const body = why === undefined ? {} : { 'content-type': 'text/plain; charset=utf-8' };
  response.writeHead(status, { ...body, ...headers }).end(why);
}

function parseWholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  console.error(`--${name} must be a whole number from 0 to ${max}, not "${text}"`);
  process.exit(1);
}
