import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import {
  corruptAllPages,
  corruptPages,
  countOccurrences,
  exchangePages,
  flipBit,
  getDatabasePath,
  getLeafPages,
  getRootPage,
  getRowOffsets,
} from './damaged-file.ts';
import { freshDirectory } from './fresh-directory.ts';

const ITEMS = 300;
const createValue = (n: number): unknown =>
  n % 50 === 9 ? `file ${n} `.repeat(6000) : `value ${n} ${'x'.repeat(150)}`;

function createFilledCache(options: CacheOptions = {}): string {
  const directory = freshDirectory();
  const cache = new Cache<string, unknown>(directory, { memory: 0, ...options });
  for (let n = 0; n < ITEMS; n++) cache.set(`key ${n}`, createValue(n), { tag: `tag ${n % 3}` });
  cache.close();
  return directory;
}

/** How many items can be read by their keys; none has another value. */
function countReadable(cache: Cache<string, unknown> | Index<string, unknown>): number {
  let count = 0;
  for (let n = 0; n < ITEMS; n++) {
    try {
      const value = cache.get(`key ${n}`);
      if (value === undefined) continue;
      expect(value).toBe(createValue(n));
      count++;
    } catch (error) {
      expect(error).toEqual(errorMatching('CORRUPT'));
    }
  }
  return count;
}

const values = (directory: string): number =>
  readdirSync(join(directory, 'values'), { recursive: true, withFileTypes: true }).filter(({ name }) =>
    name.endsWith('.val'),
  ).length;

describe('damaged pages', () => {
  it.each<[string, (directory: string) => readonly number[]]>([
    ['of the table, at its beginning', (directory) => getLeafPages(directory, 'entry').slice(0, 1)],
    ['of the table, in its middle', (directory) => getLeafPages(directory, 'entry').slice(4, 6)],
    ['of the table, at its end', (directory) => getLeafPages(directory, 'entry').slice(-1)],
    [
      'of the table, every third one',
      (directory) => getLeafPages(directory, 'entry').filter((_, nth) => nth % 3 === 0),
    ],
    ['of the index of keys', (directory) => [getRootPage(directory, 'entry_key')]],
    ['of counts', (directory) => [getRootPage(directory, 'counter')]],
    ['of changes and leases', (directory) => [getRootPage(directory, 'change'), getRootPage(directory, 'lease')]],
    ['that say what is on a page', () => [2]],
  ])('%s are mended, and every item that can be read stays', (_, pages) => {
    const directory = createFilledCache({ tagIndex: true, evictionPolicy: 'none' });
    const spoilt = pages(directory);
    corruptPages(directory, spoilt);
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    const before = countReadable(cache);
    expect(cache.check()[0]).toMatchObject({ code: 'database', path: getDatabasePath(directory) });
    expect(cache.check({ repair: true })[0]).toMatchObject({ code: 'database' });
    expect(cache.check()).toEqual([]);
    expect(countReadable(cache)).toBeGreaterThanOrEqual(before);
    expect([...cache.keys()]).toHaveLength(cache.size);
    expect(cache.size).toBeGreaterThan(ITEMS / 2);
    expect([...cache.keys({ tag: 'tag 1' })].every((key) => Number(key.slice(4)) % 3 === 1)).toBe(true);
    cache.set('key 4', 'new');
    expect(cache.get('key 4')).toBe('new');
    expect(existsSync(join(directory, 'replacement.db'))).toBe(false);
    cache.close();
    // Settings hold.
    const database = new Database(getDatabasePath(directory), { readonly: true });
    expect(database.prepare("SELECT value FROM setting WHERE name = 'evictionPolicy'").pluck().get()).toBe('none');
    expect(database.pragma('auto_vacuum', { simple: true })).toBe(2);
    database.close();
  });

  it('are mended under others who have the store open: they go on, and hear that anything may have changed', async () => {
    const directory = createFilledCache();
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    using other = new Cache<string, unknown>(directory);
    const heard: unknown[] = [];
    other.subscribe((change) => heard.push(change));
    expect(other.get('key 5')).toBe(createValue(5));
    corruptPages(directory, getLeafPages(directory, 'entry').slice(2, 5));
    cache.check({ repair: true });
    expect(other.check()).toEqual([]);
    other.set('by the other', 1);
    expect(cache.get('by the other')).toBe(1);
    cache.set('by this one', 2);
    await expect.poll(() => heard).toContainEqual({ kind: 'clear' });
    await expect.poll(() => heard).toContainEqual({ kind: 'set', key: 'by this one' });
    expect(other.get('by this one')).toBe(2);
  });

  it('wait for a writer, and nothing of theirs is lost', () => {
    const directory = createFilledCache();
    using cache = new Cache<string, unknown>(directory, { memory: 0, timeout: 50 });
    corruptPages(directory, getLeafPages(directory, 'entry').slice(2, 5));
    const other = new Database(getDatabasePath(directory));
    other.exec('BEGIN IMMEDIATE');
    expect(() => cache.check({ repair: true })).toThrow(errorMatching('BUSY'));
    other.exec('ROLLBACK');
    other.close();
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
  });

  it('of a store that is held exclusively are mended, and it still is', () => {
    const directory = createFilledCache();
    corruptPages(directory, getLeafPages(directory, 'entry').slice(2, 5));
    using cache = new Cache<string, unknown>(directory, { memory: 0, exclusive: true });
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
    cache.set('new', 1);
    expect(() => new Cache(directory, { timeout: 0 })).toThrow(errorMatching('BUSY'));
    expect(cache.size).toBeGreaterThan(ITEMS / 2);
  });

  it('are not mended by a reader', () => {
    const directory = createFilledCache();
    corruptPages(directory, getLeafPages(directory, 'entry').slice(2, 5));
    using cache = new Cache<string, unknown>(directory, { readOnly: true });
    expect(cache.check()[0]).toMatchObject({ code: 'database' });
    expect(() => cache.check({ repair: true })).toThrow(errorMatching('READ_ONLY'));
  });
});

