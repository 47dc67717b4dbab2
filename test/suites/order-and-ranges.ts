import { describe, expect, it } from 'vitest';
import type { Key } from '../../protocol/key.ts';
import { errorMatching } from '../matchers.ts';
import { collectItems, type OpenAsyncStore } from './async-cache.ts';

/** keys, values, entries. */
export function rangeBehaviour(open: OpenAsyncStore): void {
  describe('order and ranges', () => {
    it('iterates in the order of first insertion; a set keeps the position, a set after delete or expiry does not', async () => {
      const { store, advance } = await open();
      for (const key of ['c', 'a', 'b', 'd']) await store.set(key, key);
      await store.set('c', 'again');
      await store.delete('a');
      await store.set('a', 'back');
      await store.set('b', 'short', { ttl: 1 });
      advance(1);
      await store.set('b', 'back');
      expect(await collectItems(store.keys())).toEqual(['c', 'd', 'a', 'b']);
      expect(await collectItems(store.keys({ reverse: true }))).toEqual(['b', 'a', 'd', 'c']);
      expect(await collectItems(store.values())).toEqual(['again', 'd', 'back', 'back']);
      expect(await collectItems(store.entries({ limit: 2 }))).toEqual([
        ['c', 'again'],
        ['d', 'd'],
      ]);
    });

    it('iterates in key order: numbers, strings by code point, then everything else', async () => {
      const { store } = await open();
      const keys: Key[] = [['user', 2], 'b', 10, '\u{1f600}', -1, ['user', 10], 'a', '\uffff', 2.5, ['user']];
      for (const key of keys) await store.set(key, 1);
      const ordered = [-1, 2.5, 10, 'a', 'b', '\uffff', '\u{1f600}', ['user'], ['user', 2], ['user', 10]];
      expect(await collectItems(store.keys({ order: 'key' }))).toEqual(ordered);
      expect(await collectItems(store.keys({ order: 'key', reverse: true }))).toEqual(ordered.toReversed());
      expect(await collectItems(store.keys({ order: 'key', from: 10, to: 'b' }))).toEqual([10, 'a']);
      expect(await collectItems(store.keys({ order: 'key', from: 'b', limit: 2, reverse: true }))).toEqual([
        ['user', 10],
        ['user', 2],
      ]);
    });

    it('reads prefixes of arrays and of strings, in either order', async () => {
      const { store } = await open();
      const keys: Key[] = [
        ['user', 42, 'z'],
        'app',
        ['user', 42],
        ['user', 420],
        'apple',
        ['user', 42, 'a'],
        'ap',
        'b',
      ];
      for (const key of keys) await store.set(key, 1);
      const user = [
        ['user', 42, 'z'],
        ['user', 42],
        ['user', 42, 'a'],
      ];
      expect(await collectItems(store.keys({ prefix: ['user', 42] }))).toEqual(user);
      expect(await collectItems(store.keys({ prefix: ['user', 42], order: 'key' }))).toEqual([
        user[1],
        user[2],
        user[0],
      ]);
      expect(await collectItems(store.keys({ prefix: 'app' }))).toEqual(['app', 'apple']);
      expect(await collectItems(store.keys({ prefix: ['nobody'] }))).toEqual([]);
    });

    it('reads by tag', async () => {
      const { store } = await open();
      await store.set('a', 1, { tag: 'news' });
      await store.set('b', 2, { tag: 7 });
      await store.set('c', 3, { tag: 'news' });
      await store.set('d', 4);
      await store.set('a', 5);
      expect(await collectItems(store.entries({ tag: 'news' }))).toEqual([['c', 3]]);
      expect(await collectItems(store.entries({ tag: 7, order: 'key' }))).toEqual([['b', 2]]);
      expect(await collectItems(store.entries({ tag: '7' }))).toEqual([]);
    });

    it.each(['stored', 'key'] as const)('returns each of many items once in %s order', async (order) => {
      const { store } = await open();
      const numbers = Array.from({ length: 3000 }, (_, n) => n);
      await store.setMany(numbers.map((n) => [n, n]));
      expect(await collectItems(store.keys({ order }))).toEqual(numbers);
      expect(await collectItems(store.values({ order, reverse: true }))).toEqual(numbers.toReversed());
      expect(await collectItems(store.keys({ order, from: 100, to: 2500, limit: 2000 }))).toEqual(
        numbers.slice(100, 2100),
      );
    });

    it('refuses an invalid range', async () => {
      const { store } = await open();
      const ranges = [
        { order: 'size' },
        { limit: -1 },
        { limit: '3' },
        { reverse: 'yes' },
        { tag: null },
        { prefix: 5 },
      ];
      for (const range of ranges) {
        await expect(collectItems(store.keys(range as object))).rejects.toEqual(errorMatching('BAD_OPTION'));
      }
      await expect(collectItems(store.keys({ from: (() => 1) as unknown as Key }))).rejects.toEqual(
        errorMatching('BAD_KEY'),
      );
    });
  });
}
