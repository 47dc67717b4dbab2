import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import { fromJson } from '../../main/engine/internal.ts';
import type { Inspection } from '../../main/inspector/inspection.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { fromKey, inspect, readKeys, readRows } from './inspect.ts';

const ALL_KEYS = 2000;

let cache: Cache;
let inspection: Inspection;
beforeEach(() => {
  cache = new Cache(freshDirectory(), { statistics: true });
  inspection = inspect({ cache });
});
afterEach(() => {
  inspection.close();
  cache.close();
});

describe('overview', () => {
  it('tells of each store its kind, items, bytes and limit', async () => {
    cache.set('a', 1);
    cache.get('a');
    cache.get('none');
    using index = new Index(freshDirectory());
    using deque = new Deque(freshDirectory());
    deque.push(1, 2);
    using settings = new Settings<object>(freshDirectory(), { defaults: { theme: 'dark' } });
    using queue = new Queue(freshDirectory());
    queue.enqueue('a letter');
    using fanout = new FanoutCache(freshDirectory(), { shards: 2, sizeLimit: Number.POSITIVE_INFINITY });
    const { stores } = await inspect({ cache, index, deque, settings, queue, fanout }).call('overview', {});
    expect(stores.map(({ name, items }) => [name, items])).toEqual([
      ['cache', 1],
      ['index', 0],
      ['deque', 2],
      ['settings', 1],
      ['queue', 1],
      ['fanout', 0],
    ]);
    expect(stores[0]).toMatchObject({ hits: 1, misses: 1, countsHits: true, sizeLimit: 2 ** 30, codec: 'structured' });
    expect(stores[0]!.bytes).toBe(cache.volume());
    expect(stores[5]).toMatchObject({ kind: 'fanout', sizeLimit: null, countsHits: false });
  });

  it('lists a store that can’t be read, with the reason', async () => {
    cache.close();
    const { stores } = await inspection.call('overview', {});
    expect(stores).toMatchObject([{ name: 'cache', error: { code: 'CLOSED' } }]);
  });
});

