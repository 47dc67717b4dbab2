import { describe, expect, it } from 'vitest';
import { collectItems, type OpenAsyncStore } from './async-cache.ts';

/** `ttl` and `touch`. */
export function timeToLiveBehaviour(open: OpenAsyncStore): void {
  describe('time to live', () => {
    it('hides an item from its expiry on, in every method', async () => {
      const { store, advance } = await open();
      await store.set('k', 1, { ttl: 100, tag: 't' });
      await store.set('stays', 2);
      advance(99);
      expect(await store.get('k')).toBe(1);
      expect(await store.size).toBe(2);
      advance(1);
      expect(await store.get('k')).toBeUndefined();
      expect(await store.getMany(['k'])).toEqual([undefined]);
      expect(await store.getEntry('k')).toBeUndefined();
      expect(await store.has('k')).toBe(false);
      expect(await store.peekItem({ last: false })).toEqual(['stays', 2]);
      expect(await store.touch('k', { ttl: 100 })).toBe(false);
      expect(await collectItems(store.keys())).toEqual(['stays']);
      expect(await collectItems(store.keys({ order: 'key' }))).toEqual(['stays']);
      expect(await collectItems(store.keys({ tag: 't' }))).toEqual([]);
      expect(await store.size).toBe(1);
      expect(await store.delete('k')).toBe(false);
      expect(await store.pop('k')).toBeUndefined();
    });

    it('restarts with every set', async () => {
      const { store, advance } = await open();
      await store.set('k', 1, { ttl: 100 });
      advance(60);
      await store.set('k', 2, { ttl: 100 });
      advance(60);
      expect(await store.get('k')).toBe(2);
      await store.set('k', 3);
      advance(1e12);
      expect(await store.get('k')).toBe(3);
    });

    it('treats zero and less as already expired, and Infinity as never', async () => {
      const { store } = await open();
      await store.set('k', 1);
      await store.set('k', 2, { ttl: 0 });
      await store.set('l', 2, { ttl: -5 });
      await store.set('m', 2, { ttl: Number.POSITIVE_INFINITY });
      expect(await store.getMany(['k', 'l', 'm'])).toEqual([undefined, undefined, 2]);
      expect(await store.size).toBe(1);
    });

    it('comes from the store if none is given', async () => {
      const { store, now, advance } = await open({ ttl: 100 });
      await store.set('k', 1);
      await store.set('forever', 2, { ttl: Number.POSITIVE_INFINITY });
      const queued = await store.push(3);
      expect(await store.incr('n')).toBe(1);
      for (const key of ['k', 'n', queued]) expect(await store.getEntry(key)).toMatchObject({ expiresAt: now() + 100 });
      advance(100);
      expect(await collectItems(store.keys())).toEqual(['forever']);
      expect(await store.incr('n')).toBe(1);
    });

    it('is renewed by touch, which changes nothing else', async () => {
      const { store, now, advance } = await open({ ttl: 100 });
      const storedAt = now();
      await store.set('k', 1, { ttl: 10, tag: 't' });
      advance(5);
      expect(await store.touch('k', { ttl: 50 })).toBe(true);
      expect(await store.getEntry('k')).toMatchObject({ expiresAt: storedAt + 55, tag: 't', value: 1, storedAt });
      expect(await store.touch('k')).toBe(true);
      expect(await store.getEntry('k')).toMatchObject({ expiresAt: storedAt + 105 });
      await store.touch('k', { ttl: Number.POSITIVE_INFINITY });
      advance(1e9);
      expect(await store.get('k')).toBe(1);
      expect(await store.touch('other', { ttl: 50 })).toBe(false);
      expect(await store.touch('k', { ttl: 0 })).toBe(true);
      expect(await store.get('k')).toBeUndefined();
      expect(await store.touch('k', { ttl: 50 })).toBe(false);
    });

    it('counts correctly while expired items are removed in between', async () => {
      const { store, advance } = await open();
      for (let n = 0; n < 60; n++) await store.set(n, n, { ttl: 10 + (n % 3) });
      advance(11);
      expect(await store.size).toBe(20);
      for (let n = 0; n < 5; n++) await store.set(`new ${n}`, n);
      expect(await store.size).toBe(25);
      advance(5);
      expect(await store.size).toBe(5);
      expect(await store.clear()).toBe(5);
    });
  });
}
