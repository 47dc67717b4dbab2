import { describe, expect, it } from 'vitest';
import { openFixture } from './store-fixture.ts';

describe('queues', () => {
  it('return items in order from both sides, skip expired ones, and keep prefixes apart', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    const pull = (prefix?: string, side: 'front' | 'back' = 'front') =>
      cache.pull({ side, ...(prefix === undefined ? {} : { prefix }) })?.[1];
    for (const n of [1, 2, 3, 4, 5]) cache.push(n, n % 2 === 0 ? { ttl: 10 } : {});
    for (const n of [-1, -2]) cache.push(n, { side: 'front' });
    for (const n of [1, 2]) cache.push(`a ${n}`, { prefix: 'a' });
    for (const n of [1, 2]) cache.push(`b ${n}`, { prefix: 'b' });
    advance(10);
    expect(cache.peek()?.[1]).toBe(-2);
    expect([pull(), pull(), pull(), pull(), pull(), pull()]).toEqual([-2, -1, 1, 3, 5, undefined]);
    expect([pull('b', 'back'), pull('a'), pull('b'), pull('b'), pull('a'), pull('a')]).toEqual([
      'b 2',
      'a 1',
      'b 1',
      undefined,
      'a 2',
      undefined,
    ]);
  });

  it('start again when they are empty, and keep items that were pushed back', () => {
    using opened = openFixture();
    const { cache } = opened;
    for (let round = 0; round < 3; round++) {
      cache.push('a');
      const [, value] = cache.pull()!;
      cache.push(value, { side: 'front' });
      cache.push('b');
      expect([cache.pull()?.[1], cache.pull()?.[1], cache.pull()]).toEqual(['a', 'b', undefined]);
    }
  });
});

describe('a queue holds only what was pushed (DiskCache took any key in its range)', () => {
  it('not an item that was set under a number', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set(5, 'mine');
    cache.set(500_000_000_000_000, 'mine too');
    cache.set(0.5, 'and this');
    expect(cache.pull()).toBeUndefined();
    expect(cache.peek({ side: 'back' })).toBeUndefined();
    const key = cache.push('pushed');
    expect(cache.pull()).toEqual([key, 'pushed']);
    expect(cache.pull()).toBeUndefined();
    expect([...cache.keys()]).toEqual([5, 500_000_000_000_000, 0.5]);
  });

  it('not the items of a prefix that begins with its own', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.push('a-1', { prefix: 'a-1' });
    cache.push('a', { prefix: 'a' });
    cache.push('[a]', { prefix: ['a'] });
    cache.set('a-5x', 'a key of its own');
    cache.push('a again', { prefix: 'a' });
    expect(cache.pull({ prefix: 'a' })?.[1]).toBe('a');
    expect(cache.pull({ prefix: 'a' })?.[1]).toBe('a again');
    expect(cache.pull({ prefix: 'a' })).toBeUndefined();
    expect(cache.pull({ prefix: 'a-1' })?.[1]).toBe('a-1');
    expect(cache.pull({ prefix: ['a'] })?.[1]).toBe('[a]');
    expect([...cache.keys()]).toEqual(['a-5x']);
  });

  it('and skips a key that is taken, at the front and at the back', () => {
    using opened = openFixture();
    const { cache } = opened;
    const first = Number(cache.push('middle'));
    for (const near of [1, 2, 4]) {
      cache.set(first - near, 'taken');
      cache.set(first + near, 'taken');
    }
    for (const n of [1, 2, 3]) cache.push(`front ${n}`, { side: 'front' });
    for (const n of [1, 2, 3]) cache.push(`back ${n}`);
    const pulled = Array.from({ length: 8 }, () => cache.pull()?.[1]);
    expect(pulled).toEqual(['front 3', 'front 2', 'front 1', 'middle', 'back 1', 'back 2', 'back 3', undefined]);
    expect([...cache.values()]).toEqual(Array(6).fill('taken'));
  });
});
