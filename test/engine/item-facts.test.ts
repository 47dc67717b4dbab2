import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { getItemFacts, getStoreSettings } from '../../main/engine/internal.ts';
import { freshDirectory } from './fresh-directory.ts';

const NOW = 1_700_000_000_000;

describe('getItemFacts', () => {
  it.each([{ exclusive: false }, { exclusive: true }])('tells of an item what getEntry tells, with %o', (options) => {
    using cache = new Cache(freshDirectory(), { ...options, clock: () => NOW, evictionPolicy: 'least-recently-used' });
    cache.set(['a', 1], { b: 2 }, { tag: 'letters', ttl: 1000 });
    cache.get(['a', 1]);
    const { value: _, key: __, ...entry } = cache.getEntry(['a', 1])!;
    expect(getItemFacts(cache, ['a', 1])).toEqual({
      ...entry,
      encoding: 'json',
      isCompressed: false,
      isInFile: false,
    });
  });

  it('reads no value file, and tells that there is one', () => {
    using cache = new Cache(freshDirectory(), { fileThreshold: 10, statistics: true });
    cache.set('large', new Uint8Array(100));
    expect(getItemFacts(cache, 'large')).toMatchObject({ bytes: 100, encoding: 'bytes', isInFile: true, hits: 0 });
    expect(cache.stats()).toEqual({ hits: 0, misses: 0 });
  });

  it('finds items in the shard that has them, and those of an index', () => {
    using fanout = new FanoutCache(freshDirectory());
    using index = new Index(freshDirectory());
    for (const store of [fanout, index]) for (let i = 0; i < 20; i++) store.set(`key ${i}`, i);
    for (const store of [fanout, index])
      for (let i = 0; i < 20; i++) expect(getItemFacts(store, `key ${i}`)?.encoding).toBe('number');
  });

  it('returns undefined for what is missing, has expired, or is in a deque', () => {
    let now = NOW;
    using cache = new Cache(freshDirectory(), { clock: () => now });
    cache.set('k', 1, { ttl: 10 });
    now += 11;
    using deque = new Deque(freshDirectory());
    expect(getItemFacts(cache, 'k')).toBeUndefined();
    expect(getItemFacts(cache, 'none')).toBeUndefined();
    expect(getItemFacts(deque, 'k')).toBeUndefined();
  });
});

describe('getStoreSettings', () => {
  it('has the limit that is stored in the directory', () => {
    const directory = freshDirectory();
    new Cache(directory, { sizeLimit: 5_000_000 }).close();
    using cache = new Cache(directory);
    expect(getStoreSettings(cache)?.sizeLimit).toBe(5_000_000);
  });
});
