import { describe, expect, it } from 'vitest';
import { Cache, Index } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache, Offline, Precache } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/directory.ts';

const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(message) });

const BUILDERS = {
  Precache: (given: object) => new Precache(given as never),
  Offline: (given: object) => new Offline(given as never),
  createHttpCache: (given: object) => createHttpCache(given as never),
  CacheStorage: (given: object) => new CacheStorage(given as never),
};

describe.each(Object.entries(BUILDERS))('%s', (_, build) => {
  it('refuses what is no store of this process, and no way to the network, before anything is asked of them', () => {
    using cache = new Cache(freshDirectory());
    using index = new Index(freshDirectory());
    // As host.stores.name is with placement 'utility'.
    const elsewhere = { get: async () => undefined, set: async () => undefined };
    const noCache = refused(/needs a cache that is open in this process/);
    for (const other of [undefined, elsewhere, index]) expect(() => build({ cache: other, fetch })).toThrow(noCache);
    const noFetch = refused(/needs a function fetch\(request\), such as networkFetch\(session\)/);
    for (const other of [undefined, { fetch }]) expect(() => build({ cache, fetch: other })).toThrow(noFetch);
    expect(build({ cache, fetch })).toBeDefined();
  });
});

it.each<readonly [unknown, RegExp]>([
  [{ entries: [] }, /A manifest is \{ version: string, entries/],
  [{ version: '1' }, /A manifest is/],
  [{ version: '1', entries: ['https://a.example/'] }, /Entry 0 of the manifest is "https/],
  [
    { version: '1', entries: [{ url: 'https://a.example/' }, { url: '/app.js' }] },
    /Entry 1 .*"\/app\.js".* whole address/,
  ],
  [{ version: '1', entries: [{ url: 'https://a.example/', revision: 7 }] }, /Entry 0 .* a string as revision/],
])('a manifest that is none is refused, and the version before stays: %j', async (manifest, message) => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const precache = new Precache({ cache, fetch: async () => new Response('file') });
  await precache.install({ version: '0', entries: [{ url: 'https://a.example/app.js' }] });
  await expect(precache.install(manifest as never)).rejects.toEqual(refused(message));
  expect(precache.version).toBe('0');
  expect(await (await precache.match('https://a.example/app.js'))?.text()).toBe('file');
});
