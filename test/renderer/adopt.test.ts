import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestHost, testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/index.ts';
import { type AdoptTarget, adopt } from '../../renderer-api/adopt.ts';
import { errorMatching } from '../matchers.ts';

interface Preferences {
  theme: string;
  editor: { fontSize: number; font: string };
}
const stores = defineStores({
  cached: cache<string, unknown>(),
  entries: index<string, unknown>(),
  list: deque(),
  preferences: settings<Preferences>({ defaults: { theme: 'light', editor: { fontSize: 13, font: 'Iosevka' } } }),
});

/** A `localStorage` in memory. */
class MapStorage implements Storage {
  readonly #items: Map<string, string>;
  [name: string]: unknown;

  constructor(items: Readonly<Record<string, string>>) {
    this.#items = new Map(Object.entries(items));
  }

  get length(): number {
    return this.#items.size;
  }

  key = (at: number) => [...this.#items.keys()][at] ?? null;
  getItem = (key: string) => this.#items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#items.set(key, value);
  removeItem = (key: string) => void this.#items.delete(key);
  clear = () => this.#items.clear();
}

let t: TestHost<typeof stores>;
beforeEach(async () => {
  t = await testHost({ stores });
});
afterEach(() => t.close());
const open = (grant?: Parameters<typeof t.page>[0]) => t.page(grant).as<typeof stores>();

describe('localStorage is copied', () => {
  const storage = () => new MapStorage({ theme: 'dark', 'a.b': '1', text: '"quoted"' });

  it.each(['cached', 'entries'] as const)('into %s as it is, text by text', async (name) => {
    const source = storage();
    const app = open();
    expect(await adopt(source, app[name])).toEqual({ moved: 3, existing: 0, skipped: [] });
    expect([...t.host.stores[name].entries()]).toEqual([
      ['theme', 'dark'],
      ['a.b', '1'],
      ['text', '"quoted"'],
    ]);
    expect(source.length).toBe(3);
  });

  it('as the values of its JSON, on request', async () => {
    await adopt(storage(), open().entries, { parse: 'json' });
    expect([...t.host.stores.entries.values()]).toEqual(['dark', 1, 'quoted']);
    await adopt(new MapStorage({ x: 'y' }), open().entries, { parse: (text, key) => `${key}=${text}` });
    expect(t.host.stores.entries.get('x')).toBe('x=y');
  });

  it('into settings as values, where a name with a dot is one setting, and an object is set member by member', async () => {
    const source = new MapStorage({ theme: 'dark', editor: '{"fontSize":20}', 'a.b': 'true' });
    expect(await adopt(source, open().preferences)).toEqual({ moved: 3, existing: 0, skipped: [] });
    expect(t.host.stores.preferences.all()).toEqual({
      theme: 'dark',
      editor: { fontSize: 20, font: 'Iosevka' },
      'a.b': true,
    });
    expect(t.host.stores.preferences.has('editor.font')).toBe(false);
  });

  it('under other keys, or not, as toKey says', async () => {
    const toKey = (key: unknown) => (key === 'text' ? undefined : ['old', String(key)]);
    const result = await adopt(storage(), open().entries as unknown as AdoptTarget, { toKey });
    expect(result).toEqual({ moved: 2, existing: 0, skipped: [] });
    expect([...t.host.stores.entries.keys()]).toEqual([
      ['old', 'theme'],
      ['old', 'a.b'],
    ]);
    const toPath = () => 'editor.font';
    await adopt(new MapStorage({ font: 'Mono' }), open().preferences, { toKey: toPath });
    expect(t.host.stores.preferences.get('editor.font')).toBe('Mono');
  });

  it('with its progress, to the end', async () => {
    const items = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`key ${at}`, 'v']));
    const progress: unknown[] = [];
    await adopt(new MapStorage(items), open().cached, { onProgress: (now) => progress.push(now) });
    expect(progress).toEqual([
      { done: 64, total: 200, key: 'key 63' },
      { done: 128, total: 200, key: 'key 127' },
      { done: 192, total: 200, key: 'key 191' },
      { done: 200, total: 200, key: 'key 199' },
    ]);
  });

  it('from an empty one: nothing', async () => {
    expect(await adopt(new MapStorage({}), open().cached)).toEqual({ moved: 0, existing: 0, skipped: [] });
  });
});

describe('what the store has', () => {
  it.each(['cached', 'entries', 'preferences'] as const)('stays in %s, unless overwrite is given', async (name) => {
    const store = open()[name] as ReturnType<typeof open>['entries'];
    await store.set('theme', 'mine');
    const source = new MapStorage({ theme: 'dark', other: 'new' });
    expect(await adopt(source, store)).toEqual({ moved: 1, existing: 1, skipped: [] });
    expect(await store.get('theme')).toBe('mine');
    expect(await adopt(source, store, { overwrite: true })).toEqual({ moved: 2, existing: 0, skipped: [] });
    expect(await store.get('theme')).toBe('dark');
  });

  it('is gone on from when it was stopped', async () => {
    const items = Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`key ${at}`, 'v']));
    const stop = new AbortController();
    const stopped = adopt(new MapStorage(items), open().cached, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(t.host.stores.cached.size).toBe(64);
    expect(await adopt(new MapStorage(items), open().cached)).toEqual({ moved: 86, existing: 64, skipped: [] });
  });
});

