import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { copyAsKilled, listRecords, openJournaled, readJournal, writeJournal } from './journal-fixture.ts';

const countRecords = (cache: Cache<string, unknown>): number => listRecords(readJournal(cache.directory)).length - 1;

/** Returns how many records `work` appends. */
function countAppended(cache: Cache<string, unknown>, work: () => void): number {
  cache.set('before', 0);
  const before = countRecords(cache);
  work();
  return countRecords(cache) - before;
}

describe('a transaction of a store with a journal', () => {
  it('is one record: all or none after a crash', () => {
    using cache = openJournaled();
    const records = countAppended(cache, () =>
      cache.transact(() => {
        for (let nth = 0; nth < 10; nth++) cache.set(`k${nth}`, nth);
        cache.delete('k3');
        expect([cache.get('k2'), cache.get('k3'), cache.has('k4'), cache.inTransaction]).toEqual([
          2,
          undefined,
          true,
          true,
        ]);
      }),
    );
    expect([records, cache.inTransaction]).toEqual([1, false]);
    const torn = copyAsKilled(cache);
    const bytes = readJournal(torn);
    writeJournal(torn, bytes.subarray(0, bytes.length - 8));
    using found = new Cache<string, unknown>(torn);
    expect([...found.keys()]).toEqual(['first', 'before']);
    using whole = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...whole.entries()]).toEqual([...cache.entries()]);
    expect(whole.size).toBe(11);
  });

  it('is a record also in a store that is written in transactions only', () => {
    using cache = new Cache<string, unknown>(freshDirectory(), { exclusive: true });
    // The first one measures the disk.
    for (const key of ['a', 'b', 'c']) cache.transact(() => cache.set(key, 1));
    expect(countRecords(cache)).toBe(2);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...found.keys()]).toEqual(['a', 'b', 'c']);
  });

  it('leaves nothing behind when it throws', () => {
    using cache = openJournaled();
    cache.set('a', 1);
    expect(cache.get('a')).toBe(1);
    const records = countAppended(cache, () => {
      expect(() =>
        cache.transact(() => {
          cache.set('a', 2);
          cache.delete('first');
          cache.set('b', 1);
          throw new Error('no');
        }),
      ).toThrow('no');
    });
    expect(records).toBe(0);
    expect([...cache.entries()]).toEqual([
      ['first', 1],
      ['a', 1],
      ['before', 0],
    ]);
  });

  it.each([
    ['ends', false],
    ['throws', true],
  ])('goes on in the database where it does more than that, and %s there', (_, throws) => {
    using cache = openJournaled();
    cache.set('a', 1);
    const work = () =>
      cache.transact(() => {
        cache.set('b', 2);
        cache.delete('a');
        expect([cache.size, [...cache.keys()]]).toEqual([2, ['first', 'b']]);
        cache.set('c', 'x'.repeat(100_000));
        cache.set('d', 4);
        if (throws) throw new Error('no');
      });
    if (throws) expect(work).toThrow('no');
    else work();
    const expected = throws ? ['first', 'a'] : ['first', 'b', 'c', 'd'];
    expect([...cache.keys()]).toEqual(expected);
    cache.set('after', 1);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...found.keys()].filter((key) => key !== 'c')).toEqual([...expected, 'after'].filter((key) => key !== 'c'));
  });

  it('may have a nested one that fails alone', () => {
    using cache = openJournaled();
    cache.transact(() => {
      cache.set('a', 1);
      expect(() =>
        cache.transact(() => {
          cache.set('a', 2);
          cache.set('b', 2);
          throw new Error('no');
        }),
      ).toThrow('no');
      cache.set('c', 3);
    });
    expect([...cache.entries()].slice(1)).toEqual([
      ['a', 1],
      ['c', 3],
    ]);
  });

  it('refuses a function that returns a promise, and keeps nothing of it', () => {
    using cache = openJournaled();
    const work = (() => {
      cache.set('a', 1);
      return Promise.resolve();
    }) as never as () => void;
    expect(() => cache.transact(work)).toThrow(errorMatching('BAD_OPTION', /async/));
    expect(cache.has('a')).toBe(false);
  });

  it('may write to another store with a journal', () => {
    using first = openJournaled();
    using second = openJournaled();
    first.transact(() => {
      first.set('a', 1);
      second.set('b', 2);
      first.set('c', 3);
    });
    using one = new Cache<string, unknown>(copyAsKilled(first));
    using two = new Cache<string, unknown>(copyAsKilled(second));
    expect([[...one.keys()], [...two.keys()]]).toEqual([
      ['first', 'a', 'c'],
      ['first', 'b'],
    ]);
  });
});

