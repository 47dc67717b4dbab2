import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OfflineSessionOptions } from '../../main/electron/intercept-session.ts';
import { Cache } from '../../main/engine/index.ts';
import { Precache } from '../../main/offline/index.ts';
import {
  describeResponse,
  type SentRequest,
  setElectronVersion,
  simulatePage,
  startHttpSession,
} from './http-session-fixture.ts';

vi.mock('electron', () => import('./electron-double.ts'));
vi.mock('../../main/electron/network-fetch.ts', async () => (await import('./http-session-fixture.ts')).mockNetwork());

const API = 'https://api.example';
const EVIL = 'https://evil.example';

beforeEach(() => {
  setElectronVersion('45.4.1');
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => {
  Reflect.deleteProperty(process.versions, 'electron');
  vi.restoreAllMocks();
});

/** The origin that Electron names as the initiator, the version of Electron, and the origin that CORS has to be checked for. */
const INITIATORS: Record<string, { initiator?: string; version?: string; foreignShown?: boolean; held?: string }> = {
  'the browser': {},
  'an own page': { initiator: 'app://atlas' },
  'a page of an origin that was named': { initiator: 'https://app.example' },
  'a page of the same origin': { initiator: API },
  'a foreign page': { initiator: EVIL, held: EVIL },
  'an opaque page': { initiator: 'null', held: 'null' },
  'a page that Electron does not name, after own ones only': { version: '42.11.18' },
  'a page that Electron does not name, after a foreign one': { version: '43.6.0', foreignShown: true, held: 'null' },
};
const REQUESTS: Record<string, { init: RequestInit; isSimple: boolean }> = {
  GET: { init: {}, isSimple: true },
  'GET with a field': { init: { headers: { 'x-own': '1' } }, isSimple: false },
  'POST of text': { init: { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }, isSimple: true },
  'POST of JSON': {
    init: { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
    isSimple: false,
  },
};
const SOURCES = ['network', 'store', 'precache', 'fetch of the application'] as const;
const ALLOWED = ['none', '*', 'the asker', 'another'] as const;

const cells = Object.keys(INITIATORS).flatMap((asker) =>
  Object.keys(REQUESTS).flatMap((request) =>
    SOURCES.flatMap((source) => ALLOWED.map((allowed) => [asker, request, source, allowed] as const)),
  ),
);

/** Of all cells, each in a partition of its own: to open one takes longer than everything else. */
let store: Cache;
beforeAll(() => {
  store = new Cache(mkdtempSync(join(tmpdir(), 'deskcache-foreign-')), { durability: 'process' });
});
afterAll(() => {
  store.close();
  rmSync(store.directory, { recursive: true });
});

describe('what a page gets from another origin, by initiator, request, source and CORS response', () => {
  it.each(Object.keys(INITIATORS))('%s', async (asker) => {
    const wrong: unknown[] = [];
    for (const cell of cells.filter(([name]) => name === asker)) {
      const [got, expected] = [await runCell(...cell), getExpected(...cell)];
      if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push({ cell, got, expected });
    }
    expect(wrong).toEqual([]);
  });
});

type Outcome = { reaches: string; sent: Pick<SentRequest, 'cors' | 'origin' | 'credentials' | 'cookie'>[] };

async function runCell(asker: string, request: string, source: string, allowed: string): Promise<Outcome> {
  const { initiator, version, foreignShown, held } = INITIATORS[asker]!;
  const { init } = REQUESTS[request]!;
  if (version !== undefined) setElectronVersion(version);
  else setElectronVersion('45.4.1');
  const acao = { none: [], '*': ['*'], 'the asker': [held ?? 'app://atlas'], another: ['https://other.example'] }[
    allowed
  ]!;
  const headers = { 'cache-control': 'max-age=60', ...(acao[0] && { 'access-control-allow-origin': acao[0] }) };
  const answer = () => new Response('from the network', { headers });
  const name = JSON.stringify([asker, request, source, allowed]);
  const precache = new Precache({ cache: store, name, fetch: async () => new Response('precached', { headers }) });
  if (source === 'precache') await precache.install({ version: '1', entries: [{ url: `${API}/x` }] });
  const how = (fetch: OfflineSessionOptions['fetch']): OfflineSessionOptions => ({
    partition: name,
    origins: ['https://app.example'],
    strategy: 'cache-first',
    ...(source === 'precache' && { precache }),
    ...(source === 'fetch of the application' && { fetch: fetch! }),
  });
  using made = startHttpSession(answer, how, store);
  if (foreignShown) simulatePage(made.session, EVIL);
  if (source === 'store') {
    await (await made.ask(`${API}/x`, initiator, {})).text();
    made.offline.connection.set(false);
  }
  made.sent.length = 0;
  const stolen = { cookie: 'name=ada', ...(init.headers as Record<string, string>) };
  const reaches = await made
    .ask(`${API}/x`, initiator, { ...init, headers: stolen })
    .then(describeResponse, () => 'failed');
  const sent = made.sent.map(({ cors, origin, credentials, cookie }) => ({ cors, origin, credentials, cookie }));
  return { reaches, sent };
}

/** What is right, said once more and otherwise. */
function getExpected(asker: string, request: string, source: string, allowed: string): Outcome {
  const { initiator, held } = INITIATORS[asker]!;
  const isOwn = held === undefined;
  const { isSimple } = REQUESTS[request]!;
  const isGet = request.startsWith('GET');
  const isForeignAllowed = allowed === '*' || allowed === 'the asker';
  const isOfApplication = source === 'fetch of the application';
  // From a store that knows no network only what may come from there.
  if (source === 'store') {
    if (!isGet || (!isOwn && !isSimple)) return { reaches: 'failed', sent: [] };
    return { reaches: isOwn || isForeignAllowed ? 'from the network' : 'network error', sent: [] };
  }
  if (isOwn) {
    if (source === 'precache' && isGet) return { reaches: 'precached', sent: [] };
    const saysOrigin = initiator !== undefined && !isOfApplication && (!isGet || initiator !== API);
    return {
      reaches: 'from the network',
      sent: [
        {
          cors: isOfApplication ? 'of the application' : 'not enforced',
          origin: saysOrigin ? initiator : null,
          credentials: 'same-origin',
          cookie: 'name=ada',
        },
      ],
    };
  }
  if (isOfApplication && !isSimple) return { reaches: 'network error', sent: [] };
  return {
    reaches: isForeignAllowed ? 'from the network' : 'network error',
    sent: [
      {
        cors: isOfApplication ? 'of the application' : 'enforced',
        ...{ origin: held, credentials: 'omit', cookie: null },
      },
    ],
  };
}

describe('a foreign page', () => {
  const fresh = (text: string, fields: Record<string, string> = {}) =>
    new Response(text, { headers: { 'cache-control': 'max-age=60', 'access-control-allow-origin': '*', ...fields } });

  it('shares no stored response with the user’s own requests, in either direction', async () => {
    let times = 0;
    using made = startHttpSession(() => fresh(`answer ${++times}`));
    const get = async (initiator?: string) => describeResponse(await made.ask(`${API}/me`, initiator));
    expect(await get('app://atlas')).toBe('answer 1');
    expect(await get(EVIL)).toBe('answer 2');
    expect(await get('https://another.example')).toBe('answer 3');
    expect(await get('null')).toBe('answer 4');
    expect([await get(EVIL), await get(), await get('https://another.example')]).toEqual([
      ...['answer 2', 'answer 1', 'answer 3'],
    ]);
    expect(times).toBe(4);
  });

  it('invalidates no response of the application by a POST', async () => {
    let times = 0;
    using made = startHttpSession(() => fresh(`answer ${++times}`));
    const own = async () => describeResponse(await made.ask(`${API}/x`, 'app://atlas'));
    expect(await own()).toBe('answer 1');
    await made.ask(`${API}/x`, EVIL, { method: 'POST', body: 'x' });
    expect(await own()).toBe('answer 1');
  });

  it('sees exposed fields only, no Set-Cookie, and never a document', async () => {
    const fields = {
      ...{ etag: '"1"', 'x-own': '1', 'x-secret': '1', 'set-cookie': 'name=ada', 'cache-status': 'proxy; hit' },
      ...{
        'access-control-expose-headers': 'X-Own, Set-Cookie',
        'content-type': 'text/html',
        link: '</x>; rel=preload',
      },
    };
    using made = startHttpSession(() => fresh('x', fields));
    expect(Object.fromEntries((await made.ask(`${API}/x`, EVIL)).headers)).toEqual({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'cache-status, x-own',
      'cache-control': 'max-age=60',
      'cache-status': 'deskcache; fwd=uri-miss; fwd-status=200',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
      'content-type': 'text/html',
      'x-frame-options': 'DENY',
      'x-own': '1',
    });
    const own = await made.ask(`${API}/x`, 'app://atlas');
    expect([own.headers.get('x-secret'), own.headers.has('x-frame-options')]).toEqual(['1', false]);
  });

  it('plays a complete stored response by ranges', async () => {
    using made = startHttpSession(() => fresh('0123456789'));
    expect(await describeResponse(await made.ask(`${API}/film`, EVIL))).toBe('0123456789');
    const part = await made.ask(`${API}/film`, EVIL, { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-4/10', '234']);
    expect(made.sent.length).toBe(1);
  });

  it('is refused a response that allows two origins', async () => {
    using made = startHttpSession(() =>
      fresh('x', { 'access-control-allow-origin': `${EVIL}, https://other.example` }),
    );
    expect(await describeResponse(await made.ask(`${API}/x`, EVIL))).toBe('network error');
  });

  it('needs no preflight for the fields that Chromium sets by itself', async () => {
    const told: (string | null)[] = [];
    using made = startHttpSession(({ headers }) => {
      told.push(headers.get('user-agent'));
      return fresh('x');
    });
    const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)', 'sec-ch-ua': '"Chromium";v="153"' };
    expect(await describeResponse(await made.ask(`${API}/x`, EVIL, { headers }))).toBe('x');
    made.offline.connection.set(false);
    expect(await describeResponse(await made.ask(`${API}/x`, EVIL, { headers })), 'from the store').toBe('x');
    expect(told).toEqual([null]);
  });

  it('follows the application’s offline switch', async () => {
    using made = startHttpSession(() => fresh('x'));
    await (await made.ask(`${API}/kept`, EVIL)).text();
    made.offline.connection.set(false);
    expect(await describeResponse(await made.ask(`${API}/kept`, EVIL))).toBe('x');
    await expect(made.ask(`${API}/other`, EVIL)).rejects.toThrow(TypeError);
  });
});

describe('the application’s own pages', () => {
  it('send Origin and Referer as a browser would, and may read responses that allow no origin', async () => {
    using made = startHttpSession(() => new Response('x'));
    const ask = async (url: string, initiator: string, method = 'GET') => {
      const request = { method, referrer: 'https://app.example/page' };
      expect(await describeResponse(await made.ask(url, initiator, request))).toBe('x');
      const { origin, referer } = made.sent.at(-1)!;
      return [origin, referer];
    };
    const referer = 'https://app.example/page';
    expect(await ask(`${API}/1`, 'app://atlas')).toEqual(['app://atlas', referer]);
    expect(await ask(`${API}/2`, 'app://atlas', 'POST')).toEqual(['app://atlas', referer]);
    expect(await ask(`${API}/3`, API)).toEqual([null, referer]);
    expect(await ask(`${API}/4`, API, 'DELETE')).toEqual([API, referer]);
  });

  it('are configured by origins only', () => {
    for (const origin of [
      'https://app.example/',
      'app.example',
      'null',
      '*',
      'HTTPS://app.example',
      'https://*.app.example',
      'blob:https://a.example',
    ])
      expect(() => startHttpSession(() => new Response(), { origins: [origin] }), origin).toThrow(/is not an origin/);
    startHttpSession(() => new Response(), { origins: ['https://app.example:8443', 'app://atlas'] })[Symbol.dispose]();
  });
});
