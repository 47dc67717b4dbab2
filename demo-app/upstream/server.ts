/**
 * The remote API and asset host of Atlas, played by a process of its own on the loopback interface.
 *
 *     node demo-app/upstream/server.ts [--port 0] [--latency 0]
 *
 * Prints its address on one line and serves until SIGINT, SIGTERM or the end of the process that started it. `--latency` delays every answer, milliseconds.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resourceAt } from './resources.ts';

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': 'If-None-Match',
  'access-control-expose-headers': 'ETag',
  'access-control-max-age': '600',
};

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, latency: { type: 'string', default: '0' } },
});
const port = wholeNumber('port', values.port, 65_535);
const latency = wholeNumber('latency', values.latency, 60_000);

const server = createServer((request, response) => {
  delay(latency).then(
    () => answer(request, response),
    () => response.destroy(),
  );
});
server.once('error', (error) => {
  console.error(`The upstream could not listen on 127.0.0.1:${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('disconnect', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));

function answer(request: IncomingMessage, response: ServerResponse): ServerResponse {
  const { method = 'GET', url = '/', headers } = request;
  if (method === 'OPTIONS') return end(response, 204);
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405, { allow: 'GET, HEAD, OPTIONS' });
  const path = url.split('?', 1)[0] ?? '/';
  if (path === '/v1/health') return end(response, 204);
  const resource = resourceAt(path);
  if (resource === undefined) return end(response, 404);
  const { type, body, etag } = resource;
  if (headers['if-none-match'] === etag) return end(response, 304, { etag });
  response.writeHead(200, { ...CORS, 'content-type': type, 'content-length': body.byteLength, etag });
  return response.end(method === 'HEAD' ? undefined : body);
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): ServerResponse {
  return response.writeHead(status, { ...CORS, ...headers }).end();
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  console.error(`--${name} must be a whole number from 0 to ${most}, not "${text}"`);
  process.exit(1);
}
