import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Key } from '../../protocol/key.ts';
import { type AsyncCache, all, type OpenStore } from './async-cache.ts';

const failure = (code: string) => expect.objectContaining({ name: 'DiskCacheError', code });

/** What every store does, however it is reached. */
export function storeBehaviour(name: string, open: () => Promise<OpenStore>): void {
  describe(name, () => {
    let opened: OpenStore;
    let store: AsyncCache;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    describe('get, set, has, delete', () => {
      it('gives back what was set, last set wins', async () => {
        await store.set('k', 1);
        await store.set('k', { a: [1, 'x', null] });
        expect(await store.get('k')).toEqual({ a: [1, 'x', null] });
        expect(await store.has('k')).toBe(true);
        expect(await store.size).toBe(1);
      });

      it('tells what is not there from undefined that was set', async () => {
        await store.set('k', undefined);
        expect(await store.get('k')).toBeUndefined();
        expect(await store.has('k')).toBe(true);
        expect(await store.has('other')).toBe(false);
      });

      it('deletes once', async () => {
        await store.set('k', 1);
        expect(await store.delete('k')).toBe(true);
        expect(await store.delete('k')).toBe(false);
        expect(await store.get('k')).toBeUndefined();
        expect(await store.size).toBe(0);
      });

      it('keeps keys apart that are not deeply equal, and only those', async () => {
        const keys: Key[] = ['1', 1, 1n, true, false, null, Number.NaN, '', [], [1], ['1'], [[1]], {}, { a: 1, b: 2 }];
        keys.push(new Date(1), Uint8Array.of(1), 2 ** 53, 2n ** 64n, Number.POSITIVE_INFINITY);
        for (const [index, key] of keys.entries()) await store.set(key, index);
        expect(await store.getMany(keys)).toEqual(keys.map((_, index) => index));
        await store.set({ b: 2, a: 1 }, 'the same object');
        await store.set(-0, 'zero');
        expect(await store.get({ a: 1, b: 2 })).toBe('the same object');
        expect(await store.get(0)).toBe('zero');
        expect(await store.size).toBe(keys.length + 1);
      });

      it('refuses with the path what is no key and what is no value', async () => {
        const noKey = ['a', () => 1] as unknown as Key;
        await expect(store.set(noKey, 1)).rejects.toEqual(failure('BAD_KEY'));
        await expect(store.get(noKey)).rejects.toEqual(failure('BAD_KEY'));
        await expect(store.set('k', { user: { avatar: () => 1 } })).rejects.toThrow('value.user.avatar');
        await expect(store.set('k', { user: { avatar: () => 1 } })).rejects.toEqual(failure('BAD_VALUE'));
        expect(await store.size).toBe(0);
      });

      it('refuses options that mean nothing', async () => {
        await expect(store.set('k', 1, { ttl: Number.NaN })).rejects.toEqual(failure('BAD_OPTION'));
        await expect(store.set('k', 1, { ttl: '5' as unknown as number })).rejects.toEqual(failure('BAD_OPTION'));
        await expect(store.set('k', 1, { tag: {} as unknown as string })).rejects.toEqual(failure('BAD_OPTION'));
        expect(await store.has('k')).toBe(false);
      });

      it('holds large values whole', async () => {
        const text = 'a\r\nb\rc\u{1f600}'.repeat(100_000);
        const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index * 7);
        await store.setMany([
          ['text', text],
          ['bytes', bytes],
        ]);
        expect(await store.getMany(['text', 'bytes'])).toEqual([text, bytes]);
        await store.set('text', 'short');
        expect(await store.delete('bytes')).toBe(true);
        expect(await store.getMany(['text', 'bytes'])).toEqual(['short', undefined]);
      });
    });

    describe('many at once', () => {
      it('sets all or none', async () => {
        await store.set('a', 0);
        const entries = [
          ['a', 1],
          ['b', 2],
          ['c', () => 3],
        ] as const;
        await expect(store.setMany(entries)).rejects.toEqual(failure('BAD_VALUE'));
        expect(await store.getMany(['a', 'b', 'c'])).toEqual([0, undefined, undefined]);
        await store.setMany([
          ['a', 1],
          ['b', 2],
        ]);
        expect(await store.getMany(['b', 'c', 'a', 'a'])).toEqual([2, undefined, 1, 1]);
      });

      it('clears everything and says how much it was', async () => {
        await store.setMany([
          ['a', 1],
          ['b', 2],
        ]);
        await store.set('gone', 1, { ttl: 0 });
        expect(await store.clear()).toBe(2);
        expect(await store.clear()).toBe(0);
        expect(await all(store.keys())).toEqual([]);
        await store.set('a', 1);
        expect(await store.size).toBe(1);
      });
    });

    describe('ttl', () => {
      it('forgets at the moment of expiry, everywhere', async () => {
        await store.set('k', 1, { ttl: 100 });
        await store.set('stays', 2);
        opened.advance(99);
        expect(await store.get('k')).toBe(1);
        expect(await store.size).toBe(2);
        opened.advance(1);
        expect(await store.get('k')).toBeUndefined();
        expect(await store.getMany(['k'])).toEqual([undefined]);
        expect(await store.has('k')).toBe(false);
        expect(await store.delete('k')).toBe(false);
        expect(await all(store.keys())).toEqual(['stays']);
        expect(await all(store.keys({ order: 'key' }))).toEqual(['stays']);
        expect(await store.size).toBe(1);
      });

      it('starts anew with every set', async () => {
        await store.set('k', 1, { ttl: 100 });
        opened.advance(60);
        await store.set('k', 2, { ttl: 100 });
        opened.advance(60);
        expect(await store.get('k')).toBe(2);
        await store.set('k', 3);
        opened.advance(1e12);
        expect(await store.get('k')).toBe(3);
      });

      it('takes zero and less as expired already, and Infinity as never', async () => {
        await store.set('k', 1);
        await store.set('k', 2, { ttl: 0 });
        await store.set('l', 2, { ttl: -5 });
        await store.set('m', 2, { ttl: Number.POSITIVE_INFINITY });
        expect(await store.getMany(['k', 'l', 'm'])).toEqual([undefined, undefined, 2]);
        expect(await store.size).toBe(1);
      });

      it('counts right while expired items are dropped on the way', async () => {
        for (let n = 0; n < 60; n++) await store.set(n, n, { ttl: 10 + (n % 3) });
        opened.advance(11);
        expect(await store.size).toBe(20);
        for (let n = 0; n < 5; n++) await store.set(`new ${n}`, n);
        expect(await store.size).toBe(25);
        opened.advance(5);
        expect(await store.size).toBe(5);
        expect(await store.clear()).toBe(5);
      });
    });

    describe('order and ranges', () => {
      it('walks in the order of first setting; a set keeps the place, a return after delete or expiry loses it', async () => {
        for (const key of ['c', 'a', 'b', 'd']) await store.set(key, key);
        await store.set('c', 'again');
        await store.delete('a');
        await store.set('a', 'back');
        await store.set('b', 'short', { ttl: 1 });
        opened.advance(1);
        await store.set('b', 'back');
        expect(await all(store.keys())).toEqual(['c', 'd', 'a', 'b']);
        expect(await all(store.keys({ reverse: true }))).toEqual(['b', 'a', 'd', 'c']);
        expect(await all(store.values())).toEqual(['again', 'd', 'back', 'back']);
        expect(await all(store.entries({ limit: 2 }))).toEqual([
          ['c', 'again'],
          ['d', 'd'],
        ]);
      });

      it('walks in key order: numbers, strings by code point, then everything else', async () => {
        const keys: Key[] = [['user', 2], 'b', 10, '\u{1f600}', -1, ['user', 10], 'a', '\uffff', 2.5, ['user']];
        for (const key of keys) await store.set(key, 1);
        const ordered = [-1, 2.5, 10, 'a', 'b', '\uffff', '\u{1f600}', ['user'], ['user', 2], ['user', 10]];
        expect(await all(store.keys({ order: 'key' }))).toEqual(ordered);
        expect(await all(store.keys({ order: 'key', reverse: true }))).toEqual(ordered.toReversed());
        expect(await all(store.keys({ order: 'key', from: 10, to: 'b' }))).toEqual([10, 'a']);
        expect(await all(store.keys({ order: 'key', from: 'b', limit: 2, reverse: true }))).toEqual([
          ['user', 10],
          ['user', 2],
        ]);
      });

      it('reads prefixes of arrays and of strings, in either order', async () => {
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
        expect(await all(store.keys({ prefix: ['user', 42] }))).toEqual(user);
        expect(await all(store.keys({ prefix: ['user', 42], order: 'key' }))).toEqual([user[1], user[2], user[0]]);
        expect(await all(store.keys({ prefix: 'app' }))).toEqual(['app', 'apple']);
        expect(await all(store.keys({ prefix: ['nobody'] }))).toEqual([]);
      });

      it('reads by tag', async () => {
        await store.set('a', 1, { tag: 'news' });
        await store.set('b', 2, { tag: 7 });
        await store.set('c', 3, { tag: 'news' });
        await store.set('d', 4);
        await store.set('a', 5);
        expect(await all(store.entries({ tag: 'news' }))).toEqual([['c', 3]]);
        expect(await all(store.entries({ tag: 7, order: 'key' }))).toEqual([['b', 2]]);
        expect(await all(store.entries({ tag: '7' }))).toEqual([]);
      });

      it.each(['stored', 'key'] as const)('meets each of many items once in %s order', async (order) => {
        const numbers = Array.from({ length: 3000 }, (_, n) => n);
        await store.setMany(numbers.map((n) => [n, n]));
        expect(await all(store.keys({ order }))).toEqual(numbers);
        expect(await all(store.values({ order, reverse: true }))).toEqual(numbers.toReversed());
        expect(await all(store.keys({ order, from: 100, to: 2500, limit: 2000 }))).toEqual(numbers.slice(100, 2100));
      });

      it('refuses a range that is none', async () => {
        const ranges = [
          { order: 'size' },
          { limit: -1 },
          { limit: '3' },
          { reverse: 'yes' },
          { tag: null },
          { prefix: 5 },
        ];
        for (const range of ranges) {
          await expect(all(store.keys(range as object))).rejects.toEqual(failure('BAD_OPTION'));
        }
        await expect(all(store.keys({ from: (() => 1) as unknown as Key }))).rejects.toEqual(failure('BAD_KEY'));
      });
    });
  });
}
