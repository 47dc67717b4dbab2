import { describe, expect, it } from 'vitest';
import type { OpenAsyncStore } from './async-cache.ts';

const LARGE = 'x'.repeat(1000);

/** delete, deleteMany, pop, peekItem. */
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
