import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { Connection, Statement } from '../../main/engine/sqlite/connection.ts';
import { mountSmallDisk } from '../diskcache-regressions/small-disk.ts';
import { freshDirectory } from './fresh-directory.ts';

afterEach(() => void vi.restoreAllMocks());

/** How often SQLite is asked to do something; everything it does goes through these. */
// A look at the files, which each writer takes now and then, is had once and not due again.
let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 0.001));
});

function countStatements(work: () => void): number {
  const ways = [
    vi.spyOn(Statement.prototype, 'run'),
    vi.spyOn(Statement.prototype, 'first'),
    vi.spyOn(Statement.prototype, 'all'),
    vi.spyOn(Statement.prototype, 'each'),
    vi.spyOn(Connection.prototype, 'execute'),
    vi.spyOn(Connection.prototype, 'pragma'),
  ];
  for (const way of ways) way.mockClear();
  work();
  return ways.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

/** A store with items that another store on the directory has written since this one last wrote. */
function openShared(): Cache {
  const directory = freshDirectory();
  using other = new Cache(directory);
  const cache = new Cache(directory);
  cache.set('mine', 0);
  for (const key of ['a', 'b', 'c', 'd']) other.set(key, 0);
  expect(cache.get('d')).toBe(0);
  cache.set('a', 1); // room and the next expiry are asked for again
  return cache;
}

const openExclusive = (options: CacheOptions = {}): Cache => {
  const cache = new Cache(freshDirectory(), options);
  for (const key of ['a', 'b', 'c', 'd']) cache.set(key, 0);
  expect(cache.get('d')).toBe(0);
  cache.set('a', 1);
  return cache;
};

describe.each([
  ['that this process alone writes', openExclusive],
  ['that others write', openShared],
])('where nothing but a row has to change, in a store %s', (_, open) => {
  it('a set over an item is one statement', () => {
    using cache = open();
    cache.set('b', 1);
    expect(countStatements(() => cache.set('c', 1))).toBe(1);
    expect([cache.get('c'), cache.size]).toEqual([1, [...cache.keys()].length]);
  });

  it('a set of a new item is one statement', () => {
    using cache = open();
    cache.set('b', 1);
    expect(countStatements(() => cache.set('new', 1))).toBe(1);
    expect([cache.get('new'), cache.size]).toEqual([1, [...cache.keys()].length]);
  });

  it('a delete is one statement, and the set after it asks once for the last id', () => {
    using cache = open();
    cache.set('b', 1);
    expect(countStatements(() => cache.delete('b'))).toBe(1);
    expect(countStatements(() => cache.set('c', 1))).toBe(2);
    expect(countStatements(() => cache.set('c', 2))).toBe(1);
    expect([cache.get('c'), cache.size]).toEqual([2, [...cache.keys()].length]);
  });
});

it('in a store held exclusively neither a set nor a delete writes to the database', () => {
  using cache = openExclusive({ exclusive: true });
  cache.set('b', 1);
  expect(countStatements(() => cache.set('c', 1))).toBe(0);
  expect(countStatements(() => cache.set('new', 1))).toBe(0);
  expect(countStatements(() => cache.get('new'))).toBe(0);
  expect(countStatements(() => cache.delete('d'))).toBe(0);
  expect(countStatements(() => cache.delete('new'))).toBe(0);
  expect([cache.get('c'), cache.size]).toEqual([1, [...cache.keys()].length]);
});

it('a set over an item is one statement after the newest items were deleted, but for the last one alone', () => {
  using cache = openExclusive();
  cache.setMany(['e', 'f', 'g'].map((key) => [key, 0]));
  cache.deleteMany(['e', 'f', 'g']);
  cache.set('b', 1);
  expect(countStatements(() => cache.set('c', 1))).toBe(1);
  expect(cache.size).toBe(4);
  for (const key of ['e', 'f', 'g', 'h']) cache.set(key, 1);
  expect(cache.size).toBe(8);
});

describe('the count of items is exact where an id is given a second time', () => {
  it('after the last item was deleted', () => {
    using cache = openExclusive();
    expect(cache.size).toBe(4);
    cache.delete('d');
    cache.set('a', 2);
    cache.set('e', 2);
    cache.set('e', 3);
    expect(cache.size).toBe(4);
  });

  it('after another store deleted it', () => {
    const directory = freshDirectory();
    using cache = new Cache(directory);
    using other = new Cache(directory);
    for (const key of ['a', 'b', 'c']) cache.set(key, 0);
    other.delete('c');
    expect([cache.get('c'), cache.size]).toEqual([undefined, 2]);
    cache.set('a', 1);
    cache.set('c', 1);
    cache.set('d', 1);
    expect(cache.size).toBe(4);
  });

  it('after its insertion was undone', () => {
    using cache = openExclusive();
    expect(() =>
      cache.transact(() => {
        cache.set('e', 1);
        throw new Error('undone');
      }),
    ).toThrow('undone');
    expect(cache.size).toBe(4);
    cache.set('a', 2);
    cache.set('e', 2);
    expect(cache.size).toBe(5);
  });

  it('after a set that failed in its commit, for want of space (runs as root on Linux)', (test) => {
    using disk = mountSmallDisk(1024 * 1024);
    if (disk === undefined) return test.skip('only root on Linux can mount a small disk');
    using cache = new Cache(join(disk.path, 'store'));
    for (const key of ['a', 'b', 'c']) cache.set(key, 0);
    expect([cache.get('a'), cache.size]).toEqual([0, 3]);
    cache.set('a', 1);
    const giveBack = disk.fill();
    let failed = 0;
    for (let n = 0; failed === 0 && n < 1000; n++) {
      const before = cache.size;
      try {
        cache.set(`new ${n}`, 'x'.repeat(1000));
      } catch {
        failed = before;
      }
    }
    expect(failed).toBeGreaterThan(0);
    giveBack();
    expect(cache.size).toBe(failed);
    cache.set('b', 1);
    expect(cache.size).toBe(failed);
  });
});
