import { describe, expect, it } from 'vitest';
import { Cache, Index } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache, NetworkState, Offline, Precache } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const badOption = (message: RegExp) =>
  expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(message) });

const BUILDERS = {
  Precache: (given: object) => new Precache(given as never),
  Offline: (given: object) => new Offline(given as never),
  createHttpCache: (given: object) => createHttpCache(given as never),
  CacheStorage: (given: object) => new CacheStorage(given as never),
};

describe.each(Object.entries(BUILDERS))('%s', (_, build) => {
  it('refuses an invalid store or fetch function before using either', () => {
    using cache = new Cache(freshDirectory());
    using index = new Index(freshDirectory());
    // Such as host.stores.name with placement 'utility'.
    const elsewhere = { get: async () => undefined, set: async () => undefined };
    const noCache = badOption(/needs a cache that is open in this process/);
    for (const other of [undefined, elsewhere, index]) expect(() => build({ cache: other, fetch })).toThrow(noCache);
    const noFetch = badOption(/needs a function fetch\(request\), such as networkFetch\(session\)/);
    for (const other of [undefined, { fetch }]) expect(() => build({ cache, fetch: other })).toThrow(noFetch);
    expect(build({ cache, fetch })).toBeDefined();
  });

  it('refuses an unknown option, naming the valid ones, and an option of another type', () => {
    using cache = new Cache(freshDirectory());
    const given = { cache, fetch };
    expect(() => build({ ...given, onStoreFailed: () => {} })).toThrow(
      badOption(/: unknown option "onStoreFailed"; valid options: cache, fetch, .*onStoreFailure/),
    );
    expect(() => build({ ...given, onStoreFailure: 'log' })).toThrow(
      badOption(/: onStoreFailure is 'log'; give a function/),
    );
    expect(() => build(undefined as never)).toThrow(
      badOption(/takes an object of options; valid options: cache, fetch/),
    );
    expect(build({ ...given, onStoreFailure: undefined })).toBeDefined();
  });
});

it.each<readonly [keyof typeof BUILDERS, object, RegExp]>([
  ['createHttpCache', { partition: 7 }, /createHttpCache: partition is 7; give a string/],
  ['createHttpCache', { shared: 'no' }, /shared is 'no'; give true or false/],
  ['createHttpCache', { hiddenHeaders: 'cookie' }, /hiddenHeaders is 'cookie'; give an array of strings/],
  ['createHttpCache', { clock: 5 }, /clock is 5; give a function/],
  ['Offline', { routes: { match: /x/ } }, /routes is an object; give an array of routes/],
  [
    'Offline',
    { routes: [{ match: /x/, strategy: 'http', maxAge: 5 }] },
    /A route: unknown option "maxAge"; valid options: match/,
  ],
  ['Offline', { routes: [{ strategy: 'http' }] }, /A route needs match/],
  ['Offline', { connection: { online: true } }, /connection is an object; give a NetworkState/],
  ['Offline', { precache: '/shell' }, /precache is '\/shell'; give a Precache/],
  ['Precache', { name: 7 }, /name is 7; give a string/],
  ['CacheStorage', { schemes: 'app' }, /schemes is 'app'; give an array of strings, or a function/],
  ['CacheStorage', { guard: () => {} }, /guard is a function; give a RequestGuard/],
])('%s refuses %j', (builder, option, message) => {
  using cache = new Cache(freshDirectory());
  expect(() => BUILDERS[builder]({ cache, fetch, ...option })).toThrow(badOption(message));
});

it('an installation refuses a misspelt option', async () => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const precache = new Precache({ cache, fetch: async () => new Response('file') });
  const manifest = { version: '1', entries: [] };
  await expect(precache.install(manifest, { onprogress: () => {} } as never)).rejects.toEqual(
    badOption(/install: unknown option "onprogress"; valid options: onProgress, signal/),
  );
  await expect(precache.install(manifest, { signal: 5 } as never)).rejects.toEqual(badOption(/give an AbortSignal/));
});

it('methods that respond to requests work as functions without `this`', async () => {
  using cache = new Cache(freshDirectory());
  const http = createHttpCache({
    cache,
    fetch: async () => new Response('kept', { headers: { 'cache-control': 'max-age=9' } }),
  });
  const { fetch: first, respond, match, delete: forget, clear } = http;
  expect(await (await first('https://a.example/')).text()).toBe('kept');
  expect(await (await respond(new Request('https://a.example/'))).text()).toBe('kept');
  expect(await (await match('https://a.example/'))?.text()).toBe('kept');
  expect([forget('https://a.example/'), clear()]).toEqual([true, 0]);
  const offline = new Offline({ cache, fetch: async () => new Response('asked') });
  const { fetch: second, respond: answer } = offline;
  expect(await (await second('https://b.example/', { strategy: 'network-only' })).text()).toBe('asked');
  expect(await (await answer(new Request('https://b.example/'))).text()).toBe('asked');
});

it('a network state is true or false: any string would count as true', () => {
  const connection = new NetworkState();
  const heard: unknown[] = [];
  connection.subscribe((online) => heard.push(online));
  for (const wrong of ['no', 0, undefined, null]) {
    expect(() => connection.set(wrong as never)).toThrow(badOption(/has to be true or false, not /));
    if (wrong !== undefined) expect(() => new NetworkState(wrong as never)).toThrow(badOption(/true or false/));
  }
  expect(() => connection.subscribe('tell' as never)).toThrow(badOption(/a listener has to be a function/));
  expect([connection.isOnline(), heard]).toEqual([true, []]);
});

it.each<readonly [unknown, RegExp]>([
  [{ entries: [] }, /A manifest is \{ version: string, entries/],
  [{ version: '1' }, /A manifest is/],
  [{ version: '1', entries: ['https://a.example/'] }, /Entry 0 of the manifest is "https/],
  [
    { version: '1', entries: [{ url: 'https://a.example/' }, { url: '/app.js' }] },
    /Entry 1 .*"\/app\.js".* absolute URL/,
  ],
  [{ version: '1', entries: [{ url: 'https://a.example/', revision: 7 }] }, /Entry 0 .* a string as revision/],
])('an invalid manifest is refused, and the previous version stays: %j', async (manifest, message) => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const precache = new Precache({ cache, fetch: async () => new Response('file') });
  await precache.install({ version: '0', entries: [{ url: 'https://a.example/app.js' }] });
  await expect(precache.install(manifest as never)).rejects.toEqual(badOption(message));
  expect(precache.version).toBe('0');
  expect(await (await precache.match('https://a.example/app.js'))?.text()).toBe('file');
});
