/** Tests as an application's author writes them: one text for all runners, after a preamble that imports what it names. */

const STORES = `
const stores = defineStores({
  api: cache(),
  settings: settings({ defaults: { theme: 'light' } }),
  notes: index(),
  outbox: deque(),
});
const note = () => ({ at: new Date(5), tags: new Set(['x']), by: new Map([['ada', 1]]), bytes: new Uint8Array([1, 2]) });
`;

/** For any environment. Seven tests. */
const HOST_TESTS = `
test('values are objects of the test', async () => {
  using t = await testHost({ stores });
  const app = t.page().as();
  await app.notes.set('a', note());
  for (const read of [t.host.stores.notes.get('a'), await app.notes.get('a')]) {
    expect(read).toStrictEqual(note());
    expect([read.at instanceof Date, read.by instanceof Map, read.bytes instanceof Uint8Array]).toEqual([true, true, true]);
  }
  t.host.stores.settings.set('theme', 'dark');
  expect(await app.settings.all()).toStrictEqual({ theme: 'dark' });
  expect(t.host.stores.settings.all()).toStrictEqual({ theme: 'dark' });
  await app.outbox.push([1]);
  expect(await app.outbox.pop()).toStrictEqual([1]);
});

test('large values travel in parts', async () => {
  using t = await testHost({ stores });
  const api = t.page().cache('api');
  await api.set('film', new Uint8Array(3_000_000).fill(7));
  const film = await api.get('film');
  expect([film instanceof Uint8Array, film.length, film[2_999_999]]).toEqual([true, 3_000_000, 7]);
});

test('grants are enforced, and errors are of one class', async () => {
  using t = await testHost({ stores });
  const guest = t.page({ grant: { stores: { api: 'read' } } });
  const error = await guest.cache('api').set('k', 1).catch((thrown) => thrown);
  expect([error instanceof DiskCacheError, error instanceof Error, error.code]).toEqual([true, true, 'NOT_ALLOWED']);
  expect(() => t.host.stores.api.set('k', () => 1)).toThrow(DiskCacheError);
  await expect(t.page().cache('api').set('k', () => 1)).rejects.toMatchObject({ code: 'BAD_VALUE' });
});

test('failures come on demand', async () => {
  using t = await testHost({ stores });
  t.fail('DISK_FULL', { store: 'api' });
  await expect(t.page().cache('api').set('k', 1)).rejects.toMatchObject({ code: 'DISK_FULL' });
  await t.page().cache('api').set('k', 1);
  expect(t.host.stores.api.get('k')).toBe(1);
});

test('subscribers hear of changes', async () => {
  using t = await testHost({ stores });
  const app = t.page().as();
  const heard = new Promise((resolve) => app.notes.subscribe(resolve));
  await app.notes.size;
  t.host.stores.notes.set('b', 1);
  expect(await heard).toMatchObject({ kind: 'set', key: 'b' });
});

test('responses are stored, and the network can go', async () => {
  const fetch = async () => new Response('hello', { headers: { 'cache-control': 'max-age=60' } });
  using t = await testHost({ stores, offline: { fetch } });
  const page = t.page();
  expect(await (await page.fetch('https://a.example/x')).text()).toBe('hello');
  t.network.offline();
  expect(await (await page.fetch('https://a.example/x')).text()).toBe('hello');
  await expect(page.fetch('https://a.example/y')).rejects.toThrow(TypeError);
  const pictures = await page.caches.open('pictures');
  await pictures.put('https://a.example/z', new Response('picture'));
  expect(await (await pictures.match('https://a.example/z')).text()).toBe('picture');
});

test('fake timers stop no call', async () => {
  useFakeTimers();
  try {
    using t = await testHost({ stores, offline: { fetch: async () => new Response('hello') } });
    const app = t.page().as();
    await app.api.set('film', new Uint8Array(2_000_000));
    expect((await app.api.get('film')).length).toBe(2_000_000);
    const heard = new Promise((resolve) => app.notes.subscribe(resolve));
    await app.notes.size;
    t.host.stores.notes.set('b', 1, );
    await heard;
    expect(await (await t.page().fetch('https://a.example/x')).text()).toBe('hello');
    t.host.stores.api.set('k', 1, { ttl: 1000 });
    t.clock.advance(1001);
    expect(t.host.stores.api.get('k')).toBe(undefined);
  } finally {
    useRealTimers();
  }
});
`;

/** For an environment with a window, whose components import `diskCache`. Three tests. */
const WINDOW_TESTS = `
test('the diskCache that components import is connected', async () => {
  using t = await testHost({ stores });
  t.attach(window);
  const app = diskCache.as();
  await app.notes.set('a', note());
  expect(t.host.stores.notes.get('a')).toStrictEqual(note());
  let stop;
  const heard = new Promise((resolve) => (stop = app.notes.subscribe(resolve)));
  await app.notes.size;
  t.host.stores.notes.set('b', 1);
  expect(await heard).toMatchObject({ kind: 'set', key: 'b' });
  await app.settings.load();
  expect(app.settings.now).toEqual({ theme: 'light' });
  stop();
});

test('the next host has it with its own grant', async () => {
  using t = await testHost({ stores });
  t.attach(window, { grant: { stores: { api: 'read' } } });
  expect(await diskCache.cache('api').get('k')).toBe(undefined);
  await expect(diskCache.cache('api').set('k', 1)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
});

test('fake timers don’t keep it from connecting', async () => {
  useFakeTimers();
  try {
    using t = await testHost({ stores, offline: { fetch: async () => new Response('hello') } });
    t.attach(window);
    await diskCache.cache('api').set('k', 1);
    expect(t.host.stores.api.get('k')).toBe(1);
    const sent = await diskCache.fetch('https://a.example/', { method: 'POST', body: 'text', signal: new AbortController().signal });
    expect(await sent.text()).toBe('hello');
  } finally {
    useRealTimers();
  }
});
`;

export const HOST_TEST_COUNT = 7;
export const WINDOW_TEST_COUNT = 3;

type Runner = 'jest' | 'vitest';
type Format = 'cjs' | 'esm';

function importNames(format: Format, names: string, from: string): string {
  return format === 'cjs' ? `const { ${names} } = require('${from}');\n` : `import { ${names} } from '${from}';\n`;
}

const TIMERS: Readonly<Record<Runner, string>> = {
  jest: 'const useFakeTimers = () => jest.useFakeTimers(), useRealTimers = () => jest.useRealTimers();\n',
  vitest: 'const useFakeTimers = () => vi.useFakeTimers(), useRealTimers = () => vi.useRealTimers();\n',
};

/** Returns a test file for Node, or for jsdom. */
export function writeTestFile(runner: Runner, format: Format, environment: 'node' | 'jsdom'): string {
  const preamble = [
    environment === 'jsdom' ? `/** @${runner}-environment jsdom */\n` : '',
    runner === 'vitest' ? importNames(format, 'expect, test, vi', 'vitest') : '',
    // An ES module under Jest has all of its globals but this one.
    runner === 'jest' && format === 'esm' ? importNames(format, 'jest', '@jest/globals') : '',
    importNames(format, 'cache, defineStores, deque, index, settings', 'deskcache'),
    importNames(format, 'DiskCacheError, testHost', 'deskcache/testing'),
    environment === 'jsdom' ? importNames(format, 'diskCache', 'deskcache/renderer') : '',
    TIMERS[runner],
  ];
  return [...preamble, STORES, HOST_TESTS, environment === 'jsdom' ? WINDOW_TESTS : ''].join('');
}
