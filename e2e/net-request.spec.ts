/** What both shells must do, as in `electron-contract.spec.ts`: what `net.request` sends, and what it returns. */
import type { Page } from 'playwright-core';
import { expect, test } from './fixture.ts';
import { type HttpOrigin, startOrigin } from './http-origin.ts';
import { sendCommand, startContractApp } from './start-contract-app.ts';

let origin: HttpOrigin;
/** `METHOD path` of each request, with the fields that say where it came from. */
let seen: string[] = [];
test.beforeEach(async () => {
  seen = [];
  origin = await startOrigin((request, response) => {
    const { method, headers, url = '' } = request;
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
    seen.push(`${method} ${pathname}${headers.origin === undefined ? '' : ` from ${headers.origin}`}`);
    for (const [name, value] of searchParams) if (name !== 'status') response.setHeader(name, value);
    if (pathname === '/odd') response.setHeader('x-odd', Buffer.from('Zürich 🏔').toString('latin1'));
    if (pathname === '/name') {
      const given = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString();
      if (given !== 'ada:secret') {
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="the door"' }).end('who is there?');
      }
    }
    response.statusCode = Number(searchParams.get('status') ?? 200);
    // Bytes: Node writes fields and a text together, as UTF-8.
    return response.end(Buffer.from(headers.cookie ?? 'no cookie'));
  });
});
test.afterEach(() => origin.stop());

interface Received {
  readonly status?: number;
  readonly rawHeaders?: string[];
  readonly text?: string;
  readonly error?: string;
  readonly told: string[];
}

const sendRequest = async (page: Page, path: string, options: object = {}): Promise<Received> =>
  (await sendCommand(page, 'request', '', origin.url + path, JSON.stringify(options))) as Received;

const getField = ({ rawHeaders = [] }: Received, name: string) => rawHeaders[rawHeaders.indexOf(name) + 1];

const asPage = (mode: string, rest: object = {}) => ({
  origin: 'http://other.example',
  headers: { 'sec-fetch-mode': mode },
  ...rest,
});
const REFUSED = { error: 'net::ERR_FAILED' };

test('header fields are UTF-8 text, and the status is the server’s', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  expect(getField(await sendRequest(page, '/odd'), 'x-odd')).toBe('Zürich 🏔');
  expect(await sendRequest(page, '/any?status=799')).toMatchObject({ status: 799, text: 'no cookie' });
  expect(await sendRequest(page, '/any?status=407')).toMatchObject({ error: 'net::ERR_UNEXPECTED_PROXY_AUTH' });
});

test('the network checks CORS only for requests with an origin and mode cors', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  expect(await sendRequest(page, '/plain')).toMatchObject({ status: 200 });
  expect(await sendRequest(page, '/plain', asPage('no-cors'))).toMatchObject({ status: 200 });
  expect(await sendRequest(page, '/plain', asPage('cors', { origin: origin.url }))).toMatchObject({ status: 200 });
  expect(await sendRequest(page, '/plain', asPage('cors'))).toMatchObject(REFUSED);
  expect(await sendRequest(page, '/plain', asPage('same-origin'))).toMatchObject(REFUSED);
  const any = '/any?access-control-allow-origin=*';
  expect(await sendRequest(page, any, asPage('cors', { credentials: 'omit' }))).toMatchObject({ status: 200 });
  expect(await sendRequest(page, any, asPage('cors', { credentials: 'include' }))).toMatchObject(REFUSED);
  const named = '/any?access-control-allow-origin=http://other.example';
  expect(await sendRequest(page, named, asPage('cors', { credentials: 'include' }))).toMatchObject(REFUSED);
  const credentials = `${named}&access-control-allow-credentials=true`;
  expect(await sendRequest(page, credentials, asPage('cors', { credentials: 'include' }))).toMatchObject({
    status: 200,
  });
  expect(seen.filter((line) => line.includes('/plain'))).toEqual([
    'GET /plain',
    'GET /plain',
    'GET /plain',
    'GET /plain from http://other.example',
  ]);
});

