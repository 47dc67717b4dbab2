import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, Deque, DiskCacheError, Index, Settings } from '../../main/engine/index.ts';
import { type ImportTarget, importDiskCache } from '../../main/import/index.ts';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { fromHex, PythonCache } from './python-cache.ts';
import { FIXTURES } from './python-value.ts';

const stores = defineStores({
  api: cache(),
  list: deque(),
  entries: index(),
  preferences: settings({ defaults: { theme: 'light' } }),
});

const NOW_MS = 1_800_000_000_000;
const clock = () => NOW_MS;
const openCache = () => new Cache(freshDirectory(), { clock });
const python = () => new PythonCache(join(freshDirectory(), 'python'));

/** Pickles of protocol 4. */
const OS_SYSTEM = fromHex(
  '80049524000000000000008c05706f736978948c0673797374656d9493948c096563686f206576696c94859452942e',
);
const LIST = fromHex('80045d94284b014b02652e');

const getCode = async (work: Promise<unknown>) => {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DiskCacheError);
  return (error as DiskCacheError).code;
};

describe('what was imported', () => {
  it('has tags and the time that is left, and nothing that has expired', async () => {
    const source = python()
      .add({ key: 'fresh', value: 1, expireTime: NOW_MS / 1000 + 60, tag: 'T' })
      .add({ key: 'expired', value: 2, expireTime: NOW_MS / 1000 })
      .add({ key: 'for ever', value: 3 })
      .close();
    using cache = new Cache(freshDirectory(), { clock, ttl: 1000 });
    expect(await importDiskCache(source.directory, cache, { clock })).toMatchObject({ imported: 2, expired: 1 });
    expect(cache.getEntry('fresh')).toMatchObject({ value: 1, tag: 'T', expiresAt: NOW_MS + 60_000 });
    expect(cache.getEntry('for ever')).toMatchObject({ value: 3, expiresAt: undefined });
    expect(cache.has('expired')).toBe(false);
  });

  it('includes what Python has only in its log, while Python has it open', async () => {
    const source = python().add({ key: 'in the log', value: 'v' });
    using cache = openCache();
    expect(readdirSync(source.directory)).toContain('cache.db-wal');
    await importDiskCache(source.directory, cache);
    source.close();
    expect([...cache]).toEqual([['in the log', 'v']]);
  });

  it('has texts of files as Python reads them, with one form of line ends', async () => {
    const source = python().addFile('text', 3, 'a\r\nb\rc\n').addFile('bytes', 2, 'a\r\nb').close();
    using cache = openCache();
    await importDiskCache(source.directory, cache);
    expect(cache.get('text')).toBe('a\nb\nc\n');
    expect(cache.get('bytes')).toEqual(Uint8Array.from(Buffer.from('a\r\nb')));
  });

  it('is told from JSONDisk only if every key is one of it', async () => {
    const json = python()
      .addJson('"a"', '[1, NaN, -Infinity, 12345678901234567890]')
      .addJson('1', '{"b": null}')
      .close();
    using cache = openCache();
    await importDiskCache(json.directory, cache);
    expect([...cache]).toEqual([
      ['a', [1, Number.NaN, Number.NEGATIVE_INFINITY, 12345678901234567890n]],
      [1, { b: null }],
    ]);
    const mixed = python().addJson('"a"', '1').add({ key: 'text', value: 2 }).close();
    using other = openCache();
    await importDiskCache(mixed.directory, other);
    expect(other.get('text')).toBe(2);
    using forced = openCache();
    const { skipped } = await importDiskCache(mixed.directory, forced, { disk: 'json' });
    expect(skipped).toEqual([{ key: 'text', reason: 'its key is not one of JSONDisk' }]);
    expect([...forced]).toEqual([['a', 1]]);
  });
});

