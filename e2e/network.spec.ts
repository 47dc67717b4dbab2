/** The contract of the two shells, as `electron-contract.spec.ts`: `session.fetch`, and http and https answered by the application. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from './fixture.ts';
import { type HttpOrigin, startOrigin } from './http-origin.ts';
import { sendCommand, startContractApp } from './start-contract-app.ts';

let origin: HttpOrigin;
test.beforeEach(async () => {
  origin = await startOrigin((request, response, times) => {
    response.setHeader('access-control-allow-origin', '*');
    switch (request.url) {
      case '/moved':
        return response.writeHead(302, { location: '/there', 'set-cookie': 'on=way' }).end();
      case '/login':
        return response.writeHead(204, { 'set-cookie': ['name=ada; Path=/; HttpOnly', 'deep=1; Path=/deep'] }).end();
      case '/stay':
        return response.writeHead(204, { 'set-cookie': 'stays=1; Path=/; Max-Age=3600' }).end();
      case '/silent':
        return undefined;
      default: {
        const { cookie = null, origin: asker = null } = request.headers;
        const seen = { method: request.method, url: request.url, cookie, origin: asker, times };
        let body = '';
        request.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        request.on('end', () => response.end(JSON.stringify({ ...seen, body })));
        return undefined;
      }
    }
  });
});
test.afterEach(() => origin.stop());

interface Received {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
}

interface FetchInit {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly credentials?: RequestCredentials;
}

/** What `session.fetch` in the main process comes to, for the default session or a partition. */
const fetchInMain = async (page: Page, path: string, init: object = {}, partition = ''): Promise<Received> =>
  (await sendCommand(
    page,
    'fetch',
    partition,
    path.startsWith('/') ? origin.url + path : path,
    JSON.stringify(init),
  )) as Received;

/** What a page's `fetch` comes to: what the answer says, or the error's name. */
const fetchInPage = (page: Page, url: string, init: FetchInit = {}) =>
  page.evaluate(
    ([address, how]) =>
      fetch(address, how).then(
        (response) => response.json() as Promise<unknown>,
        (error: Error) => error.name,
      ),
    [url, init] as const,
  );

test('the main process requests the network as Chromium does', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const echo = await fetchInMain(page, '/echo', { method: 'POST', body: 'hello' });
  expect(JSON.parse(echo.text)).toMatchObject({ method: 'POST', body: 'hello', cookie: null, times: 1 });
  expect(JSON.parse((await fetchInMain(page, '/moved')).text)).toMatchObject({ url: '/there' });
  await expect(fetchInMain(page, '/moved', { redirect: 'manual' })).rejects.toThrow('Redirect was cancelled');
  await expect(fetchInMain(page, '/moved', { redirect: 'error' })).rejects.toThrow('redirect policy');
  await expect(fetchInMain(page, '/silent', { abortAfter: 100 })).rejects.toThrow('aborted');
  await origin.stop();
  await expect(fetchInMain(page, '/echo')).rejects.toThrow('net::ERR_CONNECTION_REFUSED');
});

test('a session has cookies of its own', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  await fetchInMain(page, '/login');
  const sent = async (path: string, init: object = {}, partition = '') =>
    (JSON.parse((await fetchInMain(page, path, init, partition)).text) as { cookie: string | null }).cookie;
  expect(await sent('/me')).toBe('name=ada');
  expect(await sent('/deep/down')).toMatch(/^(name=ada; deep=1|deep=1; name=ada)$/);
  expect(await sent('/deeper')).toBe('name=ada');
  expect(await sent('/me', { credentials: 'omit' })).toBeNull();
  expect(await sent('/me', { headers: { origin: 'app://tiny' } }), 'another site asks').toBeNull();
  expect(await sent('/me', {}, 'guest')).toBeNull();
  expect(await sendCommand(page, 'storagePath', 'guest')).toBeNull();
  expect(await sendCommand(page, 'storagePath', '')).toBeTruthy();
  for (const [index, [partition, cookie]] of [['', 'name=ada'] as const, ['guest', null] as const].entries()) {
    await sendCommand(page, 'openIn', partition, `${origin.url}/window-${partition}`);
    const window = await app.waitForWindow(index + 1);
    await window.waitForURL(/window-/);
    expect(JSON.parse(await window.evaluate('document.body.textContent')), partition).toMatchObject({ cookie });
  }
});