const COUNTERS = ['file bytes', 'hand', 'hits', 'misses', 'settings'];

function readCounterNames(directory: string): unknown[] {
  const database = new Database(getDatabasePath(directory), { readonly: true });
  const names = database.prepare('SELECT name FROM counter').pluck().all();
  database.close();
  return names;
}

describe('missing counts', () => {
  it('are found, and a repair makes them', () => {
    const directory = createFilledCache();
    exchangePages(directory, getRootPage(directory, 'counter'), getRootPage(directory, 'listener'));
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    expect(cache.check().map(({ code }) => code)).toEqual(COUNTERS.map(() => 'count'));
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
    expect(readCounterNames(directory)).toEqual(expect.arrayContaining(COUNTERS));
    expect(countReadable(cache)).toBe(ITEMS);
  });
});

describe('clear', () => {
  it.each<[string, (directory: string) => readonly number[]]>([
    ['the table', (directory) => [getRootPage(directory, 'entry')]],
    ['a page of the table', (directory) => getLeafPages(directory, 'entry').slice(3, 4)],
    ['the index of keys', (directory) => getLeafPages(directory, 'entry_key')],
    ['what says what is on a page', () => [2]],
    ['counts', (directory) => [getRootPage(directory, 'counter')]],
  ])('works where %s is damaged', (_, pages) => {
    const directory = createFilledCache();
    corruptPages(directory, pages(directory));
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    cache.clear();
    expect(cache.size).toBe(0);
    expect(cache.check()).toEqual([]);
    expect(values(directory)).toBe(0);
    cache.set('a', 1);
    expect([...cache]).toEqual([['a', 1]]);
  });

  it.each([
    ['counter', 'entry_expiry'],
    ['counter', 'setting'],
    ['counter', 'listener'],
    ['entry_file', 'entry_expiry'],
  ])('leaves nothing behind where the pages of %s and %s were exchanged', (one, other) => {
    const directory = createFilledCache();
    exchangePages(directory, getRootPage(directory, one), getRootPage(directory, other));
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    cache.clear();
    expect(cache.check()).toEqual([]);
    expect(values(directory)).toBe(0);
    expect(readCounterNames(directory)).toEqual(expect.arrayContaining(COUNTERS));
  });

  it('mends an empty shard that has lost its counts', () => {
    const directory = freshDirectory();
    const first = new FanoutCache<string, unknown>(directory, { shards: 2 });
    first.close();
    const shard = join(directory, 'shards', '001');
    const database = new Database(join(shard, 'cache.db'));
    database.exec('DELETE FROM counter');
    database.close();
    using cache = new FanoutCache<string, unknown>(directory);
    expect(cache.size).toBe(0);
    cache.clear();
    expect(readCounterNames(shard)).toEqual(expect.arrayContaining(COUNTERS));
    expect(cache.check()).toEqual([]);
  });

  it('empties shards where the page of counts was exchanged', () => {
    const directory = freshDirectory();
    const first = new FanoutCache<string, unknown>(directory, { shards: 2 });
    for (let n = 0; n < ITEMS; n++) first.set(`key ${n}`, createValue(n));
    first.close();
    const shard = join(directory, 'shards', '001');
    exchangePages(shard, getRootPage(shard, 'counter'), getRootPage(shard, 'entry_expiry'));
    using cache = new FanoutCache<string, unknown>(directory);
    cache.clear();
    expect(cache.size).toBe(0);
    expect(cache.check()).toEqual([]);
  });

  it('keeps the settings where every page is damaged while the store is open', () => {
    const directory = createFilledCache({ ttl: 5_000_000, evictionPolicy: 'none' });
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    expect(cache.get('key 3')).toBe(createValue(3));
    corruptAllPages(directory);
    cache.clear();
    cache.set('a', 1);
    expect(cache.check()).toEqual([]);
    cache.close();
    using again = new Cache<string, unknown>(directory);
    expect([...again]).toEqual([['a', 1]]);
    expect(again.getEntry('a')?.expiresAt).toBeGreaterThan(Date.now() + 4_000_000);
  });

  it('empties all shards where one is damaged', () => {
    const directory = freshDirectory();
    const first = new FanoutCache<string, unknown>(directory, { shards: 2 });
    for (let n = 0; n < ITEMS; n++) first.set(`key ${n}`, createValue(n));
    first.close();
    const shard = join(directory, 'shards', '001');
    corruptPages(shard, getLeafPages(shard, 'entry').slice(1, 3));
    using cache = new FanoutCache<string, unknown>(directory);
    expect(cache.clear()).toBeGreaterThan(ITEMS / 3);
    expect(cache.size).toBe(0);
    expect(cache.check()).toEqual([]);
    cache.set('key 1', 'new');
    expect([...cache]).toEqual([['key 1', 'new']]);
  });

  it('of a damaged deque leaves an empty deque', () => {
    const directory = freshDirectory();
    const first = new Deque<unknown>(directory, { durability: 'process', maxLength: 500 });
    first.extend(Array.from({ length: ITEMS }, (_, n) => createValue(n)));
    first.close();
    corruptPages(directory, [getRootPage(directory, 'entry')]);
    const deque = new Deque<unknown>(directory);
    deque.clear();
    deque.push('a', 'b');
    deque.close();
    using again = new Deque<unknown>(directory);
    expect([...again]).toEqual(['a', 'b']);
    expect(again.maxLength).toBe(500);
    expect(again.check()).toEqual([]);
  });
});

