import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index, temporaryDirectory } from '../../main/engine/index.ts';
import { type ImportResult, importDiskCache } from '../../main/import/index.ts';
import { parsePythonJson } from '../../main/import/json-disk.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { FIXTURES, readFixture, type TaggedValue, toImported } from './python-value.ts';

interface Vectors {
  readonly disk_keys: readonly { readonly key: TaggedValue; readonly shard8: number }[];
  readonly json_keys: readonly { readonly key: TaggedValue; readonly json: string; readonly level: number }[];
  readonly values: readonly { readonly key: string; readonly value: TaggedValue }[];
}

const vectors = readFixture<Vectors>('vectors.json');
const fixture = (name: string) => join(FIXTURES, name);
const QUEUE_START = 500_000_000_000_000;
const Z40K = 'z'.repeat(40_000);

type Row = readonly [key: unknown, value: unknown];

/** The items of fixtures/cache, in the order in which Python stored them. */
const CACHE_ROWS: readonly Row[] = [
  ...vectors.values.slice(0, 17).map(({ key, value }): Row => [key, toImported(value)]),
  ['bytes file', Uint8Array.from(readFileSync(join(FIXTURES, 'cache/52/73/a9da028266e96fc9765b7d98bf5f.val')))],
  ['text file', 'é\nline\n'.repeat(10_000)],
  ...vectors.values.slice(17).map(({ key, value }): Row => [key, toImported(value)]),
  // A key that is equal to an earlier one for Python (0.0, -0.0, 1.0) has no row of its own.
  ...vectors.disk_keys
    .filter(({ key }) => !(key.t === 'float' && Number.isInteger(Number(key.v)) && Math.abs(Number(key.v)) < 2))
    .map(({ key }): Row => [toImported(key), 'keytest']),
  ['with expire and tag', 1],
  ['int tag', 1],
  [QUEUE_START + 1, 0],
  [QUEUE_START + 2, 1],
  [QUEUE_START + 3, 2],
  ['q-500000000000001', 0],
  ['q-500000000000002', 1],
  ['q-500000000000003', 2],
  ['q-499999999999999', 'front'],
];

describe('fixtures/cache', () => {
  const directory = temporaryDirectory();
  const cache = new Cache(directory.path);
  let result: ImportResult;
  beforeAll(async () => {
    result = await importDiskCache(fixture('cache'), cache);
  });
  afterAll(() => {
    cache.close();
    directory.remove();
  });

  it('is imported whole, in its order', () => {
    expect(result).toEqual({ imported: 89, existing: 0, expired: 0, skipped: [], named: [] });
    expect([...cache.keys()]).toEqual(CACHE_ROWS.map(([key]) => key));
    expect(cache.check()).toEqual([]);
  });

  it.each(CACHE_ROWS.map((row, at) => [at + 1, ...row] as const))('row %i', (_, key, value) => {
    expect(cache.get(key as string)).toStrictEqual(value);
  });

  it('has the tags and times of expiry of Python', () => {
    expect(cache.getEntry('with expire and tag')).toMatchObject({ tag: 'T', value: 1 });
    expect(cache.getEntry('with expire and tag')!.expiresAt).toBeCloseTo(2_795_362_533_459.967, -3);
    expect(cache.getEntry('int tag')).toMatchObject({ tag: 5, expiresAt: undefined });
  });
});

