import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MessagePortMain, Protocol, Session } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { HttpService } from '../../main/electron/http-service.ts';
import { Cache } from '../../main/engine/index.ts';
import type { Offline } from '../../main/offline/index.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { MessageChannelMain } from './real-ports.ts';

vi.mock('electron', async () => ({
  ...(await import('./electron-double.ts')),
  ...(await import('./real-ports.ts')),
  net: { fetch: async (request: Request) => new Response(`net ${request.url}`) },
  protocol: { isProtocolHandled: (scheme: string) => scheme === 'main' },
}));

/** The network of a session is its `fetch` here; the real way has a test of its own. */
vi.mock('../../main/electron/network-fetch.ts', () => {
  const networkFetch = (session: Session) => (request: Request) => session.fetch(request);
  return { networkFetch, ownNetworkFetch: networkFetch };
});

/** A session whose network says its name and what it was asked for. */
function createSession(name: string) {
  const handled = new Set<string>();
  const protocol: Pick<Protocol, 'handle' | 'unhandle' | 'isProtocolHandled'> = {
    handle: (scheme) => void handled.add(scheme),
    unhandle: (scheme) => void handled.delete(scheme),
    isProtocolHandled: (scheme) => handled.has(scheme),
  };
  const fetch = async ({ url }: Request) => new Response(`${name} ${url}`);
  return { protocol, fetch, storagePath: `/data/Partitions/${name}` } as unknown as Session;
}

let http: Cache;
let service: HttpService;
let directory: string;
const pages: DiskCache[] = [];

beforeEach(() => {
  directory = freshDirectory();
  http = new Cache(freshDirectory());
  service = new HttpService(directory, { schemes: ['app'] });
});
afterEach(() => {
  for (const page of pages.splice(0)) page.disconnect();
  service.close();
  http.close();
});

/** A page of a session. */
function openPage(session: Session): DiskCache {
  const page = new DiskCache(async () => {
    const { port1, port2 } = new MessageChannelMain();
    const rights = { grant: FULL_GRANT, hasShard: true };
    service.createSessionOpener(session).openSession(port1 as unknown as MessagePortMain, rights, () => {});
    return port2 as unknown as MessagePortLike;
  });
  pages.push(page);
  return page;
}