describe('search and rows', () => {
  it('reads rows anywhere in a list, in the order of the store', async () => {
    const keys = Array.from({ length: ALL_KEYS }, (_, number) => ['key', number]);
    cache.setMany(keys.map((key) => [key, 'v']));
    for (const range of [{}, { order: 'stored' as const }, { order: 'stored' as const, reverse: true }]) {
      const expected = [...cache.keys({ order: 'key', ...range })];
      const { list } = await inspection.call('search', { store: 'cache', ...range });
      for (const from of [0, 500, 511, 512, 1023, ALL_KEYS - 3, ALL_KEYS]) {
        const { rows, total } = await inspection.call('rows', { list, from, count: 20 });
        expect(total).toBe(ALL_KEYS);
        expect(rows.map(({ key }) => key)).toEqual(expected.slice(from, from + 20));
      }
    }
  });

  it('shows no key twice, and none at another row, while items are deleted and added', async () => {
    const pad = (number: number) => `key ${String(number).padStart(4, '0')}`;
    cache.setMany(Array.from({ length: ALL_KEYS }, (_, number) => [pad(number), number]));
    const { list } = await inspection.call('search', { store: 'cache' });
    const readAll = async () => {
      const { rows: first } = await inspection.call('rows', { list, from: 400, count: 256 });
      const { rows: second } = await inspection.call('rows', { list, from: 1500, count: 256 });
      return [...first, ...second].map(({ key, error }) => (error === undefined ? key : error.code));
    };
    const before = await readAll();
    for (let number = 0; number < 400; number++) cache.delete(pad(number));
    for (let number = 1600; number < 1610; number++) cache.delete(pad(number));
    cache.set('key 0000 later', 1);
    const now = (await readAll()).filter((key) => key !== 'GONE');
    expect(new Set(now).size).toBe(now.length);
    // From the page of the store in which nothing was deleted on, every row is where it was.
    expect((await readAll()).slice(112, 256)).toEqual(before.slice(112, 256));
    const { rows } = await inspection.call('rows', { list, from: 500, count: 12 });
    expect(rows.map(({ error }) => error?.code)).toEqual(Array(12).fill('GONE'));
  });

  it('finds by prefix and by pattern', async () => {
    cache.setMany(['user:1', 'user:2', 'page:1', ['user', 1], ['user', 2, 'x'], 7].map((key) => [key, 1]));
    expect(await readKeys(inspection, { store: 'cache', prefix: 'user:' })).toEqual(['user:1', 'user:2']);
    expect(await readKeys(inspection, { store: 'cache', prefix: ['user'] })).toEqual([
      ['user', 1],
      ['user', 2, 'x'],
    ]);
    expect(await readKeys(inspection, { store: 'cache', glob: '*:1' })).toEqual(['page:1', 'user:1']);
    expect(await readKeys(inspection, { store: 'cache', glob: '["user",?]' })).toEqual([['user', 1]]);
  });

  it('has size, times, tag and the beginning of the value in each row', async () => {
    cache.set('k', { a: [1, new Map([['b', 2n]])] }, { tag: 'letters', ttl: 60_000 });
    const { rows } = await readRows(inspection, { store: 'cache' });
    const { bytes, storedAt, expiresAt } = cache.getEntry('k')!;
    expect(rows).toEqual([
      {
        key: 'k',
        bytes,
        storedAt,
        expiresAt,
        hits: 0,
        tag: 'letters',
        encoding: 'structured',
        preview: '{ a: [1, Map(1) { b: 2n }] }',
      },
    ]);
  });

  it('doesn’t read large values for a list, and counts nothing as a use', async () => {
    cache.set('large', 'x'.repeat(100_000));
    const { rows } = await readRows(inspection, { store: 'cache' });
    expect(rows[0]).toMatchObject({ bytes: 100_000 });
    expect(rows[0]).not.toHaveProperty('preview');
    expect(cache.stats()).toEqual({ hits: 0, misses: 0 });
  });

  it('lists positions of a deque and paths of settings', async () => {
    using deque = new Deque(freshDirectory());
    deque.push('a', 'b', 'c');
    using settings = new Settings<object>(freshDirectory(), { defaults: { window: { width: 800 }, theme: 'dark' } });
    const both = inspect({ deque, settings });
    expect((await readRows(both, { store: 'deque', reverse: true })).rows).toEqual([
      { key: 2, preview: '"c"' },
      { key: 1, preview: '"b"' },
      { key: 0, preview: '"a"' },
    ]);
    expect((await readRows(both, { store: 'settings', glob: '*width*' })).rows).toEqual([
      { key: ['window', 'width'], preview: '800' },
    ]);
  });

  it('drops old lists, and says so', async () => {
    const { list } = await inspection.call('search', { store: 'cache' });
    for (let i = 0; i < 10; i++) await inspection.call('search', { store: 'cache' });
    await expect(inspection.call('rows', { list, from: 0, count: 1 })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/search again/),
    });
  });

  it.each([
    ['an unknown store', { store: 'none' }, 'NO_SUCH_STORE'],
    ['a prefix that can’t be one', { store: 'cache', prefix: 7 }, 'BAD_OPTION'],
    ['an order that isn’t one', { store: 'cache', order: 'size' }, 'BAD_OPTION'],
    ['a pattern without end', { store: 'cache', glob: '*'.repeat(1000) }, 'BAD_OPTION'],
    ['an unknown parameter', { store: 'cache', sql: 'x' }, 'BAD_OPTION'],
    ['a parameter of another type', { store: ['cache'] }, 'BAD_OPTION'],
    ['no object', null, 'BAD_OPTION'],
  ])('refuses %s', async (_, params, code) => {
    await expect(inspection.call('search', params)).rejects.toMatchObject({ code });
  });
});

