import { describe, expect, it, vi } from 'vitest';
import type { SubscribeOptions } from '../../protocol/options.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import type { AsyncCache, OpenAsyncStore } from './async-cache.ts';

/** Records the changes that a subscription receives. Writes after this has resolved are certain to be among them. */
async function record(store: AsyncCache, options: SubscribeOptions) {
  const told: ChangeOrReset[] = [];
  const stop = store.subscribe((change) => told.push(change), options);
  await store.has('anything');
  return { told, stop, until: (count: number) => vi.waitFor(() => expect(told).toHaveLength(count), 2000) };
}

/** `subscribe` with keys and values. */
export function changeBehaviour(open: OpenAsyncStore): void {
  describe('changes', () => {
    it('of one key, and of no other that begins with it', async () => {
      const { store } = await open();
      const { told, until } = await record(store, { key: 'theme' });
      await store.set('themeColor', 1);
      await store.set(['theme'], 1);
      await store.set('theme', 'dark');
      await store.set('the', 1);
      await store.delete('theme');
      await until(2);
      expect(told).toEqual([
        { kind: 'set', key: 'theme' },
        { kind: 'delete', key: 'theme' },
      ]);
    });

    it('of several keys of every type, nested ones too', async () => {
      const { store } = await open();
      const keys = [
        ['a', ['b', 1]],
        { x: 1, y: [2] },
        7,
        'seven',
        new Date(5),
        Uint8Array.of(1),
        true,
        null,
        5n,
        Number.NaN,
      ];
      const { told, until } = await record(store, { keys, values: true });
      for (const key of [...keys, ['a', ['b', 2]], { x: 1 }, '7', 5, [], false]) await store.set(key, { value: key });
      await until(keys.length);
      expect(told).toEqual(keys.map((key) => ({ kind: 'set', key, value: { value: key } })));
    });

    it('carry the value, and with keys the one before', async () => {
      const { store } = await open();
      await store.set('theme', 'light');
      const exact = await record(store, { key: 'theme', values: true });
      const several = await record(store, { keys: ['theme', 'zoom'], values: true });
      const all = await record(store, { values: true });
      await store.set('theme', 'dark');
      await all.until(1);
      await store.set('zoom', undefined);
      await all.until(2);
      await store.delete('theme');
      await all.until(3);
      await store.set('theme', ['blue']);
      await all.until(4);
      await store.clear();
      await all.until(5);
      expect(all.told).toEqual([
        { kind: 'set', key: 'theme', value: 'dark' },
        { kind: 'set', key: 'zoom', value: undefined },
        { kind: 'delete', key: 'theme' },
        { kind: 'set', key: 'theme', value: ['blue'] },
        { kind: 'clear' },
      ]);
      await exact.until(4);
      expect(exact.told).toEqual([
        { kind: 'set', key: 'theme', value: 'dark', before: 'light' },
        { kind: 'delete', key: 'theme', before: 'dark' },
        { kind: 'set', key: 'theme', value: ['blue'] },
        { kind: 'clear', before: ['blue'] },
      ]);
      expect(exact.told.map((change) => 'before' in change)).toEqual([true, true, false, true]);
      await several.until(5);
      expect(several.told.map(({ before }) => before)).toEqual(['light', undefined, 'dark', undefined, undefined]);
    });

    it('carry the value that is stored when they are told, so one that is gone by then is not told as set', async () => {
      const { store } = await open();
      const { told, until } = await record(store, { values: true });
      await store.setMany([
        ['a', 1],
        ['b', 1],
        ['a', 2],
      ]);
      await until(3);
      expect(told.map(({ key, value }) => [key, value])).toEqual([
        ['a', 2],
        ['b', 1],
        ['a', 2],
      ]);
      await Promise.all([store.set('c', 1), store.delete('c'), store.set('d', 1)]);
      await vi.waitFor(() => expect(told.at(-1)).toEqual({ kind: 'set', key: 'd', value: 1 }));
      expect(told.filter(({ key, value }) => key === 'c' && value !== 1)).toEqual([{ kind: 'delete', key: 'c' }]);
    });

    it('say why an item has gone', async () => {
      const { store, advance } = await open();
      const { told, until } = await record(store, { prefix: 'a', values: true });
      await store.set('a', 1, { ttl: 5, tag: 't' });
      await until(1);
      advance(5);
      await until(2);
      await store.set('ab', 2, { tag: 't' });
      await until(3);
      await store.evict('t');
      await until(4);
      expect(told).toEqual([
        { kind: 'set', key: 'a', value: 1 },
        { kind: 'expire', key: 'a' },
        { kind: 'set', key: 'ab', value: 2 },
        { kind: 'evict', key: 'ab' },
      ]);
    });

    it('carry values that no listener can change for the others', async () => {
      const { store } = await open();
      const [one, other] = [await record(store, { values: true }), await record(store, { key: 'k', values: true })];
      await store.set('k', { list: [1], at: new Date(0) });
      await Promise.all([one.until(1), other.until(1)]);
      expect(one.told[0]!.value).toBe(other.told[0]!.value);
      expect(() => (one.told[0]!.value as { list: number[] }).list.push(2)).toThrow(TypeError);
      expect(await store.get('k')).toEqual({ list: [1], at: new Date(0) });
    });

    it('of values in files, and of bytes', async () => {
      const { store } = await open({ fileThreshold: 100 });
      const { told, until } = await record(store, { values: true });
      const bytes = new Uint8Array(5000).map((_, at) => at);
      await store.set('bytes', bytes);
      await until(1);
      await store.set('text', 'x'.repeat(500));
      await until(2);
      expect(told.map(({ value }) => value)).toEqual([bytes, 'x'.repeat(500)]);
    });

    it('end when they are told to', async () => {
      const { store } = await open();
      const ended = await record(store, { key: 'k', values: true });
      const { told, until } = await record(store, { key: 'k', values: true });
      ended.stop();
      await store.set('k', 1);
      await until(1);
      expect([ended.told, told]).toEqual([[], [{ kind: 'set', key: 'k', value: 1 }]]);
    });
  });
}