describe('importing again', () => {
  it('stores nothing twice, and keeps what the application has changed since', async () => {
    const source = python().add({ key: 'a', value: 1 }).add({ key: 'b', value: 2 }).close();
    using cache = openCache();
    await importDiskCache(source.directory, cache);
    cache.set('a', 'mine');
    expect(await importDiskCache(source.directory, cache)).toMatchObject({ imported: 0, existing: 2 });
    expect(cache.get('a')).toBe('mine');
    expect(await importDiskCache(source.directory, cache, { overwrite: true })).toMatchObject({ imported: 2 });
    expect(cache.get('a')).toBe(1);
  });

  it('goes on where it was stopped', async () => {
    const source = python();
    for (let at = 0; at < 1000; at++) source.add({ key: `key ${at}`, value: at });
    source.close();
    using cache = openCache();
    const stop = new AbortController();
    const seen: number[] = [];
    const stopped = importDiskCache(source.directory, cache, {
      signal: stop.signal,
      onProgress: ({ done, total, key }) => {
        seen.push(done);
        expect([total, key]).toEqual([1000, `key ${done - 1}`]);
        stop.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(cache.size).toBe(seen[0]);
    expect(await importDiskCache(source.directory, cache)).toMatchObject({
      imported: 1000 - seen[0]!,
      existing: seen[0],
    });
    expect([...cache.values()]).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  });

  it('goes on in a deque, and refuses one that has other values', async () => {
    const source = python();
    for (let at = 0; at < 600; at++) source.add({ key: 500_000_000_000_000 - at, value: at });
    source.close();
    using deque = new Deque(freshDirectory());
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    await importDiskCache(source.directory, deque, { signal: stop.signal, onProgress }).catch(() => {});
    await importDiskCache(source.directory, deque);
    expect([...deque]).toEqual(Array.from({ length: 600 }, (_, at) => 599 - at));
    expect(await importDiskCache(source.directory, deque)).toMatchObject({ imported: 0, existing: 600 });
    deque.shift();
    expect(await getCode(importDiskCache(source.directory, deque))).toBe('BAD_OPTION');
  });
});

describe('what is skipped, by its key and with its reason', () => {
  it('is what can not be read, and everything else is imported', async () => {
    const source = python()
      .add({ key: 'before', value: 1 })
      .add({ key: 'code', mode: 4, value: OS_SYSTEM })
      .add({ key: OS_SYSTEM, raw: 0, value: 1 })
      .add({ key: 'cut off', mode: 4, value: LIST.subarray(0, 5) })
      .add({ key: null, value: 1 })
      .add({ key: 'nan', value: null })
      .add({ key: 'mode', mode: 0, value: 'x' })
      .add({ key: 'mode 9', mode: 9, value: 'x' })
      .add({ key: 'text as pickle', mode: 4, value: 'x' })
      .add({ key: 'bytes as a tag', value: 1, tag: Uint8Array.of(1) })
      .add({ key: 'a large tag', value: 1, tag: 2n ** 60n })
      .add({ key: 'x'.repeat(70_000), value: 1 })
      .addFile('file cut off', 2, 'abc', 5)
      .add({ key: 'file missing', mode: 2, size: 5, filename: 'ab/cd/missing.val' })
      .add({ key: 'file outside', mode: 2, size: 5, filename: '../outside.val' })
      .add({ key: 'file outside by a root', mode: 3, size: 5, filename: '/etc/hostname' })
      .add({ key: 'file outside for Windows', mode: 3, size: 5, filename: '..\\outside.val' })
      .add({ key: 'file linked to outside', mode: 2, size: 7, filename: 'link.val' })
      .add({ key: 'file is a folder', mode: 2, size: 7, filename: 'ab' })
      .addFile('not UTF-8', 3, Uint8Array.of(0xff))
      .add({ key: 'after', mode: 4, value: LIST })
      .close();
    writeFileSync(join(source.directory, '../outside.val'), 'secrets');
    symlinkSync(join(source.directory, '../outside.val'), join(source.directory, 'link.val'));
    using cache = openCache();
    const { imported, skipped } = await importDiskCache(source.directory, cache);
    expect(imported).toBe(2);
    expect([...cache]).toEqual([
      ['before', 1],
      ['after', [1, 2]],
    ]);
    expect(skipped.map(({ key, reason }) => [typeof key === 'string' ? key.slice(0, 30) : key, reason])).toEqual([
      ['code', 'it needs "posix.system" of Python, and only plain values are read'],
      [OS_SYSTEM, 'it needs "posix.system" of Python, and only plain values are read'],
      ['cut off', 'its pickle is cut off'],
      [null, 'its key is NaN, which Python stores as NULL and finds under no key'],
      ['nan', 'its value is NaN, which Python stores as NULL and reads as None'],
      ['mode', 'its row is damaged: it has the unknown mode 0'],
      ['mode 9', 'its row is damaged: it has the unknown mode 9'],
      ['text as pickle', 'its row is damaged: it has no bytes'],
      ['bytes as a tag', 'its tag is bytes; tags are texts or numbers'],
      ['a large tag', 'its tag is an integer that is not exact; tags are texts or numbers'],
      ['x'.repeat(30), expect.stringContaining('the limit is 65536')],
      ['file cut off', 'its file has 3 of 5 bytes'],
      ['file missing', 'its file is missing'],
      ['file outside', 'the name of its file leads out of the directory'],
      ['file outside by a root', 'the name of its file leads out of the directory'],
      ['file outside for Windows', 'the name of its file leads out of the directory'],
      ['file linked to outside', 'the name of its file leads out of the directory'],
      ['file is a folder', 'its file is not a file'],
      ['not UTF-8', 'it has a text that is not UTF-8'],
    ]);
  });

  it('is what an index can not have: items that expire, or have a tag', async () => {
    const source = python()
      .add({ key: 'expires', value: 1, expireTime: NOW_MS })
      .add({ key: 'tagged', value: 1, tag: 'T' })
      .add({ key: 'plain', value: 1 })
      .close();
    using index = new Index(freshDirectory());
    const { skipped } = await importDiskCache(source.directory, index);
    expect(skipped.map(({ key }) => key)).toEqual(['expires', 'tagged']);
    expect([...index]).toEqual([['plain', 1]]);
  });

  it('is a key that is not one of a deque', async () => {
    const source = python().add({ key: 'name', value: 1 }).add({ key: 500_000_000_000_000, value: 2 }).close();
    using deque = new Deque(freshDirectory());
    const { skipped } = await importDiskCache(source.directory, deque);
    expect(skipped).toEqual([{ key: 'name', reason: 'its key is not one of a deque' }]);
    expect([...deque]).toEqual([2]);
  });

  it('is a dict with keys other than texts in a store of JSON', async () => {
    const dict = fromHex('80047d944b014b02732e');
    const source = python().add({ key: 'dict', mode: 4, value: dict }).add({ key: 'ok', value: 1 }).close();
    using cache = new Cache(freshDirectory(), { codec: 'json' });
    const { skipped } = await importDiskCache(source.directory, cache);
    expect(skipped.map(({ key }) => key)).toEqual(['dict']);
  });
});

describe('what is refused', () => {
  const anything = () => openCache();

  it.each<[string, (directory: string) => void]>([
    ['a directory that does not exist', () => {}],
    ['an empty directory', (directory) => mkdirSync(directory)],
    ['a directory of deskcache', (directory) => new Cache(directory).close()],
    [
      'a database of another program',
      (directory) => new PythonCache(directory).add({ value: 1 }).exec('DROP TABLE Settings').close(),
    ],
    [
      'a view in place of the table',
      (directory) =>
        new PythonCache(directory)
          .exec('ALTER TABLE Cache RENAME TO Real; CREATE VIEW Cache AS SELECT * FROM Real')
          .close(),
    ],
    [
      'a column that is computed',
      (directory) =>
        new PythonCache(directory).exec('ALTER TABLE Cache ADD COLUMN bomb AS (zeroblob(900000000))').close(),
    ],
    [
      'a virtual table in place of the table',
      (directory) =>
        new PythonCache(directory)
          .exec(
            'DROP TABLE Cache; CREATE VIRTUAL TABLE Cache USING fts5(key, raw, expire_time, tag, size, mode, filename, value)',
          )
          .close(),
    ],
  ])('%s', async (_, make) => {
    const directory = join(freshDirectory(), 'source');
    make(directory);
    expect(await getCode(importDiskCache(directory, anything()))).toBe('BAD_OPTION');
  });

  it('a file that is not a database, by the name of the original', async () => {
    const directory = freshDirectory();
    writeFileSync(join(directory, 'cache.db'), 'no database at all, only text');
    const refused = importDiskCache(directory, anything());
    expect(await getCode(refused)).toBe('CORRUPT');
    await expect(refused).rejects.toThrow(directory);
  });

  it('a database whose second half is missing or damaged, by the name of the original', async () => {
    const whole = readFileSync(join(FIXTURES, 'cache/cache.db'));
    for (const damaged of [
      whole.subarray(0, 40_000),
      Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(65_536, 7)]),
    ]) {
      const directory = freshDirectory();
      writeFileSync(join(directory, 'cache.db'), damaged);
      const refused = importDiskCache(directory, anything());
      expect(await getCode(refused)).toBe('CORRUPT');
      await expect(refused).rejects.toThrow(directory);
    }
  });

  it.each(['api', 'list', 'entries', 'preferences'] as const)(
    'a store of a page or a utility process, of which %s has all methods',
    async (name) => {
      using t = await testHost({ stores });
      const remote = t.page().as<typeof stores>()[name];
      const refused = importDiskCache(python().add({ value: 1 }).close().directory, remote as unknown as ImportTarget);
      await expect(refused).rejects.toEqual(errorMatching('BAD_OPTION', /not one of a page or a utility process/));
    },
  );

  it('a store of another kind', async () => {
    const source = python().add({ value: 1 }).close();
    using settings = new Settings(freshDirectory(), { defaults: {} });
    for (const store of [settings, {}, undefined, null, { add() {}, set() {} }])
      expect(await getCode(importDiskCache(source.directory, store as unknown as ImportTarget))).toBe('BAD_OPTION');
  });

  it.each([
    [{ onProgres: () => {} }],
    [{ onProgress: 1 }],
    [{ signal: 1 }],
    [{ overwrite: 'yes' }],
    [{ disk: 'yaml' }],
  ])('the options %o', async (options) => {
    const source = python().add({ value: 1 }).close();
    expect(await getCode(importDiskCache(source.directory, anything(), options as object))).toBe('BAD_OPTION');
  });

  it('a closed store', async () => {
    const source = python().add({ value: 1 }).close();
    const cache = anything();
    cache.close();
    expect(await getCode(importDiskCache(source.directory, cache))).toBe('CLOSED');
  });
});

describe('the copy of the database', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is in the folder for temporary files, and gone when the import has ended, also by an error', async () => {
    const source = python().add({ value: 1 }).close();
    using cache = openCache();
    const temporary = freshDirectory();
    // Of POSIX, and of Windows.
    for (const name of ['TMPDIR', 'TEMP']) vi.stubEnv(name, temporary);
    const seen: number[] = [];
    const onProgress = () => {
      seen.push(readdirSync(temporary).length);
      throw new Error('the application fails');
    };
    await expect(importDiskCache(source.directory, cache, { onProgress })).rejects.toThrow('the application fails');
    expect([...seen, readdirSync(temporary).length]).toEqual([1, 0]);
  });
});
