import { describe, expect, it } from 'vitest';
import type { Key } from '../../protocol/key.ts';
import { errorMatching } from '../matchers.ts';
import type { OpenAsyncStore } from './async-cache.ts';

/** get, getMany, getEntry, has, set, setMany, add. */
export function keyAndValueBehaviour(open: OpenAsyncStore): void {
  describe('keys and values', () => {
    it('returns the value that was set last', async () => {
      const { store } = await open();
      await store.set('k', 1);
      await store.set('k', { a: [1, 'x', null] });
      expect(await store.get('k')).toEqual({ a: [1, 'x', null] });
      expect(await store.has('k')).toBe(true);
      expect(await store.size).toBe(1);
    });

    it('distinguishes a missing item from a stored undefined', async () => {
      const { store } = await open();
      await store.set('k', undefined);
      expect(await store.get('k')).toBeUndefined();
      expect(await store.has('k')).toBe(true);
      expect(await store.has('other')).toBe(false);
      expect(await store.getEntry('k')).toMatchObject({ key: 'k', value: undefined });
      expect(await store.getEntry('other')).toBeUndefined();
    });

    it('treats keys as one if and only if they are deeply equal', async () => {
      const { store } = await open();
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

    it('returns every value unchanged, and never the same object', async () => {
      const { store } = await open();
      const value = {
        date: new Date(5),
        map: new Map([[1, new Set(['a'])]]),
        big: 2n ** 70n,
        zero: -0,
        bytes: new Uint8Array(3),
      };
      await store.set('k', value);
      const first = await store.get('k');
      expect(first).toStrictEqual(value);
      (first as typeof value).map.clear();
      expect(await store.get('k')).toStrictEqual(value);
    });

    it('refuses invalid keys and values, with the path', async () => {
      const { store } = await open();
      const noKey = ['a', () => 1] as unknown as Key;
      await expect(store.set(noKey, 1)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.get(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.getMany(['k', noKey])).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.has(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.getEntry(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.delete(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.deleteMany(['k', noKey])).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.pop(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.touch(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.incr(noKey)).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.set('k', { user: { avatar: () => 1 } })).rejects.toThrow('value.user.avatar');
      await expect(store.set('k', { user: { avatar: () => 1 } })).rejects.toEqual(errorMatching('BAD_VALUE'));
      await expect(store.add('k', Symbol('s'))).rejects.toEqual(errorMatching('BAD_VALUE'));
      expect(await store.size).toBe(0);
    });

    it('refuses invalid options', async () => {
      const { store } = await open();
      await expect(store.set('k', 1, { ttl: Number.NaN })).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.set('k', 1, { ttl: '5' as unknown as number })).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.set('k', 1, { tag: {} as unknown as string })).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.add('k', 1, { tll: 5 } as object)).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.set('k', 1, 5 as unknown as object)).rejects.toEqual(errorMatching('BAD_OPTION'));
      expect(await store.has('k')).toBe(false);
    });

    it('stores large values completely', async () => {
      const { store } = await open();
      const text = 'a\r\nb\rc\u{1f600}'.repeat(20_000);
      const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7);
      await store.setMany([
        ['text', text],
        ['bytes', bytes],
      ]);
      expect(await store.getMany(['text', 'bytes'])).toEqual([text, bytes]);
      await store.set('text', 'short');
      expect(await store.delete('bytes')).toBe(true);
      expect(await store.getMany(['text', 'bytes'])).toEqual(['short', undefined]);
    });

    it('sets many or none', async () => {
      const { store } = await open();
      await store.set('a', 0);
      const entries = [
        ['a', 1],
        ['b', 2],
        ['c', () => 3],
      ] as const;
      await expect(store.setMany(entries)).rejects.toEqual(errorMatching('BAD_VALUE'));
      expect(await store.getMany(['a', 'b', 'c'])).toEqual([0, undefined, undefined]);
      await store.setMany(entries.slice(0, 2), { tag: 't' });
      expect(await store.getMany(['b', 'c', 'a', 'a'])).toEqual([2, undefined, 1, 1]);
      expect(await store.getEntry('b')).toMatchObject({ tag: 't' });
    });

    it('adds only if there is no live item', async () => {
      const { store, advance } = await open();
      expect(await store.add('k', 1, { ttl: 5 })).toBe(true);
      expect(await store.add('k', 2)).toBe(false);
      expect(await store.get('k')).toBe(1);
      advance(5);
      expect(await store.add('k', 3, { tag: 't' })).toBe(true);
      expect(await store.getEntry('k')).toMatchObject({ value: 3, tag: 't', expiresAt: undefined });
    });

    it('returns the entry of an item', async () => {
      const { store, now, advance } = await open({ evictionPolicy: 'least-frequently-used' });
      const storedAt = now();
      await store.set(['k'], 'four', { ttl: 100, tag: 7 });
      advance(5);
      for (let n = 0; n < 3; n++) await store.get(['k']);
      const facts = { key: ['k'], value: 'four', tag: 7, bytes: 4, hits: 3 };
      const times = { storedAt, expiresAt: storedAt + 100, accessedAt: storedAt + 5 };
      expect(await store.getEntry(['k'])).toEqual({ ...facts, ...times });
      await store.set(['k'], 'five!');
      expect(await store.getEntry(['k'])).toMatchObject({ storedAt: now(), expiresAt: undefined, hits: 0, bytes: 5 });
      expect((await store.getEntry(['k']))?.tag).toBeUndefined();
    });
  });
}