test('a request that is not simple needs a preflight', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const post = { method: 'POST', body: '{}', credentials: 'omit' };
  const json = { 'sec-fetch-mode': 'cors', 'content-type': 'application/json' };
  const any = '/post?access-control-allow-origin=*';
  expect(await sendRequest(page, any, asPage('cors', { ...post, headers: json }))).toMatchObject(REFUSED);
  expect(seen).toEqual(['OPTIONS /post from http://other.example']);
  const allowed = `${any}&access-control-allow-headers=content-type`;
  expect(await sendRequest(page, allowed, asPage('cors', { ...post, headers: json }))).toMatchObject({ status: 200 });
  expect(await sendRequest(page, any, asPage('cors', post))).toMatchObject({ status: 200 });
  expect(await sendRequest(page, any, asPage('cors', { ...post, method: 'PUT' }))).toMatchObject(REFUSED);
  const plain = { ...post, headers: { 'content-type': 'application/json' } };
  expect(await sendRequest(page, '/post', plain), 'the application itself').toMatchObject({ status: 200 });
  expect(seen.slice(1)).toEqual([
    'OPTIONS /post from http://other.example',
    'POST /post from http://other.example',
    'POST /post from http://other.example',
    'OPTIONS /post from http://other.example',
    'POST /post',
  ]);
});

test('cookies depend on credentials and the requesting site, and are stored', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const include = { credentials: 'include' };
  for (const cookie of ['strict=1; SameSite=Strict', 'lax=1; SameSite=Lax', 'plain=1']) {
    await sendRequest(page, `/set?set-cookie=${encodeURIComponent(`${cookie}; Path=/`)}`, include);
  }
  const sent = async (options: object) => ((await sendRequest(page, '/me', options)).text ?? '').split('; ').sort();
  expect(await sent(include)).toEqual(['lax=1', 'plain=1', 'strict=1']);
  expect(await sent({ ...include, origin: origin.url })).toEqual(['lax=1', 'plain=1', 'strict=1']);
  expect(await sent({ useSessionCookies: true })).toEqual(['lax=1', 'plain=1', 'strict=1']);
  expect(await sent({ ...include, origin: 'http://other.example' })).toEqual(['lax=1', 'plain=1']);
  expect(await sent({ credentials: 'same-origin', origin: 'http://other.example' })).toEqual(['no cookie']);
  expect(await sent({ credentials: 'omit' })).toEqual(['no cookie']);
  expect(await sent({})).toEqual(['no cookie']);
});

test('a server that requires a login emits login, and its 401 is the response without a listener', async ({
  launch,
}) => {
  const { page } = await startContractApp(launch);
  expect(await sendRequest(page, '/name')).toMatchObject({ status: 401, text: 'who is there?' });
  expect(await sendRequest(page, '/name', { login: [] })).toMatchObject({
    status: 401,
    told: ['login basic the door false'],
  });
  const login = ['ada', 'secret'];
  expect(await sendRequest(page, '/name', { login, credentials: 'omit' })).toMatchObject({ status: 401, told: [] });
  expect(await sendRequest(page, '/name', { login })).toMatchObject({
    status: 200,
    told: ['login basic the door false'],
  });
  expect(await sendRequest(page, '/name'), 'who was named is remembered').toMatchObject({ status: 200, told: [] });
});

test('redirects are reported with status and method', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const there = encodeURIComponent('/there');
  expect(await sendRequest(page, `/old?status=302&location=${there}`, { method: 'POST', body: 'x' })).toMatchObject({
    ...{ status: 200, told: ['redirect 302 GET'] },
  });
  expect(await sendRequest(page, `/old?status=307&location=${there}`, { method: 'POST', body: 'x' })).toMatchObject({
    ...{ status: 200, told: ['redirect 307 POST'] },
  });
  expect(await sendRequest(page, `/old?status=302&location=${there}`, { redirect: 'manual' })).toMatchObject({
    error: 'Redirect was cancelled',
  });
  expect(seen).toContain('GET /there');
});