test('a partition with a name that persists has a directory, and its cookies are there after a restart', async ({
  launch,
  userData,
}) => {
  const { app, page } = await startContractApp(launch);
  expect(await sendCommand(page, 'storagePath', 'persist:Ada')).toBe(join(userData, 'Partitions', 'ada'));
  expect(await sendCommand(page, 'storagePath', 'Ada')).toBeNull();
  expect(await sendCommand(page, 'storagePath', 'persist:')).toBe(await sendCommand(page, 'storagePath', ''));
  const own = join(userData, 'elsewhere');
  expect(await sendCommand(page, 'sessionAt', own)).toEqual([own, true, true]);
  await expect(sendCommand(page, 'sessionAt', 'elsewhere')).rejects.toThrow('An absolute path was not provided');
  await fetchInMain(page, '/stay', {}, 'persist:Ada');
  const cookie = async (window: Page, partition: string) =>
    (JSON.parse((await fetchInMain(window, '/me', {}, partition)).text) as { cookie: string | null }).cookie;
  expect(await cookie(page, 'persist:Ada')).toBe('stays=1');
  expect([await cookie(page, 'Ada'), await cookie(page, 'persist:bob'), await cookie(page, '')]).toEqual([
    null,
    null,
    null,
  ]);
  await app.close();
  const again = await startContractApp(launch);
  expect(await cookie(again.page, 'persist:Ada')).toBe('stays=1');
});

test('the application can handle a page’s https request', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const url = 'https://api.tiny.example/x?a=1';
  expect(await fetchInPage(page, url), 'nobody answers yet').toBe('TypeError');
  await sendCommand(page, 'handle', '', 'https');
  expect(await sendCommand(page, 'isHandled', 'https')).toBe(true);
  const plain = { url, method: 'GET', origin: null, initiatorOrigin: 'app://tiny', cookie: null, body: '' };
  expect(await fetchInPage(page, url)).toMatchObject(plain);
  const told = { method: 'POST', body: 'hello', headers: { 'x-extra': 'more' } };
  expect(await fetchInPage(page, url, told)).toMatchObject({ method: 'POST', body: 'hello', extra: 'more' });
  expect(await fetchInPage(page, url, { credentials: 'omit' }), 'no cookie was kept').toMatchObject(plain);
  await sendCommand(page, 'unhandle', '', 'https');
  expect(await fetchInPage(page, url)).toBe('TypeError');
});

test('a handler knows the initiator of a request: the page, its frames and its workers, and where a redirect came from', async ({
  launch,
}) => {
  const { app, page } = await startContractApp(launch);
  await sendCommand(page, 'handle', '', 'https');
  const url = 'https://api.tiny.example/x';
  const own = { origin: null, initiatorOrigin: 'app://tiny' };
  expect(
    await fetchInPage(page, `https://api.tiny.example/to/${encodeURIComponent('https://other.example/x')}`),
  ).toMatchObject({
    ...{ url: 'https://other.example/x', ...own },
  });
  const askAndTell = `fetch('${url}').then((it) => it.json()).then((it) => target.postMessage(it, '*'), (it) => target.postMessage(it.name, '*'))`;
  const boxed = await page.evaluate(
    (script) =>
      new Promise((resolve) => {
        const frame = document.createElement('iframe');
        frame.sandbox.value = 'allow-scripts';
        frame.srcdoc = `<script>const target = parent; ${script}</script>`;
        window.addEventListener('message', ({ data }) => resolve(data));
        document.body.append(frame);
      }),
    askAndTell,
  );
  expect(boxed, 'an opaque origin').toMatchObject({ origin: null, initiatorOrigin: 'null' });
  const worker = await page.evaluate(
    (script) =>
      new Promise((resolve) => {
        const source = new Blob([script.replaceAll(`, '*'`, '').replaceAll('target.', '')]);
        new Worker(URL.createObjectURL(source)).onmessage = ({ data }) => resolve(data);
      }),
    askAndTell,
  );
  expect(worker).toMatchObject(own);
  const who = 'https://api.tiny.example/who';
  await sendCommand(page, 'open', who);
  const opened = await app.waitForWindow((it) => app.url(it) === who);
  await expect.poll(() => opened.title(), 'the application itself').toBe('the application');
  await opened.evaluate((to) => {
    location.href = to;
  }, 'https://other.example/who');
  await expect.poll(() => opened.title(), 'a page’s link').toBe('https://api.tiny.example');
});

