import { cpSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, type CacheOptions, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { checksum, ENCODING } from '../../main/engine/values/encoding.ts';
import { freshDirectory } from './fresh-directory.ts';

afterEach(() => void vi.restoreAllMocks());

const MANY = 10_500;
const EVERYTHING = Array.from({ length: MANY }, (_, nth) => [`key ${nth}`, nth] as const);

const openOwner = (directory: string, options: CacheOptions = {}) =>
  new Cache<string, number>(directory, { exclusive: true, ...options });

/** A directory that an owner has filled and closed. */
function createFilled(): string {
  const directory = freshDirectory();
  using cache = openOwner(directory);
  cache.setMany(EVERYTHING);
  return directory;
}

function inDatabase<T>(directory: string, work: (db: Database.Database) => T): T {
  const db = new Database(join(directory, 'cache.db'));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const readStored = (directory: string): unknown =>
  inDatabase(directory, (db) => db.prepare("SELECT value FROM counter WHERE name = 'rows'").pluck().get());

/** Stores another number, which is believed if the rows are not counted. */
function plant(directory: string, rows: number): void {
  inDatabase(directory, (db) => {
    const newest = db.prepare('SELECT max(id) FROM entry').pluck().get();
    const store = db.prepare('INSERT OR REPLACE INTO counter VALUES (?, ?)');
    store.run('rows', rows);
    store.run('rows check', checksum(ENCODING.text, `${rows} ${newest}`));
  });
}

const countKeys = (cache: { keys(): Iterable<unknown> }): number => [...cache.keys()].length;

describe('the number of items of a large store that one process owns', () => {
  it('is stored when it is closed, and not counted when it is opened again', () => {
    const directory = createFilled();
    expect(readStored(directory)).toBe(MANY);
    plant(directory, 777_777);
    for (const options of [{ exclusive: true }, { exclusive: false }, { readOnly: true }]) {
      using cache = new Cache(directory, options);
      expect(cache.size).toBe(777_777);
    }
    expect(readStored(directory)).toBe(777_777);
  });

  it('is kept through a session that writes', () => {
    const directory = createFilled();
    plant(directory, 777_777);
    {
      using cache = openOwner(directory);
      cache.set('new', 1);
      cache.set('key 5', 1);
      cache.deleteMany(['key 6', 'key 7', 'unknown']);
      expect(cache.size).toBe(777_776);
    }
    expect(readStored(directory)).toBe(777_776);
  });

  it.each([
    ['set', (cache: Cache<string, number>) => cache.set('new', 1)],
    ['delete', (cache: Cache<string, number>) => cache.delete('key 1')],
    ['transact', (cache: Cache<string, number>) => cache.transact(() => cache.add('new', 1))],
    ['push', (cache: Cache<string, number>) => cache.push(1)],
    ['deletePrefix', (cache: Cache<string, number>) => cache.deletePrefix('key 10')],
    ['clear', (cache: Cache<string, number>) => cache.clear()],
  ])('is removed before the first write of another process, here %s', (_, write) => {
    const directory = createFilled();
    using cache = new Cache<string, number>(directory);
    expect(cache.size).toBe(MANY);
    write(cache);
    expect(readStored(directory)).toBeUndefined();
    expect(cache.size).toBe(countKeys(cache));
  });

  it('is right after the process was killed, at whichever step', () => {
    const directory = createFilled();
    const killed: string[] = [];
    const kill = () => {
      killed.push(freshDirectory());
      for (const suffix of ['', '-wal'])
        cpSync(join(directory, `cache.db${suffix}`), join(killed.at(-1)!, `cache.db${suffix}`));
    };
    {
      using cache = openOwner(directory);
      expect(cache.size).toBe(MANY);
      cache.touch('unknown');
      kill();
      cache.set('new', 1);
      kill();
      cache.transact(() => {
        cache.delete('key 1');
        kill();
      });
      kill();
    }
    for (const copy of killed) {
      using cache = openOwner(copy);
      expect(cache.size).toBe(countKeys(cache));
    }
  });

  it.each([
    "UPDATE counter SET value = value + 1 WHERE name = 'rows'",
    "UPDATE counter SET value = value + 1 WHERE name = 'rows check'",
    "DELETE FROM counter WHERE name = 'rows check'",
    "UPDATE counter SET value = 'x' WHERE name = 'rows'",
    "UPDATE counter SET value = -1 WHERE name = 'rows'",
    'DELETE FROM entry WHERE id = (SELECT max(id) FROM entry)',
  ])('is counted where it is damaged: %s', (damage) => {
    const directory = createFilled();
    inDatabase(directory, (db) => db.exec(damage));
    using cache = openOwner(directory);
    expect(cache.size).toBe(countKeys(cache));
  });

  it('is corrected by check, which reports it', () => {
    const directory = createFilled();
    plant(directory, 777_777);
    using cache = openOwner(directory);
    expect(cache.check()).toEqual([
      expect.objectContaining({ code: 'count', message: expect.stringContaining('777777') }),
    ]);
    expect(cache.size).toBe(MANY);
    expect(cache.check()).toEqual([]);
  });

  it('is not stored by a store that others may have open, nor for few items', () => {
    const directory = createFilled();
    {
      using cache = new Cache<string, number>(directory);
      cache.set('new', 1);
      expect(cache.size).toBe(MANY + 1);
    }
    expect(readStored(directory)).toBeUndefined();
    const few = freshDirectory();
    {
      using cache = openOwner(few);
      cache.setMany(EVERYTHING.slice(0, 100));
    }
    expect(readStored(few)).toBeUndefined();
  });

  it('is right for an Index, a Deque and a FanoutCache that were closed and opened again', () => {
    const [ofIndex, ofDeque, ofFanout] = [freshDirectory(), freshDirectory(), freshDirectory()];
    for (const expected of [MANY, MANY + 1, MANY + 2]) {
      using index = new Index<string, number>(ofIndex, { exclusive: true, durability: 'process' });
      using deque = new Deque<number>(ofDeque, { exclusive: true, durability: 'process' });
      using fanout = new FanoutCache<string, number>(ofFanout, { exclusive: true, shards: 1 });
      if (expected === MANY) {
        index.setMany(EVERYTHING);
        deque.extend(EVERYTHING.map(([, value]) => value));
        fanout.setMany(EVERYTHING);
      } else {
        index.set(`new ${expected}`, 1);
        deque.push(1);
        fanout.set(`new ${expected}`, 1);
      }
      expect([index.size, deque.length, fanout.size]).toEqual([expected, expected, expected]);
    }
  });
});

describe.each([{}, { exclusive: true }])('a rollback, with the options %j', (options) => {
  it('does not make the next size count all items', () => {
    using cache = new Cache<string, number>(freshDirectory(), options);
    cache.setMany(EVERYTHING.slice(0, 10));
    const countReads = () => {
      const first = vi.spyOn(Statement.prototype, 'first');
      expect(cache.size).toBe(10);
      const reads = first.mock.calls.length;
      first.mockRestore();
      return reads;
    };
    countReads();
    const usual = countReads();
    const undo = () =>
      cache.transact(() => {
        cache.set('new', 1);
        expect(cache.size).toBe(11);
        cache.delete('key 1');
        throw new Error('undone');
      });
    expect(undo).toThrow('undone');
    expect(countReads()).toBe(usual);
    cache.transact(() => {
      expect(undo).toThrow('undone');
      expect(cache.size).toBe(10);
    });
    expect(countReads()).toBe(usual);
  });

  it('keeps no number from before another process wrote', () => {
    const directory = freshDirectory();
    using cache = new Cache<string, number>(directory);
    using other = new Cache<string, number>(directory);
    cache.setMany(EVERYTHING.slice(0, 10));
    expect(cache.size).toBe(10);
    other.set('other', 1);
    expect(() =>
      cache.transact(() => {
        cache.set('new', 1);
        expect(cache.size).toBe(12);
        throw new Error('undone');
      }),
    ).toThrow('undone');
    expect(cache.size).toBe(11);
    other.delete('key 2');
    expect(() =>
      cache.transact(() => {
        cache.set('new', 1);
        throw new Error('undone');
      }),
    ).toThrow('undone');
    expect(cache.size).toBe(10);
  });
});
