import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { openCore } from '../../main/engine/cache/open.ts';
import { Cache, type CacheOptions, Deque, DiskCacheError, type ErrorCode, Index } from '../../main/engine/index.ts';
import { OwnSizeLimit } from '../../main/engine/space/size-limit.ts';
import { freshDirectory } from './fresh-directory.ts';

function catchOpenError(directory: string, options?: CacheOptions): DiskCacheError {
  try {
    new Cache(directory, options).close();
  } catch (error) {
    if (error instanceof DiskCacheError) return error;
    throw error;
  }
  throw new Error(`${directory} was opened`);
}

/** Expects a refusal that names the path and leaves the directory as it was, byte for byte. */
function expectUntouched(directory: string, code: ErrorCode, says: string): void {
  const before = readdirSync(directory);
  const bytes = readFileSync(join(directory, 'cache.db'));
  const error = catchOpenError(directory);
  expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
  expect(error.message).toContain(join(directory, 'cache.db'));
  expect(readdirSync(directory)).toEqual(before);
  expect(readFileSync(join(directory, 'cache.db')).equals(bytes)).toBe(true);
}

function sqliteFile(directory: string, setUp: (database: Database.Database) => void): void {
  const database = new Database(join(directory, 'cache.db'));
  setUp(database);
  database.close();
}

describe('opening', () => {
  it('creates the directory and its parents, for the owner alone', () => {
    const directory = join(freshDirectory(), 'a', 'b');
    using cache = new Cache(directory);
    cache.set('k', 1);
    expect(cache.directory).toBe(directory);
    expect(existsSync(join(directory, 'cache.db'))).toBe(true);
  });

  it('finds what was there before', () => {
    const directory = freshDirectory();
    for (let round = 0; round < 3; round++) {
      using cache = new Cache(directory);
      expect(cache.size).toBe(round);
      cache.set(round, { round });
      expect(cache.get(0)).toEqual({ round: 0 });
    }
  });

  it('leaves no companions of the database behind', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    expect(readdirSync(directory)).toEqual(['cache.db', 'values']);
  });

  it('writes nothing when nothing is new', () => {
    const directory = freshDirectory();
    new Cache(directory, { ttl: 5 }).close();
    const bytes = readFileSync(join(directory, 'cache.db'));
    new Cache(directory).close();
    new Cache(directory, { ttl: 5 }).close();
    expect(readFileSync(join(directory, 'cache.db')).equals(bytes)).toBe(true);
  });

  it('is repeated after an opener that died before it had written anything', () => {
    const directory = freshDirectory();
    writeFileSync(join(directory, 'cache.db'), '');
    using cache = new Cache(directory);
    cache.set('k', 1);
    expect(cache.get('k')).toBe(1);
  });

  it('can be read with any SQLite tool', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    using cache = new Cache(directory);
    cache.set('name', { a: 1 });
    cache.set(7, 'seven');
    const database = new Database(join(directory, 'cache.db'), { readonly: true });
    const rows = database.prepare('SELECT key, typeof(key) AS type, value FROM entry ORDER BY id').all();
    database.close();
    expect(rows).toEqual([
      { key: 'name', type: 'text', value: '{"a":1}' },
      { key: 7, type: 'real', value: 'seven' },
    ]);
  });
});

