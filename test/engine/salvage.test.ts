import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { failure } from '../failure.ts';
import { databaseOf, flip, leavesOf, rootOf, spoil, spoilAll, timesIn } from './damaged-file.ts';
import { freshDirectory } from './directory.ts';

const ITEMS = 300;
const valueAt = (n: number): unknown => (n % 50 === 9 ? `file ${n} `.repeat(6000) : `value ${n} ${'x'.repeat(150)}`);

function filled(options: CacheOptions = {}): string {
  const directory = freshDirectory();
  const cache = new Cache<string, unknown>(directory, { memory: 0, ...options });
  for (let n = 0; n < ITEMS; n++) cache.set(`key ${n}`, valueAt(n), { tag: `tag ${n % 3}` });
  cache.close();
  return directory;
}

/** How many items can be read by their keys; none has another value. */
function readable(cache: Cache<string, unknown> | Index<string, unknown>): number {
  let count = 0;
  for (let n = 0; n < ITEMS; n++) {
    try {
      const value = cache.get(`key ${n}`);
      if (value === undefined) continue;
      expect(value).toBe(valueAt(n));
      count++;
    } catch (error) {
      expect(error).toEqual(failure('CORRUPT'));
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
    ['of the table, at its beginning', (directory) => leavesOf(directory, 'entry').slice(0, 1)],
    ['of the table, in its middle', (directory) => leavesOf(directory, 'entry').slice(4, 6)],
    ['of the table, at its end', (directory) => leavesOf(directory, 'entry').slice(-1)],
    ['of the table, every third one', (directory) => leavesOf(directory, 'entry').filter((_, nth) => nth % 3 === 0)],
    ['of the index of keys', (directory) => [rootOf(directory, 'entry_key')]],
    ['of counts', (directory) => [rootOf(directory, 'counter')]],
    ['of changes and leases', (directory) => [rootOf(directory, 'change'), rootOf(directory, 'lease')]],
    ['that say what is on a page', () => [2]],
  ])('%s are mended, and every item that can be read stays', (_, pages) => {
    const directory = filled({ tagIndex: true, evictionPolicy: 'none' });
    const spoilt = pages(directory);
    spoil(directory, spoilt);
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    const before = readable(cache);
    expect(cache.check()[0]).toMatchObject({ code: 'database', path: databaseOf(directory) });
    expect(cache.check({ repair: true })[0]).toMatchObject({ code: 'database' });
    expect(cache.check()).toEqual([]);
    expect(readable(cache)).toBeGreaterThanOrEqual(before);
    expect([...cache.keys()]).toHaveLength(cache.size);
    expect(cache.size).toBeGreaterThan(ITEMS / 2);
    expect([...cache.keys({ tag: 'tag 1' })].every((key) => Number(key.slice(4)) % 3 === 1)).toBe(true);
    cache.set('key 4', 'new');
    expect(cache.get('key 4')).toBe('new');
    expect(existsSync(join(directory, 'replacement.db'))).toBe(false);
    cache.close();
    // Settings hold.
    const database = new Database(databaseOf(directory), { readonly: true });
    expect(database.prepare("SELECT value FROM setting WHERE name = 'evictionPolicy'").pluck().get()).toBe('none');
    expect(database.pragma('auto_vacuum', { simple: true })).toBe(2);
    database.close();
  });

  it('are mended under others who have the store open: they go on, and hear that anything may have changed', async () => {
    const directory = filled();
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    using other = new Cache<string, unknown>(directory);
    const heard: unknown[] = [];
    other.subscribe((change) => heard.push(change));
    expect(other.get('key 5')).toBe(valueAt(5));
    spoil(directory, leavesOf(directory, 'entry').slice(2, 5));
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
    const directory = filled();
    using cache = new Cache<string, unknown>(directory, { memory: 0, timeout: 50 });
    spoil(directory, leavesOf(directory, 'entry').slice(2, 5));
    const other = new Database(databaseOf(directory));
    other.exec('BEGIN IMMEDIATE');
    expect(() => cache.check({ repair: true })).toThrow(failure('BUSY'));
    other.exec('ROLLBACK');
    other.close();
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
  });

  it('of a store that is held exclusively are mended, and it still is', () => {
    const directory = filled();
    spoil(directory, leavesOf(directory, 'entry').slice(2, 5));
    using cache = new Cache<string, unknown>(directory, { memory: 0, exclusive: true });
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
    cache.set('new', 1);
    expect(() => new Cache(directory, { timeout: 0 })).toThrow(failure('BUSY'));
    expect(cache.size).toBeGreaterThan(ITEMS / 2);
  });

  it('are not mended by a reader', () => {
    const directory = filled();
    spoil(directory, leavesOf(directory, 'entry').slice(2, 5));
    using cache = new Cache<string, unknown>(directory, { readOnly: true });
    expect(cache.check()[0]).toMatchObject({ code: 'database' });
    expect(() => cache.check({ repair: true })).toThrow(failure('READ_ONLY'));
  });
});