describe('tree', () => {
  const listLabels = async (params: object = {}): Promise<string[]> =>
    (await inspection.call('tree', { store: 'cache', ...params })).nodes.map(
      ({ label, prefix }) => label + (prefix === undefined ? '' : ' …'),
    );

  it('groups tuples by their elements and texts by delimiters', async () => {
    const keys = [
      ['user', 1, 'name'],
      ['user', 1, 'mail'],
      ['user', 2, 'name'],
      'a/b/1',
      'a/b/2',
      'a/c',
      'alone',
      'x:1',
    ];
    cache.setMany(keys.map((key) => [key, 1]));
    expect(await listLabels()).toEqual(['a/ …', 'alone', 'x:1', 'user …']);
    expect(await listLabels({ prefix: 'a/' })).toEqual(['b/ …', 'c']);
    expect(await listLabels({ prefix: ['user'] })).toEqual(['1 …', '2 · name']);
    expect(await listLabels({ prefix: ['user', 1] })).toEqual(['mail', 'name']);
  });

  it('comes in parts that together have every group', async () => {
    cache.setMany(Array.from({ length: 900 }, (_, number) => [[`group ${number % 450}`, number], 1]));
    const labels: string[] = [];
    let after: unknown;
    do {
      const { nodes, next } = await inspection.call('tree', { store: 'cache', ...(after !== undefined && { after }) });
      labels.push(...nodes.map(({ label }) => label));
      after = next;
    } while (after !== undefined);
    expect(labels).toHaveLength(450);
    expect(new Set(labels).size).toBe(450);
  });
});

describe('value', () => {
  it('tells what is stored and how', async () => {
    cache.set(['k'], { text: 'a', list: [1, 2] }, { tag: 3 });
    const details = await inspection.call('value', { store: 'cache', key: fromKey(['k']) });
    expect(details).toMatchObject({
      row: { key: ['k'], tag: 3, encoding: 'json' },
      isInFile: false,
      isCompressed: false,
      json: { text: 'a', list: [1, 2] },
      tree: {
        type: 'object',
        children: [
          ['text', { type: 'string', text: '"a"' }],
          [
            'list',
            {
              type: 'array',
              children: [
                ['0', { text: '1' }],
                ['1', { text: '2' }],
              ],
            },
          ],
        ],
      },
    });
  });

  it('shows what contains itself, and what is deep and wide, in bounds', async () => {
    const circular: Record<string, unknown> = { name: 'a' };
    circular['self'] = circular;
    cache.set('circular', circular as never);
    cache.set(
      'wide',
      Array.from({ length: 5000 }, (_, number) => [number]),
    );
    const { tree, json } = await inspection.call('value', { store: 'cache', key: 'circular' });
    expect(tree?.children?.[1]).toEqual(['self', { type: 'circular', text: 'circular' }]);
    expect(fromJson(json)).toEqual(circular);
    const { tree: wide } = await inspection.call('value', { store: 'cache', key: 'wide' });
    expect(wide).toMatchObject({ text: 'Array(5000)', isCut: true });
    expect(wide?.children?.length).toBeLessThan(300);
  });

  it('knows images by their first bytes, and SVG as text only', async () => {
    cache.set('png', Buffer.from('89504e470d0a1a0a0000000d', 'hex'), { tag: 'text/html' });
    cache.set('svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>');
    expect(await inspection.call('value', { store: 'cache', key: 'png' })).toMatchObject({ imageType: 'image/png' });
    const svg = await inspection.call('value', { store: 'cache', key: 'svg' });
    expect(svg).not.toHaveProperty('imageType');
    expect(svg.text).toContain('<script>');
    expect(() => inspection.readImage({ store: 'cache', key: 'svg' })).toThrow(/not an image/);
  });

  it('reads bytes of large values in parts', async () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251);
    cache.set('bytes', bytes);
    const { base64 } = await inspection.call('bytes', { store: 'cache', key: 'bytes', from: 150_000, count: 1000 });
    expect(Buffer.from(base64, 'base64')).toEqual(Buffer.from(bytes.subarray(150_000, 151_000)));
    const whole = await inspection.call('bytes', { store: 'cache', key: 'bytes', from: 0, count: 200_000 });
    expect(Buffer.from(whole.base64, 'base64').length).toBe(65_536);
  });

  it('tells that an item is gone', async () => {
    expect(await inspection.call('value', { store: 'cache', key: 'none' })).toMatchObject({
      row: { key: 'none', error: { code: 'GONE' } },
    });
  });
});
