import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

type Script = (query: URLSearchParams, request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const stash = new Map<string, string>();

/** Plays the Python scripts of the suite that the tests request. */
const SCRIPTS: Readonly<Record<string, Script>> = {
  'fetch-status.py': (query, _, response) => void response.writeHead(Number(query.get('status'))).end(),
  'vary.py': (query, request, response) => {
    const override = query.get('set-vary-value-override-cookie');
    if (override !== null) response.setHeader('set-cookie', `vary-value-override=${override}`);
    if (query.has('clear-vary-value-override-cookie'))
      response.setHeader('set-cookie', 'vary-value-override=; Max-Age=0');
    const vary = /vary-value-override=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? query.get('vary');
    if (vary) response.setHeader('vary', vary);
    response.end('vary response');
  },
  'infinite-slow-response.py': async (query, _, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('.');
    stash.set(query.get('stateKey') ?? '', 'open');
    while (!stash.has(query.get('abortKey') ?? '') && !response.destroyed) {
      response.write('.');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    response.end();
  },
  'stash-put.py': (query, _, response) => {
    stash.set(query.get('key') ?? '', query.get('value') ?? '');
    response.end();
  },
  'stash-take.py': (query, _, response) => {
    const key = query.get('key') ?? '';
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(stash.get(key) ?? null));
    stash.delete(key);
  },
};

/** Serves a checkout of the web-platform-tests on any free port. Returns its origin. */
export async function startWptServer(root: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const script = SCRIPTS[url.pathname.split('/').at(-1) ?? ''];
    response.setHeader('access-control-allow-origin', '*');
    if (script !== undefined) return script(url.searchParams, request, response);
    try {
      const content = await readFile(join(root, normalize(url.pathname)));
      const type = url.pathname.endsWith('.html') ? 'text/html' : 'text/plain';
      response.writeHead(200, { 'content-type': type }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
