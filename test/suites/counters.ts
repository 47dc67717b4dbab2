import { describe, expect, it } from 'vitest';
import { errorMatching } from '../matchers.ts';
import type { OpenAsyncStore } from './async-cache.ts';

/** incr and decr. */
export function counterBehaviour(open: OpenAsyncStore): void {
  describe('counting', () => {
    it('starts at the default, also after expiry', async () => {
      const { store, advance } = await open();
      expect(await store.incr('n')).toBe(1);
      expect(await store.incr('n', 5)).toBe(6);
      expect(await store.decr('n', 2)).toBe(4);
      expect(await store.decr('n')).toBe(3);
      expect(await store.incr('m', 1, { default: 10 })).toBe(11);
      expect(await store.decr('m', 0.5, { default: 10 })).toBe(10.5);
      expect(await store.getMany(['n', 'm'])).toEqual([3, 10.5]);
      await store.touch('n', { ttl: 5 });
      advance(5);
      expect(await store.incr('n')).toBe(1);
    });

    it('is exact with many concurrent calls', async () => {
      const { store } = await open();
      const sums = await Promise.all(Array.from({ length: 50 }, () => store.incr('n', 3)));
      expect(sums).toEqual(Array.from({ length: 50 }, (_, n) => 3 * (n + 1)));
    });

    it('keeps expiry, tag and position', async () => {
      const { store, now } = await open();
      await store.set('k', 1, { ttl: 10, tag: 't' });
      await store.set('later', 1);
      await store.incr('k');
      expect(await store.getEntry('k')).toMatchObject({ value: 2, expiresAt: now() + 10, tag: 't' });
      expect(await store.peekItem({ last: false })).toEqual(['k', 2]);
    });

    it('refuses non-numbers and inexact sums', async () => {
      const { store } = await open();
      await store.set('s', 'text');
      await store.set('big', Number.MAX_SAFE_INTEGER);
      await store.set('beyond', 2 ** 53);
      await expect(store.incr('s')).rejects.toEqual(errorMatching('BAD_VALUE'));
      await expect(store.incr('big')).rejects.toEqual(errorMatching('BAD_VALUE'));
      await expect(store.incr('beyond')).rejects.toEqual(errorMatching('BAD_VALUE'));
      await expect(store.decr('beyond', -1)).rejects.toEqual(errorMatching('BAD_VALUE'));
      await expect(store.incr('n', Number.NaN)).rejects.toEqual(errorMatching('BAD_OPTION'));
      expect(await store.getMany(['big', 's', 'n'])).toEqual([Number.MAX_SAFE_INTEGER, 'text', undefined]);
    });
  });
}
