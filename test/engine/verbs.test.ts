import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { freshDirectory } from './directory.ts';
import { handClock } from './over-the-engine.ts';

const failure = (code: string) => expect.objectContaining({ code });

function open(options: CacheOptions = {}) {
  const { clock, advance } = handClock(1000);
  const cache = new Cache(freshDirectory(), { clock, ...options });
  return { cache, advance, [Symbol.dispose]: () => cache.close() };
}

describe('add', () => {
  it('stores only where nothing lives', () => {
    using opened = open();
    const { cache, advance } = opened;
    expect(cache.add('k', 1, { ttl: 5 })).toBe(true);
    expect(cache.add('k', 2)).toBe(false);
    expect(cache.get('k')).toBe(1);
    advance(5);
    expect(cache.add('k', 3)).toBe(true);
    expect(cache.get('k')).toBe(3);
  });
});

describe('touch', () => {
  it('gives a live item a new time to live and nothing else', () => {
    using opened = open({ ttl: 100 });
    const { cache, advance } = opened;
    cache.set('k', 1, { ttl: 10, tag: 't' });
    expect(cache.touch('k', { ttl: 50 })).toBe(true);
    expect(cache.getEntry('k')).toMatchObject({ expiresAt: 1050, tag: 't', value: 1, storedAt: 1000 });
    expect(cache.touch('k')).toBe(true);
    expect(cache.getEntry('k')?.expiresAt).toBe(1100);
    cache.touch('k', { ttl: Number.POSITIVE_INFINITY });
    advance(1e9);
    expect(cache.get('k')).toBe(1);
    expect(cache.touch('other', { ttl: 50 })).toBe(false);
    cache.touch('k', { ttl: 0 });
    expect(cache.get('k')).toBeUndefined();
    expect(cache.touch('k', { ttl: 50 })).toBe(false);
  });
});

