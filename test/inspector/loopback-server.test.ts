import { writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { type LoopbackServer, startLoopbackServer } from '../../main/inspector/loopback-server.ts';
import { createRequestHandler, MAX_BODY_BYTES } from '../../main/inspector/request-handler.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { inspect } from './inspect.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let cache: Cache;
let server: LoopbackServer;
let host: string;
let token: string;
beforeEach(async () => {
  cache = new Cache(freshDirectory());
  const pages = freshDirectory();
  for (const file of ['index.html', 'page.js', 'page.css']) writeFileSync(join(pages, file), `this is ${file}`);
  server = await startLoopbackServer(createRequestHandler(inspect({ cache }, { write: true }), pages));
  const link = new URL(server.link);
  host = link.host;
  token = link.hash.slice(1);
});
afterEach(async () => {
  await server.close();
  cache.close();
});

/** Sends exactly these headers, as no browser would. */
function send(
  path: string,
  { method = 'GET', body, ...headers }: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { hostname, port } = new URL(server.link);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers: { host, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('latin1'),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const post = (path: string, params: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  send(path, { method: 'POST', 'content-type': 'application/json', body: JSON.stringify(params), ...headers });

/** Exchanges the token; returns the headers of a call. */
async function begin(): Promise<Readonly<Record<string, string>>> {
  const { status, headers, body } = await post('/api/session', { token });
  expect(status).toBe(200);
  return { cookie: headers['set-cookie']![0]!.split(';')[0]!, 'x-deskcache-proof': JSON.parse(body).proof };
}

describe('the loopback server', () => {
  it('listens on 127.0.0.1 only', () => {
    expect(new URL(server.link).hostname).toBe('127.0.0.1');
  });

  it('serves the page to everyone on this machine, and its calls to the page that had the link', async () => {
    expect((await send('/')).body).toBe('this is index.html');
    expect((await post('/api/overview', {})).status).toBe(401);
    const session = await begin();
    cache.set('k', 1);
    const { status, body } = await post('/api/overview', {}, session);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ stores: [{ name: 'cache', items: 1 }] });
  });

  it('takes the token once', async () => {
    await begin();
    expect((await post('/api/session', { token })).status).toBe(403);
  });

  it('keeps the cookie from scripts and other sites', async () => {
    const { headers } = await post('/api/session', { token });
    expect(headers['set-cookie']).toEqual([expect.stringMatching(/; Path=\/api; HttpOnly; SameSite=Strict$/)]);
  });

  it.each([
    ['no token', {}],
    ['a wrong token', { token: 'x'.repeat(43) }],
    ['an empty token', { token: '' }],
    ['a token of another type', { token: { length: 43 } }],
    ['no object', null],
  ])('begins no session with %s', async (_, params) => {
    expect((await post('/api/session', params)).status).toBe(403);
    await begin();
  });

  it('refuses calls with the cookie alone, which other ports of this machine get, too, and with the proof alone', async () => {
    const { cookie, 'x-deskcache-proof': proof } = await begin();
    expect((await post('/api/overview', {}, { cookie: cookie! })).status).toBe(401);
    expect((await post('/api/overview', {}, { 'x-deskcache-proof': proof! })).status).toBe(401);
    expect((await post('/api/overview', {}, { cookie: `${cookie}x`, 'x-deskcache-proof': proof! })).status).toBe(401);
  });

  it.each(['localhost', 'evil.example', '127.0.0.1', '127.0.0.1:1', '[::1]'])(
    'refuses the host "%s", to which another name may have been bound',
    async (name) => {
      const session = await begin();
      const named = name === 'localhost' ? host.replace('127.0.0.1', name) : name;
      for (const path of ['/', '/page.js', '/api/overview'])
        expect((await post(path, {}, { ...session, host: named })).status).toBe(403);
    },
  );

  it.each(['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://localhost'])(
    'refuses requests of the origin %s',
    async (origin) => {
      const session = await begin();
      expect((await post('/api/overview', {}, { ...session, origin })).status).toBe(403);
      expect((await post('/api/overview', {}, { ...session, origin: `http://${host}` })).status).toBe(200);
    },
  );

  it.each(['cross-site', 'same-site'])('refuses what a browser sends for a page that is %s', async (site) => {
    const session = await begin();
    expect((await post('/api/overview', {}, { ...session, 'sec-fetch-site': site })).status).toBe(403);
    expect((await send('/', { 'sec-fetch-site': site })).status).toBe(403);
  });

  it('refuses what a form could send', async () => {
    const session = await begin();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect((await post('/api/overview', {}, { ...session, 'content-type': type })).status).toBe(415);
    expect((await send('/api/overview', session)).status).toBe(405);
  });

  it('allows no other origin to read anything, and no page to show it', async () => {
    const answers = [await send('/'), await post('/api/overview', {}), await post('/api/session', { token })];
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' });
    }
  });

  it('reads no body that is too long', async () => {
    const session = await begin();
    const { status } = await post('/api/overview', { text: 'x'.repeat(MAX_BODY_BYTES) }, session);
    expect(status).toBe(413);
  });

  it('serves no other file, and no method that isn’t one', async () => {
    const session = await begin();
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/server.cjs',
      '//evil.example/page',
      '/constructor',
    ])
      expect((await send(path)).status).toBe(404);
    for (const name of ['constructor', '__proto__', 'close', 'overview/x'])
      expect((await post(`/api/${name}`, {}, session)).status).toBe(404);
  });

  it('serves images with the type of their bytes, and nothing else as an image', async () => {
    const session = await begin();
    const png = Buffer.from('89504e470d0a1a0a0000000d', 'hex');
    cache.set('png', png, { tag: 'text/html' });
    cache.set('html', '<!doctype html><script>1</script>');
    const { headers, body } = await post('/api/image', { store: 'cache', key: 'png' }, session);
    expect([headers['content-type'], Buffer.from(body, 'latin1')]).toEqual(['image/png', png]);
    expect((await post('/api/image', { store: 'cache', key: 'html' }, session)).headers['content-type']).toBe(
      'application/json',
    );
  });

  it('refuses what isn’t JSON, and keys that can’t be keys, with a reason', async () => {
    const session = await begin();
    const send = async (body: string) =>
      JSON.parse((await post('/api/value', undefined, { ...session, body })).body).error.code;
    expect(await send('{')).toBe('BAD_OPTION');
    expect(await send(JSON.stringify({ store: 'cache', key: { $bigint: 'x' } }))).toBe('BAD_VALUE');
    expect(await send(JSON.stringify({ store: 'cache', key: { $map: [] } }))).toBe('BAD_KEY');
  });
});