test('a response without a type is HTML, without sniffing', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  await sendCommand(page, 'handle', '', 'https');
  const untyped = 'https://api.tiny.example/untyped';
  await sendCommand(page, 'open', untyped);
  const opened = await app.waitForWindow((it) => app.url(it) === untyped);
  await expect.poll(() => opened.title()).toBe('untyped');
  expect(await opened.evaluate(() => document.contentType)).toBe('text/html');
  const isModule = await page.evaluate(
    (src) =>
      new Promise((resolve) => {
        const script = Object.assign(document.createElement('script'), { type: 'module', src });
        script.onload = () => resolve(true);
        script.onerror = () => resolve(false);
        document.head.append(script);
      }),
    untyped,
  );
  expect(isModule, 'a module has to say what it is').toBe(false);
});

test('a handler for http can use the network', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  expect(await fetchInPage(page, `${origin.url}/on/direct`)).toMatchObject({ url: '/on/direct', times: 1 });
  await sendCommand(page, 'handle', '', 'http');
  expect(await fetchInPage(page, `${origin.url}/own`)).toMatchObject({ partition: '', url: `${origin.url}/own` });
  expect(await fetchInPage(page, `${origin.url}/on/way`, { method: 'POST', body: 'far' })).toMatchObject({
    ...{ method: 'POST', body: 'far', origin: null, times: 1 },
  });
  expect(origin.countRequests('/own')).toBe(0);
  expect(JSON.parse((await fetchInMain(page, '/own')).text)).toMatchObject({ partition: '' });
  const bypass = { bypassCustomProtocolHandlers: true };
  expect(JSON.parse((await fetchInMain(page, '/own', bypass)).text)).toMatchObject({ url: '/own', times: 1 });
});

test('a handler of one session does not answer in another', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  await sendCommand(page, 'handle', 'guest', 'http');
  await sendCommand(page, 'openIn', 'guest', `${origin.url}/page`);
  const guest = await app.waitForWindow(1);
  await expect.poll(() => guest.title()).toBe('Handled');
  expect(await fetchInPage(guest, `${origin.url}/x`)).toMatchObject({ partition: 'guest' });
  const shared = await guest.evaluate(
    (url) =>
      new Promise((resolve) => {
        const script = `onconnect = ({ ports: [port] }) => fetch('${url}').then((it) => it.json()).then((it) => port.postMessage(it))`;
        new SharedWorker(URL.createObjectURL(new Blob([script]))).port.onmessage = ({ data }) => resolve(data);
      }),
    `${origin.url}/x`,
  );
  expect(shared, 'a worker of several pages, too').toMatchObject({ partition: 'guest', initiatorOrigin: origin.url });
  expect(await fetchInPage(page, `${origin.url}/x`)).toMatchObject({ url: '/x', times: 1 });
  expect(await fetchInPage(guest, 'app://tiny/page.js'), 'custom schemes, too').toBe('TypeError');
});
