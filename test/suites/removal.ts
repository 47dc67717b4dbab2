import { describe, expect, it } from 'vitest';
import { errorMatching } from '../matchers.ts';
import { collectItems, type OpenAsyncStore } from './async-cache.ts';

const LARGE = 'x'.repeat(1000);

/** delete, deleteMany, deletePrefix, clear, hasMany, pop, peekItem. */
export function removalBehaviour(open: OpenAsyncStore): void {
  describe('delete and pop', () => {
    it('deletes once', async () => {
      const { store } = await open();
      await store.set('k', 1);
      expect(await store.delete('k')).toBe(true);
      expect(await store.delete('k')).toBe(false);
      expect(await store.get('k')).toBeUndefined();
      expect(await store.size).toBe(0);
    });

    it('deletes many and returns the number of live items among them', async () => {
      const { store } = await open({ fileThreshold: 100 });
      await store.setMany([
        ['a', 1],
        ['b', LARGE],
        ['c', 3],
      ]);
      await store.set('gone', 4, { ttl: 0 });
      expect(await store.deleteMany(['a', 'b', 'b', 'gone', 'never'])).toBe(2);
      expect(await store.deleteMany([])).toBe(0);
      expect(await store.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, 3]);
    });

    it('deletes many and says of each whether there was a live item', async () => {
      const { store } = await open({ fileThreshold: 100 });
      await store.setMany([
        ['a', 1],
        ['b', LARGE],
        ['c', 3],
        ['gone', 4, { ttl: 0 }],
      ]);
      const keys = ['a', 'never', 'b', 'b', 'gone'];
      expect(await store.deleteMany(keys, { each: true })).toEqual([true, false, true, false, false]);
      expect(await store.deleteMany([], { each: true })).toEqual([]);
      expect(await store.deleteMany(new Set(['a', 'c']), { each: false })).toBe(1);
      for (const options of [{ each: 'no' }, { eech: true }, { each: null }])
        await expect(store.deleteMany(['a'], options as never)).rejects.toEqual(errorMatching('BAD_OPTION', 'e'));
    });

    it('looks many up without reading them', async () => {
      const { store } = await open({ statistics: true });
      await store.setMany([
        ['a', 1],
        ['u', undefined],
        [['user', 1], 2],
        ['gone', 3, { ttl: 0 }],
      ]);
      expect(await store.hasMany(['never', 'a', ['user', 1], 'u', 'a', 'gone'])).toEqual([
        ...[false, true, true, true, true, false],
      ]);
      expect(await store.hasMany(new Set(['a', 'never']))).toEqual([true, false]);
      expect(await store.hasMany([])).toEqual([]);
      expect(await store.stats()).toEqual({ hits: 0, misses: 0 });
      for (const keys of ['a', undefined, 5, { length: 1 }])
        await expect(store.hasMany(keys as never)).rejects.toEqual(errorMatching('BAD_OPTION', 'keys'));
      await expect(store.hasMany(['a', (() => 1) as never])).rejects.toEqual(errorMatching('BAD_KEY', 'function'));
    });

    it('deletes what begins with a prefix, of strings and of arrays', async () => {
      const { store } = await open({ fileThreshold: 100 });
      const keys = [
        'user',
        'user:1',
        'user:2',
        'use',
        'uses',
        'User:1',
        ['user'],
        ['user', 1],
        ['user', 1, 'a'],
        ['users'],
        1,
      ];
      const fill = () => store.setMany(keys.map((key) => [key, key === 'user:2' ? LARGE : key]));
      await fill();
      await store.set('user:gone', 1, { ttl: 0 });
      expect(await store.deletePrefix('user:')).toBe(2);
      expect(await store.deletePrefix('user:')).toBe(0);
      expect(await collectItems(store.keys())).toEqual(keys.filter((key) => !String(key).startsWith('user:')));
      expect(await store.deletePrefix(['user', 1])).toBe(2);
      expect(await store.hasMany([['user'], ['user', 1], ['user', 1, 'a'], ['users']])).toEqual([
        true,
        false,
        false,
        true,
      ]);
      await fill();
      expect(await store.deletePrefix('')).toBe(6);
      expect(await store.deletePrefix([])).toBe(4);
      expect(await collectItems(store.keys())).toEqual([1]);
      expect(await store.deletePrefix('\u{10ffff}')).toBe(0);
      for (const prefix of [1, undefined, null, true, { a: 1 }, new Date(0), 1n])
        await expect(store.deletePrefix(prefix as never)).rejects.toEqual(errorMatching('BAD_OPTION', 'prefix'));
      await expect(store.deletePrefix('\ud800')).rejects.toEqual(errorMatching('BAD_KEY', 'surrogate'));
      expect(await store.size).toBe(1);
    });

    it('clears what begins with a prefix, and never everything by mistake', async () => {
      const { store } = await open();
      await store.setMany([
        ['a:1', 1],
        ['a:2', 2],
        ['b:1', 3],
        [['a'], 4],
      ]);
      expect(await store.clear({ prefix: 'a:' })).toBe(2);
      expect(await store.clear({ prefix: 'a:' })).toBe(0);
      expect(await store.clear({ prefix: ['a'] })).toBe(1);
      for (const options of [{}, { prefix: undefined }, { prefixes: 'b' }, { prefix: 1 }, null, 'b'])
        await expect(store.clear(options as never)).rejects.toEqual(errorMatching('BAD_OPTION', 'prefix'));
      expect(await collectItems(store.keys())).toEqual(['b:1']);
      expect(await store.clear()).toBe(1);
    });

    it('deletes more than one batch with a prefix, from rows and from files', async () => {
      const { store } = await open({ fileThreshold: 100 });
      const numbers = Array.from({ length: 700 }, (_, n) => n);
      await store.setMany(numbers.map((n) => [`k${n}`, n % 100 ? n : LARGE]));
      await store.setMany(numbers.slice(0, 50).map((n) => [`other${n}`, n]));
      expect(await store.deletePrefix('k')).toBe(700);
      expect(await store.size).toBe(50);
      expect(await store.check()).toEqual([]);
    });

    it('pops a value once, from a row and from a file', async () => {
      const { store } = await open({ fileThreshold: 100 });
      await store.set('small', { a: 1 });
      await store.set('large', LARGE);
      expect([await store.pop('small'), await store.pop('large')]).toEqual([{ a: 1 }, LARGE]);
      expect([await store.pop('small'), await store.pop('large')]).toEqual([undefined, undefined]);
      expect(await store.size).toBe(0);
    });

    it('peeks at the first and last item', async () => {
      const { store } = await open({ fileThreshold: 100 });
      expect(await store.peekItem()).toBeUndefined();
      await store.set('a', LARGE);
      await store.set('b', 2);
      await store.set('c', 3, { ttl: 0 });
      await store.set('a', 'again');
      expect(await store.peekItem()).toEqual(['b', 2]);
      expect(await store.peekItem({ last: false })).toEqual(['a', 'again']);
      expect(await store.size).toBe(2);
    });
  });
}
