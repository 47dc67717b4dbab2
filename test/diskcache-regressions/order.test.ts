import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openFixture } from './store-fixture.ts';

const createItems = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n);

describe('expiry', () => {
  it('hides an item exactly from its moment on', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    cache.set('k', 1, { ttl: 10 });
    advance(9.5);
    expect(cache.get('k')).toBe(1);
    advance(0.5);
    expect(cache.get('k')).toBeUndefined();
    expect([cache.has('k'), cache.size, [...cache], cache.getEntry('k')]).toEqual([false, 0, [], undefined]);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY])('ttl %d is expired at once', (ttl) => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', 'old');
    cache.set('k', 'new', { ttl });
    expect(cache.get('k')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('never happens with ttl Infinity; NaN and text are refused', () => {
    using opened = openFixture({ ttl: 5 });
    const { cache, advance } = opened;
    cache.set('k', 1, { ttl: Number.POSITIVE_INFINITY });
    advance(1e15);
    expect(cache.get('k')).toBe(1);
    for (const ttl of [Number.NaN, '1'] as number[]) {
      expect(() => cache.set('k', 2, { ttl })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
    expect(cache.get('k')).toBe(1);
  });

  it('every method treats an expired item as missing', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    const expired = () => {
      cache.clear();
      cache.set('k', 10, { ttl: 1, tag: 't' });
      advance(1);
    };
    for (const answer of [
      () => [cache.touch('k', { ttl: 100 }), false],
      () => [cache.delete('k'), false],
      () => [cache.deleteMany(['k']), 0],
      () => [cache.pop('k'), undefined],
      () => [cache.incr('k', 2), 2],
      () => [cache.update('k', (current) => current ?? 'none'), 'none'],
      () => [cache.add('k', 1), true],
      () => [cache.evict('t'), 0],
      () => [cache.clear(), 0],
      () => [cache.peekItem(), undefined],
      () => [cache.getMany(['k']), [undefined]],
    ]) {
      expired();
      const [got, wanted] = answer();
      expect(got).toEqual(wanted);
    }
    expired();
    cache.incr('k');
    expect(cache.getEntry('k')).toMatchObject({ value: 1, tag: undefined, expiresAt: undefined });
  });
});

describe('expire', () => {
  it('removes all of many items that expire at the same moment (DiskCache stopped after a batch)', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    cache.setMany(
      createItems(1000).map((n) => [n, n] as const),
      { ttl: 10 },
    );
    cache.set('stays', 1);
    advance(10);
    expect(cache.expire()).toBe(1000);
    expect(cache.expire()).toBe(0);
    expect([...cache]).toEqual([['stays', 1]]);
  });

  it('removes items that expired before 1970', () => {
    let now = -1000;
    using cache = new Cache(freshDirectory(), { clock: () => now });
    cache.set('k', 1, { ttl: 10 });
    cache.set('l', 1, { ttl: 1000 });
    now = 0;
    expect(cache.expire()).toBe(2);
  });
});

describe('the position of an item', () => {
  it('is kept by set, update, incr and touch, and lost by delete and by expiry', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    for (const key of ['a', 'b', 'c', 'd', 'e']) cache.set(key, 1, { ttl: key === 'b' ? 10 : 1000 });
    cache.set('a', 2);
    cache.update('c', () => 5);
    cache.incr('d');
    cache.touch('a', { ttl: 500 });
    cache.delete('e');
    advance(10);
    cache.set('e', 1);
    cache.set('b', 1);
    expect([...cache.keys()]).toEqual(['a', 'c', 'd', 'e', 'b']);
  });

  it('is the last one after the last item was deleted, even if its id is reused', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.setMany(createItems(5).map((n) => [n, n] as const));
    cache.delete(4);
    cache.set('new', 1);
    cache.set(4, 1);
    expect([...cache.keys()]).toEqual([0, 1, 2, 3, 'new', 4]);
    expect(cache.peekItem()).toEqual([4, 1]);
  });
});

it('iteration does not return items deleted before their turn, even whole pages ahead', () => {
  using opened = openFixture();
  const { cache } = opened;
  cache.setMany(createItems(3000).map((n) => [n, n] as const));
  const met: unknown[] = [];
  for (const key of cache.keys()) {
    met.push(key);
    if (met.length === 50) for (let n = 0; n < 3000; n++) cache.delete(n);
  }
  expect(met).toEqual(createItems(50));
});

describe('keys in key order', () => {
  /** The best of three runs, so that other load on the machine doesn't count. */
  function timeToWalk(cache: Cache<number>): number {
    const times = [1, 2, 3].map(() => {
      const before = performance.now();
      let last = -1;
      for (const key of cache.keys({ order: 'key' })) {
        if (key <= last) throw new Error(`${key} after ${last}`);
        last = key;
      }
      return performance.now() - before;
    });
    return Math.min(...times);
  }

  it('take linear time, not quadratic (DiskCache searched the whole index for every page)', () => {
    const [few, many] = [4000, 64_000].map((count) => {
      using cache = new Cache<number>(freshDirectory());
      cache.setMany(createItems(count).map((n) => [(n * 2_654_435_761) % 1_000_003, n] as const));
      return timeToWalk(cache);
    });
    // Sixteen times as many: linear is 16, the square 256.
    expect(many! / few!).toBeLessThan(80);
  });
});
