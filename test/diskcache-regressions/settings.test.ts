import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { createLargeText, listValueFiles, openFixture } from './store-fixture.ts';

const MiB = 1024 * 1024;

/** Returns the settings stored in a directory, read without the engine. */
function readSettings(directory: string): Record<string, unknown> {
  const database = new Database(join(directory, 'cache.db'), { readonly: true });
  try {
    const rows = database.prepare<[], { name: string; value: unknown }>('SELECT name, value FROM setting').all();
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  } finally {
    database.close();
  }
}

describe('settings', () => {
  it('apply at the next opening without arguments (DiskCache lost a limit)', () => {
    const directory = freshDirectory();
    let now = 0;
    const clock = () => now;
    new Cache(directory, { clock, sizeLimit: MiB, ttl: 50, fileThreshold: 10, evictionPolicy: 'none' }).close();
    using cache = new Cache(directory, { clock });
    cache.set('k', 'more than ten');
    expect(readdirSync(join(directory, 'values'))).not.toHaveLength(0);
    expect(() => cache.set('large', new Uint8Array(MiB))).toThrow(errorMatching('TOO_LARGE'));
    now = 50;
    expect(cache.has('k')).toBe(false);
  });

  it('that are passed again replace only themselves', () => {
    const directory = freshDirectory();
    new Cache(directory, { sizeLimit: 2 * MiB, evictionPolicy: 'sieve', ttl: 5000 }).close();
    const before = readSettings(directory);
    new Cache(directory, { ttl: 6000 }).close();
    expect(readSettings(directory)).toEqual({ ...before, ttl: 6000 });
  });

  const invalid = {
    evictionPolicy: 'least-recently-guessed',
    sizeLimit: -1,
    ttl: Number.NaN,
    fileThreshold: '1',
    durability: 'sometimes',
    compression: 'rar',
    codec: { name: 'mine' },
    statistics: 1,
    sizeLimits: 5,
  };
  it.each(Object.entries(invalid))('%s = %j is refused before anything is stored or created', (name, value) => {
    const directory = join(freshDirectory(), 'new');
    const wrong = { [name]: value, tagIndex: true } as CacheOptions;
    expect(() => new Cache(directory, wrong)).toThrow(errorMatching('BAD_OPTION'));
    expect(() => statSync(directory)).toThrow();
    new Cache(directory, { ttl: 5 }).close();
    const before = readSettings(directory);
    expect(() => new Cache(directory, wrong)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(name) }),
    );
    expect(readSettings(directory)).toEqual(before);
    new Cache(directory).close();
  });
});

describe('opening', () => {
  it('writes nothing when nothing has changed (DiskCache: 26 transactions)', () => {
    const directory = freshDirectory();
    const options: CacheOptions = { sizeLimit: 2 * MiB, evictionPolicy: 'none', ttl: 50_000, tagIndex: true };
    using first = new Cache(directory, options);
    first.set('k', 1);
    const log = readFileSync(join(directory, 'cache.db-wal'));
    for (let n = 0; n < 5; n++) {
      using again = new Cache(directory, options);
      expect(again.get('k')).toBe(1);
    }
    expect(readFileSync(join(directory, 'cache.db-wal')).equals(log)).toBe(true);
  });

  it('is possible while another process writes, and respects the timeout if it must write', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', 'before');
    cache.transact(() => {
      cache.set('k', 'after');
      using reader = new Cache(cache.directory, { timeout: 0 });
      expect(reader.get('k')).toBe('before');
      expect(() => new Cache(cache.directory, { timeout: 20, ttl: 5 })).toThrow(errorMatching('BUSY'));
    });
    expect(readSettings(cache.directory)).not.toHaveProperty('ttl');
  });
});

describe('read-only', () => {
  it('reads beside a writer, refuses every write, and writes nothing to disk', () => {
    using opened = openFixture({ evictionPolicy: 'least-recently-used', statistics: true });
    const { cache } = opened;
    cache.set('k', 1, { ttl: 10 });
    cache.set('file', createLargeText('f'));
    using reader = opened.openAnother({ readOnly: true });
    const log = readFileSync(join(cache.directory, 'cache.db-wal'));
    expect(reader.getMany(['k', 'file'])).toEqual([1, createLargeText('f')]);
    for (const write of [
      () => reader.set('k', 2),
      () => reader.delete('k'),
      () => reader.incr('n'),
      () => reader.push(1),
      () => reader.clear(),
      () => reader.set('file', createLargeText('g')),
      () => reader.transact(() => reader.set('k', 2)),
    ]) {
      expect(write).toThrow(errorMatching('READ_ONLY'));
    }
    opened.advance(10);
    expect(reader.get('k')).toBeUndefined();
    reader.close();
    expect(readFileSync(join(cache.directory, 'cache.db-wal')).equals(log)).toBe(true);
    expect(cache.size).toBe(1);
  });

  it('creates nothing in a directory without a store', () => {
    const directory = join(freshDirectory(), 'none');
    expect(() => new Cache(directory, { readOnly: true })).toThrow(errorMatching('NO_SUCH_STORE'));
    expect(() => statSync(directory)).toThrow();
  });
});

describe('a copied directory', () => {
  it('is a complete, independent store, even if it was copied while open', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', 1);
    cache.set('file', createLargeText('f'));
    cache.push(createLargeText('q'));
    const before = [...cache];
    const copy = join(freshDirectory(), 'elsewhere');
    cpSync(cache.directory, copy, { recursive: true });
    using copied = new Cache(copy);
    expect([...copied]).toEqual(before);
    copied.clear();
    expect([...cache]).toEqual(before);
  });

  it('has file names without paths in its rows, so that another system finds the files', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('file', createLargeText('f'));
    const database = new Database(join(cache.directory, 'cache.db'), { readonly: true });
    const name = database.prepare<[], string>('SELECT file FROM entry').pluck().get();
    database.close();
    expect(name).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('a value file is written only when it is needed (DiskCache wrote it first and leaked it)', () => {
  it.each([
    ['a key that is taken', (cache: Cache) => cache.add('k', createLargeText('l'))],
    ['a tag that is none', (cache: Cache) => cache.set('l', createLargeText('l'), { tag: {} as string })],
    ['a ttl that is none', (cache: Cache) => cache.set('l', createLargeText('l'), { ttl: '5' as unknown as number })],
    ['a key that is none', (cache: Cache) => cache.set((() => 1) as unknown as string, createLargeText('l'))],
    [
      'a prefix that is none',
      (cache: Cache) => cache.push(createLargeText('l'), { prefix: (() => 1) as unknown as string }),
    ],
  ])('%s leaves none', (_, refused) => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', 1);
    try {
      expect(refused(cache)).toBe(false);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^BAD_/) });
    }
    expect(listValueFiles(cache.directory)).toEqual([]);
    expect([...cache]).toEqual([['k', 1]]);
  });
});
