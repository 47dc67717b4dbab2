import type { MessagePortMain, Session } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { HttpService } from '../../main/electron/http-service.ts';
import { isPrivateAddress, type PrivateNetwork } from '../../main/electron/private-network.ts';
import { Cache } from '../../main/engine/index.ts';
import { Precache } from '../../main/offline/index.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { createProtocol } from './http-session-fixture.ts';
import { MessageChannelMain } from './real-ports.ts';

vi.mock('electron', async () => ({
  ...(await import('./electron-double.ts')),
  ...(await import('./real-ports.ts')),
}));
vi.mock('../../main/electron/network-fetch.ts', async (original) => {
  const networkFetch = (session: { net: (request: Request) => Promise<Response> }) => session.net;
  return { ...(await original()), networkFetch, ownNetworkFetch: networkFetch };
});

/** Names as the network resolves them. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'rebound.example': ['93.184.215.14', '10.0.0.7'],
  'slow.example': ['127.0.0.1'],
  'mapped.example': ['::ffff:192.168.1.1'],
};

const PRIVATE = [
  ...[
    'http://127.0.0.1/',
    'http://127.9.9.9:8080/x',
    'https://localhost/',
    'http://app.localhost./',
    'http://LOCALHOST/',
  ],
  ...['http://2130706433/', 'http://0x7f.1/', 'http://017700000001/', 'http://0/', 'http://[::1]/', 'http://[::]/'],
  ...['http://[::ffff:127.0.0.1]/', 'http://[::ffff:a00:1]/', 'http://[64:ff9b::10.0.0.1]/', 'http://[::127.0.0.1]/'],
  ...[
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.0.1/',
    'http://169.254.169.254/',
  ],
  ...['http://100.64.0.1/', 'http://[fd00::1]/', 'http://[fe80::1]/', 'http://[2002:7f00:1::]/', 'http://router/'],
  ...['http://nas.local/', 'http://metadata.google.internal/', 'https://rebound.example/', 'https://mapped.example/'],
];

let service: HttpService;
const pages: DiskCache[] = [];
const stores: Cache[] = [];
/** What reached the network. */
let sent: string[];
let redirects: Record<string, string>;
let resolving: (() => void)[];

beforeEach(() => {
  sent = [];
  redirects = {};
  resolving = [];
  service = new HttpService(freshDirectory());
});
afterEach(() => {
  for (const page of pages.splice(0)) page.disconnect();
  service.close();
  for (const store of stores.splice(0)) store.close();
});

function open(privateNetwork: PrivateNetwork | undefined, more: object = {}) {
  const net = async ({ url, redirect, method }: Request) => {
    sent.push(method === 'GET' ? url : `${method} ${url}`);
    const to = redirects[url];
    if (to === undefined)
      return new Response('reached', {
        headers: { 'cache-control': 'max-age=60', 'access-control-allow-origin': '*' },
      });
    if (redirect !== 'manual') throw new Error('a redirect was followed without being looked at');
    return new Response(null, { status: 302, headers: { location: to, 'cache-control': 'max-age=60' } });
  };
  const { handlers, protocol } = createProtocol();
  const session = {
    net,
    protocol,
    storagePath: '/data/Partitions/ada',
    resolveHost: async (name: string) => {
      if (name === 'slow.example') await new Promise<void>((resolve) => resolving.push(resolve));
      if (NAMES[name] === undefined) throw new Error('net::ERR_NAME_NOT_RESOLVED');
      return { endpoints: NAMES[name].map((address) => ({ address })) };
    },
  } as unknown as Session;
  const { offline } = service.intercept(
    session,
    { ...(privateNetwork !== undefined && { privateNetwork }), ...more },
    {},
  );
  const page = new DiskCache(async () => {
    const { port1, port2 } = new MessageChannelMain();
    const rights = { grant: FULL_GRANT, hasShard: true };
    service.createSessionOpener(session).openSession(port1 as unknown as MessagePortMain, rights, () => {});
    return port2 as unknown as MessagePortLike;
  });
  pages.push(page);
  /** As a document of `initiatorOrigin` requests it. */
  const load = async (url: string, initiatorOrigin: string): Promise<string> => {
    const request = Object.assign(new Request(url), { initiatorOrigin });
    return (await handlers.get('https')!(request)).text();
  };
  return { page, offline, load };
}

const refused = errorMatching('NOT_ALLOWED');