describe('update, incr, decr', () => {
  it('makes the next value of the present one', () => {
    using opened = open();
    const { cache } = opened;
    expect(cache.update('list', (list) => [...((list as number[]) ?? []), 1])).toEqual([1]);
    expect(cache.update('list', (list) => [...(list as number[]), 2])).toEqual([1, 2]);
    expect(cache.get('list')).toEqual([1, 2]);
    const fail = () =>
      cache.update('list', () => {
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    expect(cache.get('list')).toEqual([1, 2]);
  });

  it('keeps expiry and tag unless they are given anew', () => {
    using opened = open();
    const { cache } = opened;
    cache.set('k', 1, { ttl: 10, tag: 't' });
    cache.incr('k');
    expect(cache.getEntry('k')).toMatchObject({ value: 2, expiresAt: 1010, tag: 't' });
    cache.update('k', () => 5, { ttl: 20, tag: 'u' });
    expect(cache.getEntry('k')).toMatchObject({ value: 5, expiresAt: 1020, tag: 'u' });
  });

  it('counts from the default, and anew after expiry', () => {
    using opened = open();
    const { cache, advance } = opened;
    expect(cache.incr('n')).toBe(1);
    expect(cache.incr('n', 5)).toBe(6);
    expect(cache.decr('n', 2)).toBe(4);
    expect(cache.incr('m', 1, { default: 10 })).toBe(11);
    cache.touch('n', { ttl: 5 });
    advance(5);
    expect(cache.incr('n')).toBe(1);
  });

  it('refuses what is no number and what would not be exact', () => {
    using opened = open();
    const { cache } = opened;
    cache.set('s', 'text');
    cache.set('big', Number.MAX_SAFE_INTEGER);
    expect(() => cache.incr('s')).toThrow(failure('BAD_VALUE'));
    expect(() => cache.incr('big')).toThrow(failure('BAD_VALUE'));
    expect(() => cache.incr('n', Number.NaN)).toThrow(failure('BAD_OPTION'));
    expect(cache.get('big')).toBe(Number.MAX_SAFE_INTEGER);
    expect(cache.get('s')).toBe('text');
  });
});

describe('pop, deleteMany, peekItem', () => {
  it('takes out what is there', () => {
    using opened = open({ fileThreshold: 100 });
    const { cache } = opened;
    cache.set('a', 'x'.repeat(1000));
    cache.set('b', 2);
    cache.set('c', 3, { ttl: 0 });
    expect(cache.peekItem()).toEqual(['b', 2]);
    expect(cache.peekItem({ last: false })).toEqual(['a', 'x'.repeat(1000)]);
    expect(cache.pop('a')).toBe('x'.repeat(1000));
    expect(cache.pop('a')).toBeUndefined();
    expect(cache.deleteMany(['a', 'b', 'b', 'c'])).toBe(1);
    expect(cache.peekItem()).toBeUndefined();
    expect(cache.size).toBe(0);
  });
});

describe('getEntry', () => {
  it('tells what is known', () => {
    using opened = open({ evictionPolicy: 'least-frequently-used', statistics: true });
    const { cache, advance } = opened;
    cache.set(['k'], 'four', { ttl: 100, tag: 7 });
    advance(5);
    for (let n = 0; n < 3; n++) cache.get(['k']);
    cache.get('none');
    expect(cache.stats()).toEqual({ hits: 3, misses: 1 });
    expect(cache.stats({ reset: true })).toEqual({ hits: 3, misses: 1 });
    expect(cache.stats()).toEqual({ hits: 0, misses: 0 });
    expect(cache.getEntry(['k'])).toEqual({
      key: ['k'],
      value: 'four',
      storedAt: 1000,
      expiresAt: 1100,
      accessedAt: 1005,
      hits: 3,
      tag: 7,
      bytes: 4,
    });
    expect(cache.getEntry('none')).toBeUndefined();
    advance(95);
    expect(cache.getEntry(['k'])).toBeUndefined();
  });
});

describe('expire and evict', () => {
  it('delete all they mean, more than one batch, and say how many', () => {
    using opened = open({ fileThreshold: 50 });
    const { cache, advance } = opened;
    for (let n = 0; n < 700; n++) cache.set(n, n % 100 ? n : 'y'.repeat(60), { ttl: 10, tag: n % 2 });
    cache.set('stays', 1, { tag: 'other' });
    expect(cache.evict(1)).toBe(350);
    expect(cache.evict(1)).toBe(0);
    expect(cache.size).toBe(351);
    advance(10);
    expect(cache.expire()).toBe(350);
    expect(cache.expire()).toBe(0);
    expect([...cache.keys()]).toEqual(['stays']);
  });
});

describe('queues', () => {
  it('give from the front what was pushed to the back, and both ways round', () => {
    using opened = open();
    const { cache } = opened;
    const keys = ['a', 'b', 'c'].map((value) => cache.push(value));
    expect(cache.get(keys[1]!)).toBe('b');
    cache.push('first', { side: 'front' });
    expect(cache.peek()?.[1]).toBe('first');
    expect(cache.peek({ side: 'back' })).toEqual([keys[2], 'c']);
    expect([cache.pull()?.[1], cache.pull({ side: 'back' })?.[1], cache.pull()?.[1], cache.pull()?.[1]]).toEqual([
      'first',
      'c',
      'a',
      'b',
    ]);
    expect(cache.pull()).toBeUndefined();
    expect(cache.peek()).toBeUndefined();
  });

  it('are told apart by prefix, also where one begins another', () => {
    using opened = open();
    const { cache } = opened;
    for (const prefix of ['a', 'a-1', ['a'], ['a', 'b']]) cache.push(String(prefix), { prefix });
    cache.push('none');
    expect(cache.push('again', { prefix: ['jobs', 7] })).toEqual(['jobs', 7, expect.any(Number)]);
    expect(cache.pull({ prefix: ['a', 'b'] })?.[1]).toBe('a,b');
    expect(cache.pull({ prefix: 'a-1' })?.[1]).toBe('a-1');
    expect(cache.pull()?.[1]).toBe('none');
    expect(cache.pull()).toBeUndefined();
    expect(cache.pull({ prefix: 'a' })?.[1]).toBe('a');
    expect(cache.pull({ prefix: 'b' })).toBeUndefined();
  });

  it('never give what was set under a number or an array, and step around it', () => {
    using opened = open();
    const { cache } = opened;
    cache.set(5, 'mine');
    cache.set('a-5x', 'mine');
    cache.set(500_000_000_000_001, 'mine');
    const keys = [cache.push(1), cache.push(2), cache.push(3)];
    expect(new Set(keys).size).toBe(3);
    expect(cache.get(500_000_000_000_001)).toBe('mine');
    expect([cache.pull()?.[1], cache.pull()?.[1], cache.pull()?.[1], cache.pull()]).toEqual([1, 2, 3, undefined]);
    expect(cache.size).toBe(3);
  });

  it('pass over what has expired', () => {
    using opened = open();
    const { cache, advance } = opened;
    cache.push('short', { ttl: 5 });
    cache.push('long');
    cache.push('short', { ttl: 5 });
    advance(5);
    expect(cache.peek()?.[1]).toBe('long');
    expect(cache.push('next')).toBeDefined();
    expect([cache.pull()?.[1], cache.pull()?.[1], cache.pull()]).toEqual(['long', 'next', undefined]);
  });

  it('refuse a side that is none', () => {
    using opened = open();
    const side = 'middle' as 'front';
    expect(() => opened.cache.push(1, { side })).toThrow(failure('BAD_OPTION'));
    expect(() => opened.cache.pull({ side })).toThrow(failure('BAD_OPTION'));
  });
});