describe('clear', () => {
  it.each<[string, (directory: string) => readonly number[]]>([
    ['the table', (directory) => [rootOf(directory, 'entry')]],
    ['a page of the table', (directory) => leavesOf(directory, 'entry').slice(3, 4)],
    ['the index of keys', (directory) => leavesOf(directory, 'entry_key')],
    ['what says what is on a page', () => [2]],
    ['counts', (directory) => [rootOf(directory, 'counter')]],
  ])('works where %s is damaged', (_, pages) => {
    const directory = filled();
    spoil(directory, pages(directory));
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    cache.clear();
    expect(cache.size).toBe(0);
    expect(cache.check()).toEqual([]);
    expect(values(directory)).toBe(0);
    cache.set('a', 1);
    expect([...cache]).toEqual([['a', 1]]);
  });

  it('keeps the settings where every page is damaged while the store is open', () => {
    const directory = filled({ ttl: 5_000_000, evictionPolicy: 'none' });
    using cache = new Cache<string, unknown>(directory, { memory: 0 });
    expect(cache.get('key 3')).toBe(valueAt(3));
    spoilAll(directory);
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
    for (let n = 0; n < ITEMS; n++) first.set(`key ${n}`, valueAt(n));
    first.close();
    const shard = join(directory, 'shards', '001');
    spoil(shard, leavesOf(shard, 'entry').slice(1, 3));
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
    first.extend(Array.from({ length: ITEMS }, (_, n) => valueAt(n)));
    first.close();
    spoil(directory, [rootOf(directory, 'entry')]);
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
  const places = (directory: string) => Array.from({ length: timesIn(directory, 'key 17') }, (_, nth) => nth);

  it('never gives another key’s value', { timeout: 120_000 }, () => {
    const whole = filled();
    for (const nth of places(whole)) {
      for (const at of [4, 5]) {
        const directory = filled();
        flip(directory, 'key 17', nth, at);
        using index = new Cache<string, unknown>(directory, { memory: 0 });
        readable(index);
        try {
          for (const [key, value] of index.entries({ order: 'key' })) expect(value).toBe(valueAt(Number(key.slice(4))));
          for (const [key, value] of index) expect(value).toBe(valueAt(Number(key.slice(4))));
        } catch (error) {
          expect(error).toEqual(failure('CORRUPT'));
        }
      }
    }
  });

  it('is found again by a repair, from the other place where it stands', () => {
    const whole = filled();
    let damaged = 0;
    for (const nth of places(whole)) {
      const directory = filled();
      flip(directory, 'key 17', nth);
      using cache = new Cache<string, unknown>(directory, { memory: 0 });
      // Some stand in space that is not in use any more.
      if (cache.check().length > 0) damaged++;
      cache.check({ repair: true });
      expect(cache.check()).toEqual([]);
      expect(readable(cache)).toBe(ITEMS);
    }
    expect(damaged).toBeGreaterThan(1);
  });
});

describe('an index', () => {
  it('is one after its pages were mended, with its version and its order', () => {
    const directory = freshDirectory();
    const first = new Index<string, unknown>(directory, { version: 3, migrate() {} });
    for (let n = 0; n < ITEMS; n++) first.set(`key ${n}`, valueAt(n));
    first.close();
    spoil(directory, leavesOf(directory, 'entry').slice(3, 4));
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
