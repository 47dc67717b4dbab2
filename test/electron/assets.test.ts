import type { Protocol, Session } from 'electron';
import { describe, expect, it, vi } from 'vitest';
import type { AssetRequest } from '../../main/assets/asset-server.ts';
import type { Grant } from '../../main/bridge/grant.ts';
import { type AssetHost, type AssetOptions, assetScheme, serveAssets } from '../../main/electron/assets.ts';
import { isOwnOrigin } from '../../main/electron/sender.ts';
import { Cache, Index } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const failure = (code: string) => expect.objectContaining({ code });

/** One session's `protocol`. */
function createFakeSession() {
  const handlers = new Map<string, (request: Request) => Response | Promise<Response>>();
  const protocol: Pick<Protocol, 'handle' | 'unhandle' | 'isProtocolHandled'> = {
    handle: (scheme, handler) => void handlers.set(scheme, handler),
    unhandle: (scheme) => void handlers.delete(scheme),
    isProtocolHandled: (scheme) => handlers.has(scheme),
  };
  return { session: { protocol } as Session, handlers };
}

const ALL: Grant = { stores: { '*': 'write' } };

function open(options: AssetOptions = {}, granted: (origin: string) => Grant | null = createOwnPage) {
  const stores = {
    Assets: new Cache<string, unknown>(freshDirectory()),
    photos: new Cache<string, unknown>(freshDirectory()),
    settings: new Index<string, unknown>(freshDirectory()),
  };
  stores.Assets.set('a.txt', 'text');
  stores.photos.set('a.txt', 'photo');
  const host: AssetHost = { stores, getGrants: (origin) => [granted(origin) ?? []].flat() };
  const { session, handlers } = createFakeSession();
  assetScheme();
  const stop = serveAssets(session, options, host);
  async function ask(url: string, origin: string | undefined = 'app://atlas', init: RequestInit = {}): Promise<number> {
    const request: AssetRequest = new Request(url, init);
    if (origin !== 'nobody') Object.assign(request, { initiatorOrigin: origin });
    return (await handlers.get('deskcache')!(request)).status;
  }
  return {
    ask,
    stop,
    handlers,
    again: () => serveAssets(session, options, host),
    [Symbol.dispose]() {
      for (const store of Object.values(stores)) store.close();
    },
  };
}

const createOwnPage = (origin: string) => (isOwnOrigin(origin, true) ? ALL : null);

describe('serveAssets', () => {
  it('serves every cache that the page is granted', async () => {
    using site = open();
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
    expect(await site.ask('deskcache://photos/a.txt', 'file://')).toBe(200);
    expect(await site.ask('deskcache://settings/a.txt')).toBe(403);
    expect(await site.ask('deskcache://constructor/a.txt')).toBe(403);
  });

  it('grants by the declared name', async () => {
    using site = open({}, () => ({ stores: { Assets: 'read' } }));
    expect(await site.ask('deskcache://assets/a.txt', 'https://partner.example')).toBe(200);
    expect(await site.ask('deskcache://photos/a.txt')).toBe(403);
  });

  it('serves only listed stores, for reading only', async () => {
    using site = open({ stores: ['photos'] });
    expect(await site.ask('deskcache://photos/a.txt')).toBe(200);
    expect(await site.ask('deskcache://assets/a.txt')).toBe(403);
    expect(await site.ask('deskcache://photos/a.txt', 'app://atlas', { method: 'POST', body: 'x' })).toBe(405);
  });

  it.each(['https://evil.example', 'null', '', 'nobody', 'deskcache://assets', 'http://localhost:5173'])(
    'serves nothing to "%s"',
    async (origin) => {
      using site = open({}, (asking) => (asking === 'null' || asking === '' ? ALL : createOwnPage(asking)));
      expect(await site.ask('deskcache://assets/a.txt', origin)).toBe(403);
    },
  );

  it('waits a moment for the commit event of a document that already sends requests', async () => {
    let isKnown = false;
    using site = open({}, () => (isKnown ? ALL : null));
    setTimeout(() => {
      isKnown = true;
    }, 20);
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
  });

  it('calls contentType with the store’s declared name', async () => {
    const asked: unknown[] = [];
    using site = open({ contentType: (store, key) => void asked.push([store, key]) as undefined });
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
    expect(asked).toEqual([['Assets', 'a.txt']]);
  });

  it('refuses stores that it can’t serve', () => {
    expect(() => open({ stores: ['none'] })).toThrow(failure('NO_SUCH_STORE'));
    expect(() => open({ stores: ['toString'] })).toThrow(failure('NO_SUCH_STORE'));
    expect(() => open({ stores: ['settings'] })).toThrow(failure('BAD_OPTION'));
    using site = open();
    expect(site.again).toThrow(failure('BAD_OPTION'));
  });

  it('ends once', () => {
    using site = open();
    site.stop();
    expect(site.handlers.size).toBe(0);
    site.stop();
    site.again();
    expect(site.handlers.size).toBe(1);
  });

  it('refuses every request after its end, also of documents that still have its handler', async () => {
    using site = open();
    const ofOpenDocuments = site.handlers.get('deskcache')!;
    const asked = (method = 'GET') =>
      Object.assign(new Request('deskcache://assets/a.txt', { method }), { initiatorOrigin: 'app://atlas' });
    expect(await (await ofOpenDocuments(asked())).text()).toBe('text');
    site.stop();
    for (const method of ['GET', 'HEAD']) expect((await ofOpenDocuments(asked(method))).status).toBe(403);
    expect(await (await ofOpenDocuments(asked())).text()).toMatch(/^NOT_ALLOWED: host\.serveAssets was ended/);
    site.again();
    // The first one's end is over: it takes nothing from the second.
    site.stop();
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
    expect((await ofOpenDocuments(asked())).status).toBe(403);
  });

  it('warns only if the scheme was not registered before', async () => {
    vi.resetModules();
    const assets = await import('../../main/electron/assets.ts');
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      const serve = () => assets.serveAssets(createFakeSession().session, {}, { stores: {}, getGrants: () => [] });
      serve();
      expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('registerSchemesAsPrivileged'));
      assets.assetScheme();
      serve();
      expect(warned).toHaveBeenCalledOnce();
    } finally {
      warned.mockRestore();
    }
  });

  it('has a scheme for media, fetch and secure pages that doesn’t bypass Content-Security-Policies', () => {
    expect(assetScheme()).toEqual({
      scheme: 'deskcache',
      privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true, stream: true },
    });
  });
});
