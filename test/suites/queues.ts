import { describe, expect, it } from 'vitest';
import type { Key } from '../../protocol/key.ts';
import { errorMatching } from '../matchers.ts';
import type { AsyncCache, OpenAsyncStore } from './async-cache.ts';

/** Pulls all values of a queue from the front. */
async function drain(store: AsyncCache, prefix?: Key): Promise<unknown[]> {
  const values: unknown[] = [];
  for (;;) {
    const item = await store.pull(prefix === undefined ? {} : { prefix });
    if (item === undefined) return values;
    values.push(item[1]);
  }
}

/** push, pull, peek. */
export function queueBehaviour(open: OpenAsyncStore): void {
  describe('queues', () => {
    it('return from one end what was pushed to the other, in both directions', async () => {
      const { store } = await open({ fileThreshold: 100 });
      const keys: Key[] = [];
      for (const value of ['a', 'b'.repeat(200), 'c']) keys.push(await store.push(value));
      expect(await store.get(keys[1]!)).toBe('b'.repeat(200));
      const first = await store.push('first', { side: 'front' });
      expect(await store.peek()).toEqual([first, 'first']);
      expect(await store.peek({ side: 'back' })).toEqual([keys[2], 'c']);
      expect(await store.pull({ side: 'back' })).toEqual([keys[2], 'c']);
      expect(await drain(store)).toEqual(['first', 'a', 'b'.repeat(200)]);
      expect(await store.pull()).toBeUndefined();
      expect(await store.peek({ side: 'back' })).toBeUndefined();
      expect(await store.size).toBe(0);
    });

    it('are separated by prefix, even if one prefix begins another', async () => {
      const { store } = await open();
      for (const prefix of ['a', 'a-1', ['a'], ['a', 'b']]) await store.push(String(prefix), { prefix });
      await store.push('none');
      expect(await store.push('again', { prefix: ['jobs', 7] })).toEqual(['jobs', 7, expect.any(Number)]);
      expect(await store.pull({ prefix: ['a', 'b'] })).toMatchObject({ 1: 'a,b' });
      expect(await drain(store, 'a-1')).toEqual(['a-1']);
      expect(await drain(store)).toEqual(['none']);
      expect(await drain(store, 'b')).toEqual([]);
      expect(await drain(store, 'a')).toEqual(['a']);
      expect(await drain(store, ['a'])).toEqual(['a']);
    });

    it('never return items that were set under a number or an array, and skip their keys', async () => {
      const { store } = await open();
      await store.set(5, 'mine');
      await store.set(500_000_000_000_001, 'mine');
      await store.set(['a', 500_000_000_000_000], 'mine');
      const keys = [await store.push(1), await store.push(2), await store.push(3, { prefix: 'a' })];
      expect(new Set(keys).size).toBe(3);
      expect(await store.getMany([500_000_000_000_001, ['a', 500_000_000_000_000]])).toEqual(['mine', 'mine']);
      expect([await drain(store), await drain(store, 'a')]).toEqual([[1, 2], [3]]);
      expect(await store.size).toBe(3);
    });

    it('keep the position of an item that is set again, and lose it when it is deleted', async () => {
      const { store } = await open();
      const keys = [await store.push('a'), await store.push('b'), await store.push('c')];
      await store.set(keys[0]!, 'A');
      await store.delete(keys[1]!);
      await store.set(keys[1]!, 'no longer queued');
      expect(await drain(store)).toEqual(['A', 'c']);
      expect(await store.get(keys[1]!)).toBe('no longer queued');
    });

    it('skip expired items', async () => {
      const { store, advance } = await open();
      await store.push('short', { ttl: 5 });
      await store.push('long', { tag: 't' });
      await store.push('short', { ttl: 5 });
      advance(5);
      expect(await store.peek()).toMatchObject({ 1: 'long' });
      await store.push('next');
      await store.push('front', { side: 'front' });
      expect(await store.evict('t')).toBe(1);
      expect(await drain(store)).toEqual(['front', 'next']);
    });

    it('refuse an invalid side, and invalid values', async () => {
      const { store } = await open();
      const side = 'middle' as 'front';
      await expect(store.push(1, { side })).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.pull({ side })).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.peek({ side })).rejects.toEqual(errorMatching('BAD_OPTION'));
      await expect(store.push(() => 1)).rejects.toEqual(errorMatching('BAD_VALUE'));
      expect(await store.size).toBe(0);
    });

    it('refuse a prefix that is not a key', async () => {
      const { store } = await open();
      const prefix = (() => 1) as unknown as Key;
      await expect(store.push(1, { prefix })).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.pull({ prefix })).rejects.toEqual(errorMatching('BAD_KEY'));
      await expect(store.peek({ prefix })).rejects.toEqual(errorMatching('BAD_KEY'));
    });
  });
}