describe('fixtures/fanout8', () => {
  const IN_ORDER = Array.from({ length: 8 }, (_, shard) =>
    vectors.disk_keys.filter(({ shard8 }) => shard8 === shard).map(({ key }) => toImported(key)),
  ).flat();

  it.each(['Cache', 'FanoutCache'] as const)('is imported into a %s, with every key but two', async (kind) => {
    const store = kind === 'Cache' ? new Cache(freshDirectory()) : new FanoutCache(freshDirectory());
    const { named, ...result } = await importDiskCache(fixture('fanout8'), store);
    const reason = 'another key of the same directory is equal here, such as 1 and 1.0, or a tuple and a list';
    expect(result).toEqual({
      imported: 58,
      existing: 0,
      expired: 0,
      skipped: [
        { key: 1, reason },
        { key: 0, reason },
      ],
    });
    expect(named.map(({ kind, name, directory }) => [kind, name, directory.slice(FIXTURES.length + 1)])).toEqual([
      ['cache', 'sub/one', 'fanout8/cache/sub/one'],
      ['deque', 'dq', 'fanout8/deque/dq'],
      ['index', 'ix', 'fanout8/index/ix'],
    ]);
    expect(named.map((it) => it.result?.imported)).toEqual(
      kind === 'Cache' ? [undefined, undefined, undefined] : [1, 3, 2],
    );
    if (store instanceof FanoutCache) {
      expect([...store.cache('sub/one').entries()]).toEqual([['k', 1]]);
      expect([...store.deque('dq')]).toEqual(['a', 'b', 'c']);
      expect([...store.index('ix')]).toEqual([
        ['z', 1],
        ['a', 2],
      ]);
      const again = await importDiskCache(fixture('fanout8'), store, { overwrite: true });
      expect(again.named.map((it) => [it.result?.imported, it.result?.existing])).toEqual([
        [1, 0],
        [0, 3],
        [2, 0],
      ]);
    }
    const stored = [...store.entries()];
    expect(new Set(stored.map(([key]) => JSON.stringify(describeKey(key))))).toEqual(
      new Set(IN_ORDER.map((key) => JSON.stringify(describeKey(key)))),
    );
    expect(stored.every(([, value]) => value === 'keytest')).toBe(true);
    store.close();
  });

  it('has named stores that are imported by themselves', async () => {
    const cache = new Cache(freshDirectory());
    expect(await importDiskCache(fixture('fanout8/cache/sub/one'), cache)).toMatchObject({ imported: 1, skipped: [] });
    expect([...cache.entries()]).toEqual([['k', 1]]);
    const deque = new Deque(freshDirectory());
    expect(await importDiskCache(fixture('fanout8/deque/dq'), deque)).toMatchObject({ imported: 3, skipped: [] });
    expect([...deque]).toEqual(['a', 'b', 'c']);
    const index = new Index(freshDirectory());
    expect(await importDiskCache(fixture('fanout8/index/ix'), index)).toMatchObject({ imported: 2, skipped: [] });
    expect([...index]).toEqual([
      ['z', 1],
      ['a', 2],
    ]);
  });
});

/** -0 is 0 as a key; JSON has neither bigints nor bytes. */
const describeKey = (key: unknown): unknown => {
  if (typeof key === 'bigint') return { bigint: String(key) };
  if (typeof key === 'number') return { number: Number.isFinite(key) ? key + 0 : String(key) };
  return key instanceof Uint8Array ? { bytes: [...key] } : key;
};

it('fixtures/deque is imported in the order of the deque', async () => {
  const deque = new Deque(freshDirectory());
  expect(await importDiskCache(fixture('deque'), deque)).toMatchObject({ imported: 6, skipped: [] });
  expect([...deque]).toStrictEqual(['a', 1, 2.5, Uint8Array.of(0x78), null, Z40K]);
});

it('fixtures/index is imported in the order of the index', async () => {
  const index = new Index(freshDirectory());
  expect(await importDiskCache(fixture('index'), index)).toMatchObject({ imported: 3, skipped: [] });
  expect([...index]).toStrictEqual([
    ['a', 1],
    ['b', Uint8Array.of(0x32)],
    [3, 'c'],
  ]);
});

it('fixtures/memo is imported with the keys of memoize', async () => {
  const cache = new Cache(freshDirectory());
  expect(await importDiskCache(fixture('memo'), cache)).toMatchObject({ imported: 3, skipped: [] });
  expect([...cache]).toStrictEqual([
    [['sq', 3, null], 9],
    [['sq', 3, 3, null], 27],
    [['sq', 3, null, 'p', 4], 81],
  ]);
});

describe('fixtures/json', () => {
  const levelOne = vectors.json_keys.filter(({ level }) => level === 1);

  it.each(levelOne)('the key $json is read as Python means it', ({ key, json }) => {
    const parsed = parsePythonJson(json);
    // JSON has arrays for tuples, and texts for all keys of a dict.
    if (key.t !== 'dict' && !json.includes('{')) expect(parsed).toStrictEqual(toImported(key));
    else expect(parsed).toStrictEqual(JSON.parse(json));
  });

  it('is imported whole, but for the keys 1.0, 0.0 and -0.0', async () => {
    const cache = new Cache(freshDirectory());
    const result = await importDiskCache(fixture('json'), cache);
    expect(result).toMatchObject({ imported: 169, existing: 0, expired: 0 });
    expect(result.skipped.map(({ key }) => key)).toEqual([0, -0, 1]);
    expect(cache.get('big')).toHaveLength(30_000);
    for (const { json } of levelOne.filter(({ json: text }) => !['0.0', '-0.0', '1.0'].includes(text))) {
      const stored = cache.get(parsePythonJson(json) as string);
      expect(stored, json).toEqual({ 'value for': json, n: [1, 2.5, null, true] });
    }
  });
});

describe('a directory of Python', () => {
  const list = (directory: string) =>
    readdirSync(directory, { recursive: true }).map((name) => {
      const { size, mtimeMs } = statSync(join(directory, String(name)));
      return { name, size: statSync(join(directory, String(name))).isFile() ? size : 0, mtimeMs };
    });

  it.each(['cache', 'fanout8', 'json'])('%s is not touched by an import', async (name) => {
    const before = list(fixture(name));
    await importDiskCache(fixture(name), new Cache(freshDirectory()));
    expect(list(fixture(name))).toEqual(before);
  });
});