describe('what cannot be opened', () => {
  it('a file that is not a database', () => {
    for (const content of ['not a database', 'x'.repeat(5000), 'SQLite format 3\0']) {
      const directory = freshDirectory();
      writeFileSync(join(directory, 'cache.db'), content);
      expectUntouched(directory, 'CORRUPT', 'is not an SQLite database');
    }
  });

  it('a database of a newer version', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    sqliteFile(directory, (database) => database.pragma('user_version = 999'));
    expectUntouched(directory, 'UNSUPPORTED_VERSION', 'format version 999');
  });

  it('the database of another program', () => {
    const directory = freshDirectory();
    sqliteFile(directory, (database) => database.exec('CREATE TABLE bookmarks (url); CREATE TABLE visits (at)'));
    expectUntouched(directory, 'UNSUPPORTED_VERSION', 'bookmarks, visits');
  });

  it('a cache of Python DiskCache, also one in WAL mode', () => {
    const directory = freshDirectory();
    sqliteFile(directory, (database) => {
      database.exec('CREATE TABLE IF NOT EXISTS Settings (key TEXT NOT NULL UNIQUE, value)');
      database.exec('CREATE TABLE IF NOT EXISTS Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER)');
      database.pragma('journal_mode = WAL');
    });
    expectUntouched(directory, 'UNSUPPORTED_VERSION', 'Python DiskCache');
  });

  it.skipIf(process.platform !== 'linux')('a path below /proc, where making folders in Node never ends', () => {
    expect(catchOpenError('/proc/deskcache/below')).toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('/proc/deskcache'),
    });
  });

  it('a path that is a file, leads through one, or is not a path', () => {
    const directory = freshDirectory();
    const file = join(directory, 'file');
    writeFileSync(file, 'mine');
    symlinkSync(join(directory, 'circle'), join(directory, 'circle'));
    for (const path of [file, join(file, 'below'), join(directory, 'circle', 'x')]) {
      const error = catchOpenError(path);
      expect(error.code).toBe('BAD_OPTION');
      expect(error.message).toContain(path);
    }
    for (const path of ['', 'a\0b', 5, undefined]) expect(catchOpenError(path as string).code).toBe('BAD_OPTION');
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('a directory where the database should be', () => {
    const directory = freshDirectory();
    mkdirSync(join(directory, 'cache.db'));
    expect(catchOpenError(directory)).toMatchObject({ code: 'BAD_OPTION' });
  });

  it('nothing, when it is to be read only', () => {
    const directory = freshDirectory();
    expect(catchOpenError(directory, { readOnly: true }).code).toBe('NO_SUCH_STORE');
    expect(catchOpenError(join(directory, 'none'), { readOnly: true }).code).toBe('NO_SUCH_STORE');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a directory that another process holds, after the timeout', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    const holder = new Database(join(directory, 'cache.db'));
    holder.exec('BEGIN EXCLUSIVE');
    try {
      expect(catchOpenError(directory, { timeout: 20, ttl: 7 })).toMatchObject({
        code: 'BUSY',
        message: expect.stringContaining(directory),
        cause: expect.objectContaining({ code: expect.stringContaining('SQLITE_BUSY') }),
      });
    } finally {
      holder.close();
    }
  });
});

describe('options', () => {
  const wrong: Record<string, unknown>[] = [
    { sizeLimit: -1 },
    { sizeLimit: Number.NaN },
    { sizeLimit: '1 GB' },
    { evictionPolicy: 'random' },
    { ttl: 0 },
    { ttl: '5' },
    { durability: 'always' },
    { codec: 'pickle' },
    { codec: { name: 'half', encode: String } },
    { compression: 'gzip' },
    { memory: -1 },
    { timeout: -1 },
    { statistics: 'yes' },
    { clock: 5 },
    { readOnly: true, exclusive: true },
    { size_limit: 1e9 },
  ];

  it.each(wrong)('%o is refused before anything is created', (options) => {
    const directory = join(freshDirectory(), 'never');
    const error = catchOpenError(directory, options as CacheOptions);
    expect(error.code).toBe('BAD_OPTION');
    expect(existsSync(directory)).toBe(false);
  });

  it('stay in force for who opens the directory next', () => {
    const directory = freshDirectory();
    new Cache(directory, { ttl: 50, evictionPolicy: 'sieve' }).close();
    let now = 1000;
    using cache = new Cache(directory, { clock: () => now });
    cache.set('k', 1);
    now += 50;
    expect(cache.has('k')).toBe(false);
  });

  it('name a codec that has to be passed again', () => {
    const directory = freshDirectory();
    const codec = {
      name: 'csv',
      encode: (value: unknown) => (value as string[]).join(','),
      decode: (data: string | Uint8Array) => String(data).split(','),
    };
    {
      using cache = new Cache(directory, { codec });
      cache.set('k', ['a', 'b']);
    }
    expect(catchOpenError(directory)).toMatchObject({ code: 'BAD_OPTION', message: expect.stringContaining('"csv"') });
    expect(catchOpenError(directory, { codec: 'json' }).code).toBe('BAD_OPTION');
    using cache = new Cache(directory, { codec });
    expect(cache.get('k')).toEqual(['a', 'b']);
  });
});

it.each([
  ['Index', () => new Index(freshDirectory())],
  ['Deque', () => new Deque(freshDirectory())],
])('the directory of an %s is refused, said what it is, and left as it was', (name, open) => {
  using collection = open();
  expect(() => new Cache(collection.directory, { ttl: 5 })).toThrow(
    expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringContaining(`new ${name}(`) }),
  );
  const database = new Database(join(collection.directory, 'cache.db'), { readonly: true });
  expect(database.prepare("SELECT count(*) FROM setting WHERE name = 'ttl' AND value = 5").pluck().get()).toBe(0);
  database.close();
});

it('leaves no timer behind when opening fails after the settings were written', () => {
  vi.useFakeTimers();
  try {
    class FailingLimit extends OwnSizeLimit {
      override join(): void {
        throw new Error('on purpose');
      }
    }
    const membership = { space: new FailingLimit(), limitShare: 1 };
    expect(() => openCore(freshDirectory(), { ttl: 5 }, undefined, membership)).toThrow('on purpose');
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
