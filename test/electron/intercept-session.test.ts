import type { Session } from 'electron';
import { describe, expect, it, vi } from 'vitest';
import { getCache, interceptSession, type OfflineSessionOptions } from '../../main/electron/intercept-session.ts';
import { Cache, Index } from '../../main/engine/index.ts';
import { getCacheStatus } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { session as electron } from './electron-double.ts';
import { createProtocol } from './http-session-fixture.ts';

vi.mock('electron', () => import('./electron-double.ts'));

/** The network of a session is its `fetch` here; the real way has a test of its own. */
vi.mock('../../main/electron/network-fetch.ts', () => {
  const networkFetch = (session: Session) => (request: Request) => session.fetch(request);
  return { networkFetch, ownNetworkFetch: networkFetch };
});

const failure = (code: string) => expect.objectContaining({ code });

/** A session whose network answers with the number of the request. */
function createSession(storagePath: string | null) {
  const { handlers, protocol } = createProtocol();
  const sent: Request[] = [];
  const fetch = async (request: Request) => {
    sent.push(request);
    if (request.url.endsWith('/old')) return new Response(null, { status: 301, headers: { location: '/x' } });
    return new Response(String(sent.length), { headers: { 'cache-control': 'max-age=60' } });
  };
  return { session: { protocol, fetch, storagePath } as unknown as Session, handlers, sent };
}

/** Declared stores, and the way to begin with them. */
function open() {
  const stores = { http: new Cache(freshDirectory()), settings: new Index<string, unknown>(freshDirectory()) };
  return {
    begin: (session: Session, options: OfflineSessionOptions = {}) =>
      interceptSession(session, options, getCache(options.store ?? 'http', stores)),
    [Symbol.dispose]() {
      for (const store of Object.values(stores)) store.close();
    },
  };
}

