/**
 * What a page of https://evil.example can read and send in a session with `host.offline`, cell by cell beside what Chromium itself lets it
 * in a session without.
 */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, type Launch, test } from './fixture.ts';
import { type HttpOrigin, startOrigin } from './http-origin.ts';

const MAIN = fileURLToPath(new URL('../dist/e2e/foreign-page/main.js', import.meta.url));
const EVIL = 'https://evil.example';
const ALLOWED = { none: undefined, anyone: '*', evil: EVIL, another: 'https://other.example' } as const;
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"><rect width="7" height="5" fill="red"/></svg>';

/** What the servers were asked, oldest first. */
let log: { method: string; url: string; cookie: boolean; origin: string | undefined }[] = [];
let api: HttpOrigin;
let otherOrigin: HttpOrigin;

/** `/<whom it allows>/<what>`, both with `stored` between where it may be kept. It says for whom it speaks. */
const serve: Parameters<typeof startOrigin>[0] = ({ method = '', url = '', headers }, response) => {
  const { cookie, origin } = headers;
  log.push({ method, url, cookie: cookie !== undefined, origin });
  const [, allowed = '', ...rest] = url.split('/');
  const what = rest.at(-1);
  const acao = ALLOWED[allowed as keyof typeof ALLOWED];
  if (acao !== undefined) response.setHeader('access-control-allow-origin', acao);
  if (acao === EVIL) response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('cache-control', rest[0] === 'stored' ? 'max-age=600' : 'no-store');
  const text = `for ${cookie ?? 'anyone'}`;
  if (method === 'OPTIONS') return response.writeHead(204, { 'access-control-allow-headers': 'content-type' }).end();
  switch (what) {
    case 'login':
      return response.setHeader('set-cookie', 'name=ada; Path=/; SameSite=None; Secure').end();
    case 'image':
      return response.setHeader('content-type', 'image/svg+xml').end(SVG);
    case 'script':
      return response.setHeader('content-type', 'text/javascript').end(`globalThis.told = ${JSON.stringify(text)};`);
    case 'frame':
      response.setHeader('content-type', 'text/html');
      return response.end(`<!doctype html><script>parent.postMessage(${JSON.stringify(text)}, '*')</script>`);
    case 'redirect':
      return response
        .writeHead(302, { location: `${otherOrigin.url}/${allowed}/${rest.slice(0, -1).join('/')}/text` })
        .end();
    default:
      return response.setHeader('content-type', 'text/plain').end(text);
  }
};

test.beforeEach(async () => {
  log = [];
  otherOrigin = await startOrigin(serve);
  api = await startOrigin(serve);
});
test.afterEach(() => Promise.all([api.stop(), otherOrigin.stop()]));

/** What the main process answers to a command. */
const sendCommand = <T>(page: Page, ...words: [name: string, argument?: unknown]) =>
  page.evaluate<T, unknown[]>(
    async (told) => (await fetch('app://own/do', { method: 'POST', body: JSON.stringify(told) })).json(),
    words,
  );

async function start(launch: Launch) {
  const app = await launch({ main: MAIN });
  const own = await app.waitForWindow(0);
  await own.waitForFunction(`document.title === 'Own'`);
  const open = async (as: 'offline' | 'plain', path: string) => {
    await sendCommand(own, 'open', { url: `${EVIL}/${path}`, as });
    const page = await app.waitForWindow((it) => it.url() === `${EVIL}/${path}`);
    await page.waitForFunction(`document.title === 'Evil'`);
    return page;
  };
  for (const as of ['offline', 'plain'] as const) {
    for (const { url } of [api, otherOrigin]) await sendCommand(own, 'fetch', { url: `${url}/none/login`, as });
  }
  return { app, own, open };
}

