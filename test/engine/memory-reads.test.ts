import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, type CacheOptions, FanoutCache, Index } from '../../main/engine/index.ts';
import { encodeKey } from '../../main/engine/values/key.ts';
import { freshDirectory } from './fresh-directory.ts';

afterEach(() => void vi.restoreAllMocks());

const OBJECT = { id: 1, name: 'Ada', list: [1, { deep: [true, null] }], score: 0.5, at: { x: -1, y: 'ü€' } };

/** Changes everything that can be reached. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const part of Object.values(value)) spoil(part);
  for (const name of Object.keys(value)) (value as Record<string, unknown>)[name] = 'spoilt';
  if (Object.isExtensible(value)) Object.assign(value, { added: 'spoilt' });
}

interface Readable {
  set(key: string, value: unknown): unknown;
  get(key: string): unknown;
  delete(key: string): unknown;
  close(): void;
}

const STORES: readonly (readonly [name: string, open: (options: CacheOptions) => Readable])[] = [
  ['a Cache', (options) => new Cache<string, unknown>(freshDirectory(), options)],
  ['a FanoutCache', (options) => new FanoutCache<string, unknown>(freshDirectory(), { ...options, shards: 2 })],
  ['an Index', (options) => new Index<string, unknown>(freshDirectory(), options)],
];
const USES = STORES.flatMap(([name, open]) =>
  [false, true].map((exclusive) => [`${name}${exclusive ? ', exclusive' : ''}`, () => open({ exclusive })] as const),
);

describe.each(USES)('an object that is read again and again from %s', (_, open) => {
  it('is parsed three times at most', () => {
    const store = open();
    store.set('a', OBJECT);
    const parse = vi.spyOn(JSON, 'parse');
    for (let read = 0; read < 20; read++) expect(store.get('a')).toStrictEqual(OBJECT);
    expect(parse.mock.calls.length).toBeLessThanOrEqual(3);
    store.close();
  });

  it('is one of its own each time, whatever callers write into theirs', () => {
    const store = open();
    const own = structuredClone(OBJECT);
    store.set('a', own);
    spoil(own);
    const before = new Set<unknown>();
    for (let read = 0; read < 8; read++) {
      const value = store.get('a') as typeof OBJECT;
      expect(value).toStrictEqual(OBJECT);
      expect(JSON.stringify(value)).toBe(JSON.stringify(OBJECT));
      for (const part of [value, value.list, value.list[1], value.at]) {
        expect(before.has(part)).toBe(false);
        before.add(part);
      }
      spoil(value);
    }
    store.close();
  });

  it('is the new one after a set, and gone after a delete', () => {
    const store = open();
    for (let version = 0; version < 3; version++) {
      store.set('a', { version });
      for (let read = 0; read < 5; read++) expect(store.get('a')).toStrictEqual({ version });
    }
    store.delete('a');
    expect(store.get('a')).toBeUndefined();
    store.close();
  });
});

/** Values that a copy of plain objects would change. */
const holes: unknown[] = [1];
holes[2] = 3;
const shared = { a: 1 };
const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;
const UNUSUAL: readonly (readonly [name: string, value: unknown])[] = [
  ['an own __proto__', JSON.parse('{"a":{"__proto__":{"b":1},"c":2}}')],
  ['holes', { holes }],
  ['negative zero', [-0, { zero: -0 }]],
  ['further properties of an array', Object.assign([1, 2], { extra: [3] })],
  ['a Date, a Map, a Set, bytes', { a: new Date(5), b: new Map([[1, {}]]), c: new Set(['x']), d: new Uint8Array(3) }],
  ['undefined and NaN', { a: undefined, b: [Number.NaN, undefined] }],
  ['bigints', { a: 1n, b: [2n ** 70n] }],
  ['one object twice', { a: shared, b: shared }],
  ['a cycle', cyclic],
  ['an error', { error: new RangeError('away') }],
  ['names that look like numbers', { 2: 'b', 1: 'a', x: { 10: 1, 9: 2 } }],
  ['nothing', [{}, [], [[]], { a: {} }]],
  ['deep nesting', JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`)],
];

describe.each([{}, { exclusive: true }, { compression: 'zstd' as const }])('with the options %j', (options) => {
  it.each(UNUSUAL)('a value with %s comes back from memory as from disk', (_, value) => {
    using remembering = new Cache<string, unknown>(freshDirectory(), options);
    using forgetting = new Cache<string, unknown>(freshDirectory(), { ...options, memory: 0 });
    remembering.set('a', value);
    forgetting.set('a', value);
    for (let read = 0; read < 5; read++) {
      const found = remembering.get('a');
      expect(found).toStrictEqual(forgetting.get('a'));
      if (value !== cyclic) expect(found).toStrictEqual(value);
      if (value !== cyclic) spoil(found);
    }
  });
});

it('decompresses an object that is read again and again three times at most', () => {
  using cache = new Cache<string, unknown>(freshDirectory(), { compression: 'zstd' });
  const rows = Array.from({ length: 300 }, (_, id) => ({ id, name: 'the same name' }));
  cache.set('a', rows);
  const parse = vi.spyOn(JSON, 'parse');
  for (let read = 0; read < 10; read++) {
    const found = cache.get('a');
    expect(found).toStrictEqual(rows);
    spoil(found);
  }
  expect(parse.mock.calls.length).toBeLessThanOrEqual(3);
});

it('returns what another store has written since, in the next turn', async () => {
  const directory = freshDirectory();
  using cache = new Cache<string, unknown>(directory);
  using other = new Cache<string, unknown>(directory);
  for (let version = 0; version < 3; version++) {
    other.set('a', { version });
    await new Promise(setImmediate);
    for (let read = 0; read < 5; read++) expect(cache.get('a')).toStrictEqual({ version });
  }
});

describe('a store that one process owns', () => {
  it('reads from memory without a look at the disk, at other processes or at the clock', () => {
    const clock = vi.fn(() => 1000);
    using cache = new Cache<string | Uint8Array, unknown>(freshDirectory(), { exclusive: true, clock });
    const bytes = new Uint8Array([1, 255]);
    cache.set('a', 'text');
    cache.set(bytes, 5);
    for (const key of ['a', bytes]) cache.get(key);
    clock.mockClear();
    const now = vi.spyOn(performance, 'now');
    for (let read = 0; read < 10; read++) expect([cache.get('a'), cache.get(bytes)]).toEqual(['text', 5]);
    expect(clock.mock.calls.length + now.mock.calls.length).toBe(0);
  });

  it('returns in each place of a transaction what it has written there, and after a rollback what was before', () => {
    using cache = new Cache<string, unknown>(freshDirectory(), { exclusive: true });
    cache.set('a', 1);
    for (let read = 0; read < 3; read++) expect(cache.get('a')).toBe(1);
    expect(() =>
      cache.transact(() => {
        cache.set('a', 2);
        for (let read = 0; read < 3; read++) expect(cache.get('a')).toBe(2);
        throw new Error('undone');
      }),
    ).toThrow('undone');
    expect(cache.get('a')).toBe(1);
    cache.transact(() => cache.incr('a'));
    expect(cache.get('a')).toBe(2);
  });

  it('expires what is in memory, and knows of touch, clear, evict and setMany', () => {
    let now = 1000;
    using cache = new Cache<string, unknown>(freshDirectory(), { exclusive: true, clock: () => now });
    const expectEverywhere = (value: unknown) => {
      for (let read = 0; read < 3; read++) expect(cache.get('a')).toEqual(value);
    };
    cache.set('a', { n: 1 }, { ttl: 100 });
    expectEverywhere({ n: 1 });
    now += 99;
    expectEverywhere({ n: 1 });
    cache.touch('a', { ttl: 10 });
    now += 9;
    expectEverywhere({ n: 1 });
    now += 1;
    expectEverywhere(undefined);
    cache.setMany([['a', { n: 2 }]], { tag: 't' });
    expectEverywhere({ n: 2 });
    cache.evict('t');
    expectEverywhere(undefined);
    cache.set('a', { n: 3 });
    expectEverywhere({ n: 3 });
    cache.clear();
    expectEverywhere(undefined);
  });

  it('refuses a string with a lone surrogate as a key, whatever keys are in memory', () => {
    using cache = new Cache(freshDirectory(), { exclusive: true });
    const bytes = new Uint8Array([1, 2]);
    cache.set(bytes, 'of bytes');
    for (let read = 0; read < 3; read++) expect(cache.get(bytes)).toBe('of bytes');
    const column = Buffer.from(encodeKey(bytes) as Uint8Array).toString('latin1');
    for (const text of ['\udc00', `\udc00${column}`])
      expect(() => cache.get(text)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }));
  });

  it('stamps each read with its own time, in one turn too', () => {
    let now = 1000;
    using cache = new Cache<string, unknown>(freshDirectory(), {
      exclusive: true,
      evictionPolicy: 'least-recently-used',
      clock: () => now,
    });
    cache.set('a', 1);
    for (let read = 0; read < 3; read++) {
      now += 1000;
      cache.get('a');
      expect(cache.getEntry('a')?.accessedAt).toBe(now);
    }
  });
});