describe('host.offline', () => {
  it('serves pages’ requests from the cache, and bypasses its own handler for the network', async () => {
    const { session, handlers, sent } = createSession('/data/Partitions/ada');
    using made = open();
    const { offline, end } = made.begin(session);
    const ask = async (scheme: string) => {
      const response = await handlers.get(scheme)!(new Request('https://a.example/x'));
      return [await response.text(), getCacheStatus(response)];
    };
    expect([await ask('https'), await ask('https')]).toEqual([
      ['1', 'miss'],
      ['1', 'hit'],
    ]);
    expect(sent.length).toBe(1);
    offline.connection.set(false);
    await expect(offline.fetch('https://a.example/other')).rejects.toThrow(TypeError);
    expect([...handlers.keys()]).toEqual(['https']);
    end();
    expect(handlers.size).toBe(0);
  });

  it('ends once: later handlers of the scheme stay, and open documents of a custom scheme get nothing', async () => {
    const { session, handlers } = createSession('/data');
    using made = open();
    const options = { schemes: ['app'], fetch: async () => new Response('page') };
    const { end } = made.begin(session, options);
    const kept = handlers.get('app')!;
    expect((await kept(new Request('app://atlas/'))).status).toBe(200);
    end();
    expect(await kept(new Request('app://atlas/'))).toMatchObject({ type: 'error' });
    made.begin(session, options);
    end();
    expect((await handlers.get('app')!(new Request('app://atlas/'))).status).toBe(200);
    expect(await kept(new Request('app://atlas/'))).toMatchObject({ type: 'error' });
  });

  it('exposes Cache-Status to pages of other origins, and no field that the origin does not expose', async () => {
    using made = open();
    const shown = async (fields: Record<string, string>) => {
      const { session, handlers } = createSession('/data');
      const answering = { ...session, fetch: async () => new Response('x', { headers: fields }) } as unknown as Session;
      made.begin(answering, { strategy: 'network-only' });
      const { headers } = await handlers.get('https')!(new Request('https://c.example/x'));
      return headers.get('access-control-expose-headers');
    };
    expect(await shown({ 'access-control-allow-origin': '*' })).toBe('cache-status');
    const etag = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'ETag' };
    expect(await shown(etag)).toBe('ETag, cache-status');
    expect(await shown({})).toBeNull();
  });

  it('stores no response that varies by cookies, which Electron adds later', async () => {
    using made = open();
    const { session } = createSession('/data');
    const headers = { 'cache-control': 'max-age=60', vary: 'cookie' };
    const answering = { ...session, fetch: async () => new Response('ada', { headers }) } as unknown as Session;
    const { offline } = made.begin(answering);
    await (await offline.fetch('https://a.example/me')).text();
    expect(await offline.http.match('https://a.example/me')).toBeUndefined();
  });

  it('lets pages follow redirects themselves, and follows them for the main process', async () => {
    const { session, handlers, sent } = createSession('/data');
    using made = open();
    const { offline } = made.begin(session);
    const redirect = await handlers.get('https')!(new Request('https://a.example/old'));
    expect([redirect.status, redirect.headers.get('location')]).toEqual([301, '/x']);
    const followed = await offline.fetch('https://a.example/old');
    expect([await followed.text(), followed.url]).toEqual(['3', 'https://a.example/x']);
    expect(sent.map(({ redirect }) => redirect)).toEqual(['manual', 'manual', 'manual']);
  });

  it('serves a custom scheme from the application’s fetch, and from disk when that fails', async () => {
    using made = open();
    const { session, handlers, sent } = createSession('/data');
    const asked: string[] = [];
    const fetch = async ({ url, redirect }: Request) => {
      asked.push(`${url} ${redirect}`);
      return new Response('page', { headers: { 'cache-control': 'max-age=60' } });
    };
    const { offline } = made.begin(session, { schemes: ['app'], fetch });
    const page = async () => (await handlers.get('app')!(new Request('app://atlas/page'))).text();
    expect(await page()).toBe('page');
    offline.connection.set(false);
    expect(await page()).toBe('page');
    expect(asked).toEqual(['app://atlas/page manual']);
    expect(sent).toEqual([]);
  });

  it('refuses a document that still has its handler after its end; a second end() doesn’t affect later handlers', async () => {
    using made = open();
    const { session, handlers } = createSession('/data');
    const how = { schemes: ['app'], fetch: async () => new Response('page') };
    const { end } = made.begin(session, how);
    const kept = handlers.get('app')!;
    end();
    expect((await kept(new Request('app://atlas/page'))).type).toBe('error');
    made.begin(session, how);
    end();
    expect(await (await handlers.get('app')!(new Request('app://atlas/page'))).text()).toBe('page');
  });

  it.each([
    ['the default one and one at another path', [null, '/elsewhere/ada']],
    ['two whose folders have one name', ['/data/Partitions/ada', '/elsewhere/Partitions/ada']],
    ['two at paths of any kind', ['/elsewhere/ada', '/elsewhere/bob']],
    ['the default one and two partitions', [null, '/data/Partitions/bob', '/data/Partitions/eve']],
  ])('keeps sessions apart: %s', async (_, paths) => {
    using made = open();
    const asked: number[] = [];
    // One after the other: a request under way can't serve another one yet.
    for (const path of paths) {
      const { session, sent } = createSession(path ?? '/data');
      electron.defaultSession = path === null ? session : ({} as Session);
      await (await made.begin(session).offline.fetch('https://b.example/x')).text();
      asked.push(sent.length);
    }
    expect(asked).toEqual(paths.map(() => 1));
  });

  it('refuses invalid options without handling any scheme', () => {
    using made = open();
    const { session, handlers } = createSession('/data');
    expect(() => made.begin(session, { store: 'none' })).toThrow(failure('NO_SUCH_STORE'));
    expect(() => made.begin(session, { store: 'settings' })).toThrow(failure('BAD_OPTION'));
    expect(() => made.begin(session, { strategy: 'none' as 'http' })).toThrow(failure('BAD_OPTION'));
    expect(() => made.begin(createSession(null).session)).toThrow(failure('BAD_OPTION'));
    expect(handlers.size).toBe(0);
    expect(() => made.begin(session, { schemes: ['https', 'api'] })).toThrow('the network has no scheme api:');
    expect(handlers.size).toBe(0);
    made.begin(session, { schemes: ['https', 'http'] });
    expect([...handlers.keys()]).toEqual(['https', 'http']);
    expect(() => made.begin(session)).toThrow('https: is handled in this session already');
    expect(made.begin(createSession(null).session, { partition: 'memory' }).offline.connection.isOnline()).toBe(true);
  });
});
