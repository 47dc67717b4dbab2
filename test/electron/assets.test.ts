import type { Protocol, Session } from 'electron';
import { describe, expect, it } from 'vitest';
import type { AssetRequest } from '../../main/assets/serve.ts';
import type { Grant } from '../../main/bridge/grant.ts';
import { type AssetHost, type AssetOptions, assetScheme, serveAssets } from '../../main/electron/assets.ts';
import { isOwnOrigin } from '../../main/electron/sender.ts';
import { Cache, Index } from '../../main/engine/index.ts';
import { uploadUrl } from '../../protocol/upload.ts';
import { freshDirectory } from '../engine/directory.ts';

const failure = (code: string) => expect.objectContaining({ code });

/** One session's `protocol`. */
function fakeSession() {
  const handlers = new Map<string, (request: Request) => Response | Promise<Response>>();
  const protocol: Pick<Protocol, 'handle' | 'unhandle' | 'isProtocolHandled'> = {
    handle: (scheme, handler) => void handlers.set(scheme, handler),
    unhandle: (scheme) => void handlers.delete(scheme),
    isProtocolHandled: (scheme) => handlers.has(scheme),
  };
  return { session: { protocol } as Session, handlers };
}

const ALL: Grant = { stores: { '*': 'write' } };

/** Resolves when every page has dropped what it keeps near. */
let near: Promise<unknown> = Promise.resolve();

function open(options: AssetOptions = {}, granted: (origin: string) => Grant | null = own) {
  const stores = {
    Assets: new Cache<string, unknown>(freshDirectory()),
    photos: new Cache<string, unknown>(freshDirectory()),
    settings: new Index<string, unknown>(freshDirectory()),
  };
  stores.Assets.set('a.txt', 'text');
  stores.photos.set('a.txt', 'photo');
  const host: AssetHost = { stores, grantsOf: (origin) => [granted(origin) ?? []].flat(), dropNear: () => near };
  const { session, handlers } = fakeSession();
  const stop = serveAssets(session, options, host);
  async function ask(url: string, origin: string | undefined = 'app://atlas', init: RequestInit = {}): Promise<number> {
    const request: AssetRequest = new Request(url, init);
    if (origin !== 'nobody') Object.assign(request, { initiatorOrigin: origin });
    return (await handlers.get('deskcache')!(request)).status;
  }
  const post = (store: string) => {
    const part = { upload: 'a'.repeat(32), part: 0, bytes: 1, step: 'last' } as const;
    return ask(uploadUrl(store, 'k', part), 'app://atlas', { method: 'POST', body: 'x' });
  };
  return {
    ask,
    post,
    stop,
    handlers,
    again: () => serveAssets(session, options, host),
    [Symbol.dispose]() {
      for (const store of Object.values(stores)) store.close();
    },
  };
}

const own = (origin: string) => (isOwnOrigin(origin, true) ? ALL : null);

describe('serveAssets', () => {
  it('serves every cache, as far as pages are granted it', async () => {
    using site = open();
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
    expect(await site.ask('deskcache://photos/a.txt', 'file://')).toBe(200);
    expect(await site.post('photos')).toBe(204);
    expect(await site.ask('deskcache://settings/a.txt')).toBe(403);
    expect(await site.ask('deskcache://constructor/a.txt')).toBe(403);
  });

  it('grants by the declared name, and by access', async () => {
    using site = open({}, () => ({ stores: { Assets: 'read' } }));
    expect(await site.ask('deskcache://assets/a.txt', 'https://partner.example')).toBe(200);
    expect(await site.post('assets')).toBe(403);
    expect(await site.ask('deskcache://photos/a.txt')).toBe(403);
  });

  it('takes no stream by a grant that is limited in bytes, which nobody would count', async () => {
    using site = open({}, () => ({ stores: { '*': 'admin' }, bytes: 2 ** 40 }));
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
    expect(await site.post('assets')).toBe(403);
  });

  it('serves no store that is not listed, and none to write that is listed to read', async () => {
    using site = open({ stores: ['photos'] });
    expect([await site.ask('deskcache://photos/a.txt'), await site.post('photos')]).toEqual([200, 403]);
    expect(await site.ask('deskcache://assets/a.txt')).toBe(403);
    using writable = open({ stores: { photos: 'write', Assets: 'read' } });
    expect([await writable.post('photos'), await writable.post('assets')]).toEqual([204, 403]);
  });

  it.each(['https://evil.example', 'null', '', 'nobody', 'deskcache://assets', 'http://localhost:5173'])(
    'serves nothing to "%s"',
    async (origin) => {
      using site = open({}, (asking) => (asking === 'null' || asking === '' ? ALL : own(asking)));
      expect(await site.ask('deskcache://assets/a.txt', origin)).toBe(403);
    },
  );

  it('waits a moment for the news of a document that asks already', async () => {
    let isKnown = false;
    using site = open({}, () => (isKnown ? ALL : null));
    setTimeout(() => {
      isKnown = true;
    }, 20);
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
  });

  it('answers a stream when no page reads near what was there before', async () => {
    using site = open();
    let dropped = () => {};
    near = new Promise<void>((resolve) => {
      dropped = resolve;
    });
    let status: number | undefined;
    const posted = site.post('photos').then((answer) => {
      status = answer;
    });
    await expect.poll(() => site.ask('deskcache://photos/k')).toBe(200);
    expect(status, 'stored, and not yet answered').toBeUndefined();
    dropped();
    await posted;
    expect(status).toBe(204);
  });

  it('asks the application for a type by the name the store was declared by', async () => {
    const asked: unknown[] = [];
    using site = open({ contentType: (store, key) => void asked.push([store, key]) as undefined });
    expect(await site.ask('deskcache://assets/a.txt')).toBe(200);
    expect(asked).toEqual([['Assets', 'a.txt']]);
  });

  it('refuses what it could not serve', () => {
    expect(() => open({ stores: ['none'] })).toThrow(failure('NO_SUCH_STORE'));
    expect(() => open({ stores: ['toString'] })).toThrow(failure('NO_SUCH_STORE'));
    expect(() => open({ stores: ['settings'] })).toThrow(failure('BAD_OPTION'));
    using site = open();
    expect(site.again).toThrow(failure('BAD_OPTION'));
  });

  it('ends when it is told to, once', () => {
    using site = open();
    site.stop();
    expect(site.handlers.size).toBe(0);
    site.stop();
    site.again();
    expect(site.handlers.size).toBe(1);
  });

  it('has a scheme that media, fetch and secure pages take, and no way around a policy', () => {
    expect(assetScheme()).toEqual({
      scheme: 'deskcache',
      privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true, stream: true },
    });
  });
});
