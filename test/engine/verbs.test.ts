import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

// What every store does is in test/suites; here is what takes a function, an iterable or the engine's own options.

function open(options: CacheOptions = {}) {
  const { clock, advance } = createManualClock(1000);
  const cache = new Cache(freshDirectory(), { clock, ...options });
  return { cache, advance, [Symbol.dispose]: () => cache.close() };
}

describe('update', () => {
  it('makes the next value of the present one', () => {
    using opened = open();
    const { cache } = opened;
    expect(cache.update('list', (list) => [...((list as number[]) ?? []), 1])).toEqual([1]);
    expect(cache.update('list', (list) => [...(list as number[]), 2])).toEqual([1, 2]);
    expect(cache.get('list')).toEqual([1, 2]);
  });

  it('stores nothing when the function throws', () => {
    using opened = open();
    const { cache } = opened;
    cache.set('list', [1]);
    const fail = () =>
      cache.update('list', () => {
        cache.set('other', 1);
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    expect([...cache]).toEqual([['list', [1]]]);
  });

  it('keeps expiry and tag unless they are passed again', () => {
    using opened = open();
    const { cache, advance } = opened;
    cache.set('k', 1, { ttl: 10, tag: 't' });
    cache.update('k', () => 4);
    expect(cache.getEntry('k')).toMatchObject({ value: 4, expiresAt: 1010, tag: 't' });
    cache.update('k', () => 5, { ttl: 20, tag: 'u' });
    expect(cache.getEntry('k')).toMatchObject({ value: 5, expiresAt: 1020, tag: 'u' });
    advance(20);
    expect(cache.update('k', (value) => [value])).toEqual([undefined]);
    expect(cache.getEntry('k')).toMatchObject({ expiresAt: undefined, tag: undefined });
  });
});

describe('entries given as many', () => {
  it('may be any iterable', () => {
    using opened = open();
    const { cache } = opened;
    cache.setMany(new Map([...'abc'].map((letter) => [letter, letter.charCodeAt(0)])));
    expect([...cache]).toEqual([
      ['a', 97],
      ['b', 98],
      ['c', 99],
    ]);
    expect(cache.deleteMany(new Set(['a', 'c', 'd']))).toBe(2);
    expect([...cache.keys()]).toEqual(['b']);
  });
});

describe('statistics', () => {
  it('are returned and reset atomically', () => {
    using opened = open({ statistics: true });
    const { cache } = opened;
    cache.set('k', 1);
    for (const key of ['k', 'k', 'none']) cache.get(key);
    expect(cache.stats({ reset: true })).toEqual({ hits: 2, misses: 1 });
    expect(cache.stats()).toEqual({ hits: 0, misses: 0 });
  });

  it('outlive the handle that counted', () => {
    const directory = freshDirectory();
    const first = new Cache(directory, { statistics: true });
    first.set('k', 1);
    first.get('k');
    first.get('none');
    first.close();
    using second = new Cache(directory);
    second.get('k');
    expect(second.stats()).toEqual({ hits: 2, misses: 1 });
  });
});