describe('a damaged key', () => {
  /** Which place of a key in the file is damaged: that in the table or that in the index. */
  const places = (directory: string) => Array.from({ length: countOccurrences(directory, 'key 17') }, (_, nth) => nth);

  it('never gives another key’s value', { timeout: 120_000 }, () => {
    const whole = createFilledCache();
    for (const nth of places(whole)) {
      for (const at of [4, 5]) {
        const directory = createFilledCache();
        flipBit(directory, 'key 17', nth, at);
        using index = new Cache<string, unknown>(directory, { memory: 0 });
        countReadable(index);
        try {
          for (const [key, value] of index.entries({ order: 'key' }))
            expect(value).toBe(createValue(Number(key.slice(4))));
          for (const [key, value] of index) expect(value).toBe(createValue(Number(key.slice(4))));
        } catch (error) {
          expect(error).toEqual(errorMatching('CORRUPT'));
        }
      }
    }
  });

  it('is found again by a repair, from the other place where it stands', () => {
    const whole = createFilledCache();
    let damaged = 0;
    for (const nth of places(whole)) {
      const directory = createFilledCache();
      flipBit(directory, 'key 17', nth);
      using cache = new Cache<string, unknown>(directory, { memory: 0 });
      // Some stand in space that is not in use any more.
      if (cache.check().length > 0) damaged++;
      cache.check({ repair: true });
      expect(cache.check()).toEqual([]);
      expect(countReadable(cache)).toBe(ITEMS);
    }
    expect(damaged).toBeGreaterThan(1);
  });

  it('is found again also behind a row whose id leads past it', () => {
    const directory = createFilledCache();
    const bytes = readFileSync(getDatabasePath(directory));
    const rows = getRowOffsets(bytes, getLeafPages(directory, 'entry')[0]!);
    // A row begins with its length, here of two bytes, and its id: this one points far beyond its page, and at a later item.
    bytes.set([0xff, 0x7f, 100], rows[3]);
    const key = bytes.indexOf('key 6', rows[6]);
    expect(key - rows[6]!).toBeLessThan(60);
    bytes[key] = 'K'.charCodeAt(0);
    writeFileSync(getDatabasePath(directory), bytes);
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    expect(cache.get('key 6')).toBe(createValue(6));
    cache.check({ repair: true });
    expect(cache.get('key 6')).toBe(createValue(6));
    expect(countReadable(cache)).toBe(ITEMS - 1);
    expect(cache.check()).toEqual([]);
  });
});

describe('an index', () => {
  it('is one after its pages were mended, with its version and its order', () => {
    const directory = freshDirectory();
    const first = new Index<string, unknown>(directory, { version: 3, migrate() {} });
    for (let n = 0; n < ITEMS; n++) first.set(`key ${n}`, createValue(n));
    first.close();
    corruptPages(directory, getLeafPages(directory, 'entry').slice(3, 4));
    const damaged = new Index<string, unknown>(directory, { version: 3 });
    damaged.check({ repair: true });
    damaged.close();
    using index = new Index<string, unknown>(directory, { version: 3 });
    const numbers = Array.from(index.keys(), (key) => Number(key.slice(4)));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBeGreaterThan(ITEMS * 0.8);
    expect(index.check()).toEqual([]);
  });
});
