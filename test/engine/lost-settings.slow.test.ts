import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { exchangePages, getDatabasePath, getRootPage } from './damaged-file.ts';
import { freshDirectory } from './fresh-directory.ts';

/** None is the one that a store has if none is chosen. */
const SETTINGS = {
  evictionPolicy: 'none',
  sizeLimit: 5 * 2 ** 30,
  ttl: 5_000_000,
  durability: 'power',
  codec: 'json',
  tagIndex: true,
} as const;
const SMALL_TABLES = ['counter', 'listener', 'lease'];
/** Their pages are like those of the small tables, and hold nothing in these stores. */
const EMPTY_INDEXES = ['entry_expiry', 'entry_file', 'entry_queue'];

function readSettings(directory: string): Record<string, unknown> {
  const database = new Database(getDatabasePath(directory), { readonly: true });
  const rows = database.prepare<[], [string, unknown]>('SELECT name, value FROM setting').raw().all();
  database.close();
  return Object.fromEntries(rows);
}

function exchangeTables(directory: string, one: string, other: string): void {
  exchangePages(directory, getRootPage(directory, one), getRootPage(directory, other));
}

/** A commit of another connection: who has the store open reads its pages again. */
function invalidatePageCaches(directory: string): void {
  const database = new Database(getDatabasePath(directory));
  database.exec("INSERT INTO change (kind) VALUES ('clear')");
  database.close();
}

function createCache(): string {
  const directory = freshDirectory();
  using cache = new Cache<string, unknown>(directory, SETTINGS);
  for (let n = 0; n < 50; n++) cache.set(`key ${n}`, { n });
  return directory;
}

function createIndex(): string {
  const directory = freshDirectory();
  using index = new Index<string, number>(directory, { version: 3, migrate() {} });
  index.set('a', 1);
  return directory;
}

describe('settings whose page was exchanged with another one', () => {
  it.each(SMALL_TABLES)('are put back when the store is opened, from the page of %s', (table) => {
    const directory = createCache();
    const before = readSettings(directory);
    exchangeTables(directory, 'setting', table);
    using cache = new Cache<string, unknown>(directory);
    expect(readSettings(directory)).toEqual(before);
    expect(cache.check()).toEqual([]);
    expect(cache.get('key 7')).toEqual({ n: 7 });
    cache.set('new', 1);
    expect(cache.getEntry('new')?.expiresAt).toBeGreaterThan(Date.now() + SETTINGS.ttl - 60_000);
  });

  it.each(SMALL_TABLES)('say what an index is, and its version, from the page of %s', (table) => {
    const directory = createIndex();
    exchangeTables(directory, 'setting', table);
    expect(() => new Cache(directory)).toThrow(errorMatching('BAD_OPTION', /Index/));
    using index = new Index<string, number>(directory, { version: 3, migrate: () => expect.unreachable() });
    expect([...index]).toEqual([['a', 1]]);
    expect(index.check()).toEqual([]);
  });

  it.each(SMALL_TABLES)('hold the greatest length of a deque, from the page of %s', (table) => {
    const directory = freshDirectory();
    const first = new Deque<number>(directory, { maxLength: 2 });
    first.push(1, 2, 3);
    first.close();
    exchangeTables(directory, 'setting', table);
    using deque = new Deque<number>(directory);
    expect(deque.maxLength).toBe(2);
    expect([...deque]).toEqual([2, 3]);
    expect(deque.check()).toEqual([]);
  });

  it('are put back in a shard', () => {
    const directory = freshDirectory();
    const first = new FanoutCache<string, number>(directory, { shards: 2, evictionPolicy: 'none' });
    for (let n = 0; n < 20; n++) first.set(`key ${n}`, n);
    first.close();
    for (const shard of ['000', '001']) exchangeTables(`${directory}/shards/${shard}`, 'setting', 'listener');
    using cache = new FanoutCache<string, number>(directory);
    expect(cache.size).toBe(20);
    expect(cache.check()).toEqual([]);
    for (const shard of ['000', '001'])
      expect(readSettings(`${directory}/shards/${shard}`)).toMatchObject({ evictionPolicy: 'none' });
  });

  it.each(EMPTY_INDEXES)('and are not to be found, as with %s: the store is refused and left as it is', (table) => {
    const directory = createCache();
    exchangeTables(directory, 'setting', table);
    for (const options of [{}, { readOnly: true }, { evictionPolicy: 'none' } as const]) {
      expect(() => new Cache(directory, options)).toThrow(
        errorMatching('CORRUPT', new RegExp(`${getDatabasePath(directory)} has lost its settings`)),
      );
    }
  });

  it.each(SMALL_TABLES)('are not put back by a reader, who is refused (the page of %s)', (table) => {
    const directory = createCache();
    exchangeTables(directory, 'setting', table);
    expect(() => new Cache(directory, { readOnly: true })).toThrow(errorMatching('CORRUPT', /open it for writing/));
  });

  it.each([...SMALL_TABLES, ...EMPTY_INDEXES])(
    'stay in force while the store is open, and a repair writes them (%s)',
    (table) => {
      const directory = createCache();
      const before = readSettings(directory);
      using cache = new Cache<string, unknown>(directory);
      exchangeTables(directory, 'setting', table);
      // Makes the open store read its pages again.
      const database = new Database(getDatabasePath(directory));
      database.exec('DELETE FROM change');
      database.exec("INSERT INTO change (kind) VALUES ('clear')");
      database.close();
      expect(cache.check()).toContainEqual({
        code: 'database',
        message: expect.stringContaining('has lost its settings'),
        path: getDatabasePath(directory),
      });
      cache.set('new', 1);
      cache.check({ repair: true });
      expect(cache.check()).toEqual([]);
      expect(readSettings(directory)).toMatchObject(before);
      expect(cache.get('key 7')).toEqual({ n: 7 });
      expect(cache.getEntry('new')?.expiresAt).toBeGreaterThan(Date.now() + SETTINGS.ttl - 60_000);
    },
  );
});

it('a setting that only a newer version knows is not taken for something else', () => {
  const directory = freshDirectory();
  new Cache(directory, { evictionPolicy: 'none' }).close();
  const database = new Database(getDatabasePath(directory));
  database.exec("UPDATE setting SET name = 'laterSetting', value = 'later value'");
  database.close();
  using cache = new Cache<string, number>(directory);
  cache.set('a', 1);
  expect(cache.check({ repair: true })).toEqual([]);
  expect(readSettings(directory)).toEqual({ laterSetting: 'later value' });
});

describe('settings that are lost while a collection is open', () => {
  it.each(EMPTY_INDEXES)('are written with its version and its greatest length (%s)', (table) => {
    const directory = createIndex();
    using index = new Index<string, number>(directory, { version: 3 });
    index.set('b', 2);
    const dequeDirectory = freshDirectory();
    using deque = new Deque<number>(dequeDirectory, { maxLength: 10 });
    deque.push(1, 2);
    for (const store of [index, deque]) {
      const before = readSettings(store.directory);
      exchangeTables(store.directory, 'setting', table);
      invalidatePageCaches(store.directory);
      store.check({ repair: true });
      expect(store.check()).toEqual([]);
      expect(readSettings(store.directory)).toMatchObject(before);
    }
  });
});
