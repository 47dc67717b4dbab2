import { describe, expect, it } from 'vitest';
import { errorMatching } from '../matchers.ts';
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

    it('may end at a point in time, in every method that takes a ttl', async () => {
      const { store, now, advance } = await open({ ttl: 1000 });
      const expiresAt = now() + 100;
      await store.set('set', 1, { expiresAt, tag: 't' });
      await store.add('add', 2, { expiresAt });
      await store.setMany([['many', 3]], { expiresAt });
      await store.set('touch', 4);
      expect(await store.touch('touch', { expiresAt })).toBe(true);
      const pushed = await store.push(5, { expiresAt });
      const keys = ['set', 'add', 'many', 'touch', pushed];
      for (const key of keys) expect(await store.getEntry(key)).toMatchObject({ expiresAt });
      expect(await store.getEntry('set')).toMatchObject({ tag: 't' });
      advance(99);
      expect(await store.hasMany(keys)).toEqual([true, true, true, true, true]);
      advance(1);
      expect(await store.hasMany(keys)).toEqual([false, false, false, false, false]);
      expect(await store.size).toBe(0);
    });

    it('treats a time that has passed as already expired, and the time Infinity as never', async () => {
      const { store, now, advance } = await open({ ttl: 1000 });
      await store.set('now', 1, { expiresAt: now() });
      await store.set('past', 2, { expiresAt: 0 });
      await store.set('before 1970', 3, { expiresAt: -1 });
      await store.set('never', 4, { expiresAt: Number.POSITIVE_INFINITY });
      await store.set('default', 5, { expiresAt: undefined } as never);
      expect(await store.hasMany(['now', 'past', 'before 1970', 'never', 'default'])).toEqual([
        ...[false, false, false],
        ...[true, true],
      ]);
      expect(await store.getEntry('never')).toMatchObject({ expiresAt: undefined });
      expect(await store.getEntry('default')).toMatchObject({ expiresAt: now() + 1000 });
      expect(await store.touch('never', { expiresAt: now() - 1 })).toBe(true);
      advance(1e9);
      expect(await store.size).toBe(0);
    });

    it('refuses a time beside a ttl, and what is not a time, and stores nothing', async () => {
      const { store, now } = await open();
      const both = { ttl: 5, expiresAt: now() + 5 };
      const badOptions = [
        both,
        { expiresAt: Number.NaN },
        { expiresAt: '2030' },
        { expiresAt: new Date(2e12) },
        { expiresAt: null },
      ];
      for (const options of badOptions as { readonly expiresAt: number }[]) {
        const refused = errorMatching('BAD_OPTION', 'expiresAt');
        await expect(store.set('k', 1, options)).rejects.toEqual(refused);
        await expect(store.add('k', 1, options)).rejects.toEqual(refused);
        await expect(store.push(1, options)).rejects.toEqual(refused);
        await expect(store.touch('k', options)).rejects.toEqual(refused);
        await expect(store.setMany([['k', 1]], options)).rejects.toEqual(refused);
        await expect(
          store.setMany([
            ['j', 1],
            ['k', 1, options],
          ]),
        ).rejects.toEqual(errorMatching('BAD_OPTION', 'entries[1]: '));
      }
      expect(await store.size).toBe(0);
    });

    it('and the tag may differ between the entries of one setMany', async () => {
      const { store, now } = await open({ ttl: 1000 });
      const options = { ttl: 100, tag: 'all' };
      await store.setMany(
        [
          ['shared', 1],
          ['undefined', 2, undefined as never],
          ['ttl', 3, { ttl: 7 }],
          ['time', 4, { expiresAt: now() + 9 }],
          ['tag', 5, { tag: 'own' }],
          ['never', 6, { ttl: Number.POSITIVE_INFINITY }],
          ['gone', 7, { ttl: 0 }],
          ['none', 8, {}],
        ],
        options,
      );
      const expected = {
        shared: { expiresAt: now() + 100, tag: 'all' },
        undefined: { expiresAt: now() + 100, tag: 'all' },
        ttl: { expiresAt: now() + 7, tag: 'all' },
        time: { expiresAt: now() + 9, tag: 'all' },
        tag: { expiresAt: now() + 100, tag: 'own' },
        never: { expiresAt: undefined, tag: 'all' },
        none: { expiresAt: now() + 100, tag: 'all' },
      };
      for (const [key, entry] of Object.entries(expected)) expect(await store.getEntry(key)).toMatchObject(entry);
      expect(await store.has('gone')).toBe(false);
      await store.setMany([['k', 1, { ttl: 5 }]], { expiresAt: now() + 100 });
      expect(await store.getEntry('k')).toMatchObject({ expiresAt: now() + 5 });
      await expect(
        store.setMany([
          ['a', 1],
          ['b', 2, { tll: 5 } as never],
        ]),
      ).rejects.toEqual(errorMatching('BAD_OPTION', 'entries[1]: unknown option "tll"'));
      await expect(store.setMany([['a', 1, 5 as never]])).rejects.toEqual(errorMatching('BAD_OPTION', 'entries[0]'));
      expect(await store.hasMany(['a', 'b'])).toEqual([false, false]);
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
