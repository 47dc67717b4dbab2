import { describe, expect, it } from 'vitest';
import { closeCore, openCore } from '../../main/engine/cache/open.ts';
import { closeFanout, openFanout } from '../../main/engine/fanout/open-fanout.ts';
import {
  Cache,
  type CacheOptions,
  Deque,
  FanoutCache,
  Index,
  reopen,
  Settings,
  type StoreHandle,
} from '../../main/engine/index.ts';
import type { Core } from '../../main/engine/state/core.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

const KiB = 1024;
/** Of the driver (https://github.com/WiseLibs/better-sqlite3/blob/master/docs/compilation.md). */
const DEFAULT_KIB = 16_000;
const MAX_KIB = 2 ** 31 - 1;

/** SQLite counts KiB with negative numbers. */
const getCacheKiB = ({ connection }: Core): number => -Number(connection.pragma('cache_size'));

function openAndMeasure(options: CacheOptions): number {
  const core = openCore(freshDirectory(), options);
  try {
    return getCacheKiB(core);
  } finally {
    closeCore(core);
  }
}

describe('pageCache', () => {
  it('is what the driver has by default, unless it is given', () => {
    expect(openAndMeasure({})).toBe(DEFAULT_KIB);
    expect(openAndMeasure({ pageCache: undefined } as unknown as CacheOptions)).toBe(DEFAULT_KIB);
  });

  it.each([
    [256 * KiB * KiB, 256 * KiB],
    [1_000_000, 976],
    [1, 1],
    [0, 1],
    [Number.MAX_SAFE_INTEGER, MAX_KIB],
  ])('of %d bytes is %d KiB of SQLite', (pageCache, kib) => {
    expect(openAndMeasure({ pageCache })).toBe(kib);
    expect(openAndMeasure({ pageCache, exclusive: true })).toBe(kib);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '1MB', null])('of %o is refused', (pageCache) => {
    const wrong = { pageCache } as unknown as { pageCache: number };
    const directory = freshDirectory();
    expect(() => new Cache(directory, wrong)).toThrow(errorMatching('BAD_OPTION', 'pageCache'));
    expect(() => new FanoutCache(directory, wrong)).toThrow(errorMatching('BAD_OPTION', 'pageCache'));
    expect(() => new Index(directory, wrong)).toThrow(errorMatching('BAD_OPTION', 'pageCache'));
    expect(() => new Deque(directory, wrong)).toThrow(errorMatching('BAD_OPTION', 'pageCache'));
  });

  it('of 0 stores and reads', () => {
    using cache = new Cache<number, string>(freshDirectory(), { pageCache: 0, memory: 0 });
    cache.transact(() => {
      for (let n = 0; n < 2000; n++) cache.set(n, `${n}`.repeat(50));
    });
    for (let n = 0; n < 2000; n++) expect(cache.get(n)).toBe(`${n}`.repeat(50));
  });

  it('belongs to the open store and not to the directory', () => {
    const directory = freshDirectory();
    closeCore(openCore(directory, { pageCache: 64 * KiB }));
    const core = openCore(directory, { readOnly: true, pageCache: 128 * KiB });
    expect(getCacheKiB(core)).toBe(128);
    closeCore(core);
    const later = openCore(directory, {});
    expect(getCacheKiB(later)).toBe(DEFAULT_KIB);
    closeCore(later);
  });

  it('is shared by the shards of a FanoutCache', () => {
    const fanout = openFanout(freshDirectory(), { shards: 4, pageCache: 4096 * KiB });
    expect(fanout.shards.map(getCacheKiB)).toEqual([1024, 1024, 1024, 1024]);
    closeFanout(fanout);
    const unset = openFanout(freshDirectory(), { shards: 2 });
    expect(unset.shards.map(getCacheKiB)).toEqual([DEFAULT_KIB, DEFAULT_KIB]);
    closeFanout(unset);
  });

  it('is in the handle of each store only if it was given', () => {
    const pageCache = 2048 * KiB;
    using cache = new Cache(freshDirectory(), { pageCache });
    using fanout = new FanoutCache(freshDirectory(), { shards: 2, pageCache });
    using index = new Index(freshDirectory(), { pageCache });
    using deque = new Deque(freshDirectory(), { pageCache });
    using settings = new Settings(freshDirectory(), { defaults: { a: 1 }, pageCache });
    for (const store of [cache, fanout, index, deque, settings]) {
      const handle = structuredClone(store.describe());
      expect(handle.options['pageCache']).toBe(pageCache);
      const again = reopen(handle as StoreHandle<Cache>);
      expect(again.describe()).toEqual(store.describe());
      again.close();
    }
    using plain = new Cache(freshDirectory());
    expect(Object.keys(plain.describe().options)).not.toContain('pageCache');
  });
});