describe('a page reaches neither this machine nor private networks', () => {
  it.each(PRIVATE)('%s', async (url) => {
    const { page } = open(undefined);
    await expect(page.fetch(url)).rejects.toThrow(refused);
    await expect(page.fetch(url, { method: 'POST', body: 'x' })).rejects.toThrow(refused);
    for (const strategy of ['cache-first', 'network-only', 'stale-while-revalidate'] as const)
      await expect(page.fetch(url, { strategy })).rejects.toThrow(refused);
    await expect((await page.caches.open('a')).add(url)).rejects.toThrow(refused);
    expect(sent).toEqual([]);
  });

  it('by way of redirects, also stored ones, and after a POST', async () => {
    const { page, offline } = open(undefined);
    for (const [n, to] of ['http://127.0.0.1/admin', 'https://rebound.example/', '//[::1]/'].entries()) {
      const url = `https://public.example/${n}`;
      redirects[url] = to;
      for (let time = 0; time < 2; time++) await expect(page.fetch(url)).rejects.toThrow(refused);
      await expect(page.fetch(url, { method: 'POST', body: 'x' })).rejects.toThrow(refused);
      await expect((await page.caches.open('a')).add(url)).rejects.toThrow(refused);
      expect(await (await offline.fetch(url)).text()).toBe('reached');
      expect((await page.fetch(url, { redirect: 'manual' })).status).toBe(302);
    }
  });

  it('from what the application has stored or precached of it', async () => {
    const cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
    stores.push(cache);
    const precache = new Precache({ cache, fetch: async () => new Response('precached') });
    const { page, offline } = open(undefined, { precache });
    await precache.install({ version: '1', entries: [{ url: 'http://127.0.0.1/file' }] });
    expect(await (await offline.fetch('http://127.0.0.1/file')).text()).toBe('precached');
    expect(await (await offline.fetch('http://127.0.0.1/stored')).text()).toBe('reached');
    for (const path of ['file', 'stored']) {
      await expect(page.fetch(`http://127.0.0.1/${path}`)).rejects.toThrow(refused);
      await expect(page.fetch(`http://127.0.0.1/${path}`, { strategy: 'cache-only' })).rejects.toThrow(refused);
    }
  });

  it('but the main process does, and equal requests under way are not refused with a page’s', async () => {
    const { page, offline } = open(undefined);
    const url = 'https://slow.example/';
    const refusal = expect(page.fetch(url)).rejects.toThrow(refused);
    await expect.poll(() => resolving.length).toBe(1);
    expect(await (await offline.fetch(url)).text()).toBe('reached');
    resolving[0]!();
    await refusal;
  });
});

describe('a page reaches', () => {
  it('the internet, redirects included; a POST that is redirected goes on as a GET', async () => {
    const { page } = open(undefined);
    redirects['https://public.example/a'] = '/b';
    const response = await page.fetch('https://public.example/a');
    expect([await response.text(), response.url, response.redirected]).toEqual([
      'reached',
      'https://public.example/b',
      true,
    ]);
    sent = [];
    expect(await (await page.fetch('https://public.example/a', { method: 'POST', body: 'x' })).text()).toBe('reached');
    expect(sent).toEqual(['POST https://public.example/a', 'https://public.example/b']);
    for (const url of ['https://8.8.8.8/', 'http://[2606:4700::1]/', 'https://unknown.example/', 'http://172.32.0.1/'])
      expect(await (await page.fetch(url)).text()).toBe('reached');
    const cache = await page.caches.open('a');
    await cache.add('https://public.example/a');
    const added = await cache.match('https://public.example/a');
    expect([await added?.text(), added?.url]).toEqual(['reached', 'https://public.example/b']);
  });

  it('all with privateNetwork: true', async () => {
    const { page } = open(true);
    for (const url of PRIVATE.filter((it) => !it.includes('.example'))) {
      expect(await (await page.fetch(url)).text()).toBe('reached');
    }
  });

  it('the hosts that are named, and no others', async () => {
    const { page } = open(['nas.local', '127.0.0.1:8080', 'REBOUND.example']);
    for (const url of ['http://nas.local:1234/', 'http://127.1:8080/', 'https://rebound.example/'])
      expect(await (await page.fetch(url)).text()).toBe('reached');
    for (const url of ['http://127.0.0.1/', 'http://nas2.local/', 'http://127.0.0.1:8081/', 'https://mapped.example/'])
      await expect(page.fetch(url)).rejects.toThrow(refused);
  });
});

describe('what documents load', () => {
  const targets = ['https://127.0.0.1/', 'https://nas.local/', 'https://rebound.example/'];

  it('is as in a browser for own pages and those near by; foreign ones of the internet don’t reach what is private', async () => {
    const { load } = open(undefined, { origins: ['https://app.example'] });
    for (const url of targets) {
      for (const origin of ['https://app.example', 'http://127.0.0.1:5173', 'https://router'])
        expect(await load(url, origin)).toBe('reached');
      for (const origin of ['https://evil.example', 'null', 'https://93.184.215.14'])
        await expect(load(url, origin)).rejects.toThrow(refused);
    }
    expect(await load('https://public.example/', 'https://evil.example')).toBe('reached');
  });

  it('is all with privateNetwork: true', async () => {
    const { load } = open(true);
    for (const url of targets) expect(await load(url, 'https://evil.example')).toBe('reached');
  });
});

it.each(['all', 1, ['http://127.0.0.1/'], ['*.local'], [''], [7], {}])('privateNetwork: %j is refused', (given) => {
  expect(() => open(given as never)).toThrow(errorMatching('BAD_OPTION'));
});

it.each([
  '93.184.215.14',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1',
  '64:ff9b::8.8.8.8',
  '::ffff:8.8.8.8',
  'no address',
])('%s is public', (address) => expect(isPrivateAddress(address)).toBe(false));