describe('what is one record', () => {
  it.each<[string, (cache: Cache<string, unknown>) => unknown, unknown]>([
    [
      'setMany',
      (cache) =>
        cache.setMany([
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ]),
      undefined,
    ],
    ['deleteMany', (cache) => cache.deleteMany(['first', 'before', 'missing']), 2],
    ['incr', (cache) => cache.incr('first', 5), 6],
    ['update', (cache) => cache.update('first', (value) => `${value}!`), '1!'],
    ['add', (cache) => [cache.add('a', 1), cache.add('a', 2), cache.add('first', 2)], [true, false, false]],
    ['pop', (cache) => cache.pop('first'), 1],
    [
      'delete',
      (cache) => [cache.delete('first'), cache.delete('first'), cache.delete('missing')],
      [true, false, false],
    ],
  ])('%s', (_, work, expected) => {
    using cache = openJournaled();
    using direct = openJournaled(freshDirectory(), { exclusive: false });
    let result: unknown;
    const records = countAppended(cache, () => {
      result = work(cache);
    });
    direct.set('before', 0);
    work(direct);
    expect([records, result]).toEqual([1, expected]);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...found.entries()]).toEqual([...direct.entries()]);
  });

  it('an increment keeps expiry and tag', () => {
    using cache = openJournaled(freshDirectory(), { clock: () => 1000 });
    cache.set('n', 1, { ttl: 5000, tag: 'group' });
    cache.incr('n');
    expect(cache.incr('n')).toBe(3);
    expect(cache.getEntry('n')).toMatchObject({ value: 3, expiresAt: 6000, tag: 'group' });
    expect(cache.size).toBe(2);
    cache.incr('n');
    expect(cache.getEntry('n')).toMatchObject({ value: 4, expiresAt: 6000, tag: 'group' });
  });

  it('a failed append changes nothing', () => {
    using cache = openJournaled();
    expect(() =>
      cache.setMany([
        ['a', 1],
        ['b', Symbol('no')],
      ] as never),
    ).toThrow(errorMatching('BAD_VALUE', /entries\[1\]/));
    expect([...cache.keys()]).toEqual(['first']);
  });
});

it('the size counts what is pending, also in a transaction', () => {
  using cache = openJournaled();
  const sizes = [cache.size];
  cache.set('a', 1);
  sizes.push(cache.size, cache.size);
  cache.transact(() => {
    cache.set('b', 1);
    sizes.push(cache.size);
    cache.delete('a');
    sizes.push(cache.size);
  });
  cache.transact(() => sizes.push(cache.size));
  cache.delete('b');
  sizes.push(cache.size);
  expect(sizes).toEqual([1, 2, 2, 3, 2, 2, 1]);
});

it('the size counts what was pending when a nested transaction fails', () => {
  using cache = openJournaled();
  cache.set('a', 1);
  cache.transact(() => {
    cache.set('b', 1);
    expect(() =>
      cache.transact(() => {
        cache.set('c', 1);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(cache.size).toBe(3);
  });
  expect(cache.size).toBe(3);
  expect([...cache.keys()]).toEqual(['first', 'a', 'b']);
});

it('a pending item that has expired is deleted, and not counted as deleted', () => {
  const { clock, advance } = createManualClock();
  using cache = openJournaled(freshDirectory(), { clock });
  cache.set('a', 1, { ttl: 5 });
  advance(10);
  expect(cache.delete('a')).toBe(false);
  {
    using found = new Cache<string, unknown>(copyAsKilled(cache), { clock });
    expect(found.expire()).toBe(0);
  }
  expect(cache.expire()).toBe(0);
  expect([...cache.keys()]).toEqual(['first']);
});

it('a transaction that goes on in the database is written once', () => {
  using cache = openJournaled();
  cache.transact(() => cache.set('large', 'x'.repeat(50_000)));
  const before = countRecords(cache);
  for (let nth = 0; nth < 5; nth++) cache.transact(() => cache.set(`k${cache.size}`, nth));
  expect(countRecords(cache)).toBe(before);
});
