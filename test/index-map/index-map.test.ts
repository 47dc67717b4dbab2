import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Deque } from '../../main/engine/deque/deque.ts';
import type { Change, Key } from '../../main/engine/index.ts';
import { Index, type IndexOptions } from '../../main/engine/index-map/index-map.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const open = <K extends Key, V>(options: IndexOptions<K, V> = {}, directory = freshDirectory()) =>
  new Index<K, V>(directory as never, { durability: 'process', ...options });

const errorWithCode = (code: string) => expect.objectContaining({ code });

describe('Index', () => {
  it('is a Map in the order of first insertion', () => {
    using index = open<Key, unknown>();
    const map: Map<Key, unknown> = new Map();
    for (const it of [index as Map<Key, unknown>, map]) {
      expect(it.set('b', 1)).toBe(it);
      it.set('a', undefined).set(1, 'one').set(1n, 'big').set(Number.NaN, [1]).set('b', 2);
      expect(it.delete('a')).toBe(true);
      expect(it.delete('a')).toBe(false);
      it.set('a', { n: -0 });
      expect([it.get('b'), it.get('none'), it.has('a'), it.has('none'), it.size]).toEqual([
        2,
        undefined,
        true,
        false,
        5,
      ]);
      const met: unknown[] = [];
      it.forEach(function (this: unknown, value, key, of) {
        met.push([value, key, of === it, this]);
      }, 'this');
      expect(met.at(-1)).toEqual([{ n: -0 }, 'a', true, 'this']);
    }
    expect([...index]).toEqual([...map]);
    expect([...index.keys()]).toEqual([...map.keys()]);
    expect([...index.values()]).toEqual([...map.values()]);
    expect(isDeepStrictEqual(new Map(index), map)).toBe(true);
    expect(String(index)).toBe('[object Index]');
    expect(index.clear()).toBe(undefined);
    expect([...index]).toEqual([]);
  });

  it('distinguishes a stored undefined from a missing value', () => {
    using index = open<string, number | undefined>();
    index.set('u', undefined);
    expect([index.has('u'), index.get('u'), index.setDefault('u', 1), index.has('v')]).toEqual([
      true,
      undefined,
      undefined,
      false,
    ]);
    expect([...index]).toEqual([['u', undefined]]);
  });

  it('has methods that Map lacks', () => {
    using index = open<string, number>();
    expect([index.pop('a'), index.popItem(), index.peekItem(), index.peekItem({ last: false })]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([index.setDefault('a', 1), index.setDefault('a', 2)]).toEqual([1, 1]);
    expect(index.update('a', (n = 0) => n + 10)).toBe(11);
    expect(index.update('b', (n = 5) => n + 1)).toBe(6);
    index.setMany([
      ['c', 3],
      ['d', 4],
      ['a', 0],
    ]);
    expect(index.getMany(['d', 'none', 'a'])).toEqual([4, undefined, 0]);
    expect([index.peekItem(), index.peekItem({ last: false })]).toEqual([
      ['d', 4],
      ['a', 0],
    ]);
    expect([index.popItem(), index.popItem({ last: false }), index.pop('b'), index.size]).toEqual([
      ['d', 4],
      ['a', 0],
      6,
      1,
    ]);
  });

  it('reads ranges of keys in either order', () => {
    using index = open<Key, number>();
    for (const [n, key] of [['b', 2], ['a', 1], ['b', 1], ['a', 10], 'text', 7].entries()) index.set(key, n);
    expect([...index.keys({ prefix: ['a'] })]).toEqual([
      ['a', 1],
      ['a', 10],
    ]);
    expect([...index.values({ order: 'key', reverse: true, prefix: ['b'] })]).toEqual([0, 2]);
    expect([...index.entries({ order: 'key', from: 7, to: ['a', 10], limit: 2 })]).toEqual([
      [7, 5],
      ['text', 4],
    ]);
    expect(() => [...index.keys({ odrer: 'key' } as object)]).toThrow(errorWithCode('BAD_OPTION'));
    const first = index.page('entries', { order: 'key', limit: 3 });
    expect(first.items).toHaveLength(3);
  });

  it('equals anything with the same entries in the same order', () => {
    using index = open<Key, unknown>();
    using other = open<Key, unknown>();
    const map = new Map<Key, unknown>([
      [{ b: 1, a: 2 }, new Set([1])],
      ['x', { n: 1 }],
    ]);
    index.setMany(map);
    expect([index.equals(map), index.equals(index), index.equals(other), other.equals(new Map())]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(index.equals([...map].toReversed())).toBe(false);
    expect(index.equals([...map, ['more', 1]])).toBe(false);
    expect(index.equals(new Map(map).set('x', { n: 2 }))).toBe(false);
    other.setMany(map);
    expect(index.equals(other)).toBe(true);
  });

  it('does all of a call or nothing', () => {
    using index = open<string, unknown>();
    index.set('a', 1);
    expect(() =>
      index.setMany([
        ['b', 2],
        ['c', (() => {}) as never],
      ]),
    ).toThrow(errorWithCode('BAD_VALUE'));
    expect(() =>
      index.transact(() => {
        index.pop('a');
        index.set('b', 2);
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect(() => index.transact((async () => index.set('b', 2)) as never)).toThrow(errorWithCode('BAD_OPTION'));
    expect(() =>
      index.update('a', () => {
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect([...index]).toEqual([['a', 1]]);
  });

  it('refuses invalid arguments', () => {
    using index = open<string, number>();
    const wrong = [
      () => index.setMany(['ab'] as unknown as [string, number][]),
      () => index.setMany(7 as unknown as [string, number][]),
      () => index.update('a', 7 as unknown as () => number),
      () => index.equals(7 as unknown as Map<string, number>),
      () => new Index(freshDirectory(), null as unknown as IndexOptions),
    ];
    for (const call of wrong) expect(call).toThrow(errorWithCode('BAD_OPTION'));
    expect(() => index.set(Symbol('k') as unknown as string, 1)).toThrow(errorWithCode('BAD_KEY'));
  });

  it('notifies listeners of changes', () => {
    using index = open<Key, number>();
    const changes: Change[] = [];
    index.subscribe((change) => changes.push(change), { prefix: ['a'] });
    index.set(['a', 1], 1).set(['b'], 1);
    index.pop(['a', 1]);
    index.clear();
    expect(changes).toEqual([{ kind: 'set', key: ['a', 1] }, { kind: 'delete', key: ['a', 1] }, { kind: 'clear' }]);
  });

  it('never expires anything, whatever the clock says', () => {
    let now = 0;
    const directory = freshDirectory();
    using index = open<number, string>({ clock: () => now }, directory);
    for (let n = 0; n < 50; n++) index.set(n, 'x'.repeat(5000));
    now = 1e15;
    expect(index.size).toBe(50);
    expect(index.get(0)).toHaveLength(5000);
    for (const option of ['ttl', 'sizeLimit', 'evictionPolicy']) {
      expect(() => open({ [option]: 1000 } as IndexOptions)).toThrow(errorWithCode('BAD_OPTION'));
    }
  });

  it('refuses a deque’s directory, and fails once closed', () => {
    const directory = freshDirectory();
    using index = open<string, number>({}, directory);
    expect(() => new Deque(directory)).toThrow(errorWithCode('BAD_OPTION'));
    index.transact(() => expect(() => index.close()).toThrow(errorWithCode('BAD_OPTION')));
    const keys = index.set('a', 1).keys();
    index.close();
    expect(() => index.get('a')).toThrow(errorWithCode('CLOSED'));
    expect(() => keys.next()).toThrow(errorWithCode('CLOSED'));
    using again = open<string, number>({}, directory);
    expect(again.get('a')).toBe(1);
  });
});
