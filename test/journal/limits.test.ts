import { describe, expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { Generations } from '../../main/engine/journal/generations.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { copyAsKilled, listJournals, openJournaled } from './journal-fixture.ts';

describe('a store with a journal and a limit', () => {
  it.each(['least-recently-stored', 'least-recently-used', 'sieve'] as const)(
    'never exceeds it: %s',
    (evictionPolicy) => {
      const sizeLimit = 4 * 1024 * 1024;
      using cache = openJournaled(freshDirectory(), { sizeLimit, evictionPolicy });
      let largest = 0;
      for (let nth = 0; nth < 6000; nth++) {
        cache.set(`k${nth}`, 'x'.repeat(1000));
        if (nth % 7 === 0) cache.get(`k${nth - 20}`);
        if (nth % 100 === 0) largest = Math.max(largest, cache.volume());
      }
      expect(largest).toBeLessThanOrEqual(sizeLimit);
      expect(cache.get('k5999')).toBe('x'.repeat(1000));
      expect(cache.get('k0')).toBeUndefined();
      expect(cache.check()).toEqual([]);
      using found = new Cache<string, unknown>(copyAsKilled(cache));
      expect([...found.keys()]).toEqual([...cache.keys()]);
    },
  );

  it('goes on while there is space, without applying everything to measure it', () => {
    const applyAll = vi.spyOn(Generations.prototype, 'applyAll');
    try {
      using cache = openJournaled(freshDirectory(), { sizeLimit: 64 * 1024 * 1024 });
      applyAll.mockClear();
      for (let nth = 0; nth < 40_000; nth++) cache.set(`k${nth}`, 'x'.repeat(300));
      expect(applyAll).not.toHaveBeenCalled();
    } finally {
      applyAll.mockRestore();
    }
  });

  it('has none where the limit is too small', () => {
    using cache = openJournaled(freshDirectory(), { sizeLimit: 512 * 1024 });
    cache.set('a', 1);
    expect(listJournals(cache.directory)).toEqual([]);
  });

  it('counts reads of what is pending, as of everything else', () => {
    using cache = openJournaled(freshDirectory(), { evictionPolicy: 'least-frequently-used', statistics: true });
    cache.set('a', 1);
    for (let nth = 0; nth < 3; nth++) cache.get('a');
    expect(cache.getEntry('a')).toMatchObject({ hits: 3 });
    cache.set('a', 2);
    expect(cache.getEntry('a')).toMatchObject({ hits: 0 });
    expect(cache.stats()).toEqual({ hits: 3, misses: 0 });
  });
});