/** Ways for a page to read another origin. Each returns what it has read, `''` for nothing. */
const WAYS = {
  fetch: ['text', (url: string) => fetch(url).then((it) => it.text())],
  'fetch, credentials': ['text', (url: string) => fetch(url, { credentials: 'include' }).then((it) => it.text())],
  'fetch, no-cors': ['text', (url: string) => fetch(url, { mode: 'no-cors' }).then((it) => it.text())],
  'fetch, no-cors, credentials': [
    'text',
    (url: string) => fetch(url, { mode: 'no-cors', credentials: 'include' }).then((it) => it.text()),
  ],
  'POST of JSON': [
    'text',
    (url: string) =>
      fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }).then((it) =>
        it.text(),
      ),
  ],
  'POST of JSON, credentials': [
    'text',
    (url: string) =>
      fetch(url, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
        credentials: 'include',
      }).then((it) => it.text()),
  ],
  'POST of a form': [
    'text',
    (url: string) => fetch(url, { method: 'POST', body: new URLSearchParams({ a: '1' }) }).then((it) => it.text()),
  ],
  'POST of a form, credentials': [
    'text',
    (url: string) =>
      fetch(url, { method: 'POST', body: new URLSearchParams({ a: '1' }), credentials: 'include' }).then((it) =>
        it.text(),
      ),
  ],
  'image in a canvas': [
    'image',
    async (url: string) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = document.createElement('canvas').getContext('2d')!;
      canvas.drawImage(image, 0, 0);
      return `pixel ${canvas.getImageData(0, 0, 1, 1).data.join()}`;
    },
  ],
  'image, crossorigin': [
    'image',
    async (url: string) => {
      const image = new Image();
      image.crossOrigin = 'anonymous';
      image.src = url;
      await image.decode();
      const canvas = document.createElement('canvas').getContext('2d')!;
      canvas.drawImage(image, 0, 0);
      return `pixel ${canvas.getImageData(0, 0, 1, 1).data.join()}`;
    },
  ],
  script: [
    'script',
    (url: string) =>
      new Promise<string>((resolve, reject) => {
        const script = Object.assign(document.createElement('script'), { src: url });
        script.onload = () => resolve((globalThis as unknown as { told: string }).told);
        script.onerror = reject;
        document.head.append(script);
      }),
  ],
  'fetch in a worker': [
    'text',
    (url: string) =>
      new Promise<string>((resolve) => {
        const worker = new Worker('/worker.js');
        worker.onmessage = ({ data }) => resolve(data as string);
        worker.postMessage(url);
      }),
  ],
  iframe: [
    'frame',
    (url: string) =>
      new Promise<string>((resolve, reject) => {
        window.addEventListener('message', ({ data }) => resolve(data as string));
        document.body.append(Object.assign(document.createElement('iframe'), { src: url }));
        setTimeout(reject, 700);
      }),
  ],
  redirect: ['redirect', (url: string) => fetch(url).then((it) => it.text())],
} as const satisfies Record<string, readonly [string, (url: string) => Promise<string>]>;
type Way = keyof typeof WAYS;

interface ExpectedCell {
  /** What the page has read, or run. */
  readonly read: string;
  /** Requests that a server got with the user's cookies, and those that change something. */
  readonly withCookies: boolean;
  readonly posted: boolean;
}

async function runCell(page: Page, way: Way, base: string): Promise<ExpectedCell> {
  const [what, how] = WAYS[way];
  const from = log.length;
  const url = `${api.url}/${base}/${what}`;
  const read = await page.evaluate(`(${how.toString()})(${JSON.stringify(url)}).catch(() => '')`);
  const asked = log.slice(from);
  return {
    read: read as string,
    withCookies: asked.some(({ cookie }) => cookie),
    posted: asked.some(({ method }) => method === 'POST'),
  };
}

const describeOutcome = ({ read, withCookies, posted }: ExpectedCell): string =>
  [read || '-', ...(withCookies ? ['cookies sent'] : []), ...(posted ? ['posted'] : [])].join('; ');

