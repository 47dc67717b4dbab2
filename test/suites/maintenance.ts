import { describe, expect, it } from 'vitest';
import { errorMatching } from '../matchers.ts';
import { collectItems, type OpenAsyncStore } from './async-cache.ts';

/** expire, evict, cull, clear, stats, volume. */
export function maintenanceBehaviour(open: OpenAsyncStore): void {
  describe('housekeeping', () => {
    it('expires and evicts all matching items, over several batches, and returns their number', async () => {
      const { store, advance } = await open({ fileThreshold: 50 });
      for (const tag of [0, 1]) {
        const numbers = Array.from({ length: 300 }, (_, n) => 2 * n + tag);
        await store.setMany(
          numbers.map((n) => [n, n % 100 ? n : 'y'.repeat(60)]),
          { ttl: 10, tag },
        );
      }
      await store.set('stays', 1, { tag: 'other' });
      expect(await store.evict(1)).toBe(300);
      expect(await store.evict(1)).toBe(0);
      expect(await store.evict('1')).toBe(0);
      expect(await store.size).toBe(301);
      advance(10);
      expect(await store.expire()).toBe(300);
      expect(await store.expire()).toBe(0);
      expect(await collectItems(store.keys())).toEqual(['stays']);
    });

    it('counts only live items when evicting by tag, and refuses invalid tags', async () => {
      const { store } = await open();
      await store.set('a', 1, { tag: 't' });
      await store.set('b', 1, { tag: 't', ttl: 0 });
      await store.set('c', 1, { tag: 'u' });
      await store.set('c', 2);
      expect([await store.evict('t'), await store.evict('u')]).toEqual([1, 0]);
      await expect(store.evict(null as unknown as string)).rejects.toEqual(errorMatching('BAD_OPTION'));
      expect(await store.get('c')).toBe(2);
    });

    it('culls expired items, and nothing else below the limit', async () => {
      const { store, advance } = await open();
      for (let n = 0; n < 20; n++) await store.set(n, n, { ttl: n < 5 ? 10 : 1000 });
      advance(10);
      expect(await store.cull()).toBe(5);
      expect(await store.cull()).toBe(0);
      expect(await store.size).toBe(15);
    });

    it('clears everything and returns the number of items', async () => {
      const { store } = await open({ fileThreshold: 50 });
      await store.setMany([
        ['a', 1],
        ['b', 'y'.repeat(60)],
      ]);
      await store.push('queued');
      await store.set('gone', 1, { ttl: 0 });
      expect(await store.clear()).toBe(3);
      expect(await store.clear()).toBe(0);
      expect(await collectItems(store.keys())).toEqual([]);
      expect(await store.pull()).toBeUndefined();
      await store.set('a', 1);
      expect(await store.size).toBe(1);
    });

    it('counts hits and misses of get', async () => {
      const { store, advance } = await open({ statistics: true });
      await store.set('k', 1, { ttl: 10 });
      await store.getMany(['k', 'k', 'none']);
      await store.has('k');
      await store.getEntry('k');
      advance(10);
      await store.get('k');
      expect(await store.stats()).toEqual({ hits: 2, misses: 2 });
    });

    it('counts nothing unless statistics are on', async () => {
      const { store } = await open();
      await store.set('k', 1);
      await store.getMany(['k', 'none']);
      expect(await store.stats()).toEqual({ hits: 0, misses: 0 });
    });

    it('grows in volume with stored items and shrinks again', async () => {
      const { store } = await open();
      const empty = await store.volume();
      expect(empty).toBeGreaterThan(0);
      await store.set('file', new Uint8Array(200_000).fill(1));
      await store.setMany(Array.from({ length: 100 }, (_, n) => [n, 'x'.repeat(1000)]));
      const full = await store.volume();
      expect(full).toBeGreaterThan(empty + 300_000);
      await store.clear();
      expect(await store.volume()).toBeLessThan(full - 250_000);
    });

    it('refuses an item that can never fit, and evicts nothing for it', async () => {
      const { store } = await open({ sizeLimit: 1024 * 1024 });
      await store.set('k', 'stays');
      await expect(store.set('large', new Uint8Array(1024 * 1024))).rejects.toEqual(errorMatching('TOO_LARGE'));
      await expect(store.push(new Uint8Array(1024 * 1024))).rejects.toEqual(errorMatching('TOO_LARGE'));
      expect(await collectItems(store.entries())).toEqual([['k', 'stays']]);
    });
  });
}