describe('HTTP for pages', () => {
  it('is served by host.offline of their session, for its schemes and for http', async () => {
    const [ada, bob] = [createSession('ada'), createSession('bob')];
    const [one, two] = [openPage(ada), openPage(bob)];
    await expect(one.fetch('https://a.example/')).rejects.toThrow(/has to call host\.offline/);
    await expect(one.connection.online).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    const { offline, end } = service.intercept(ada, { store: 'http' }, { http });
    const fetch = (request: Request) => ada.fetch(request as never);
    const other = service.intercept(
      ada,
      { store: 'http', schemes: ['api'], partition: 'api', privateNetwork: true, fetch },
      { http },
    );
    expect(await (await one.fetch('https://a.example/')).text()).toBe('ada https://a.example/');
    expect(await (await one.fetch('http://a.example/')).text()).toBe('ada http://a.example/');
    const asked = vi.spyOn(other.offline, 'respond');
    expect(await (await one.fetch('api://users/7')).text()).toBe('ada api://users/7');
    expect(asked).toHaveBeenCalledOnce();
    for (const url of ['file:///etc/passwd', 'data:text/plain,x', 'chrome://version', 'app://atlas/'])
      await expect(one.fetch(url)).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    await expect(two.fetch('https://a.example/')).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    await one.connection.goOffline();
    expect(offline.connection.isOnline()).toBe(false);
    end();
    other.end();
    await expect(one.fetch('https://a.example/')).rejects.toThrow(errorMatching('NOT_ALLOWED'));
  });

  it('has one CacheStorage for all sessions, with add by the network of each', async () => {
    const [one, two] = [openPage(createSession('ada')), openPage(createSession('bob'))];
    const cache = await one.caches.open('v1');
    await cache.add('https://a.example/1');
    await (await two.caches.open('v1')).add('app://atlas/2');
    await (await service.caches.open('v1')).add('https://a.example/3');
    const kept = await Promise.all((await cache.matchAll()).map(async (it) => [await it.text(), it.url]));
    expect(kept).toEqual([
      ['ada https://a.example/1', 'https://a.example/1'],
      ['bob app://atlas/2', 'app://atlas/2'],
      ['net https://a.example/3', 'https://a.example/3'],
    ]);
    await expect(cache.put('file:///x', new Response(''))).rejects.toThrow(TypeError);
    service.close();
    await expect(cache.match('https://a.example/1')).rejects.toThrow(errorMatching('CLOSED'));
    service = new HttpService(directory);
    expect(await (await service.caches.match('https://a.example/1'))?.text()).toBe('ada https://a.example/1');
  });

  it('stores responses of every scheme that the session handles, except file and deskcache', async () => {
    const ada = createSession('ada');
    const cache = await openPage(ada).caches.open('v1');
    await expect(cache.put('mine://a/1', new Response('1'))).rejects.toThrow(/mine is neither http nor https nor/);
    for (const scheme of ['mine', 'deskcache', 'file']) ada.protocol.handle(scheme, () => new Response());
    await cache.put('mine://a/1', new Response('1'));
    await cache.add('mine://a/2');
    expect(await (await cache.match('mine://a/2'))?.text()).toBe('ada mine://a/2');
    for (const url of ['deskcache://api/1', 'file:///etc/passwd', 'main://a/1', 'data:,x', 'blob:mine://a/3']) {
      await expect(cache.put(url, new Response(''))).rejects.toThrow(TypeError);
      await expect(cache.add(url)).rejects.toThrow(TypeError);
    }
    const same = await service.caches.open('v1');
    await same.put('main://a/1', new Response('2'));
    await expect(same.put('mine://a/3', new Response(''))).rejects.toThrow(TypeError);
    expect((await cache.keys()).map(({ url }) => url)).toEqual(['mine://a/1', 'mine://a/2', 'main://a/1']);
  });

  it('stores responses in a store of its own by default, separately for each session, also after a restart', async () => {
    const sessions = [createSession('ada'), createSession('bob')] as const;
    const begun = sessions.map((session) => service.intercept(session, { strategy: 'cache-first' }, {}).offline);
    const ask = async (offline: Offline) => (await offline.fetch('https://a.example/')).text();
    expect(await Promise.all(begun.map(ask))).toEqual(['ada https://a.example/', 'bob https://a.example/']);
    service.close();
    expect(readdirSync(directory)).toEqual(['_responses']);
    service = new HttpService(directory);
    const { offline } = service.intercept(createSession('ada'), { strategy: 'cache-only' }, {});
    expect(await ask(offline)).toBe('ada https://a.example/');
    service.close();
    expect(() => service.intercept(createSession('eve'), {}, {})).toThrow(errorMatching('CLOSED'));
  });

  it('uses the network if its own store can’t be opened, and reports it', async () => {
    mkdirSync(join(directory, '_responses'));
    writeFileSync(join(directory, '_responses', 'cache.db'), 'no database'.repeat(100));
    const told: unknown[] = [];
    const ada = createSession('ada');
    const { offline } = service.intercept(ada, { onStoreFailure: (error) => told.push(error) }, {});
    expect(await (await offline.fetch('https://a.example/')).text()).toBe('ada https://a.example/');
    expect(await (await openPage(ada).fetch('https://a.example/')).text()).toBe('ada https://a.example/');
    expect(told.length).toBeGreaterThan(1);
    expect(new Set(told.map((error) => (error as { code: string }).code))).toEqual(new Set(['CORRUPT']));
  });

  it('opens nothing on disk before it is used, and nothing after the end', () => {
    service.close();
    expect(() => service.caches).toThrow(errorMatching('CLOSED'));
    expect(readdirSync(directory)).toEqual([]);
  });
});