test('a foreign page gets nothing by host.offline that a browser would not give it', async ({ launch }, info) => {
  test.setTimeout(240_000);
  const { own, open } = await start(launch);
  const plain = await open('plain', 'browser');
  const evil = await open('offline', 'offline');
  const rows: string[][] = [];
  const wider: string[] = [];
  for (const allowed of Object.keys(ALLOWED)) {
    // The user has all of it, in the store, too.
    for (const [what] of Object.values(WAYS)) {
      await sendCommand(own, 'fetch', { url: `${api.url}/${allowed}/stored/${what}`, as: 'offline' });
    }
    const browser = new Map<Way, ExpectedCell>();
    for (const way of Object.keys(WAYS) as Way[]) {
      // The stand-in has the handlers of the default session for workers of any; a worker's fetch is a fetch.
      const inBrowser =
        way === 'fetch in a worker' ? browser.get('fetch')! : await runCell(plain, way, `${allowed}/fresh`);
      browser.set(way, inBrowser);
      const network = await runCell(evil, way, `${allowed}/fresh`);
      const stored = await runCell(evil, way, `${allowed}/stored`);
      const again = await runCell(evil, way, `${allowed}/stored`);
      rows.push([
        allowed,
        way,
        describeOutcome(inBrowser),
        describeOutcome(network),
        describeOutcome(stored),
        describeOutcome(again),
      ]);
      // Electron doesn't tell whether a request is one with credentials: it is answered as one without, which the page may make, too.
      const without = browser.get(way.replace(', credentials', '') as Way)!;
      const mayRead = ['', inBrowser.read, without.read];
      for (const [from, cell] of Object.entries({ network, stored, again })) {
        const isRead = mayRead.includes(cell.read) || mayRead.includes(cell.read.replace('for anyone', 'for name=ada'));
        if (!isRead) wider.push(`${allowed}, ${way}, ${from}: reads ${cell.read}`);
        if (cell.withCookies) wider.push(`${allowed}, ${way}, ${from}: sends cookies`);
        if (cell.posted && !without.posted) wider.push(`${allowed}, ${way}, ${from}: posts`);
      }
    }
  }
  const head = ['allowed', 'way', 'browser', 'host.offline', 'from the store', 'once more'];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]!.length)));
  const table = [head, ...rows].map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')).join('\n');
  console.log(table);
  await info.attach('what a foreign page has', { body: table, contentType: 'text/plain' });
  expect(wider).toEqual([]);
  const find = (allowed: string, way: Way) => rows.find(([who, how]) => who === allowed && how === way)!.slice(2);
  // The table can tell: the browser reads where it is allowed, and so does host.offline, without cookies.
  expect(find('anyone', 'fetch')).toEqual(['for anyone', 'for anyone', 'for anyone', 'for anyone']);
  expect(find('none', 'fetch')).toEqual(['-', '-', '-', '-']);
  expect(find('evil', 'POST of JSON')[1]).toBe('for anyone; posted');
  expect(find('none', 'POST of JSON')[1], 'the preflight says no').toBe('-');
});

test('a foreign page gets its stored responses without a network, as far as CORS allows', async ({ launch }) => {
  const { own, open } = await start(launch);
  const evil = await open('offline', 'offline');
  const readAsOwn = () => own.evaluate(async (url) => (await fetch(url)).text(), `${api.url}/none/stored/text`);
  expect(await readAsOwn(), 'an own page reads everything').toBe('for name=ada');
  for (const allowed of ['anyone', 'evil', 'none']) await runCell(evil, 'fetch', `${allowed}/stored`);
  await sendCommand(own, 'setOnline', false);
  const before = log.length;
  expect((await runCell(evil, 'fetch', 'anyone/stored')).read).toBe('for anyone');
  expect((await runCell(evil, 'fetch', 'evil/stored')).read).toBe('for anyone');
  expect((await runCell(evil, 'fetch', 'none/stored')).read).toBe('');
  expect((await runCell(evil, 'POST of JSON', 'evil/stored')).read, 'needs a preflight').toBe('');
  expect(await readAsOwn()).toBe('for name=ada');
  expect(log.length).toBe(before);
});

test('the application’s own pages send their Origin, and may read what the user may', async ({ launch }) => {
  const { own } = await start(launch);
  const post = (url: string) =>
    own.evaluate(async (to) => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(to, { method: 'POST', body: '{}', headers })).text();
    }, url);
  expect(await post(`${api.url}/none/text`)).toBe('for name=ada');
  expect(log.at(-1)).toEqual({ method: 'POST', url: '/none/text', cookie: true, origin: 'app://own' });
});