it('remove takes away what was copied, and nothing else', async () => {
  const app = open();
  await app.entries.set('theme', 'mine');
  const source = new MapStorage({ theme: 'dark', 'a.b': '1', ['x'.repeat(70_000)]: 'too long a key' });
  const { moved, existing, skipped } = await adopt(source, app.entries, { remove: true });
  expect([moved, existing, skipped.length]).toEqual([1, 1, 1]);
  expect(source.getItem('a.b')).toBeNull();
  expect(source.length).toBe(2);
});

it('what can not be stored is listed with its reason, and the others are copied', async () => {
  const parse = (text: string, key: string) => (key === 'bad' ? { avatar: () => text } : text);
  const result = await adopt(new MapStorage({ good: '1', bad: '2', fine: '3' }), open().entries, { parse });
  expect(result).toEqual({
    moved: 2,
    existing: 0,
    skipped: [{ key: 'bad', reason: expect.stringContaining('value.avatar is a function') }],
  });
  const half = await adopt(new MapStorage({ '\ud800': 'x' }), open().entries);
  expect(half.skipped).toEqual([{ key: '\ud800', reason: expect.stringMatching(/^key is a string with/) }]);
  const names = await adopt(new MapStorage({ '': 'x', theme: 'dark' }), open().preferences);
  expect(names).toEqual({
    moved: 1,
    existing: 0,
    skipped: [{ key: '', reason: expect.stringMatching(/^The path .* names/) }],
  });
});

describe('it rejects', () => {
  const source = () => new MapStorage({ a: '1' });
  const refused = { code: 'BAD_OPTION' };

  it('for a deque, and for something that is not a store', async () => {
    for (const store of [open().list, {}, undefined, new Map()])
      await expect(adopt(source(), store as unknown as AdoptTarget)).rejects.toMatchObject(refused);
  });

  it('for something that is neither storage nor a database', async () => {
    for (const wrong of [undefined, null, {}, 'localStorage', new Map()])
      await expect(adopt(wrong as unknown as Storage, open().cached)).rejects.toMatchObject(refused);
  });

  it('for an unknown option', async () => {
    await expect(adopt(source(), open().cached, { onProgres: () => {} } as object)).rejects.toMatchObject(refused);
  });

  it.each(['xml', null, 5])('for an unknown way to parse: %j', async (parse) => {
    await expect(adopt(source(), open().cached, { parse } as object)).rejects.toThrow(/parse can be 'json', 'text' or/);
  });

  it('without the right to write, and copies nothing', async () => {
    const app = open({ stores: { cached: 'read' } });
    await expect(adopt(source(), app.cached)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(t.host.stores.cached.size).toBe(0);
  });

  it('when the disk is full, with what was copied before', async () => {
    const stop = t.fail('DISK_FULL', { store: 'cached' });
    await expect(adopt(source(), open().cached)).rejects.toMatchObject({ code: 'DISK_FULL' });
    stop();
    expect(await adopt(source(), open().cached)).toMatchObject({ moved: 1 });
  });

  it('for a signal that is aborted already', async () => {
    const signal = AbortSignal.abort(new Error('no'));
    await expect(adopt(source(), open().cached, { signal })).rejects.toThrow('no');
  });
});

describe('with a mark', () => {
  it.each([
    ['cached', ['adopted', 'localStorage']],
    ['entries', 'adopted'],
    ['preferences', ['adopted']],
  ] as const)(
    'it is copied once into %s, so that what the application deletes does not come back',
    async (name, mark) => {
      const source = new MapStorage({ theme: '"dark"', zoom: '2' });
      const store: AdoptTarget = open()[name];
      expect(await adopt(source, store, { mark })).toEqual({ moved: 2, existing: 0, skipped: [] });
      const inMain = t.host.stores[name];
      if ('reset' in inMain) inMain.reset('theme');
      else inMain.delete('theme');
      expect(await adopt(source, store, { mark })).toEqual({
        moved: 0,
        existing: 0,
        skipped: [],
        alreadyAdopted: true,
      });
      expect(await store.has('theme')).toBe(false);
      expect(await adopt(source, store)).toEqual({ moved: 1, existing: 1, skipped: [] });
    },
  );

  it('it is not marked after a stop, and continues', async () => {
    const source = new MapStorage(Object.fromEntries(Array.from({ length: 100 }, (_, nth) => [`k${nth}`, 'x'])));
    const stop = new AbortController();
    const { entries } = open();
    const stopped = adopt(source, entries, { mark: 'adopted', signal: stop.signal, onProgress: () => stop.abort() });
    await expect(stopped).rejects.toThrow(/aborted/);
    expect(await entries.has('adopted')).toBe(false);
    expect(await adopt(source, entries, { mark: 'adopted' })).toEqual({ moved: 36, existing: 64, skipped: [] });
    expect(await entries.get('adopted')).toBe(true);
  });

  it('it is refused if the source has an entry of that name, which would be taken for the mark', async () => {
    const source = new MapStorage({ adopted: 'yes', theme: 'dark' });
    await expect(adopt(source, open().entries, { mark: 'adopted' })).rejects.toEqual(
      errorMatching('BAD_OPTION', /^adopt: mark is the key of an entry/),
    );
    expect(t.host.stores.entries.has('adopted')).toBe(false);
  });
});
