import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions, FanoutCache, type Key } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const failure = (code: string) => expect.objectContaining({ code });

/** Memoized functions over one store, and what their listener was told. */
function open(options: CacheOptions = {}) {
  const cache = new Cache(freshDirectory(), options);
  const told: [unknown, Key][] = [];
  const onStoreFailure = (error: unknown, key: Key) => void told.push([error, key]);
  let calls = 0;
  const plain = (size: number) => String(++calls).padEnd(size);
  const later = async (size: number) => plain(size);
  return {
    cache,
    told,
    calls: () => calls,
    codes: () => [...new Set(told.map(([error]) => (error as { code: string }).code))],
    plain: cache.memoize(plain, { name: 'plain', onStoreFailure }),
    later: cache.memoize(later, { name: 'later', onStoreFailure }),
    [Symbol.dispose]: () => cache.close(),
  };
}

describe('a store that can’t remember costs no answer', () => {
  it('when it is full', async () => {
    using opened = open({ evictionPolicy: 'none', sizeLimit: 2 ** 20 });
    for (let size = 100_000; size < 100_020; size++) {
      expect(opened.plain(size).length).toBe(size);
      expect((await opened.later(size)).length).toBe(size);
    }
    expect(opened.codes()).toEqual(['DISK_FULL']);
    expect(opened.told.at(-1)?.[1]).toEqual(['later', 100_019]);
  });

  it('when the result is too large', async () => {
    using opened = open({ sizeLimit: 2 ** 20 });
    expect([opened.plain(3e6).length, (await opened.later(3e6)).length]).toEqual([3e6, 3e6]);
    expect(opened.codes()).toEqual(['TOO_LARGE']);
  });

  it('when it was closed, before or meanwhile', async () => {
    using opened = open();
    const waiting = opened.later(1);
    opened.cache.close();
    expect([await waiting, opened.plain(1), await opened.later(1)]).toEqual(['1', '2', '3']);
    expect(opened.codes()).toEqual(['CLOSED']);
  });

  it('when it is locked by another process', async () => {
    using opened = open({ timeout: 1 });
    const other = new Database(join(opened.cache.directory, 'cache.db'));
    other.exec('BEGIN IMMEDIATE');
    expect([opened.plain(1), opened.plain(1), await opened.later(1)]).toEqual(['1', '2', '3']);
    expect(opened.codes()).toEqual(['BUSY']);
    other.exec('ROLLBACK');
    other.close();
    expect([opened.plain(1), opened.plain(1)]).toEqual(['4', '4']);
  });

  it('when what it remembered is damaged, and it is computed and stored again', async () => {
    using opened = open();
    opened.plain(1);
    await opened.later(1);
    const database = new Database(join(opened.cache.directory, 'cache.db'));
    database.prepare('UPDATE entry SET checksum = checksum + 1').run();
    database.close();
    expect([opened.plain(1), opened.plain(1)]).toEqual(['3', '3']);
    expect([await opened.later(1), await opened.later(1)]).toEqual(['4', '4']);
    expect(opened.codes()).toEqual(['CORRUPT']);
  });

  it('of several that ask meanwhile one runs, also when nothing can be stored', async () => {
    using opened = open();
    opened.cache.close();
    expect(await Promise.all([opened.later(1), opened.later(1), opened.later(1)])).toEqual(['1', '1', '1']);
  });

  it('in a FanoutCache', () => {
    using cache = new FanoutCache(freshDirectory(), { sizeLimit: 4 * 2 ** 20 });
    const told: unknown[] = [];
    const onStoreFailure = (error: unknown) => void told.push(error);
    expect(cache.memoize(() => 'x'.repeat(9e6), { name: 'large', onStoreFailure })().length).toBe(9e6);
    expect(told).toEqual([failure('TOO_LARGE')]);
  });
});

it('what the caller gave is the caller’s to mend', async () => {
  using opened = open();
  const { cache } = opened;
  expect(() => cache.memoize((() => () => 1) as never, { name: 'f' })()).toThrow(failure('BAD_VALUE'));
  await expect(cache.memoize((async () => () => 1) as () => unknown, { name: 'g' })()).rejects.toThrow(
    failure('BAD_VALUE'),
  );
  expect(() => opened.plain((() => 1) as unknown as number)).toThrow(failure('BAD_KEY'));
  expect(() => cache.memoize(() => 1, { name: 'f', onStoreFailure: 1 as never })).toThrow(failure('BAD_OPTION'));
  expect(opened.told).toEqual([]);
});

it('a failure of the function is its own, whatever it says', () => {
  using opened = open();
  const fails = () => opened.cache.set('k', (() => 1) as never);
  expect(() => opened.cache.memoize(fails, { name: 'f' })()).toThrow(failure('BAD_VALUE'));
});
