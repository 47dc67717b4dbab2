import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import type { Cursor } from '../../protocol/contract.ts';
import { freshDirectory } from './fresh-directory.ts';

function openFilledCache(count: number): Cache<number, number> {
  const cache = new Cache<number, number>(freshDirectory());
  cache.setMany(Array.from({ length: count }, (_, n) => [n, n * n] as const));
  return cache;
}

describe('a walk', () => {
  it.each(['stored', 'key'] as const)('sees what changes in front of it, in %s order', (order) => {
    using cache = openFilledCache(100);
    const seen: number[] = [];
    for (const key of cache.keys({ order })) {
      seen.push(key);
      if (key === 10) for (let n = 11; n < 90; n++) cache.delete(n);
      if (key === 95) cache.set(1000, 1);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 1000]);
  });

  it('meets what is added after the last item was deleted, though it gets the same place', () => {
    using cache = openFilledCache(3);
    const seen: number[] = [];
    for (const key of cache.keys()) {
      seen.push(key);
      cache.delete(key);
      if (seen.length < 8) cache.set(100 + seen.length, 1);
    }
    expect(seen).toEqual([0, 1, 2, 101, 102, 103, 104, 105, 106, 107]);
    cache.setMany([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    const again: number[] = [];
    for (const key of cache.keys()) {
      again.push(key);
      if (key !== 3) continue;
      cache.clear();
      cache.set(4, 4);
    }
    expect(again).toEqual([1, 2, 3, 4]);
  });

  it('backwards, does not meet what is added after the last item was deleted, though it gets a place in front of it', () => {
    using cache = openFilledCache(40);
    const seen: number[] = [];
    for (const key of cache.keys({ reverse: true })) {
      seen.push(key);
      if (key !== 30 && key !== 12) continue;
      for (let n = key - 5; n < 40; n++) cache.delete(n);
      for (let n = 0; n < 20; n++) cache.set(1000 * key + n, n);
    }
    const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, n) => from - n);
    expect(seen).toEqual([...down(39, 30), ...down(24, 12), ...down(6, 0)]);
  });

  it('can empty the store it walks', () => {
    using cache = openFilledCache(2000);
    for (const key of cache.keys()) cache.delete(key);
    expect(cache.size).toBe(0);
  });

  it('holds nothing open: others may write and close between two items', () => {
    using cache = openFilledCache(50);
    const walk = cache.entries();
    expect(walk.next().value).toEqual([0, 0]);
    using other = new Cache<number, number>(cache.directory, { timeout: 0 });
    other.set(49, 7);
    other.close();
    expect([...walk].at(-1)).toEqual([49, 7]);
  });

  it.each(['stored', 'key'] as const)('meets no key that has expired, in %s order', (order) => {
    let now = 1000;
    using cache = new Cache<number, number>(freshDirectory(), { clock: () => now });
    for (let n = 0; n < 40; n++) cache.set(n, n, n % 4 === 3 ? { ttl: 1000 + n } : {});
    const all = Array.from({ length: 40 }, (_, n) => n);
    const keys = (reverse = false) => [...cache.keys({ order, reverse })];
    expect(keys()).toEqual(all);
    now = 2020;
    expect(keys()).toEqual(all.filter((n) => n % 4 !== 3 || n > 20));
    now = 3000;
    expect(keys(true)).toEqual(all.filter((n) => n % 4 !== 3).reverse());
    expect([...cache.keys({ order, from: 2, to: 30, limit: 4 })]).toEqual([2, 4, 5, 6]);
  });

  it('agrees with the plain sort for every narrow and wide range in stored order', () => {
    using cache = openFilledCache(0);
    const keys = Array.from({ length: 5000 }, (_, n) => (n * 2654435761) % 100_003);
    cache.setMany(keys.map((key) => [key, 1] as const));
    for (const [from, to] of [
      [0, 10],
      [500, 50_000],
      [0, 100_003],
      [99_000, 99_500],
    ] as const) {
      expect([...cache.keys({ from, to })]).toEqual(keys.filter((key) => key >= from && key < to));
    }
  });
});

describe('a page', () => {
  it('leads to the next one by plain data', () => {
    using cache = openFilledCache(1500);
    const keys: unknown[] = [];
    let after: unknown;
    do {
      const page = cache.page('keys', { limit: 1400, from: 50 }, after);
      expect(page.items.length).toBeLessThanOrEqual(512);
      keys.push(...page.items);
      after = structuredClone(page.next);
    } while (after !== undefined);
    expect(keys).toEqual(Array.from({ length: 1400 }, (_, n) => n + 50));
  });

  it('is bounded in bytes', () => {
    using cache = new Cache<number, string>(freshDirectory());
    for (let n = 0; n < 40; n++) cache.set(n, 'x'.repeat(100_000));
    const first = cache.page('values');
    expect(first.items.length).toBeLessThan(10);
    expect(first.next).toBeDefined();
    expect(cache.page('keys').next).toBeUndefined();
  });

  it('is bounded in bytes where small values are followed by large ones', () => {
    using cache = new Cache<number, string>(freshDirectory(), { fileThreshold: Infinity });
    const lengths = Array.from({ length: 60 }, (_, n) => (n < 40 ? 10 : 100_000));
    cache.setMany(lengths.map((length, n) => [n, 'x'.repeat(length)]));
    const met: number[] = [];
    for (let after: Cursor | undefined, more = true; more; more = after !== undefined) {
      const { items, next } = cache.page('values', {}, after);
      const page = (items as string[]).map(({ length }) => length);
      expect(page.reduce((sum, length) => sum + length)).toBeLessThan(512 * 1024 + 100_000);
      met.push(...page);
      after = next;
    }
    expect(met).toEqual(lengths);
  });

  it('refuses an invalid cursor', () => {
    using cache = openFilledCache(3);
    for (const cursor of [null, 5, {}, { at: 'x', seen: 0 }, { at: 1, seen: -1 }, { at: 1.5, seen: 0 }]) {
      expect(() => cache.page('keys', {}, cursor)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
    expect(() => cache.page('all' as 'keys')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});
