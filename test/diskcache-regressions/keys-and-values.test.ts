import { describe, expect, it } from 'vitest';
import type { Key } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { createLargeText, listValueFiles, openFixture } from './store-fixture.ts';

describe('key identity', () => {
  const distinct: readonly Key[] = [
    ...[1, 1n, true, '1', Uint8Array.of(49), [1], { 1: 1 }],
    ...[0, 0n, false, '', Uint8Array.of(), [], {}, null, Number.NaN],
    ...[2 ** 53, 2 ** 53 + 2, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n],
    ...['a', 'A', 'a\0', 'ä', 'a\u0308', Uint8Array.of(97)],
    ...[new Date(0), new Date(1), Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE],
    ...[['a', 1], ['a', '1'], ['a', [1]], ['a', 1, null], [['a', 1]]],
  ];

  it('different keys are different items, each returned unchanged', () => {
    using opened = openFixture<Key, number>();
    const { cache } = opened;
    for (const [index, key] of distinct.entries()) cache.set(key, index);
    expect(cache.size).toBe(distinct.length);
    for (const [index, key] of distinct.entries()) expect(cache.get(key)).toBe(index);
    expect([...cache.keys()]).toEqual(distinct);
  });

  it('equal keys are one item, even if they are different objects', () => {
    using opened = openFixture();
    const { cache } = opened;
    const shared = ['x'];
    for (const [one, two] of [
      [0, -0],
      [Number.NaN, -Number.NaN],
      [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ],
      [
        [shared, shared],
        [['x'], ['x']],
      ],
      [new Date(5), new Date(5)],
      [Buffer.from('k'), new TextEncoder().encode('k')],
    ] as [Key, Key][]) {
      cache.clear();
      cache.set(one, 'first');
      cache.set(two, 'second');
      expect(cache.size).toBe(1);
      expect(cache.get(one)).toBe('second');
    }
  });
});

it('a NaN key is one item that is found, counted and iterated (DiskCache stored it repeatedly, unreachable)', () => {
  using opened = openFixture();
  const { cache } = opened;
  for (let n = 0; n < 5; n++) cache.set(Number.NaN, n);
  cache.set('after', 1);
  expect(cache.get(Number.NaN)).toBe(4);
  expect(cache.size).toBe(2);
  expect([...cache.keys({ order: 'key' })]).toEqual(['after', Number.NaN]);
  expect(cache.delete(Number.NaN)).toBe(true);
  expect(cache.size).toBe(1);
});

describe('a string comes back unchanged from a row or a file (DiskCache changed CR to LF)', () => {
  const units = ['\r', '\r\n', '\n\r', '\0', '\ufeff', '😀', '\ud800', '\udc00x', 'é', '\u2028', 'a\rb\r\n'];
  it.each(units)('%j', (unit) => {
    using opened = openFixture();
    const { cache } = opened;
    for (const times of [1, 100, 40_000]) {
      const text = unit.repeat(times);
      cache.set('k', text);
      expect(cache.get('k') === text).toBe(true);
      using again = opened.openAnother({ memory: 0 });
      expect(again.get('k') === text).toBe(true);
    }
    expect(listValueFiles(cache.directory)).toHaveLength(1);
  });

  it('the file threshold counts stored bytes', () => {
    using opened = openFixture({ fileThreshold: 1000 });
    const { cache } = opened;
    cache.set('k', 'é'.repeat(499));
    expect(listValueFiles(cache.directory)).toHaveLength(0);
    cache.set('k', 'é'.repeat(500));
    expect(listValueFiles(cache.directory)).toHaveLength(1);
    cache.set('k', 'e'.repeat(999));
    expect(listValueFiles(cache.directory)).toHaveLength(0);
  });
});

describe('integers', () => {
  it('keep value and type at every size', () => {
    using opened = openFixture();
    const { cache } = opened;
    const numbers = [2 ** 53 - 1, 2 ** 53, -(2 ** 53), 2 ** 63, 1e21, -0, 0.1, Number.MAX_VALUE];
    const bigints = [0n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 10n ** 40n];
    for (const value of [...numbers, ...bigints]) {
      cache.set('k', value);
      expect(Object.is(cache.get('k'), value)).toBe(true);
    }
  });

  it('are counted exactly, or refused', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', Number.MAX_SAFE_INTEGER - 1);
    expect(cache.incr('k')).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => cache.incr('k')).toThrow(errorMatching('BAD_VALUE'));
    expect(cache.get('k')).toBe(Number.MAX_SAFE_INTEGER);
    cache.set('k', 'text');
    expect(() => cache.incr('k')).toThrow(errorMatching('BAD_VALUE'));
    expect(cache.get('k')).toBe('text');
    cache.set('k', createLargeText('1'));
    expect(() => cache.decr('k')).toThrow(errorMatching('BAD_VALUE'));
    expect(cache.get('k')).toBe(createLargeText('1'));
  });
});

it('a value NaN, null or undefined comes back as it was (DiskCache turned NaN into None)', () => {
  using opened = openFixture();
  const { cache } = opened;
  for (const value of [Number.NaN, null, undefined, '', 0, false]) {
    cache.set('k', value);
    expect(Object.is(cache.get('k'), value)).toBe(true);
    expect(cache.has('k')).toBe(true);
    expect(cache.add('k', 'other')).toBe(false);
    expect(cache.update('k', (current) => [current])).toEqual([value]);
  }
});
